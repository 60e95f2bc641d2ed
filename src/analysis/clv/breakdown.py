"""Expected value by the other classes of customers, and what serving them has cost."""

from datetime import date, timedelta

import polars as pl

AXES = ("need", "city_tier", "region", "life_cycle")  # beside the clusters, where they exist


def by_class(values: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """Expected value of the classes of each axis that the richer tables allow.

    Args:
        values: the table `clv`.
        segments: the table `segments`.

    Returns:
        One row per axis and class with customers, most value per customer first within its axis:
        `axis`, `class`, `customers`, `clv`, `clv_per_customer`.
    """
    members = segments.filter(pl.col("axis").is_in(AXES)).select("customer_id", "axis", "class")
    grouped = (
        members.join(values.select("customer_id", "clv"), on="customer_id")
        .group_by("axis", "class")
        .agg(customers=pl.len().cast(pl.Int64), clv=pl.col("clv").sum().round(4))
    )
    place = {axis: position for position, axis in enumerate(AXES)}
    return (
        grouped.with_columns(clv_per_customer=pl.col("clv") / pl.col("customers"))
        .sort(
            pl.col("axis").replace_strict(place, default=len(AXES)),
            pl.col("clv_per_customer"),
            "class",
            descending=[False, True, False],
        )
        .select("axis", "class", "customers", "clv", "clv_per_customer")
    )


def costs_by_kind(costs: pl.DataFrame, revenue: float, as_of: date, days: int) -> pl.DataFrame:
    """What customers have cost in the last days, by kind, the largest first.

    Args:
        costs: the table `costs`; empty without a source.
        revenue: of the same days, to set the costs against.
        days: how far back, counted from `as_of`.

    Returns:
        One row per kind: `cost_kind`, `amount`, `share_of_revenue` (null without revenue).
    """
    since = as_of - timedelta(days=days)
    recent = costs.filter((pl.col("month") > since) & (pl.col("month") <= as_of))
    grouped = recent.group_by(cost_kind="kind").agg(pl.col("amount").sum().cast(pl.Float64))
    share = pl.when(revenue > 0).then(pl.col("amount") / (revenue or 1))
    return grouped.with_columns(share_of_revenue=share).sort(
        "amount", "cost_kind", descending=[True, False]
    )
