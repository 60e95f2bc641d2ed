"""Small campaigns worked by hand: their lists, and what their customers bought."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from analysis.effects import campaigns, checks, measured
from analysis.effects.lists import Lists, Rules
from analysis.tables import MONEY

BEGIN, AS_OF = date(2024, 3, 1), date(2024, 6, 30)
RESPONSES = {"campaign_id": pl.String, "customer_id": pl.String, "assigned_group": pl.String}
RESPONSES |= {"sent_at": pl.Datetime("us")}
CAMPAIGNS = {"campaign_id": pl.String, "name": pl.String, "start": pl.Date, "end": pl.Date}
CAMPAIGNS |= {"cost": MONEY}
OCCASIONS = {"customer_id": pl.String, "purchase_day": pl.Date, "amount": MONEY}
SENT = datetime(2024, 3, 1, 10)


def ids(count: int, first: int = 0) -> list[str]:
    return [f"{number:05}" for number in range(first, first + count)]


def campaign(
    name: str = "A", days: int = 30, begin: date | None = BEGIN, cost=None
) -> pl.DataFrame:
    end = None if begin is None else begin + timedelta(days=days - 1)
    money = None if cost is None else Decimal(cost)
    return pl.DataFrame([(name, name, begin, end, money)], schema=CAMPAIGNS, orient="row")


def responses(treat: list[str], control: list[str], name: str = "A", leaked=()) -> pl.DataFrame:
    rows = [(name, one, "treat", SENT) for one in treat]
    rows += [(name, one, "control", SENT if one in leaked else None) for one in control]
    return pl.DataFrame(rows, schema=RESPONSES, orient="row")


def purchases(*rows: tuple) -> pl.DataFrame:
    """Rows of customers (one or a list), day and amount."""
    each = [
        (who, day, Decimal(amount))
        for people, day, amount in rows
        for who in ([people] if isinstance(people, str) else people)
    ]
    return pl.DataFrame(each, schema=OCCASIONS, orient="row")


def history(customers: list[str]) -> pl.DataFrame:
    """What everybody bought before: amounts and days that differ."""
    begin = BEGIN - timedelta(days=1)
    rows = [
        (one, begin - timedelta(days=7 * (n % 11)), Decimal(10 + n % 7))
        for n, one in enumerate(customers)
    ]
    return pl.DataFrame(rows, schema=OCCASIONS, orient="row")


def assignments(
    treat: list[str],
    control: list[str],
    standing: tuple | list = (),
    name: str = "2024-02-win_back",
    share: float | None = 0.5,
    cost: str = "2.00",
) -> pl.DataFrame:
    rows = [(name, one, "treat", Decimal(cost)) for one in treat]
    rows += [(name, one, "control", Decimal(0)) for one in control]
    rows += [(name, one, "standing", Decimal(0)) for one in standing]
    schema = {"campaign": pl.String, "customer_id": pl.String, "arm": pl.String, "cost": MONEY}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        stratum=pl.lit("lost"),
        assigned_on=pl.lit(BEGIN - timedelta(days=1)),
        action=pl.lit("win_back"),
        control_share=pl.lit(share, pl.Float64),
    )


def judged(
    listed: Lists, bought: pl.DataFrame, rules: Rules | None = None, as_of: date = AS_OF
) -> tuple[dict, pl.DataFrame]:
    """The check of the only campaign, and its effects."""
    checked = checks.check(listed, bought, as_of, rules)
    return checked.row(0, named=True), measured.effects(listed, checked, bought)


def from_tables(
    treat, control, bought, leaked=(), rules: Rules | None = None, as_of: date = AS_OF
) -> tuple[dict, pl.DataFrame]:
    """The same, for a campaign from the tables of campaigns and responses."""
    rows = responses(treat, control, leaked=leaked)
    listed = campaigns.from_responses(campaign(), rows, as_of, rules)
    return judged(listed, bought, rules, as_of)
