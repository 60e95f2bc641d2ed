"""Whether what a campaign brought pays for what it cost."""

from decimal import Decimal

import polars as pl
from scipy.stats import norm

from analysis.effects.beside import compared
from analysis.effects.lists import Lists
from analysis.effects.pooled import MEASURED
from analysis.tables import MONEY

PAYOFF = {
    "campaign": pl.String,
    "name": pl.String,
    "begins_on": pl.Date,
    "treated": pl.Int64,
    "cost": MONEY,
    "cost_per_customer": pl.Float64,
    "break_even": pl.Float64,
    "profit_per_customer": pl.Float64,
    "profit_low": pl.Float64,
    "profit_high": pl.Float64,
    "profit": pl.Float64,
    "chance_pays": pl.Float64,
    "reason": pl.String,
}


def payoff(
    lists: Lists, effects: pl.DataFrame, gross_margin: float, contact_cost: Decimal | None = None
) -> pl.DataFrame:
    """What each campaign earned per customer assigned to treatment, and how likely it is more than 0.

    Profit is gross margin times the difference of adjusted, winsorised spend, less the cost per assigned
    customer. Its uncertainty is that of spend, normal around what was found (a flat prior); what a
    campaign cost is taken as known. Spend beyond the limit of winsorising or the window counts for
    nothing, on either side.

    Args:
        lists: the assigned customers, with costs.
        effects: as `measured.effects` returns it.
        gross_margin: share of revenue kept (setting `clv.gross_margin`).
        contact_cost: of one contact, in the currency, where the list has no cost of a customer; None
            where a campaign's cost holds all of it.

    Returns:
        One row per campaign whose spend was measured, or whose measuring has a reason not to be, by day:
        `campaign`, `name`, `begins_on`, `treated`, `cost` (all of it, exact), `cost_per_customer`,
        `break_even` (difference of spend that would pay), `profit_per_customer`, `profit_low`,
        `profit_high` (95 %), `profit` (of all treated), `chance_pays` (0 to 1), `reason` (`no_cost` where
        no cost is known, or why spend was not measured).
    """
    rows = [
        _of_campaign(one, lists, gross_margin, contact_cost)
        for one in effects.filter(pl.col("measure") == "spend").iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=PAYOFF)


def costs(lists: Lists, campaign: str, contact_cost: Decimal | None = None) -> Decimal | None:
    """What a campaign cost: as a whole, plus its customers, plus contacts without a cost of their own.

    Returns:
        Exact money; None where none of these is known.
    """
    row = lists.campaigns.filter(pl.col("campaign") == campaign)
    members = compared(lists.of(campaign)).filter(pl.col("treated"))
    whole = row["cost"][0] if row.height else None
    own = members["cost"].drop_nulls()
    contacts = members.filter(pl.col("contacted") & pl.col("cost").is_null()).height
    known = [] if whole is None else [whole]
    known += [own.sum()] if own.len() else []
    known += [] if contact_cost is None or not contacts else [contact_cost * contacts]
    return sum(known, Decimal(0)) if known else None


def _of_campaign(
    one: dict, lists: Lists, gross_margin: float, contact_cost: Decimal | None
) -> dict:
    treated = one["assigned"] - one["controls"]
    found = {name: one[name] for name in ("campaign", "name", "begins_on")}
    cost = costs(lists, one["campaign"], contact_cost)
    found |= {"treated": treated, "cost": cost}
    if one["verdict"] not in MEASURED:
        return found | {"reason": one["reason"]}
    if cost is None:
        return found | {"reason": "no_cost"}
    each = float(cost) / treated
    earned, low, high = (gross_margin * one[name] - each for name in ("difference", "low", "high"))
    return found | {
        "cost_per_customer": round(each, 4),
        "break_even": round(each / gross_margin, 4),
        "profit_per_customer": round(earned, 4),
        "profit_low": round(low, 4),
        "profit_high": round(high, 4),
        "profit": round(earned * treated, 2),
        "chance_pays": float(norm.cdf(earned / (gross_margin * one["error"]))),
    }
