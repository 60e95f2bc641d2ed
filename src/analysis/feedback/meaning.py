"""What dissatisfaction and complaints have to do with staying away, and whom to call back first.

Everything here compares customers alike in frequency and recency. What they differ in beyond that stays
in the difference: it is association, not cause, and no money that a solved complaint would save.
"""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from analysis.churn.causes import Association, association
from analysis.churn.snapshots import Snapshot
from analysis.feedback.service_cases import YEAR_DAYS, cases

COMPLAINT, LOW_NPS, LOW_CSAT, LOW = "complaint", "low_nps", "low_csat", "low_satisfaction"
DETRACTOR, NPS_SCALE = 6, 10  # scores up to 6 of 10 are detractors (Reichheld 2003)
DISSATISFIED, CSAT_SCALE = 2, 5
NPS_WORDS, CSAT_WORDS = r"(?i)nps|推荐意愿|recommend", r"(?i)csat|满意|satisf"
HIGH_VALUE = 0.8  # quantile of expected value from which a customer is worth much
RISEN = 0.05  # growth of the chance of no purchase since the month before that counts as rising
_EFFECT = {"what": pl.String, "customers_with": pl.Int64, "customers_without": pl.Int64}
_EFFECT |= {"strata": pl.Int64} | dict.fromkeys(
    ("difference", "low", "high", "raw_difference"), pl.Float64
)
_COST = {"category": pl.String, "customers": pl.Int64, "expected_value": pl.Float64}
_COST |= dict.fromkeys(
    ("largest_share", "difference", "low", "high", "cost", "cost_low", "cost_high"), pl.Float64
)
_CALLS = {"customer_id": pl.String, "oldest_open_days": pl.Int64, "complaints_open": pl.Int64}
_CALLS |= {"category": pl.String, "probability_no_purchase": pl.Float64}
_CALLS |= {"value_at_stake": pl.Float64, "priority": pl.Int64}
_CALLS |= {"high_value": pl.Boolean, "rising": pl.Boolean}


def effects(
    snapshot: Snapshot | None, feedback: pl.DataFrame, surveys: pl.DataFrame
) -> pl.DataFrame:
    """Complaints and low satisfaction against buying nothing in the closed window.

    For complaints all customers are compared, as `churn.causes.association` does; for satisfaction only
    those who answered in the 365 days up to the cut-off, by the last day on which they did. Low is a
    score up to 6 of 10 on a question of recommending, or up to 2 of 5 on any question of satisfaction.

    Args:
        snapshot: with a closed window, or None.
        feedback, surveys: the tables of these names; either may be empty.

    Returns:
        One row per `what` (`complaint`, `low_nps`, `low_csat`, `low_satisfaction`: either of both) that
        can be told: `customers_with`, `customers_without`, `strata`, `difference` (of shares without
        purchase within strata, Mantel-Haenszel), `low`, `high` (95 %, Sato 1989), `raw_difference`.
    """
    if snapshot is None or snapshot.no_purchase is None:
        return pl.DataFrame(schema=_EFFECT)
    rows = [_effect(COMPLAINT, association(snapshot, feedback))] if feedback.height else []
    answers = latest_answers(surveys, snapshot.cut_off)
    for what, column in ((LOW_NPS, "nps"), (LOW_CSAT, "csat"), (LOW, "low")):
        known = answers.drop_nulls(column)
        among = _among(snapshot, known["customer_id"])
        rows.append(
            _effect(what, association(among, _as_complaints(known.filter(column), snapshot)))
        )
    found = [row for row in rows if row is not None]
    return pl.DataFrame(found, schema=_EFFECT, orient="row")


