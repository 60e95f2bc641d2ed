"""Stages of the life cycle: how many go on to the next one, and how long the second purchase takes."""

import polars as pl

from analysis.intervals import wilson
from analysis.run.settings import Settings
from analysis.segment.axes import ONBOARDING_DAYS, PROSPECT


def stage_rates(facts: pl.DataFrame, prospects: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Of everybody who ever reached a stage, how many have gone on to the next one.

    Args:
        facts: one row per customer, as `customer_facts` returns them.
        prospects: persons with a record and no purchase; empty where there are no records.
        settings: `segment.loyal_purchases`.

    Returns:
        One row per stage with somebody in it: `stage` (key of a class), `reached`, `went_on`, `rate`,
        `low`, `high` (95 % Wilson interval). Prospects count only where records are kept.
    """
    loyal = settings.segment.loyal_purchases
    bought = facts.height
    repeated = facts.filter(pl.col("purchases") > 1).height
    often = facts.filter(pl.col("purchases") >= loyal).height
    steps = [("first_purchase", bought, repeated), ("repeat", repeated, often)]
    if prospects.height:
        steps.insert(0, (PROSPECT, bought + prospects.height, bought))
    table = pl.DataFrame(
        [step for step in steps if step[1]],
        schema={"stage": pl.String, "reached": pl.Int64, "went_on": pl.Int64},
        orient="row",
    ).with_columns(rate=pl.col("went_on") / pl.col("reached"))
    low, high = wilson(table["rate"].to_numpy(), table["reached"].to_numpy())
    return table.with_columns(low=low, high=high)


def second_purchase(facts: pl.DataFrame) -> pl.DataFrame:
    """How many bought a second time within 30, 60 and 90 days, among those seen at least so long.

    Returns:
        One row per span with customers seen so long: `within_days`, `customers`, `share`, `low`,
        `high` (95 % Wilson interval), `median_days` (to the second purchase, of those who made it
        within the span).
    """
    rows = []
    for days in ONBOARDING_DAYS:
        seen = facts.filter(pl.col("T") >= days)
        if seen.height:
            made = seen.filter(pl.col("days_to_second") <= days)
            share, median = made.height / seen.height, made["days_to_second"].median()
            rows.append((days, seen.height, share, median))
    schema = {"within_days": pl.Int64, "customers": pl.Int64}
    schema |= dict.fromkeys(("share", "median_days"), pl.Float64)
    table = pl.DataFrame(rows, schema=schema, orient="row")
    low, high = wilson(table["share"].to_numpy(), table["customers"].to_numpy())
    ordered = ("within_days", "customers", "share", "low", "high", "median_days")
    return table.with_columns(low=low, high=high).select(ordered)
