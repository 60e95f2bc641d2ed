"""A hand-worked month of three customers that the tests of net value share."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from analysis.clv.costs import Sources
from analysis.customers import summarise_customers
from analysis.run.settings import Settings
from analysis.tables import MONEY

AS_OF = date(2024, 6, 30)


def shop(currency: str = "USD", **clv) -> Settings:
    source = {"table": "orders", "path": "p"}
    return Settings(name="s", currency=currency, time_zone="UTC", sources=[source], clv=clv)


def money(*amounts: str) -> pl.Series:
    return pl.Series([Decimal(one) for one in amounts], dtype=MONEY)


def occasions(*rows: tuple[str, date, str]) -> pl.DataFrame:
    people, days, amounts = zip(*rows, strict=True)
    return pl.DataFrame(
        {"customer_id": people, "purchase_day": days, "amount": money(*amounts)}
    ).with_columns(order_rows=pl.lit(1, pl.Int64))


def costs(*rows: tuple[str, date, str, str]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "month": pl.Date, "kind": pl.String, "amount": MONEY}
    exact = [(*row[:3], Decimal(row[3])) for row in rows]
    return pl.DataFrame(exact, schema=schema, orient="row")


def contacts(*rows: tuple[str, datetime]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "at": pl.Datetime("us")}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


THREE = (
    ("a", date(2023, 1, 10), "100.00"),
    ("a", date(2024, 6, 1), "50.00"),
    ("b", date(2024, 3, 5), "20.01"),
    ("c", date(2024, 6, 20), "0.00"),
)


def sources(
    booked: pl.DataFrame | None = None,
    talked: pl.DataFrame | None = None,
    bought: tuple = THREE,
    currency: str = "USD",
    **clv,
) -> Sources:
    days = occasions(*bought)
    return Sources(
        summarise_customers(days.lazy(), AS_OF).collect().sort("customer_id"),
        days,
        costs() if booked is None else booked,
        contacts() if talked is None else talked,
        shop(currency, **clv),
        AS_OF,
    )
