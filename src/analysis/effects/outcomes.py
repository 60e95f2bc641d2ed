"""What customers did in a window, and what was known of them before it began."""

from datetime import date, timedelta

import numpy as np
import polars as pl

HISTORY_DAYS = 180
TAIL = 0.01  # of customers at either end whose spend is drawn in
_MOST_STRATA_SHARE = 0.05  # of the customers: at least 20 to each on average


def outcomes(
    customers: pl.DataFrame,
    occasions: pl.DataFrame,
    day: date,
    window_days: int,
    history_until: date | None = None,
) -> pl.DataFrame:
    """Outcomes in [day, day + window_days), and history before that day.

    An occasion whose refunds exceed its purchases is still a purchase; what it brought is negative.

    Args:
        customers: one row per customer: `customer_id`; other columns are kept.
        occasions: the table `occasions`.
        day: first day of the window; nothing of it is history.
        window_days: length of the window.
        history_until: the day from which on nothing is history, where that is earlier than `day`.

    Returns:
        One row per customer by `customer_id`: `active` (a purchase occasion in the window), `spend` in
        it, `spend_before` (in the 180 days before), `spend_recent` (in the `window_days` before),
        `idle_days` (since the last purchase before; null without one), `purchases` (all before).
    """
    amount = pl.col("amount")
    when = pl.col("purchase_day")
    until = day if history_until is None else min(day, history_until)
    long, short = (when >= until - timedelta(days=days) for days in (HISTORY_DAYS, window_days))
    before = occasions.filter(when < until)
    history = before.group_by("customer_id").agg(
        spend_before=_exact(amount.filter(long)),
        spend_recent=_exact(amount.filter(short)),
        idle_days=(pl.lit(until) - when.max()).dt.total_days(),
        purchases=pl.len().cast(pl.Int64),
    )
    inside = occasions.filter((when >= day) & (when < day + timedelta(days=window_days)))
    found = inside.group_by("customer_id").agg(active=pl.lit(True).first(), spend=_exact(amount))
    return (
        customers.join(history, on="customer_id", how="left")
        .join(found, on="customer_id", how="left")
        .with_columns(
            pl.col("active").fill_null(False),
            pl.col("spend", "spend_before", "spend_recent").fill_null(0.0),
            pl.col("purchases").fill_null(0),
        )
        .sort("customer_id")
    )


def winsorised(values: np.ndarray) -> np.ndarray:
    """Values drawn in to their own 1 % and 99 % quantiles, both arms together."""
    if not len(values):
        return values
    return np.clip(values, *np.quantile(values, [TAIL, 1 - TAIL]))


def tail_share(spend: np.ndarray) -> float | None:
    """What share of all spend lies beyond the limit of winsorising; None without spend."""
    total = float(spend.sum())
    return float((spend - winsorised(spend)).sum()) / total if total > 0 else None


def covariates(found: pl.DataFrame) -> np.ndarray:
    """What spend is adjusted for: all of it was known before the window began.

    Args:
        found: as `outcomes` returns it; a column `stratum` is adjusted for too, where its strata hold
            20 customers on average.

    Returns:
        One row per customer: winsorised spend of the 180 days before, log(1 + idle days) and log(1 +
        purchases), then one column for each stratum but the first. Whoever never bought counts as
        idle for as long as the longest.
    """
    idle = found["idle_days"].cast(pl.Float64)
    longest = idle.max()
    idle = idle.fill_null(0.0 if longest is None else longest)
    known = np.column_stack(
        [
            winsorised(found["spend_before"].to_numpy()),
            np.log1p(idle.to_numpy()),
            np.log1p(found["purchases"].to_numpy().astype(float)),
        ]
    )
    place = strata(found)
    if place is None:
        return known
    return np.column_stack([known, np.eye(place.max() + 1)[place][:, 1:]])


def strata(found: pl.DataFrame) -> np.ndarray | None:
    """The stratum of each customer as a whole number from 0.

    None where there is one stratum only, the column `stratum` is missing or has gaps, or strata hold
    fewer than 20 customers on average: then they are not taken into account, which costs precision only.
    """
    if "stratum" not in found.columns or found["stratum"].null_count():
        return None
    names, place = np.unique(found["stratum"].to_numpy(), return_inverse=True)
    return place if 2 <= len(names) <= _MOST_STRATA_SHARE * found.height else None


def _exact(amount: pl.Expr) -> pl.Expr:
    """A sum of money that is the same whatever the order of its parts, as a float."""
    return amount.sum().cast(pl.Float64)
