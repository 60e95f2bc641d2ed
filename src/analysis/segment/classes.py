"""One table of classes over all axes: who is in which class, and who moved since last month."""

from dataclasses import dataclass

import polars as pl

from analysis.labels import label
from analysis.run.settings import Settings
from analysis.segment import clusters, rfm
from analysis.segment.clusters import ONE_TIME, TOO_LITTLE, Clustering


@dataclass(frozen=True)
class Classification:
    """All classes of a month; `scores` and `clustering` are None where there is too little data."""

    classes: dict[str, pl.DataFrame]  # axis = customer_id, class
    scores: pl.DataFrame | None
    clustering: Clustering | None


def classify(customers: pl.DataFrame, settings: Settings) -> Classification:
    """Class every customer on every axis.

    Args:
        customers: the table `customers`.
    """
    nobody = too_little_data(customers)
    if not enough_data(customers, settings):
        return Classification({"rfm": nobody, "cluster": nobody}, None, None)
    scores = rfm.score(customers, rfm.fit_cut_points(customers))
    features = clusters.repeat_buyer_features(customers)
    if not clusters.can_cluster(features):
        return Classification({"rfm": scores, "cluster": nobody}, scores, None)
    found = clusters.cluster(features, settings.seed)
    return Classification(
        {"rfm": scores, "cluster": cluster_classes(customers, found.members)}, scores, found
    )


def enough_data(customers: pl.DataFrame, settings: Settings) -> bool:
    """Whether there are customers and history enough to name classes at all."""
    gate = settings.segment
    return customers.height >= gate.minimum_customers and customers["T"].max() >= gate.minimum_days


def too_little_data(customers: pl.DataFrame) -> pl.DataFrame:
    """The class of every customer where the gate is closed."""
    return customers.select("customer_id", pl.lit(TOO_LITTLE).alias("class"))


def cluster_classes(customers: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Clusters for repeat buyers, the rule's class for one-time buyers: one row per customer."""
    named = customers.select("customer_id").join(
        members.select("customer_id", "class"), on="customer_id", how="left"
    )
    return named.with_columns(pl.col("class").fill_null(ONE_TIME))


def segments_table(classes: dict[str, pl.DataFrame], previous: pl.DataFrame | None) -> pl.DataFrame:
    """Join the axes into the table `segments`, with last month's class beside this month's.

    Args:
        classes: axis = frame with `customer_id`, `class`.
        previous: the table `segments` of the month before, if there is one.
    """
    now = pl.concat(
        frame.select("customer_id", pl.lit(axis).alias("axis"), "class")
        for axis, frame in classes.items()
    )
    if previous is None:
        joined = now.with_columns(previous_class=pl.lit(None, dtype=pl.String))
    else:
        before = previous.select("customer_id", "axis", pl.col("class").alias("previous_class"))
        joined = now.join(before, on=["customer_id", "axis"], how="left", validate="1:1")
    chinese = {name: label(f"class.{name}.zh") for name in joined["class"].unique()}
    return joined.with_columns(
        class_zh=pl.col("class").replace_strict(chinese),
        changed=(pl.col("class") != pl.col("previous_class")).fill_null(False),
    )


def profile(segments: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """Size, spend and typical member of each class, ranked by spend per customer within its axis.

    Returns:
        One row per axis and class, in the columns of the table `segment_profile`.
    """
    joined = segments.join(customers, on="customer_id", validate="m:1")
    idle = pl.col("T") - pl.col("recency")
    grouped = joined.group_by("axis", "class").agg(
        customers=pl.len().cast(pl.Int64),
        spend=pl.col("spend").sum().round(4),
        median_purchases=pl.col("purchases").median(),
        median_idle_days=idle.median(),
        median_spend=pl.col("spend").median(),
    )
    per_customer = (pl.col("spend") / pl.col("customers")).rank("ordinal", descending=True)
    all_spend = pl.col("spend").sum().over("axis")
    return (
        grouped.sort("axis", "class")
        .with_columns(
            rank=per_customer.over("axis").cast(pl.Int64),
            share_of_customers=pl.col("customers") / pl.col("customers").sum().over("axis"),
            share_of_spend=pl.when(all_spend > 0).then((pl.col("spend") / all_spend).clip(0, 1)),
        )
        .sort("axis", "rank")
    )


def migration(segments: pl.DataFrame) -> pl.DataFrame:
    """Customers by last month's and this month's class; one row per axis and pair that occurs."""
    return (
        segments.filter(pl.col("previous_class").is_not_null())
        .group_by("axis", "previous_class", "class")
        .agg(customers=pl.len().cast(pl.Int64))
        .sort("axis", "previous_class", "class")
    )


def change_among_silent(segments: pl.DataFrame, customers: pl.DataFrame, first_day) -> pl.DataFrame:
    """How many customers changed class without buying in the month: the clock's work, not theirs.

    Args:
        first_day: the month's first day; a customer whose last purchase is earlier was silent.

    Returns:
        One row per axis: `axis`, `silent` (customers with a class last month), `changed`.
    """
    silent = customers.filter(pl.col("last_purchase") < first_day).select("customer_id")
    return (
        segments.filter(pl.col("previous_class").is_not_null())
        .join(silent, on="customer_id", how="semi")
        .group_by("axis")
        .agg(silent=pl.len().cast(pl.Int64), changed=pl.col("changed").sum().cast(pl.Int64))
        .sort("axis")
    )
