"""Is the churn score right? Checked on the last window that is already closed."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from sklearn.metrics import brier_score_loss, roc_auc_score

from analysis.clv.holdout import LEAST_CALIBRATION_DAYS, hold_out
from analysis.clv.origins import Past
from analysis.intervals import wilson

LEAST_OUTCOMES = 20  # customers of each kind, below which no rate is worth printing
BINS = 10


@dataclass(frozen=True)
class Check:
    """What the scores said at the cut-off, and what came."""

    cut_off: date
    horizon_days: int
    scored: pl.DataFrame  # customer_id, no_purchase (the outcome), one column per score


def closed_window(occasions: pl.DataFrame, as_of: date, horizon_days: int) -> Check | None:
    """Score the customers `horizon_days` ago and add who bought nothing since.

    Args:
        occasions: the table `occasions`.

    Returns:
        None where the history is too short or one of the outcomes too rare to tell anything.
    """
    cut_off = as_of - timedelta(days=horizon_days)
    first = occasions["purchase_day"].min()
    if (cut_off - first).days < LEAST_CALIBRATION_DAYS:
        return None
    past = hold_out(Past(occasions, as_of), cut_off)
    known, models = past.customers, past.models
    scored = known.select(
        "customer_id",
        no_purchase=pl.col("actual_purchases") == 0,
        idle_time=pl.col("T") - pl.col("recency"),
    ).with_columns(
        model=1 - models.probability_active(known, horizon_days),
        not_alive=1 - models.probability_alive(known),
    )
    left = int(scored["no_purchase"].sum())
    if min(left, scored.height - left) < LEAST_OUTCOMES or not models.purchases.usable:
        return None
    return Check(cut_off, horizon_days, scored)


def check_metrics(check: Check) -> pl.DataFrame:
    """AUC of each score; Brier score and calibration error of the model, and of the base rate.

    Returns:
        One row per score and metric, in the columns of the table `churn_fit`. Scores: `model`
        (P(no purchase)), `idle_time` (days since the last purchase), `not_alive` (1 - P(alive),
        a warning), `base_rate` (everybody alike).
    """
    outcome = check.scored["no_purchase"].cast(pl.Float64).to_numpy()
    rows = [
        {"score": score, "metric": "auc", "value": roc_auc_score(outcome, check.scored[score])}
        for score in ("model", "idle_time", "not_alive")
    ]
    model = check.scored["model"].to_numpy()
    bins = calibration(check)
    error = (bins["observed"] - bins["predicted"]).abs() * bins["customers"]
    base = outcome.mean()
    rows += [
        {"score": "model", "metric": "brier", "value": brier_score_loss(outcome, model)},
        {"score": "model", "metric": "calibration_error", "value": error.sum() / len(outcome)},
        {"score": "base_rate", "metric": "brier", "value": float(base * (1 - base))},
        {"score": "base_rate", "metric": "rate", "value": float(base)},
        {"score": "model", "metric": "rate", "value": float(model.mean())},
    ]
    return _dated(pl.DataFrame(rows), check.cut_off, check.horizon_days)


def calibration(check: Check) -> pl.DataFrame:
    """Predicted against observed rate of no purchase, in up to ten bins; equal scores share a bin.

    Returns:
        One row per bin: `predicted`, `observed`, `low`, `high` (95 % Wilson interval), `customers`.
    """
    scores = check.scored["model"]
    edges = sorted({float(scores.quantile(i / BINS, "nearest")) for i in range(1, BINS)})
    bin_number = np.searchsorted(edges, scores.to_numpy(), side="left")
    bins = (
        check.scored.with_columns(bin=pl.Series(bin_number))
        .group_by("bin")
        .agg(
            predicted=pl.col("model").mean().round(9),
            observed=pl.col("no_purchase").mean(),
            customers=pl.len().cast(pl.Int64),
        )
        .sort("bin")
        .drop("bin")
    )
    low, high = wilson(bins["observed"].to_numpy(), bins["customers"].to_numpy())
    return bins.with_columns(low=low, high=high)


def metric(churn_fit: pl.DataFrame, score: str, name: str) -> float | str:
    """One value of the table `churn_fit`, or `untested`."""
    found = churn_fit.filter((pl.col("score") == score) & (pl.col("metric") == name))["value"]
    return found[0] if found.len() and found[0] is not None else "untested"


def no_check(as_of: date, horizon_days: int) -> pl.DataFrame:
    """The table `churn_fit` of a month in which nothing could be checked."""
    row = pl.DataFrame({"score": ["model"], "metric": ["auc"], "value": [None]})
    return _dated(row, as_of - timedelta(days=horizon_days), horizon_days)


def _dated(rows: pl.DataFrame, cut_off: date, horizon_days: int) -> pl.DataFrame:
    return rows.with_columns(
        pl.col("value").cast(pl.Float64),
        cut_off=pl.lit(cut_off),
        horizon_days=pl.lit(horizon_days, dtype=pl.Int64),
    )
