"""Products that a customer bought before: how often, when due again, and the list made of them."""

from datetime import date

import polars as pl

LEAST_OWN_GAPS = 2  # from which a customer's own gaps of a product say more than everybody's
LEAST_GAPS = 10  # of all customers, from which a product has a usual gap
_PAIR = ["customer_id", "product_id"]


def owned(lines: pl.DataFrame, gaps: pl.DataFrame, until: date | pl.DataFrame) -> pl.DataFrame:
    """What customers bought, how often, and how due each product is.

    A product is due 1.0 when as many days have passed since its last purchase as usually lie between
    two: the median of the customer's own gaps from two gaps on, else that of all customers.

    Args:
        lines: as `baskets` returns them; same-day lines are one basket.
        gaps: as `usual_gaps` returns them.
        until: the day up to which days are counted, or one day per customer (`customer_id`, `until`).

    Returns:
        One row per customer and product: `customer_id`, `product_id`, `times` (baskets with it),
        `last_day`, `last_price` (per piece; null if unknown), `gap_days` (null if not known), `due`
        (days since the last purchase / gap_days).
    """
    ordered = lines.sort(*_PAIR, "day")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in _PAIR)
    gap = pl.when(same).then((pl.col("day") - pl.col("day").shift()).dt.total_days())
    table = (
        ordered.with_columns(gap=gap)
        .group_by(_PAIR, maintain_order=True)
        .agg(
            times=pl.len().cast(pl.Int64),
            last_day=pl.col("day").last(),
            last_price=pl.col("price").last(),
            own_gap=pl.col("gap").median(),
        )
        .join(gaps.select("product_id", "gap_days"), on="product_id", how="left")
    )
    if isinstance(until, date):
        table = table.with_columns(until=pl.lit(until))
    else:
        table = table.join(until, on="customer_id", how="left")
    usual = pl.when(pl.col("times") > LEAST_OWN_GAPS).then(pl.col("own_gap"))
    days = (pl.col("until") - pl.col("last_day")).dt.total_days()
    return table.with_columns(gap_days=pl.coalesce(usual, "gap_days")).select(
        *(*_PAIR, "times", "last_day", "last_price", "gap_days"), due=days / pl.col("gap_days")
    )


def usual_gaps(lines: pl.DataFrame) -> pl.DataFrame:
    """The usual days between two purchases of a product by the same customer.

    Args:
        lines: as `baskets` returns them.

    Returns:
        One row per product with at least 10 such gaps, by product: `product_id`, `gaps`, `gap_days`
        (their median). Gaps that are not closed yet do not count, so the median is rather short.
    """
    ordered = lines.select(*_PAIR, "day").sort(*_PAIR, "day")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in _PAIR)
    days = (pl.col("day") - pl.col("day").shift()).dt.total_days()
    return (
        ordered.select("product_id", gap=pl.when(same).then(days))
        .drop_nulls()
        .group_by("product_id")
        .agg(gaps=pl.len().cast(pl.Int64), gap_days=pl.col("gap").median())
        .filter(pl.col("gaps") >= LEAST_GAPS)
        .sort("product_id")
    )


def by_due() -> pl.Expr:
    """Times bought, less for what is not due yet: times x min(due, 1); unknown counts as due."""
    return pl.col("times") * pl.min_horizontal(pl.col("due").fill_null(1.0), 1.0)
