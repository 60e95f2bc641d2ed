"""What serving the classes of customers costs, beside what they bring."""

from decimal import Decimal

import polars as pl

from analysis.clv.costs import RECURRING

AXES = ("value_revenue", "value_margin", "rfm", "cluster", "life_cycle")
OVER, UNDER = 1.25, 0.8  # share of the cost to serve over share of the margin


def by_class(values: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """Cost to serve against value, class by class.

    The cost to serve is service, campaigns, logistics and other costs to date; the margin it is set
    against is revenue less the cost of goods.

    Args:
        values: the table `customer_value`.
        segments: the table `segments`.

    Returns:
        One row per axis and class with customers, most margin per customer first within its axis:
        `axis`, `class`, `customers`, `margin`, `cost_to_serve`, `past_net`, `future_net` (money of the
        class), `cost_share_of_margin` (null without margin), `share_of_margin`, `share_of_cost`
        (of the axis's classes; null where their sum is not positive), `served`: `more` where the
        share of cost is over 1.25 times that of margin, `less` below 0.8 times, else `even`; null
        where a share is not known.
    """
    members = segments.filter(pl.col("axis").is_in(AXES)).select("customer_id", "axis", "class")
    served = pl.sum_horizontal(f"{kind}_cost" for kind in RECURRING)
    facts = values.select(
        *("customer_id", "past_net", "future_net"),
        margin=pl.col("revenue") - pl.col("cost_of_goods"),
        cost_to_serve=served,
    )
    grouped = (
        members.join(facts, on="customer_id")
        .group_by("axis", "class")
        .agg(
            customers=pl.len().cast(pl.Int64),
            margin=pl.col("margin").sum(),
            cost_to_serve=pl.col("cost_to_serve").sum(),
            past_net=pl.col("past_net").sum(),
            future_net=pl.col("future_net").sum().round(4),
        )
    )
    place = {axis: position for position, axis in enumerate(AXES)}
    shared = grouped.with_columns(
        cost_share_of_margin=_ratio(pl.col("cost_to_serve"), pl.col("margin")),
        share_of_margin=_ratio(pl.col("margin"), pl.col("margin").sum().over("axis")),
        share_of_cost=_ratio(pl.col("cost_to_serve"), pl.col("cost_to_serve").sum().over("axis")),
    ).with_columns(served=_served())
    each = pl.col("margin").cast(pl.Float64) / pl.col("customers")
    return shared.sort(
        pl.col("axis").replace_strict(place, return_dtype=pl.Int64),
        each,
        "class",
        descending=[False, True, False],
    )


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > Decimal(0)).then(part.cast(pl.Float64) / whole.cast(pl.Float64))


def _served() -> pl.Expr:
    cost, margin = pl.col("share_of_cost"), pl.col("share_of_margin")
    known = cost.is_not_null() & margin.is_not_null()
    return (
        pl.when(known & (cost > OVER * margin))
        .then(pl.lit("more"))
        .when(known & (cost < UNDER * margin))
        .then(pl.lit("less"))
        .when(known)
        .then(pl.lit("even"))
    )
