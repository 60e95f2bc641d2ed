"""Refunds: how much of which order, and the rows of their own in which one system keeps them."""

import numpy as np
import polars as pl

from analysis.samples.shop.dirt import ORDER_DIRT
from analysis.samples.shop.parameters import DAYS
from analysis.samples.shop.words import some_of

PARTIAL_REFUNDS = 160
OUTLIER = 888_888_800  # fen
_REFUND_DAYS = 12


def with_refunds(rows: pl.DataFrame, lines: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add `refund` (fen) and `refund_day`, and put the one absurd amount in."""
    shape = lines.group_by("key").agg(
        lines=pl.len(), first=(pl.col("quantity") * pl.col("unit_price")).first()
    )
    rows = rows.join(shape, on="key", how="left", maintain_order="left")
    origin, days = rows["origin"].to_numpy(), rows["day"].to_numpy()
    able = (origin == "process") & (days < DAYS - _REFUND_DAYS)
    alone = ~rows.select("person", "day").is_duplicated().to_numpy()
    in_jiandaoyun = (rows["file"] == "jiandaoyun").to_numpy()
    partial = some_of(able & (rows["lines"] > 1).to_numpy(), PARTIAL_REFUNDS, rng)
    beyond_count = ORDER_DIRT["refund_beyond_purchase"][0]
    beyond = some_of(able & alone & in_jiandaoyun & ~partial, beyond_count, rng)
    beyond |= (rows["reason"] == "refund_beyond_purchase").fill_null(False).to_numpy()
    outlier = some_of(able & alone & ~in_jiandaoyun & ~partial, 1, rng)
    return rows.with_columns(
        amount=pl.when(pl.Series(outlier)).then(OUTLIER).otherwise("amount"),
        true_amount="amount",
        refund=pl.when(pl.col("origin") == "refunded")
        .then("amount")
        .when(pl.Series(partial))
        .then("first")
        .when(pl.Series(beyond))
        .then(pl.col("amount") + 5_000)
        .otherwise(0),
        refund_day=pl.col("day") + 2 + pl.Series(rng.integers(0, 8, rows.height)),
        is_outlier=pl.Series(outlier),
    )


def refund_rows(rows: pl.DataFrame, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """简道云 keeps a refund as a row of its own with the order's number and a negative amount."""
    own = (pl.col("file") == "jiandaoyun") & (pl.col("refund") > 0)
    beyond = pl.col("refund") > pl.col("amount")
    refunds = rows.filter(own).with_columns(
        refund_of="key",
        bought="day",
        key=pl.col("key") + rows.height,
        day="refund_day",
        second=(pl.col("second") % 28_800) + 32_400,
        origin=pl.lit("refund"),
        amount=-pl.col("refund"),
        status=pl.lit("退款"),
        reason=pl.when(beyond).then(pl.lit("refund_beyond_purchase")),
        purchase=pl.lit(None, pl.Int64),
        partial=pl.col("refund") < pl.col("amount"),
    )
    back = lines.join(
        refunds.select("partial", new="key", key="refund_of"), on="key", maintain_order="left"
    ).filter(~pl.col("partial") | (pl.col("line") == 0))
    back = back.with_columns(quantity=-pl.col("quantity"), key="new")
    without = rows.filter(pl.col("reason") == "refund_without_purchase")["key"]
    is_without = pl.col("key").is_in(without.implode())
    lines = lines.with_columns(
        quantity=pl.when(is_without).then(-pl.col("quantity")).otherwise("quantity")
    )
    rows = rows.with_columns(
        amount=pl.when(is_without).then(-pl.col("amount")).otherwise("amount"),
        status=pl.when(is_without).then(pl.lit("退款")).otherwise("status"),
    )
    both = pl.concat([rows, refunds.drop("partial")], how="diagonal")
    return both, pl.concat([lines, back.select(lines.columns)])
