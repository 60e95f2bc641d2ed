"""How good scores of leaving were, with the same measures for every base and every kind of customer."""

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedKFold

from analysis.churn.logistic import fit_logistic
from analysis.clv.metrics import TENTHS, activity_metrics, auc, deciles

FOLDS = 5


def measure(left: np.ndarray, chance: np.ndarray) -> dict[str, float | None]:
    """What a score of leaving is worth once outcomes are known.

    Args:
        left: whether each customer left, or bought nothing.
        chance: the chance given to that, from 0 to 1.

    Returns:
        `auc` (None where all did the same), `brier`, `log_loss`, `accuracy`, `calibration_error`,
        `calibration_noise`, `rate` (share that left), `predicted` (mean chance), `brier_of_rate`
        (of giving everybody that share).
    """
    outcome = left.astype(float)
    rate = float(outcome.mean())
    return activity_metrics(outcome, chance) | {
        "calibration_error": calibration_error(left, chance),
        "calibration_noise": calibration_noise(chance),
        "rate": rate,
        "predicted": float(chance.mean()),
        "brier_of_rate": rate * (1 - rate),
    }


def rank(left: np.ndarray, score: np.ndarray) -> float | None:
    """AUC: the chance that somebody who left has the higher score, ties counted half."""
    return auc(left.astype(float), score)


def calibration_error(left: np.ndarray, chance: np.ndarray) -> float:
    """Mean distance of the mean chance from the share that left, over ten bins of equal count.

    Customers with the same chance may fall into two bins; weights are the bins' sizes.
    """
    predicted, observed = deciles(left.astype(float), chance)
    sizes = [len(part) for part in np.array_split(chance, len(predicted))]
    return float(np.average(np.abs(predicted - observed), weights=sizes))


def calibration_noise(chance: np.ndarray) -> float:
    """The calibration error to expect of exactly right chances, from the luck of the draw alone.

    A bin's share scatters normally around its mean chance; the mean of |normal| is sqrt(2 / pi)
    standard deviations.
    """
    bins = [part for part in np.array_split(np.sort(chance), TENTHS) if len(part)]
    scatter = [np.sqrt(2 / np.pi * (part * (1 - part)).sum()) for part in bins]
    return float(np.sum(scatter) / len(chance))


def cross_validated(features: pl.DataFrame, left: np.ndarray, seed: int = 0) -> np.ndarray:
    """Chances by the logistic model, each given by a fit that did not see the customer.

    For bases without dates, such as contracts at one day. Nothing is resampled.

    Args:
        features: numeric columns, one row per customer.
        seed: of the split into `FOLDS` parts.
    """
    chance = np.empty(len(left))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for rest, part in folds.split(np.zeros(len(left)), left):
        model = fit_logistic(features[rest], left[rest])
        chance[part] = model.probability(features[part])
    return chance
