"""Ways to give each customer a chance of no purchase, and which of them serves this base.

All read one snapshot; those that learn do so from earlier snapshots whose windows had closed by its
cut-off. Levels are set for the season, so that methods differ in how they rank customers only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier

from analysis.churn.features import feature_columns
from analysis.churn.logistic import Logistic, fit_logistic, logarithms, shift_to
from analysis.churn.measures import rank
from analysis.churn.snapshots import Snapshot, Snapshots
from analysis.run.months import Month

LOGISTIC, BTYD_CHANCE, IDLE_TIME, THREE_SIGNALS = COMPETING = (
    "logistic",
    "btyd",
    "idle_time",
    "three_signals",
)
BOOSTING = "boosting"  # for comparison, never chosen: its reasons do not add up
LEARNING = (LOGISTIC, BOOSTING)
LEAST_EVENTS = 50  # customers of each kind, below which nothing is learned
MOST_TRAINING = 2  # snapshots; more serve no better
MOST_ORIGINS = 4
TIE = 0.005  # a gain of AUC that is no reason to leave the default
LEAST_SEASON_HISTORY_DAYS = 180  # before the window a year ago
MOST_SEASON = 15  # closed windows looked at, as far back as two months before a year ago
MOST_SEASON_DAYS = 90  # windows that begin further apart lie in different seasons
SEED = 0
TOO_FEW_EVENTS, NOT_COMPARED, COMPARED = "too_few_events", "not_compared", "compared"


@dataclass(frozen=True)
class Choice:
    """Which method serves, and why (`TOO_FEW_EVENTS`, `NOT_COMPARED`, `COMPARED`: keys of words).

    `table` has one row per method: `method`, `auc` (mean over the windows; null where it was not
    compared), `windows`, `chosen`.
    """

    method: str
    reason: str
    cut_offs: list[date]
    table: pl.DataFrame


@dataclass(frozen=True)
class Scores:
    """Chances of no purchase in the order of the snapshot's features; `model` of the logistic one."""

    method: str
    chance: np.ndarray
    model: Logistic | None = None


def idle_time(snapshot: Snapshot) -> np.ndarray:
    """Log-odds by days of silence alone: silence for d days lasts H more with chance d / (d + H).

    That is a customer's exponential purchasing under a flat prior on its logarithmic rate.
    """
    idle = snapshot.features["idle_days"].clip(lower_bound=0.5).to_numpy()
    return np.log(idle / snapshot.horizon_days)


def three_signals(snapshot: Snapshot) -> np.ndarray:
    """How many of the signals a customer shows."""
    found = signals(snapshot.features.columns).values()
    count = pl.sum_horizontal(signal.cast(pl.Float64) for signal in found)
    return snapshot.features.select(count.alias("signals"))["signals"].to_numpy()


def signals(columns: list[str]) -> dict[str, pl.Expr]:
    """Three signals of leaving that need no model: slower purchases, complaints, fewer contacts.

    Purchases are slower where the last 90 days brought fewer than the pace before them would have.

    Args:
        columns: of the features; a signal whose table is missing is left out.
    """
    before = (pl.col("tenure_days") - 90).clip(lower_bound=1)
    pace = (pl.col("purchases") - pl.col("purchases_90")) / before * 90
    found = {"slower": pl.col("purchases_90") < pace}
    if "complaints_365" in columns:
        found["complained"] = pl.col("complaints_365") > 0
    if "interactions_drop" in columns:
        found["fewer_contacts"] = pl.col("interactions_drop") > 0
    return found


def btyd(snapshot: Snapshot) -> np.ndarray:
    """Log-odds of no purchase by the model of purchases."""
    return logit(snapshot.btyd)


RULES: dict[str, Callable[[Snapshot], np.ndarray]] = {
    BTYD_CHANCE: btyd,
    IDLE_TIME: idle_time,
    THREE_SIGNALS: three_signals,
}


def learn_logistic(training: list[Snapshot], snapshot: Snapshot) -> Logistic:
    """The logistic model from closed snapshots, on the features that all of them have."""
    rows, left, columns = _stacked(training, snapshot)
    return fit_logistic(rows, left, columns)


def boosting(training: list[Snapshot], snapshot: Snapshot) -> np.ndarray:
    """Log-odds by small boosted trees."""
    rows, left, columns = _stacked(training, snapshot)
    ordered = rows.with_columns(left=pl.Series(left)).sort(*columns, "left")
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=50, random_state=SEED
    )
    model.fit(logarithms(ordered, columns), ordered["left"].to_numpy())
    return model.decision_function(logarithms(snapshot.features, columns))


def score(snapshots: Snapshots, cut_off: date, method: str) -> Scores:
    """Chances by one method, at the season's level.

    Raises:
        ValueError: if a method that learns has too few events; see `enough`.
    """
    key = (cut_off, method)
    if key not in snapshots.scores:
        snapshots.scores[key] = _score(snapshots, cut_off, method)
    return snapshots.scores[key]


