"""How long customers wait, counting those who still wait: median, and share within a limit."""

import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import CensoredData, ecdf

from analysis.intervals import CONFIDENCE, wilson

FEW = 20  # cases below which a figure is marked as resting on few
_HALF = 0.5 + 1e-12  # a survival of one half reaches the median, whatever the last digit


@dataclass(frozen=True)
class Waiting:
    """Times until an event, some still running.

    `median` with `median_low` and `median_high`, in the unit of the times; `share`, `low` and `high` of
    cases with the event within the limit (95 %). None where too little was watched to tell.
    `waiting` counts the cases whose event had not come.
    """

    cases: int
    waiting: int
    median: float | None
    median_low: float | None
    median_high: float | None
    share: float | None
    low: float | None
    high: float | None


def waiting(times: pl.Series, ended: pl.Series, limit: float) -> Waiting:
    """The Kaplan-Meier estimate of how long cases wait.

    The interval of survival is on the scale log(-log S) with Greenwood's variance (scipy.stats.ecdf);
    that of the median holds the times at which it covers one half (Brookmeyer and Crowley 1982,
    Biometrics 38). Where survival at the limit is 0 or 1, Greenwood's variance says nothing, so
    Wilson's interval stands, over the cases that were watched up to the limit or had the event before.
    Cases count as independent.

    Args:
        times: time to the event, or as long as it was watched; null counts nowhere.
        ended: whether the event came.
        limit: in the unit of the times.
    """
    rows = pl.DataFrame({"time": times, "ended": ended}).drop_nulls().sort("time", "ended")
    took, came = rows["time"].to_numpy().astype(float), rows["ended"].to_numpy().astype(bool)
    running = int((~came).sum())
    if not len(took):
        return Waiting(0, 0, None, None, None, None, None, None)
    survival = ecdf(CensoredData(uncensored=took[came], right=took[~came])).sf
    low, high = _limits(survival)
    at, medians = survival.quantiles, []
    for curve in (survival.probabilities, low, high):
        reached = np.flatnonzero(curve <= _HALF)
        medians.append(float(at[reached[0]]) if len(reached) else None)
    share = _within(took, came, limit, (at, survival.probabilities, low, high))
    return Waiting(len(took), running, *medians, *share)


def share_of(values: pl.Series) -> tuple[float | None, float | None, float | None, int]:
    """The share of true values with Wilson's limits, and of how many."""
    if values.is_empty():
        return None, None, None, 0
    rate, count = np.array([values.mean()], float), np.array([values.len()])
    low, high = (float(np.clip(one[0], 0, 1)) for one in wilson(rate, count))
    return float(rate[0]), low, high, values.len()


def _limits(survival) -> tuple[np.ndarray, np.ndarray]:
    """Limits of survival; before the first event 1, and where nobody is left 0 to the limit before."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # says that it is not defined at 0 and 1
        found = survival.confidence_interval(confidence_level=CONFIDENCE, method="log-log")
    low, high = (np.array(one.probabilities, float) for one in (found.low, found.high))
    level = survival.probabilities
    low[level >= 1], high[level >= 1] = 1.0, 1.0
    low[level <= 0] = 0.0
    before = 1.0
    for place in range(len(high)):
        if not np.isfinite(high[place]):
            high[place] = before
        before = high[place]
    low[~np.isfinite(low)] = 0.0
    return low, high


def _within(took, came, limit: float, curves: tuple) -> tuple[float | None, ...]:
    """The share with the event within the limit, with its interval."""
    at, level, low, high = curves
    if limit > took[-1] and level[-1] > 0:
        return None, None, None  # nobody was watched that long
    place = int(np.searchsorted(at, limit, side="right")) - 1
    share = 0.0 if place < 0 else 1 - float(level[place])
    if 0 < share < 1:
        return share, 1 - float(high[place]), 1 - float(low[place])
    seen = int((came | (took >= limit)).sum())
    limits = wilson(np.array([share]), np.array([max(seen, 1)]))
    return share, *(float(np.clip(one[0], 0, 1)) for one in limits)
