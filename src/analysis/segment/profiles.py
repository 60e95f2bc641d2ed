"""What each class of each axis is like: how many, how much of the money, and its typical member."""

import polars as pl

MONEY = pl.Decimal(38, 4)  # exact sums, whatever the order of the rows
_FACTS = (
    *("spend", "spend_365", "margin_365"),
    *("purchases", "idle_days", "channel", "main_category"),
)


def profile(segments: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Size, money and typical member of each class, ranked by spend per customer within its axis.

    Customers without facts (prospects) count as customers who spent nothing; the medians are of
    those who bought.

    Args:
        segments: one row per customer and axis: `customer_id`, `axis`, `class`.
        facts: one row per customer with a purchase, as `segment.facts.customer_facts` returns them.

    Returns:
        One row per axis and class, in the columns of the table `segment_profile`; ties of rank by
        the class's key.
    """
    known = facts.select("customer_id", *_FACTS)
    rows = segments.select("customer_id", "axis", "class")
    axes = rows.partition_by("axis") or [rows]
    parts = [
        _of_axis(one.join(known, on="customer_id", how="left", validate="1:1")) for one in axes
    ]
    return pl.concat(parts).sort("axis", "rank")


def _of_axis(members: pl.DataFrame) -> pl.DataFrame:
    """Profile of the classes of one axis, from one row per customer with class and facts."""
    classes = members.group_by("axis", "class").agg(
        customers=pl.len().cast(pl.Int64),
        spend=_money("spend"),
        spend_365=_money("spend_365"),
        margin_365=pl.when(pl.col("margin_365").count() > 0).then(_money("margin_365")),
        median_purchases=pl.col("purchases").median(),
        median_idle_days=pl.col("idle_days").median(),
        median_spend=pl.col("spend").median(),
    )
    for trait in ("channel", "main_category"):
        commonest = _commonest(members, trait)
        classes = classes.join(commonest, on="class", how="left")
    per_customer = pl.col("spend") / pl.col("customers")
    ranked = classes.sort(per_customer, "class", descending=[True, False])
    return ranked.with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        share_of_customers=pl.col("customers") / pl.col("customers").sum(),
        share_of_spend=_share("spend").clip(0, 1),
        share_of_spend_365=_share("spend_365").clip(0, 1),
        share_of_margin_365=_share("margin_365"),
    ).drop("margin_365")


def _money(column: str) -> pl.Expr:
    return pl.col(column).round(4).cast(MONEY).sum().cast(pl.Float64)


def _share(column: str) -> pl.Expr:
    """Share of the axis's total; null where that is not above zero."""
    total = pl.col(column).sum()
    return pl.when(total > 0).then(pl.col(column).fill_null(0) / total)


def _commonest(members: pl.DataFrame, trait: str) -> pl.DataFrame:
    """The value that most customers of each class have; ties by the alphabet."""
    counted = members.drop_nulls(trait).group_by("class", trait).agg(n=pl.len())
    ordered = counted.sort("class", "n", trait, descending=[False, True, False])
    return ordered.unique("class", keep="first", maintain_order=True).drop("n")
