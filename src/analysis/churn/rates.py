"""Where customers leave: the share without purchase in the closed window, class by class."""

import polars as pl

from analysis.churn.check import Check
from analysis.churn.explain import ONCE, REPEAT
from analysis.churn.predictors import signals
from analysis.intervals import wilson

STANDING = ("region", "city_tier")  # do not follow from purchases, so today's classes serve
EARLIER = ("rfm", "cluster", *STANDING)
PURCHASES = "purchase_count"
LEAST = 20


def by_class(
    check: Check, segments: pl.DataFrame, earlier: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Churn rates by class, beside what the score had said.

    Classes that follow from purchases must be those of the cut-off: today's would know who bought in
    the window. They are shown where the report of that month is there.

    Args:
        check: the closed window.
        segments: the table `segments` of this month.
        earlier: that of the month that ends at the cut-off, if it was published.

    Returns:
        One row per axis and class with at least twenty customers, the highest rate of an axis first:
        `axis`, `class`, `customers`, `predicted`, `observed`, `low`, `high` (95 % Wilson interval),
        `finding` (`more`, `fewer`, `as_predicted`: the prediction against the interval).
    """
    known = segments.filter(pl.col("axis").is_in(STANDING)) if earlier is None else earlier
    classes = known.filter(pl.col("axis").is_in(EARLIER)).select("customer_id", "axis", "class")
    counted = check.snapshot.features.select(
        "customer_id",
        axis=pl.lit(PURCHASES),
        **{"class": pl.when(pl.col("purchases") > 1).then(pl.lit(REPEAT)).otherwise(pl.lit(ONCE))},
    )
    grouped = (
        pl.concat([counted, classes])
        .join(check.scored, on="customer_id")
        .group_by("axis", "class")
        .agg(
            customers=pl.len().cast(pl.Int64),
            predicted=pl.col("model").mean().round(9),
            observed=pl.col("no_purchase").mean(),
        )
        .filter(pl.col("customers") >= LEAST)
    )
    low, high = wilson(grouped["observed"].to_numpy(), grouped["customers"].to_numpy())
    told = grouped.with_columns(low=low, high=high).with_columns(finding=finding())
    order = {axis: place for place, axis in enumerate((PURCHASES, *EARLIER))}
    place = pl.col("axis").replace_strict(order, return_dtype=pl.Int64)
    return told.sort(place, "observed", "class", descending=[False, True, False])


def nobody() -> pl.DataFrame:
    """The table without rows, where no window is closed."""
    return pl.DataFrame(
        schema={"axis": pl.String, "class": pl.String, "customers": pl.Int64}
        | dict.fromkeys(("predicted", "observed", "low", "high"), pl.Float64)
        | {"finding": pl.String}
    )


def by_signal(check: Check) -> pl.DataFrame:
    """Who left among those who show each plain signal, and among those who do not.

    Returns:
        One row per signal: `signal`, `customers` (who show it), `with_it`, `low`, `high` (share
        without purchase, 95 % Wilson interval), `without_it`, `predicted` (mean score of those who
        show it). A signal that nobody or everybody shows is left out.
    """
    known = check.snapshot.features.join(check.scored, on="customer_id", validate="1:1")
    left = pl.col("no_purchase")
    rows = [
        known.select(
            signal=pl.lit(name),
            customers=shown.sum().cast(pl.Int64),
            with_it=left.filter(shown).mean(),
            without_it=left.filter(~shown).mean(),
            predicted=pl.col("model").filter(shown).mean().round(9),
        )
        for name, shown in signals(known.columns).items()
    ]
    table = pl.concat(rows).drop_nulls()
    low, high = wilson(table["with_it"].to_numpy(), table["customers"].to_numpy())
    return table.with_columns(low=low, high=high).select(
        "signal", "customers", "with_it", "low", "high", "without_it", "predicted"
    )


def finding() -> pl.Expr:
    """Whether the prediction lies below, above or within the interval of what came."""
    return (
        pl.when(pl.col("predicted") < pl.col("low"))
        .then(pl.lit("more"))
        .when(pl.col("predicted") > pl.col("high"))
        .then(pl.lit("fewer"))
        .otherwise(pl.lit("as_predicted"))
    )
