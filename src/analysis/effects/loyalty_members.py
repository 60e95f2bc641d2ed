"""Members of the programme against customers like them who are not: an association, never an effect."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.intervals import Z

WINDOW_DAYS = 90
FREQUENCY_FROM = (1, 2, 3, 4, 7)  # purchases from which on each band holds
RECENCY_FROM = (0, 30, 60, 90, 180)  # days of silence
STRATUM = ["frequency_band", "recency_band", "first_month"]


@dataclass(frozen=True)
class Compared:
    """Shares of members and of matched non-members who bought again, and their difference (95 %)."""

    members: int
    matched: int  # members with non-members like them
    others: int  # the non-members they stand against
    member_rate: float | None
    other_rate: float | None
    difference: float | None
    low: float | None
    high: float | None


def against_matched(
    occasions: pl.DataFrame, joined: pl.DataFrame, as_of: date, days: int = WINDOW_DAYS
) -> Compared:
    """Who bought again in the last closed window, members against non-members of the same strata.

    Who counts as a member is settled when the window begins, and so is everything matched on: whoever
    joins in the window is a non-member, else members would be chosen by what is measured. Exact strata:
    band of purchases (1, 2, 3, 4-6, 7 or more), band of silence (from 0, 30, 60, 90, 180 days) and month
    of the first purchase. The difference is that of Mantel and Haenszel over the strata, its variance
    that of Sato (1989), Biometrics 45, which holds for many small strata. Rates are of the same
    weights, so that their difference is the one shown.

    Members chose to join, mostly buyers who like the shop: matching on three traits does not undo that.

    Args:
        occasions: the table `occasions`.
        joined: `customer_id`, `joined`: when each became a member.
        as_of: last day of the window.
        days: how long the window is.
    """
    start = as_of - timedelta(days=days)
    people = _people(occasions, joined, start, as_of)
    members = int(people["member"].sum())
    strata = (
        people.group_by(STRATUM)
        .agg(
            n1=pl.col("member").sum(),
            n0=(~pl.col("member")).sum(),
            a=pl.col("again").filter("member").sum(),
            b=pl.col("again").filter(~pl.col("member")).sum(),
        )
        .filter((pl.col("n1") > 0) & (pl.col("n0") > 0))
        .sort(STRATUM)
    )
    if strata.is_empty():
        return Compared(members, 0, 0, *(None,) * 5)
    n1, n0, a, b = (strata[name].to_numpy().astype(float) for name in ("n1", "n0", "a", "b"))
    figures = _mantel_haenszel(n1, n0, a, b)
    return Compared(members, int(n1.sum()), int(n0.sum()), *figures)


def _people(
    occasions: pl.DataFrame, joined: pl.DataFrame, start: date, as_of: date
) -> pl.DataFrame:
    """Customers when the window began: their stratum, whether members, whether they bought in it."""
    day = pl.col("purchase_day")
    came = occasions.filter((day > start) & (day <= as_of))["customer_id"].unique().implode()
    inside = joined.filter(pl.col("joined") <= start)["customer_id"].implode()
    silence = (pl.lit(start) - pl.col("last")).dt.total_days()
    known = occasions.filter(day <= start).group_by("customer_id")
    past = known.agg(purchases=pl.len(), first=day.min(), last=day.max())
    return past.select(
        frequency_band=_band(pl.col("purchases"), FREQUENCY_FROM),
        recency_band=_band(silence, RECENCY_FROM),
        first_month=pl.col("first").dt.truncate("1mo"),
        member=pl.col("customer_id").is_in(inside),
        again=pl.col("customer_id").is_in(came),
    )


def _band(value: pl.Expr, starts: tuple[int, ...]) -> pl.Expr:
    """The number of the band, from 1."""
    return pl.sum_horizontal((value >= one).cast(pl.Int64) for one in starts)


def _mantel_haenszel(n1, n0, a, b) -> tuple[float, ...]:
    """Both rates, the risk difference, and its limits after Sato (1989).

    Args:
        n1, n0: members and others of each stratum.
        a, b: how many of each bought again.
    """
    total = n1 + n0
    weight = n1 * n0 / total
    rates = (
        float((weight * hits / size).sum() / weight.sum()) for hits, size in ((a, n1), (b, n0))
    )
    ours, theirs = rates
    difference = ours - theirs
    p = (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / total**2
    q = (a * (n0 - b) + b * (n1 - a)) / (2 * total)
    variance = (difference * p.sum() + q.sum()) / weight.sum() ** 2
    half = Z * float(np.sqrt(max(variance, 0.0)))
    return ours, theirs, difference, max(difference - half, -1.0), min(difference + half, 1.0)
