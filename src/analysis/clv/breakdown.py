"""Expected value by the other classes of customers."""

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
