"""Small worlds for the tests of plans and audiences: settings, candidates and customer records."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
from hypothesis import strategies as some

from analysis.actions import candidates
from analysis.actions.audiences import campaign
from analysis.actions.plan import Plan, plan
from analysis.run.months import Month
from analysis.run.settings import Settings

AS_OF = date(2024, 6, 30)
NOBODY = pl.DataFrame(
    schema={"customer_id": pl.String, "at": pl.Datetime("us"), "inbound": pl.Boolean}
)


def shop(strategies: list | None = None, **actions) -> Settings:
    """Settings of a shop with `[actions]` as given."""
    return Settings(
        name="s",
        currency="USD",
        time_zone="UTC",
        sources=[{"table": "orders", "path": "p"}],
        strategies=strategies or [],
        actions=actions,
    )


def possible(*rows: tuple) -> pl.DataFrame:
    """Candidates: customer, action, expected profit, cost, class, priority; the rest is missing."""
    names = ("customer_id", "action", "expected_profit", "cost", "class", "priority")
    given = [dict(zip(names, row, strict=False)) for row in rows]
    full = [{"cost": 1} | row for row in given]
    for row in full:
        row["cost"] = Decimal(str(row["cost"]))
    return pl.DataFrame(full, schema=candidates.empty().schema)


def records(**consent: bool | None) -> pl.DataFrame:
    """One record per customer, with consent to marketing."""
    rows = [(name, name, one, None) for name, one in consent.items()]
    schema = {"customer_id": pl.String, "person_id": pl.String}
    schema |= {"consent_marketing": pl.Boolean, "tags_in_crm": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def willing(rows: pl.DataFrame) -> pl.DataFrame:
    """Records in which every customer of some candidates agrees."""
    return records(**dict.fromkeys(rows["customer_id"].unique().sort().to_list(), True))


def contacts(**days: date) -> pl.DataFrame:
    """The company's last contact with each customer."""
    rows = [(name, datetime(day.year, day.month, day.day, 9), False) for name, day in days.items()]
    return pl.DataFrame(rows, schema=NOBODY.schema, orient="row")


def planned(rows: pl.DataFrame, settings: Settings, profiles: pl.DataFrame | None = None) -> Plan:
    """The plan of some candidates whom nobody contacted of late."""
    profiles = willing(rows) if profiles is None else profiles
    return plan(rows, profiles, NOBODY, settings, AS_OF)


def audience(*strata: tuple, action: str = "retention", month: str = "2024-06") -> pl.DataFrame:
    """A plan: name of each class and how many customers it has."""
    rows = [
        (f"{kind}{number:05}", action, 1.0, 1, kind)
        for kind, count in strata
        for number in range(count)
    ]
    ranked = possible(*rows).with_row_index("rank", 1).cast({"rank": pl.Int64})
    return ranked.with_columns(campaign=campaign(Month.parse(month)))


@some.composite
def many(draw) -> pl.DataFrame:
    """Candidates of some customers: any actions, profits known or not, two classes."""
    count = draw(some.integers(1, 30))
    rows = []
    for number in range(count):
        name, kind = f"c{number:02}", draw(some.sampled_from(["loyal", "at_risk", None]))
        for action in draw(some.sets(some.sampled_from(ACTIONS), min_size=1)):
            profit = None
            if action in ("retention", "win_back", "second_order"):
                profit = draw(some.none() | some.integers(-3, 9).map(float))
            priority = number + 1 if action == "call_back" else None
            rows.append((name, action, profit, COSTS[action], kind, priority))
    return possible(*rows)


ACTIONS = ["call_back", "retention", "win_back", "second_order", "care", "strategy"]
COSTS = dict(zip(ACTIONS, (2, 3, 3, 3, 0, 1), strict=True))
