"""How many of those who first bought in a month buy again in the months after."""

import polars as pl

from analysis.run.months import Month


def retention(occasions: pl.DataFrame, month: Month) -> pl.DataFrame:
    """The cohort triangle.

    Args:
        occasions: the table `occasions`.
        month: the last month that counts.

    Returns:
        One row per cohort (month of first purchase) and month since, zeros included: `cohort`,
        `months_since`, `customers` (size of the cohort), `active` (of them, buyers in that month).
    """
    index = pl.col("purchase_day").dt.year() * 12 + pl.col("purchase_day").dt.month() - 1
    dated = occasions.with_columns(index=index.cast(pl.Int64)).with_columns(
        cohort=pl.col("index").min().over("customer_id")
    )
    sizes = dated.group_by("cohort").agg(customers=pl.col("customer_id").n_unique())
    active = dated.group_by("cohort", months_since=pl.col("index") - pl.col("cohort")).agg(
        active=pl.col("customer_id").n_unique()
    )
    last = month.year * 12 + month.number - 1
    grid = sizes.with_columns(
        months_since=pl.int_ranges(0, last - pl.col("cohort") + 1, dtype=pl.Int64)
    ).explode("months_since")
    name = pl.format(
        "{}-{}", pl.col("cohort") // 12, (pl.col("cohort") % 12 + 1).cast(pl.String).str.zfill(2)
    )
    return (
        grid.join(active, on=["cohort", "months_since"], how="left")
        .with_columns(pl.col("active").fill_null(0))
        .sort("cohort", "months_since")
        .with_columns(cohort=name)
        .cast({"customers": pl.Int64, "active": pl.Int64})
    )
