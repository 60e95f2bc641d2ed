"""How good scores of leaving were, with the same measures for every base and every kind of customer."""

import numpy as np
import polars as pl
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedKFold

from analysis.churn.logistic import fit_logistic
from analysis.clv.metrics import TENTHS, activity_metrics, auc, deciles
from analysis.intervals import Z

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


def auc_interval(left: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of an AUC (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44)."""
    _, low, high = auc_difference(left, score, np.zeros(len(score)))
    return 0.5 + low, min(0.5 + high, 1.0)


def auc_difference(
    left: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[float, float, float]:
    """By how much the first score's AUC is higher on the same customers, with its 95 % interval.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; by ranks as Sun and Xu (2014).
    """
    gone = left.astype(bool)
    parts = [_components(gone, score) for score in (first, second)]
    of_left, of_stayed = (parts[0][place] - parts[1][place] for place in (0, 1))
    difference = float(of_left.mean())
    variance = of_left.var(ddof=1) / len(of_left) + of_stayed.var(ddof=1) / len(of_stayed)
    return difference, difference - Z * float(variance**0.5), difference + Z * float(variance**0.5)


def _components(gone: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each who left, the share of the others ranked lower; for each other, of those ranked higher."""
    ranks = rankdata(score)
    within_left, within_stayed = rankdata(score[gone]), rankdata(score[~gone])
    count_left, count_stayed = len(within_left), len(within_stayed)
    below = (ranks[gone] - within_left) / count_stayed
    above = 1 - (ranks[~gone] - within_stayed) / count_left
    return below, above


def brier_difference(
    left: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[float, float, float]:
    """By how much the first chance's Brier score is higher, with its 95 % interval over customers."""
    each = (first - left) ** 2 - (second - left) ** 2
    half = Z * float(each.std(ddof=1)) / len(each) ** 0.5
    return float(each.mean()), float(each.mean()) - half, float(each.mean()) + half


def verdict(low: float, high: float) -> str:
    """`good`, `equal` or `worse`, by where the interval of a gain lies."""
    return "good" if low > 0 else "worse" if high < 0 else "equal"


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