def _score(snapshots: Snapshots, cut_off: date, method: str) -> Scores:
    snapshot = snapshots.at(cut_off)
    model = None
    if method in LEARNING:
        training = snapshots.closed(cut_off, MOST_TRAINING)
        if not enough(training):
            raise ValueError(f"too few events before {cut_off} to learn from")
        if method == LOGISTIC:
            model = learn_logistic(training, snapshot)
            logits = model.logits(snapshot.features)
        else:
            logits = boosting(training, snapshot)
    else:
        logits = RULES[method](snapshot)
    level = season_level(snapshots, cut_off)
    shift = 0.0 if level is None else shift_to(logits, level)
    return Scores(method, expit(logits + shift), model.shifted(shift) if model else None)


def season_level(snapshots: Snapshots, cut_off: date) -> float | None:
    """The share without purchase to expect of the whole base in the window.

    The total of the model of purchases, corrected for the season where purchases reach back far
    enough; see `_season`. Where no such model can be fitted, the share in the last closed window, or
    None.
    """
    snapshot = snapshots.at(cut_off)
    if not snapshot.btyd_usable:
        closed = snapshots.closed(cut_off, 1)
        return _inside(float(closed[0].no_purchase.mean())) if closed else None
    return float(expit(logit(snapshot.btyd.mean()) + _season(snapshots, cut_off)))


def _season(snapshots: Snapshots, cut_off: date) -> float:
    """What the model of purchases misses at this time of the year beyond all year, in log-odds.

    The mean miss of the windows of a year ago, each weighed by the share of its days that it has in
    common with the one exactly a year ago, less the plain mean of the last twelve closed ones: one
    window alone is mostly luck, and what is missed in every month is no season. 0 where purchases do
    not reach back far enough.
    """
    a_year_before = _a_year_before(snapshots, cut_off)
    if a_year_before is None:
        return 0.0
    known = [
        one
        for one in snapshots.closed(cut_off, MOST_SEASON)
        if one.btyd_usable and (one.cut_off - snapshots.first_day).days >= LEAST_SEASON_HISTORY_DAYS
    ]
    missed = [logit(_inside(one.no_purchase.mean())) - logit(one.btyd.mean()) for one in known]
    apart = np.array([abs((one.cut_off - a_year_before.cut_off).days) for one in known])
    common = np.clip(1 - apart / min(snapshots.horizon_days, MOST_SEASON_DAYS), 0, 1)
    return float(np.average(missed, weights=common) - np.mean(missed[-12:]))


def enough(training: list[Snapshot]) -> bool:
    """Whether the latest closed snapshot has enough customers of each kind to learn from."""
    if not training:
        return False
    left = int(training[-1].no_purchase.sum())
    return min(left, len(training[-1].no_purchase) - left) >= LEAST_EVENTS


def choose(snapshots: Snapshots, cut_off: date) -> Choice:
    """Which method serves at a cut-off, judged on earlier windows that had closed by then.

    The logistic model serves unless another's mean AUC is higher by more than `TIE`, or nothing
    could be compared; with too few events, days of silence do.
    """
    training = snapshots.closed(cut_off, MOST_TRAINING)
    if not enough(training):
        return _choice(IDLE_TIME, TOO_FEW_EVENTS, {}, [])
    found: dict[str, list[float]] = {name: [] for name in COMPETING}
    cut_offs = []
    for origin in snapshots.closed(cut_off, MOST_ORIGINS):
        if not (enough([origin]) and enough(snapshots.closed(origin.cut_off, MOST_TRAINING))):
            continue
        cut_offs.append(origin.cut_off)
        for name, values in found.items():
            values.append(rank(origin.no_purchase, score(snapshots, origin.cut_off, name).chance))
    if not cut_offs:
        return _choice(LOGISTIC, NOT_COMPARED, {}, [])
    means = {name: float(np.mean(values)) for name, values in found.items()}
    best = max(COMPETING, key=means.get)
    chosen = best if means[best] > means[LOGISTIC] + TIE else LOGISTIC
    return _choice(chosen, COMPARED, means, cut_offs)


def _choice(method: str, reason: str, means: dict[str, float], cut_offs: list[date]) -> Choice:
    rows = [(name, means.get(name), len(cut_offs), name == method) for name in COMPETING]
    schema = {"method": pl.String, "auc": pl.Float64, "windows": pl.Int64, "chosen": pl.Boolean}
    return Choice(method, reason, cut_offs, pl.DataFrame(rows, schema=schema, orient="row"))


def _stacked(
    training: list[Snapshot], snapshot: Snapshot
) -> tuple[pl.DataFrame, np.ndarray, tuple[str, ...]]:
    everywhere = [set(one.features.columns) for one in (*training, snapshot)]
    columns = feature_columns(set.intersection(*everywhere))
    rows = pl.concat([one.features.select(columns) for one in training])
    return rows, np.concatenate([one.no_purchase for one in training]), columns


def _a_year_before(snapshots: Snapshots, cut_off: date) -> Snapshot | None:
    """The closed snapshot a year ago with a usable fit, if purchases reach far enough before it."""
    day = Month.of(cut_off.replace(day=1, year=cut_off.year - 1)).last_day
    if (day - snapshots.first_day).days < LEAST_SEASON_HISTORY_DAYS:
        return None
    earlier = snapshots.at(day)
    known_by_then = earlier.no_purchase is not None and earlier.closes <= cut_off
    return earlier if known_by_then and earlier.btyd_usable else None


def _inside(rate: float) -> float:
    return float(np.clip(rate, 1e-4, 1 - 1e-4))
