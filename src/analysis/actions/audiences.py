"""Who of an audience is contacted and who is left alone, so that what an action does can be measured.

The draw is a hash of salt, campaign and customer: nobody can steer it, anybody can repeat it, and it does
not depend on the order of rows, on a seed, or on who else is in the audience, but for the last place of
each stratum. A month's campaign is drawn anew, so that nobody is left alone for ever, except in the
standing control group, which is the same in all months and gets nothing but what service owes it.
"""

import hashlib
from datetime import date

import numpy as np
import polars as pl

from analysis.actions.candidates import SERVICE, STRATEGY
from analysis.run.months import Month
from analysis.run.settings import Settings

TREAT, CONTROL, STANDING = "treat", "control", "standing"
NO_CLASS = "no_class"
_KEPT = ("campaign", "customer_id", "arm", "stratum")
_PAIRS = {"campaign": pl.String, "later": pl.String, "customers": pl.Int64}
_PAIRS |= {"treated_in_both": pl.Int64, "left_alone_in_one": pl.Int64}


def assign(chosen: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Give every customer of every campaign an arm.

    The standing control group is `standing` in every campaign. Of the others, `campaign_control` of
    each campaign, rounded to the nearest customer, are `control`: within each class those with the
    smallest hash, the part of a customer that is left going to the classes with the largest remainder.
    Actions of service have no control.

    Args:
        chosen: as `plan.plan` chooses them.
        settings: `[actions]` salt, `standing_control`, `campaign_control`.

    Returns:
        One row per customer, as the contract `action_plan` has them: those of `chosen`, with `arm`
        and `stratum` (the class).
    """
    names = {
        "stratum": pl.col("class").fill_null(NO_CLASS),
        "draw": _draws(chosen, settings),
        "standing": in_standing(chosen["customer_id"], settings),
    }
    rows = chosen.with_columns(**names)
    drawn = ~is_service() & ~pl.col("standing")
    quota = _quota(rows.filter(drawn), settings.actions.campaign_control)
    place = pl.int_range(1, pl.len() + 1).over("campaign", "stratum", drawn)
    arm = (
        pl.when(is_service())
        .then(pl.lit(TREAT))
        .when(pl.col("standing"))
        .then(pl.lit(STANDING))
        .when(place <= pl.col("quota"))
        .then(pl.lit(CONTROL))
        .otherwise(pl.lit(TREAT))
    )
    return (
        rows.join(quota, on=["campaign", "stratum"], how="left", validate="m:1")
        .sort("draw", "customer_id")
        .with_columns(arm=arm)
        .sort("rank")
        .drop("draw", "standing", "quota", "priority")
    )


def assignments(assigned: pl.DataFrame, settings: Settings, as_of: date) -> pl.DataFrame:
    """What is kept of a draw for ever, before anything is sent.

    Args:
        assigned: as `assign` returns it.
        settings: `[actions] campaign_control`.
        as_of: the last day of the month of the report: the last that was known when it was drawn.

    Returns:
        One row per campaign and customer, as the contract `assignments` has them.
    """
    share = settings.actions.campaign_control
    return assigned.select(
        *_KEPT,
        *("action", "rank"),
        assigned_on=pl.lit(as_of),
        month=pl.lit(str(Month.of(as_of))),
        cost=pl.when(pl.col("arm") == TREAT).then("cost").otherwise(0),
        control_share=pl.when(~is_service()).then(share),
    ).sort("campaign", "customer_id")


def as_kept(candidates: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The plan of a month that was drawn before: who was assigned then, with what is known now.

    Data that come late, or other settings, would give another plan; what was sent cannot be taken back,
    and a second draw would spoil what the first can show. So a month is drawn once.

    Args:
        candidates: as `candidates.candidates` returns them now.
        kept: rows of `assignments` of that month, as the ledger holds them.

    Returns:
        One row per customer, as `assign` returns them. Reasons and words are null where the action would
        be no candidate now, `expected_profit` where none is expected now; `cost` of those who were
        contacted is that of the draw.
    """
    drawn = kept.select(
        *("customer_id", "campaign", "stratum", "rank"), was="cost", **_as_text("action", "arm")
    )
    known = candidates.drop("priority")
    joined = drawn.join(known, on=["customer_id", "action"], how="left", validate="1:1")
    profit = pl.col("expected_profit")
    filled = joined.with_columns(
        pl.when(profit > 0).then(profit),
        cost=pl.when(pl.col("arm") == TREAT).then("was").otherwise(pl.col("cost").fill_null(0)),
    )
    return filled.drop("was").sort("rank")


def overlaps(*drawn: pl.DataFrame) -> pl.DataFrame:
    """Customers who were assigned to campaigns of several months.

    Within a month nobody is in two campaigns. From month to month many are, and whoever was left
    alone in the one and contacted in the other blurs what each of them shows while its window is open.

    Args:
        drawn: rows of `assignments`, of the ledger and of the month itself.

    Returns:
        One row per pair of campaigns of different months with a customer in common: `campaign`,
        `later`, `customers`, `treated_in_both`, `left_alone_in_one`.
    """
    names = ("customer_id", "campaign", "month")
    rows = pl.concat([one.select(*names, treated=pl.col("arm") == TREAT) for one in drawn])
    pairs = rows.join(rows, on="customer_id", suffix="_later").filter(
        pl.col("month") < pl.col("month_later")
    )
    both, either = (pl.col("treated") & pl.col("treated_later")), pl.col("treated")
    found = pairs.group_by("campaign", later="campaign_later").agg(
        customers=pl.len(),
        treated_in_both=both.sum(),
        left_alone_in_one=(either ^ pl.col("treated_later")).sum(),
    )
    return found.sort("campaign", "later").cast(_PAIRS)


def campaign(month: Month) -> pl.Expr:
    """The campaign of an action: of its month, and for strategies of its class."""
    of_class = pl.format(f"{month}-{{}}-{{}}", "action", pl.col("class").fill_null(NO_CLASS))
    of_all = pl.format(f"{month}-{{}}", "action")
    return pl.when(pl.col("action") == STRATEGY).then(of_class).otherwise(of_all)


def is_service() -> pl.Expr:
    """Actions that are owed to the customer."""
    return pl.col("action").cast(pl.String).is_in(SERVICE)


def controls(customers: pl.Expr, share: float) -> pl.Expr:
    """How many of so many customers are controls: the share, halves rounded up."""
    # Nine digits, so that a share like 0.1, which is no binary fraction, gives whole halves.
    return ((customers * share).round(9) + 0.5).floor().cast(pl.Int64)


def in_standing(customer_ids: pl.Series, settings: Settings) -> pl.Series:
    """Whether each customer belongs to the standing control group."""
    drawn = uniform(_texts(settings, "standing", customer_ids))
    return pl.Series(drawn < settings.actions.standing_control, dtype=pl.Boolean)


def order_draw(customer_ids: pl.Series, settings: Settings, month: Month) -> pl.Series:
    """A number for each customer that puts equals in an order that favours nobody for long."""
    return pl.Series(uniform(_texts(settings, f"{month}-order", customer_ids)))


def uniform(texts: pl.Series) -> np.ndarray:
    """Numbers from 0 to below 1 that texts alone decide: the first 53 bits of their SHA-256."""
    heads = [hashlib.sha256(text.encode()).digest()[:8] for text in texts.to_list()]
    return (np.frombuffer(b"".join(heads), dtype=">u8") >> np.uint64(11)) * 2.0**-53


def _as_text(*names: str) -> dict[str, pl.Expr]:
    return {name: pl.col(name).cast(pl.String) for name in names}


def _draws(rows: pl.DataFrame, settings: Settings) -> pl.Series:
    """The draw of each row within its campaign."""
    return pl.Series(uniform(_texts(settings, rows["campaign"], rows["customer_id"])))


def _texts(settings: Settings, name: str | pl.Series, customer_ids: pl.Series) -> pl.Series:
    """What is hashed: salt, name of the draw and customer."""
    salt = settings.actions.salt or settings.name
    name = pl.lit(name) if isinstance(name, str) else name
    return pl.select(pl.concat_str(pl.lit(salt), name, customer_ids, separator="|")).to_series()


def _quota(rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """How many controls each stratum has, so that each campaign has its share of them.

    Every stratum has the whole part of its share; what is missing goes one each to those with the
    largest remainder, among equals to the one whose smallest hash is smaller.
    """
    exact = (pl.col("customers") * share).round(9)
    strata = rows.group_by("campaign", "stratum").agg(
        customers=pl.len().cast(pl.Int64), least=pl.col("draw").min()
    )
    counted = strata.with_columns(whole=exact.floor().cast(pl.Int64), rest=exact - exact.floor())
    total = controls(pl.col("customers").sum(), share)
    missing = (total - pl.col("whole").sum()).over("campaign")
    place = pl.int_range(1, pl.len() + 1).over("campaign")
    ordered = counted.sort("campaign", -pl.col("rest"), "least", "stratum")
    quota = pl.col("whole") + (place <= missing).cast(pl.Int64)
    return ordered.select("campaign", "stratum", quota=quota)
