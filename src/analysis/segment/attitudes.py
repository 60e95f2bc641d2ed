"""What surveys say of the attitudes of customers: one column per item, for psychographic clusters."""

import polars as pl

from analysis.run.settings import Settings


def attitude_features(surveys: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The latest answers of each customer who answered every item of attitude.

    Args:
        surveys: the table `surveys`.
        settings: `segment.attitude_items`: how the texts of these items begin.

    Returns:
        One row per such customer, sorted by answers: `customer_id` and one column per item, its score
        as a share of the scale.
    """
    items = surveys.filter(
        pl.col("item").str.starts_with(settings.segment.attitude_items)
        & pl.col("score").is_not_null()
    )
    if items.is_empty():
        return pl.DataFrame(schema={"customer_id": pl.String})
    scale = pl.coalesce("scale_max", pl.col("score").max().over("item"))
    latest = (
        items.sort("at", "file", "row")
        .group_by("customer_id", "item")
        .agg((pl.col("score") / scale).last().round(9).alias("answer"))
    )
    wide = latest.sort("item").pivot("item", index="customer_id", values="answer")
    names = sorted(name for name in wide.columns if name != "customer_id")
    return wide.drop_nulls().select("customer_id", *names).sort(*names, "customer_id")
