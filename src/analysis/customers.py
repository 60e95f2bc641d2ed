"""Order rows to one row per customer: the summary that every model of this project starts from.

Days are calendar days of the data set's time zone. A purchase occasion is a customer's day with
purchases, net of refunds; `frequency` counts the occasions after the first (Fader, Hardie and Lee
2005). Written in lazy expressions, so that the same steps serve one thousand or ten million rows.
"""

from datetime import date

import polars as pl


def purchase_occasions(orders: pl.LazyFrame, zero_price_is_purchase: bool = True) -> pl.LazyFrame:
    """Fold a customer's order rows of one day into one purchase occasion.

    Args:
        orders: trusted order rows: `customer_id`, `purchase_day`, `amount` (exact money; refunds
            negative, dated to the purchase that they reduce).
        zero_price_is_purchase: whether a day whose sales are all at price zero counts.

    Returns:
        One row per customer and purchase day: `customer_id`, `purchase_day`, `amount` (net, exact),
        `order_rows`. A purchase refunded in full is no occasion.
    """
    refunded = (pl.col("amount") < 0).any()
    days = orders.group_by("customer_id", "purchase_day").agg(
        amount=pl.col("amount").sum(),
        order_rows=pl.len().cast(pl.Int64),
        refunded=refunded,
    )
    void = (pl.col("amount") == 0) & (
        pl.col("refunded") if zero_price_is_purchase else pl.lit(True)
    )
    return days.filter(~void).drop("refunded")


def summarise_customers(occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Recency, frequency, age and value of every customer with a purchase by `as_of`.

    Args:
        occasions: one row per customer and purchase day, as `purchase_occasions` returns them.
        as_of: last day that counts, up to its last instant.

    Returns:
        One row per customer: `customer_id`, `first_purchase`, `last_purchase`, `frequency` (repeat
        purchase days), `recency` (days, first to last purchase), `T` (days, first purchase to
        as_of), `monetary_value` (mean net value of the repeat purchase days; null where frequency
        is 0), `purchases`, `spend`.
    """
    repeat_spend = (pl.col("spend") - pl.col("first_amount")).cast(pl.Float64)
    return (
        occasions.filter(pl.col("purchase_day") <= as_of)
        .group_by("customer_id")
        .agg(
            first_purchase=pl.col("purchase_day").min(),
            last_purchase=pl.col("purchase_day").max(),
            purchases=pl.len().cast(pl.Int64),
            spend=pl.col("amount").sum(),
            first_amount=pl.col("amount").sort_by("purchase_day").first(),
        )
        .select(
            "customer_id",
            "first_purchase",
            "last_purchase",
            frequency=pl.col("purchases") - 1,
            recency=(pl.col("last_purchase") - pl.col("first_purchase"))
            .dt.total_days()
            .cast(pl.Float64),
            T=(pl.lit(as_of) - pl.col("first_purchase")).dt.total_days().cast(pl.Float64),
            monetary_value=pl.when(pl.col("purchases") > 1).then(
                repeat_spend / (pl.col("purchases") - 1)
            ),
            purchases="purchases",
            spend=pl.col("spend").cast(pl.Float64),
        )
    )