def latest_answers(surveys: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Who was dissatisfied on the last day of answers in the 365 days up to a cut-off.

    Returns:
        One row per customer who answered, sorted: `customer_id`, `nps`, `csat` (whether low; null
        without such an answer), `low` (either).
    """
    schema = {"customer_id": pl.String} | dict.fromkeys(("nps", "csat", "low"), pl.Boolean)
    if not {"customer_id", "at", "item", "score", "scale_max"} <= set(surveys.columns):
        return pl.DataFrame(schema=schema)
    day, item = pl.col("at").dt.date(), pl.col("item").cast(pl.String)
    nps = item.str.contains(NPS_WORDS) & (pl.col("scale_max") == NPS_SCALE)
    csat = item.str.contains(CSAT_WORDS) & (pl.col("scale_max") == CSAT_SCALE) & ~nps
    rows = surveys.filter(
        (nps | csat) & pl.col("score").is_not_null() & ~pl.col("score").cast(float).is_nan(),
        (day <= cut_off) & (day > cut_off - timedelta(days=YEAR_DAYS)),
    )
    score = pl.col("score")
    last = rows.filter(day == day.max().over("customer_id")).with_columns(
        nps=pl.when(nps).then(score <= DETRACTOR), csat=pl.when(csat).then(score <= DISSATISFIED)
    )
    lows = last.group_by("customer_id").agg(pl.col("nps", "csat").max()).sort("customer_id")
    return lows.with_columns(low=pl.max_horizontal("nps", "csat")).select(*schema).cast(schema)


def costs(
    snapshot: Snapshot | None, feedback: pl.DataFrame, clv: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Which category of complaints goes with most expected value of customers who stay away.

    The difference is that between customers who had complained of the category by the cut-off and those
    who had not complained at all, within strata. Times the expected value of the customers who complained
    of it in the 365 days up to as_of (sum of `clv`), it is the value that goes with the category, were it
    to go the same way with all of them. The interval is that of the difference; the expected value is
    taken as it is. Customers with several categories count in each.

    Args:
        snapshot: with a closed window, or None.
        feedback: the table `feedback`.
        clv: the table `clv`.
        as_of: the last day that counts.

    Returns:
        One row per category that can be told, the costliest first: `category`, `customers`,
        `expected_value`, `largest_share` (of it in the hands of one customer), `difference`, `low`,
        `high`, `cost`, `cost_low`, `cost_high` (95 %, in the currency over the horizon of `clv`;
        association, not saved money).
    """
    if snapshot is None or snapshot.no_purchase is None or "category" not in feedback.columns:
        return pl.DataFrame(schema=_COST)
    told = feedback.filter((pl.col("kind") == "complaint") & (pl.col("at").dt.date() <= as_of))
    before = told.filter(pl.col("at").dt.date() <= snapshot.cut_off)
    recent = told.filter(pl.col("at").dt.date() > as_of - timedelta(days=YEAR_DAYS))
    rows = []
    for category in sorted(told["category"].drop_nulls().unique().to_list()):
        own = before.filter(pl.col("category") == category)
        others = before.join(own, on="customer_id", how="anti")["customer_id"]
        rest = snapshot.features.filter(~pl.col("customer_id").is_in(others.implode()))
        found = association(_among(snapshot, rest["customer_id"]), own)
        who = recent.filter(pl.col("category") == category).select("customer_id").unique()
        valued = clv.join(who, on="customer_id", how="semi").sort("customer_id")
        value = float(valued["clv"].sum())
        largest = float(valued["clv"].max()) / value if value > 0 else None
        if found is not None:
            three = (found.difference, found.low, found.high)
            low, high = sorted((found.low * value, found.high * value))
            rows.append(
                (category, who.height, value, largest, *three, found.difference * value, low, high)
            )
    table = pl.DataFrame(rows, schema=_COST, orient="row")
    return table.sort(-pl.col("cost"), "category")


def call_back(
    feedback: pl.DataFrame,
    churn: pl.DataFrame,
    clv: pl.DataFrame,
    customers: pl.DataFrame,
    as_of: date,
    churn_before: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Customers with an open complaint, in the order in which to call them back.

    Priority 1 is called first: by value at stake (chance of no purchase times expected value, table
    `churn`), the most first, which ranks high value and a high chance of leaving together; then by spend
    so far, then by the days that the oldest complaint has been open, then by id. Who has never bought has
    no value at stake and comes last.

    Args:
        feedback: the table `feedback`; closed after as_of counts as open.
        churn, clv, customers: the tables of these names, of the same month.
        as_of: the last day that counts.
        churn_before: the table `churn` of the month before, where there is one.

    Returns:
        One row per customer: `customer_id`, `oldest_open_days`, `complaints_open`, `category` (of the
        oldest), `probability_no_purchase`, `value_at_stake` (null where not known), `priority`,
        `high_value` (expected value among the top fifth; null where not known), `rising` (chance of no
        purchase up by 5 points or more since the month before; null where not known).
    """
    waiting = cases(feedback, as_of).filter("open").sort("at", "feedback_id")
    who = waiting.group_by("customer_id", maintain_order=True).agg(
        oldest_open_days=pl.col("age_days").max(),
        complaints_open=pl.len().cast(pl.Int64),
        category=pl.col("category").drop_nulls().first(),
    )
    chance = pl.col("probability_no_purchase")
    earlier = churn.clear() if churn_before is None else churn_before
    top = clv["clv"].quantile(HIGH_VALUE, "nearest")  # None of nobody
    joined = (
        who.join(
            churn.select("customer_id", chance, "value_at_stake"), on="customer_id", how="left"
        )
        .join(clv.select("customer_id", "clv"), on="customer_id", how="left")
        .join(customers.select("customer_id", "spend"), on="customer_id", how="left")
        .join(earlier.select("customer_id", then=chance), on="customer_id", how="left")
        .with_columns(
            high_value=pl.col("clv") >= pl.lit(top, pl.Float64),
            rising=chance - pl.col("then") >= RISEN,
            spend=pl.col("spend").cast(pl.Float64),
        )
    )
    order = [
        -pl.col("value_at_stake"),
        -pl.col("spend"),
        -pl.col("oldest_open_days"),
        "customer_id",
    ]
    ranked = joined.sort(order, nulls_last=True).with_row_index("priority", offset=1)
    return ranked.select(*_CALLS).cast(_CALLS)


def _among(snapshot: Snapshot, who: pl.Series) -> Snapshot:
    """The snapshot of some customers; strata are then formed among these."""
    inside = snapshot.features["customer_id"].is_in(who.implode())
    kept = inside.to_numpy()
    return replace(
        snapshot,
        features=snapshot.features.filter(inside),
        btyd=snapshot.btyd[kept],
        no_purchase=snapshot.no_purchase[kept],
        customers=None,
    )


def _as_complaints(rows: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Customers in the form in which `association` takes those who differ from the others."""
    at = pl.lit(snapshot.cut_off).cast(pl.Datetime("us"))
    return rows.select("customer_id", at=at, kind=pl.lit("complaint"))


def _effect(what: str, found: Association | None) -> tuple | None:
    if found is None:
        return None
    counts = (found.customers_with, found.customers_without, found.strata)
    return what, *counts, found.difference, found.low, found.high, found.raw_difference
