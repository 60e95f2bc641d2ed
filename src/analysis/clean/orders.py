"""Raw rows to trusted orders: rows set aside, refunds dated to their purchase, days merged."""

import polars as pl

from analysis.clean.rules import kind_of, with_reason

_ROW = ["file", "row"]


def clean_orders(raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part raw rows into those to trust and those set aside; none is lost.

    A refund (negative amount) belongs to the sale with its order id, else to the customer's last
    purchase day up to its own. A refund without such a purchase, or beyond its value, is set aside.

    Args:
        raw: the table `raw_orders`.

    Returns:
        `orders` (see the contract; `merged` marks rows folded into the first sale of that
        customer's day) and `quarantine` without its column `table`.
    """
    judged = with_reason(raw.lazy())
    trusted = judged.filter(pl.col("reason").is_null()).with_columns(
        day=pl.col("ordered_at").dt.date()
    )
    sales = trusted.filter(pl.col("amount") >= 0).with_columns(purchase_day="day")
    refunds = _judge_refunds(_date_refunds(trusted.filter(pl.col("amount") < 0), sales), sales)
    orders = pl.concat(
        [sales, refunds.filter(pl.col("reason").is_null())], how="diagonal"
    ).with_columns(is_refund=pl.col("amount") < 0)
    orders = orders.with_columns(merged=_is_not_first_of_day())
    aside = pl.concat(
        [
            judged.filter(pl.col("reason").is_not_null()),
            refunds.filter(pl.col("reason").is_not_null()),
        ],
        how="diagonal",
    )
    columns = ["customer_id", "order_id", "ordered_at", "purchase_day", "amount", "quantity"]
    kept, set_aside = pl.collect_all(
        [
            orders.select(*_ROW, *columns, "merged").sort(_ROW),
            aside.select(
                *_ROW,
                kind=kind_of(pl.col("reason")),
                reason="reason",
                amount=pl.col("amount").cast(pl.Float64),
            ).sort(_ROW),
        ]
    )
    return kept, set_aside


def _date_refunds(refunds: pl.LazyFrame, sales: pl.LazyFrame) -> pl.LazyFrame:
    """Add `purchase_day` of the sale that a refund reduces; null where there is none."""
    by_order = (
        sales.filter(pl.col("order_id").is_not_null())
        .group_by("customer_id", "order_id")
        .agg(order_day=pl.col("day").min())
    )
    by_day = sales.select("customer_id", "day", purchase_day="day").unique().sort("day")
    return (
        refunds.join(by_order, on=["customer_id", "order_id"], how="left")
        .sort("day")
        .join_asof(by_day, on="day", by="customer_id", strategy="backward", check_sortedness=False)
        .with_columns(purchase_day=pl.coalesce("order_day", "purchase_day"))
        .drop("order_day")
    )


def _judge_refunds(refunds: pl.LazyFrame, sales: pl.LazyFrame) -> pl.LazyFrame:
    """Give a reason to refunds that have no purchase, or that exceed what is left of it."""
    day = ["customer_id", "purchase_day"]
    value = sales.group_by(day).agg(value=pl.col("amount").sum())
    refunded = pl.col("amount").cum_sum().over(day, order_by=["ordered_at", *_ROW])
    return refunds.join(value, on=day, how="left").with_columns(
        reason=pl.when(pl.col("purchase_day").is_null())
        .then(pl.lit("refund_without_purchase"))
        .when(pl.col("value") + refunded < 0)
        .then(pl.lit("refund_beyond_purchase"))
    )


def _is_not_first_of_day() -> pl.Expr:
    """True for all rows of a customer's day but its first sale; ties are settled by file and row."""
    place = pl.int_range(pl.len()).over(
        "customer_id", "purchase_day", order_by=["is_refund", "ordered_at", *_ROW]
    )
    return place > 0
