"""A small published month, written by hand: its tables, settings and manifest."""

from datetime import date, datetime

import polars as pl

from analysis import tables
from analysis.run.months import Month

MONTH = Month(2024, 6)
CONFIG = """
name = "shop"
currency = "EUR"
time_zone = "Europe/Berlin"
{more}
[[sources]]
table = "orders"
path = "data/raw/shop/*.csv"
"""
MANIFEST = {
    "dataset": "shop",
    "month": "2024-06",
    "currency": "EUR",
    "generated_at": "2024-07-02T06:30:00+00:00",
    "run_key": "0" * 64,
    "git_commit": "0123456789ab",
    "parameters": {"config": "config/shop.toml", "month": "2024-06"},
    "partial": None,
    "inputs": [],
    "taken": {},
    "versions": {},
    "steps": {},
    "tables": {},
    "pages": {},
}


def table(name: str, *rows: dict) -> pl.DataFrame:
    """Rows of a table; columns that a row does not give are filled as far as the contract asks."""
    empty = tables.empty(name)
    if not rows:
        return empty
    origin = {"file": "f.csv", "system": "", "altered": "", "imputed": ""}
    origin |= {"class_zh": "x", "changed": False, "rule": "x", "by_hand": False}
    given = [{"row": number} | origin | row for number, row in enumerate(rows, 1)]
    frame = pl.DataFrame(given, infer_schema_length=None)
    known = frame.select(name for name in frame.columns if name in empty.columns)
    missing = [pl.lit(None).alias(name) for name in empty.columns if name not in known.columns]
    return tables.conform(name, known.with_columns(missing).select(empty.columns))


def purchases(**of_customer: dict[str, float]) -> dict[str, pl.DataFrame]:
    """The tables that a shop with these purchases would have.

    Args:
        of_customer: for each customer, purchase day (`YYYY-MM-DD`) = amount.
    """
    days = [
        (customer, date.fromisoformat(day), amount)
        for customer, bought in of_customer.items()
        for day, amount in bought.items()
    ]
    orders = [
        {
            "customer_id": customer,
            "customer_id_received": customer,
            "order_id": f"{customer}-{day}",
            "ordered_at": datetime(day.year, day.month, day.day, 19),
            "purchase_day": day,
            "amount": amount,
            "channel": "web",
            **dict.fromkeys(("is_fee", "is_outlier", "before_signup", "merged"), False),
        }
        for customer, day, amount in days
    ]
    occasions = [
        {"customer_id": customer, "purchase_day": day, "amount": amount, "order_rows": 1}
        for customer, day, amount in days
    ]
    customers = [_summary(customer, bought) for customer, bought in of_customer.items()]
    return {
        "orders": table("orders", *orders),
        "occasions": table("occasions", *occasions),
        "customers": table("customers", *customers),
    }


def _summary(customer: str, bought: dict[str, float]) -> dict:
    days, amounts = [date.fromisoformat(day) for day in bought], list(bought.values())
    repeat = len(days) - 1
    return {
        "customer_id": customer,
        "first_purchase": days[0],
        "last_purchase": days[-1],
        "frequency": repeat,
        "recency": float((days[-1] - days[0]).days),
        "T": float((MONTH.last_day - days[0]).days),
        "monetary_value": sum(amounts[1:]) / repeat if repeat else None,
        "purchases": len(days),
        "spend": float(sum(amounts)),
    }


def profile(customer: str, **fields) -> dict:
    """A record of a customer."""
    return {"customer_id": customer, "person_id": customer} | fields
