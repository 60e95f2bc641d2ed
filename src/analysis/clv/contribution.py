"""How much of the whole each customer contributes (客户贡献度), and how uneven that is."""

import math

import numpy as np
import polars as pl

TOP_SHARES = (0.1, 0.2)


def with_shares(values: pl.DataFrame, column: str = "past_net") -> pl.DataFrame:
    """Each customer's share of the total, and place.

    A customer who cost more than he or she brought has a share below zero, so the others' sum to
    more than one. Where the total is not positive a share would mean nothing.

    Args:
        values: one row per customer; `column` is money.

    Returns:
        The same rows with `contribution_share` (sums to 1; null where the total is not positive) and
        `contribution_rank` (1 for the largest; equal customers share the best).
    """
    total = float(values[column].sum() or 0)
    share = pl.when(total > 0).then(pl.col(column).cast(pl.Float64) / (total or 1))
    return values.with_columns(
        contribution_share=share,
        contribution_rank=pl.col(column).rank("min", descending=True).cast(pl.Int64),
    )


def pareto(values: pl.DataFrame, column: str = "past_net") -> pl.DataFrame:
    """The Pareto curve: customers from the most to the least valuable, and what they sum to.

    Returns:
        One row per customer, after one for nobody: `share_of_customers`, `share_of_net` (cumulated;
        above 1 where customers at the end of the line lose money). No row where the total is not
        positive.
    """
    ordered = values[column].sort(descending=True)
    total = float(ordered.sum() or 0)
    schema = {"share_of_customers": pl.Float64, "share_of_net": pl.Float64}
    if total <= 0:
        return pl.DataFrame(schema=schema)
    sums = ordered.cum_sum().cast(pl.Float64).to_numpy()
    people = np.arange(len(sums) + 1) / len(sums)
    return pl.DataFrame([people, np.append(0.0, sums / total)], schema=schema)


def gini(values: pl.DataFrame, column: str = "past_net") -> float | None:
    """Gini coefficient: 0 where all contribute alike, near 1 where one contributes everything.

    It is defined for amounts that are not negative; customers who lost money count as zero, so that it
    stays between 0 and 1. G = sum((2 i - n - 1) x_i) / (n sum(x)), x ascending.

    Returns:
        None where nobody brought anything.
    """
    amounts = values[column].cast(pl.Float64).clip(0).sort().to_numpy()
    count, total = len(amounts), math.fsum(amounts)
    if total <= 0:
        return None
    weights = 2 * np.arange(1, count + 1) - count - 1
    return math.fsum(weights * amounts) / (count * total)


def top_share(values: pl.DataFrame, top: float, column: str = "past_net") -> float | None:
    """Share of the total that the best `top` (a share, rounded up to whole customers) contribute.

    Returns:
        None where the total is not positive; above 1 where the others together lose money.
    """
    curve = pareto(values, column)
    if curve.is_empty():
        return None
    return curve["share_of_net"][math.ceil(round(top * (curve.height - 1), 6))]
