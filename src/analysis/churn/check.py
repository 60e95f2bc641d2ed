"""How good the score was on the last window that is closed: every method, judged by what came."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from analysis.churn.backtest import EARLIER, chances, last_months_model
from analysis.churn.measures import (
    auc_difference,
    auc_interval,
    brier_difference,
    calibration_error,
    measure,
)
from analysis.churn.predictors import LOGISTIC, choose, score
from analysis.churn.snapshots import Snapshot, Snapshots
from analysis.intervals import wilson
from analysis.run.months import Month

MOST_WINDOWS = 6
LEAST_OUTCOMES = 20  # customers of each kind, below which no rate is worth printing
NOT_ALIVE, BASE_RATE = "not_alive", "base_rate"
BINS = 10
_METRICS = ("auc", "brier", "log_loss", "calibration_error", "calibration_noise", "predicted")


@dataclass(frozen=True)
class Check:
    """What the scores said at the cut-off of a closed window, and what came.

    `served` is the method that would have served at the cut-off, chosen by what was known then;
    `chances` are aligned with the snapshot's features, by method; `not_alive` ranks only.
    """

    snapshot: Snapshot
    served: str
    chances: dict[str, np.ndarray]

    @property
    def cut_off(self) -> date:
        return self.snapshot.cut_off

    @property
    def left(self) -> np.ndarray:
        """Whether each customer bought nothing in the window."""
        return self.snapshot.no_purchase

    @property
    def chance(self) -> np.ndarray:
        """What the score in use gave to that."""
        return self.chances[self.served]

    @property
    def probabilities(self) -> dict[str, np.ndarray]:
        """The chances of no purchase alone, without scores that rank only."""
        return {name: one for name, one in self.chances.items() if name != NOT_ALIVE}

    @property
    def scored(self) -> pl.DataFrame:
        """One row per customer: `customer_id`, `no_purchase`, `model` (the chance in use)."""
        return self.snapshot.features.select("customer_id").with_columns(
            no_purchase=pl.Series(self.left), model=pl.Series(self.chance)
        )


def last_closed(snapshots: Snapshots) -> Check | None:
    """The check on the last month end whose window is closed.

    Returns:
        None where no window is closed, or one of the outcomes is too rare to tell anything.
    """
    closed = snapshots.closed(snapshots.as_of, 1)
    if not closed:
        return None
    snapshot = closed[0]
    left = int(snapshot.no_purchase.sum())
    if min(left, len(snapshot.no_purchase) - left) < LEAST_OUTCOMES:
        return None
    served = choose(snapshots, snapshot.cut_off).method
    found = chances(snapshots, snapshot.cut_off)
    earlier = last_months_model(
        snapshots, snapshot.cut_off, Month.of(snapshot.cut_off).previous.last_day
    )
    if earlier is not None:
        found[EARLIER] = earlier.chance
    found[NOT_ALIVE] = 1 - snapshot.models.probability_alive(snapshot.customers)
    return Check(snapshot, served, found)


def calibration_together(snapshots: Snapshots) -> tuple[int, float] | None:
    """The calibration error over the last closed windows together, each scored as it would have been.

    One window holds much luck; of several, little remains. Windows of a quarter overlap from month to
    month, so they are fewer witnesses than they count.

    Returns:
        How many windows, up to six, and the error; None where there are fewer than two.
    """
    closed = snapshots.closed(snapshots.as_of, MOST_WINDOWS)
    if len(closed) < 2:
        return None
    chances_then = [
        score(snapshots, one.cut_off, choose(snapshots, one.cut_off).method).chance
        for one in closed
    ]
    left = np.concatenate([one.no_purchase for one in closed])
    return len(closed), calibration_error(left, np.concatenate(chances_then))


def fit_table(check: Check | None, as_of: date, horizon_days: int) -> pl.DataFrame:
    """The check as numbers.

    Returns:
        One row per score and metric, in the columns of the table `churn_fit`. For each score its
        measures; `gain`, `gain_low`, `gain_high`: by how much the AUC in use is higher (DeLong, 95 %).
        For `base_rate` (everybody the share that came): `rate`, `brier`, and the gain in Brier score.
        Where nothing was checked, one row without a value.
    """
    if check is None:
        row = {"score": LOGISTIC, "metric": "auc", "value": None, "served": True}
        return _dated([row], as_of, horizon_days)
    left, rows = check.left, []
    for name, chance in check.chances.items():
        values = measure(left, chance)
        kept = ("auc",) if name == NOT_ALIVE else _METRICS
        found = {metric: values[metric] for metric in kept}
        if name == check.served:
            found |= dict(zip(("auc_low", "auc_high"), auc_interval(left, chance), strict=True))
        else:
            found |= _gain(auc_difference(left, check.chance, chance))
        rows += _rows(name, found, name == check.served)
    rate = float(left.mean())
    base = {"rate": rate, "brier": rate * (1 - rate)}
    base |= _gain(brier_difference(left, np.full(len(left), rate), check.chance))
    rows += _rows(BASE_RATE, base, False)
    return _dated(rows, check.cut_off, horizon_days)


def values(churn_fit: pl.DataFrame) -> dict[tuple[str, str], float | None]:
    """The table `churn_fit` by score and metric; the score in use also under `model`."""
    found = {(row["score"], row["metric"]): row["value"] for row in churn_fit.iter_rows(named=True)}
    served = churn_fit.filter("served")
    return found | {
        ("model", metric): value for metric, value in served.select("metric", "value").rows()
    }


def fact(churn_fit: pl.DataFrame, score: str, metric: str) -> float | str:
    """One value of the table `churn_fit`, or `untested`."""
    value = values(churn_fit).get((score, metric))
    return "untested" if value is None else value


def scores_compared(churn_fit: pl.DataFrame) -> pl.DataFrame:
    """The scores side by side, for readers.

    Returns:
        One row per score, the one in use first: `score`, `auc`, `brier`, `calibration_error`,
        `lead`, `lead_low`, `lead_high` (of the AUC in use over this one's, 95 %).
    """
    wide = churn_fit.filter(pl.col("score") != BASE_RATE).pivot(
        on="metric", index=["score", "served"], values="value"
    )
    names = ["auc", "brier", "calibration_error", "gain", "gain_low", "gain_high"]
    absent = [pl.lit(None, pl.Float64).alias(name) for name in names if name not in wide.columns]
    return (
        wide.with_columns(absent)
        .sort("served", "auc", descending=True, nulls_last=True)
        .select("score", *names)
        .rename({name: name.replace("gain", "lead") for name in names[3:]})
    )


def readable(compared: pl.DataFrame) -> pl.DataFrame:
    """The scores side by side with figures as text; the lead beside its interval."""

    def text(name: str, form: str) -> pl.Series:
        values = [None if one is None else form.format(one) for one in compared[name]]
        return pl.Series(name, values, dtype=pl.String)

    low, high = text("lead_low", "{:+.3f}"), text("lead_high", "{:+.3f}")
    return compared.select("score").with_columns(
        text("auc", "{:.3f}"),
        text("brier", "{:.4f}"),
        text("calibration_error", "{:.1%}"),
        lead=pl.format("{} ({} … {})", text("lead", "{:+.3f}"), low, high),
    )


def reliability(check: Check) -> pl.DataFrame:
    """Predicted against observed share without purchase in ten groups of equal size.

    Returns:
        One row per group: `predicted`, `observed`, `low`, `high` (95 % Wilson interval), `customers`.
    """
    order = np.argsort(check.chance, kind="stable")
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    bins = pl.DataFrame(
        {
            "predicted": [round(float(check.chance[group].mean()), 9) for group in groups],
            "observed": [float(check.left[group].mean()) for group in groups],
            "customers": [len(group) for group in groups],
        }
    )
    low, high = wilson(bins["observed"].to_numpy(), bins["customers"].to_numpy())
    return bins.with_columns(low=low, high=high)


def _gain(triple: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip(("gain", "gain_low", "gain_high"), triple, strict=True))


def _rows(score: str, found: dict[str, float | None], served: bool) -> list[dict]:
    return [
        {"score": score, "metric": metric, "value": value, "served": served}
        for metric, value in found.items()
    ]


def _dated(rows: list[dict], cut_off: date, horizon_days: int) -> pl.DataFrame:
    schema = {"score": pl.String, "metric": pl.String, "value": pl.Float64, "served": pl.Boolean}
    return pl.DataFrame(rows, schema=schema).with_columns(
        cut_off=pl.lit(cut_off), horizon_days=pl.lit(horizon_days, dtype=pl.Int64)
    )
