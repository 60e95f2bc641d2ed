"""How often customers speak of each theme: by month, and which themes rise."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.intervals import of_difference, wilson

WINDOW_DAYS = 90
LEAST_IN_WINDOW = 20
FALSE_DISCOVERIES = 0.05

_RISING = {
    "theme": pl.String,
    "recent": pl.Int64,
    "before": pl.Int64,
    **dict.fromkeys(
        ("share_recent", "share_before", "difference", "low", "high", "p", "q"), pl.Float64
    ),
    "is_rising": pl.Boolean,
}


def by_month(at: pl.Series, theme: pl.Series) -> pl.DataFrame:
    """The share of each theme in each month.

    Args:
        at: when each text was written.
        theme: its theme; texts without one count in no share.

    Returns:
        One row per month and theme, months without texts left out: `month` (first day), `theme`,
        `texts`, `of` (texts of the month with a theme), `share`, `low`, `high` (Wilson 95 %).
    """
    dated = pl.DataFrame({"month": at.cast(pl.Date), "theme": theme}).drop_nulls()
    dated = dated.with_columns(pl.col("month").dt.truncate("1mo"))
    totals = dated.group_by("month").len("of")
    grid = totals.join(dated.select("theme").unique(), how="cross")
    counts = dated.group_by("month", "theme").len("texts")
    whole = grid.join(counts, on=["month", "theme"], how="left").with_columns(
        pl.col("texts").fill_null(0)
    )
    return with_share(whole.select("month", "theme", "texts", "of")).sort("month", "theme")


def rising(at: pl.Series, theme: pl.Series, as_of: date) -> pl.DataFrame:
    """Themes of the last 90 days against the 90 days before.

    Give texts of one source only (complaints and suggestions, say): where a survey falls into one of the
    two times, its themes would seem to rise.

    Args:
        at: when each text was written.
        theme: its theme.
        as_of: the last day that counts.

    Returns:
        One row per theme, the most risen first: `theme`, `recent`, `before` (texts), `share_recent`,
        `share_before`, `difference`, `low`, `high` (Newcombe 95 %), `p` (Fisher's exact test, two-sided),
        `q` (adjusted after Benjamini and Hochberg 1995), `is_rising` (q of 0.05 or less, and more
        than before). Empty where either time has fewer than 20 texts with a theme.
    """
    from scipy.stats import false_discovery_control, fisher_exact

    dated = pl.DataFrame({"day": at.cast(pl.Date), "theme": theme}).drop_nulls()
    cut, first = as_of - timedelta(WINDOW_DAYS), as_of - timedelta(2 * WINDOW_DAYS)
    dated = dated.filter((pl.col("day") > first) & (pl.col("day") <= as_of))
    is_recent = pl.col("day") > cut
    recent_of = dated.filter(is_recent).height
    before_of = dated.height - recent_of
    if min(recent_of, before_of) < LEAST_IN_WINDOW:
        return pl.DataFrame(schema=_RISING)
    rows = dated.group_by("theme").agg(
        recent=is_recent.sum().cast(pl.Int64), before=(~is_recent).sum().cast(pl.Int64)
    )
    rows = rows.sort("theme")
    recent, before = rows["recent"].to_numpy(), rows["before"].to_numpy()
    tables = [[[a, recent_of - a], [b, before_of - b]] for a, b in zip(recent, before, strict=True)]
    p = np.array([fisher_exact(one).pvalue for one in tables]).clip(0, 1)
    now, then = recent / recent_of, before / before_of
    low, high = of_difference((now, *wilson(now, recent_of)), (then, *wilson(then, before_of)))
    q = false_discovery_control(p)
    found = rows.with_columns(
        share_recent=pl.Series(now),
        share_before=pl.Series(then),
        difference=pl.Series(now - then),
        low=pl.Series(low),
        high=pl.Series(high),
        p=pl.Series(p),
        q=pl.Series(q),
        is_rising=pl.Series((q <= FALSE_DISCOVERIES) & (now > then)),
    )
    return found.sort("difference", "theme", descending=[True, False])


def with_rise(listed: pl.DataFrame, rising: pl.DataFrame) -> pl.DataFrame:
    """The themes with `share_before`, `share_recent` and `is_rising`; null where too few texts tell.

    Args:
        listed: one row per theme, with `theme`.
        rising: as `rising` returns it.
    """
    names = ("theme", "share_before", "share_recent", "is_rising")
    return listed.join(rising.select(names), on="theme", how="left", maintain_order="left")


def with_share(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `share`, `low` and `high` (Wilson 95 %) of `texts` in `of`, both counts."""
    of = rows["of"].to_numpy().astype(float).clip(1)
    share = rows["texts"].to_numpy() / of
    low, high = wilson(share, of)
    return rows.with_columns(
        share=pl.Series(share), low=pl.Series(low.clip(0, 1)), high=pl.Series(high.clip(0, 1))
    )
