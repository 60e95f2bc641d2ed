"""How long customers take to come back, and how likely they still do after a silence."""

from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from analysis.churn.snapshots import Snapshot
from analysis.intervals import Z, wilson

MILESTONES = (30, 60, 90, 180, 270, 365)
BANDS = (0, 30, 60, 90, 120, 180, 270, 365)  # days of silence from which a band begins
RETURNED = 0.9  # of those seen to come back, as many have done so within the suggested window
STEP_DAYS = 30
LEAST_IN_BAND = 10
_CURVE = {"days": pl.Int64, "returned": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def time_to_next(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Kaplan-Meier: who has bought again so many days after a purchase.

    Every purchase starts a clock that the next one stops; the last one's clock is stopped by as_of
    (censored). Gaps of one customer go together, so the variance adds up by customer (Ying and Wei
    1994, Journal of Multivariate Analysis 50); the interval is on the scale log(-log S).

    Args:
        occasions: the table `occasions`.
        as_of: the last day that counts.

    Returns:
        One row per day from 1 that was watched long enough: `days`, `returned` (share from 0 to 1),
        `low`, `high` (95 % interval at the days of `MILESTONES`, null elsewhere).
    """
    gaps = _gaps(occasions, as_of)
    if gaps.is_empty():
        return pl.DataFrame(schema=_CURVE)
    days, ended = gaps["days"].to_numpy(), gaps["ended"].to_numpy()
    events = np.bincount(days[ended], minlength=days.max() + 1).astype(float)
    watched = np.bincount(days, minlength=len(events))[::-1].cumsum()[::-1].astype(float)
    survival = np.cumprod(1 - events / watched)
    table = pl.DataFrame(
        {"days": np.arange(1, len(events)), "returned": 1 - survival[1:]},
        schema_overrides={"days": pl.Int64},
    )
    reached = [day for day in MILESTONES if day < len(events)]
    limits = [(day, *_interval(gaps, events, watched, survival[day], day)) for day in reached]
    schema = {name: _CURVE[name] for name in ("days", "low", "high")}
    known = pl.DataFrame(limits, schema=schema, orient="row")
    return table.join(known, on="days", how="left", maintain_order="left")


def _gaps(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    day = pl.col("purchase_day")
    rows = occasions.filter(day <= as_of).sort("customer_id", "purchase_day")
    following = day.shift(-1).over("customer_id")
    return rows.select(
        customer=pl.col("customer_id").rank("dense").cast(pl.Int64) - 1,
        days=(following.fill_null(as_of) - day).dt.total_days(),
        ended=following.is_not_null(),
    ).filter(pl.col("days") > 0)


def _interval(gaps, events, watched, survival: float, until: int) -> tuple[float | None, ...]:
    """Limits of the share returned; the influence of each gap summed by customer."""
    if not 0 < survival < 1:
        return None, None
    days, ended = gaps["days"].to_numpy(), gaps["ended"].to_numpy()
    hazard = np.cumsum(events / watched**2)
    within = np.minimum(days, until)
    influence = (ended & (days <= until)) / watched[within] - hazard[within]
    each = np.bincount(gaps["customer"].to_numpy(), weights=influence)
    error = np.sqrt((each**2).sum()) / abs(np.log(survival))
    centre = np.log(-np.log(survival))
    far, near = (float(np.exp(-np.exp(centre + sign * Z * error))) for sign in (1, -1))
    return 1 - near, 1 - far


def suggested_window(curve: pl.DataFrame) -> int | None:
    """The days within which nine in ten of those seen to come back have done so, in steps of 30.

    Args:
        curve: as `time_to_next` returns it.

    Returns:
        None where nobody came back.
    """
    if curve.is_empty() or curve["returned"][-1] == 0:
        return None
    enough = curve.filter(pl.col("returned") >= RETURNED * curve["returned"][-1])
    return int(-(-enough["days"][0] // STEP_DAYS) * STEP_DAYS)


def return_curve(snapshot: Snapshot) -> pl.DataFrame:
    """How often customers silent for so long bought in the closed window after the cut-off.

    Returns:
        One row per band with at least ten customers: `silent` (text, days), `middle` (their mean days
        of silence), `customers`, `returned` (share), `low`, `high` (95 % Wilson interval).
    """
    names = [f"{start + (start > 0)}–{end}" for start, end in pairwise(BANDS)] + [f"> {BANDS[-1]}"]
    grouped = (
        snapshot.features.select(
            "idle_days", came=pl.Series(~snapshot.no_purchase, dtype=pl.Boolean)
        )
        .group_by(silent=pl.col("idle_days").cut(BANDS[1:], labels=names).cast(pl.Enum(names)))
        .agg(
            middle=pl.col("idle_days").mean().round(6),
            customers=pl.len().cast(pl.Int64),
            returned=pl.col("came").mean(),
        )
        .filter(pl.col("customers") >= LEAST_IN_BAND)
        .sort("silent")
        .with_columns(pl.col("silent").cast(pl.String))
    )
    low, high = wilson(grouped["returned"].to_numpy(), grouped["customers"].to_numpy())
    return grouped.with_columns(low=low, high=high)
