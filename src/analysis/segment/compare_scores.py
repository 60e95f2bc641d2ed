"""What a classification foretells, measured on customers that it was not learnt from.

The customers are parted into folds. What the members of a class do is learnt on four folds and tried on
the fifth, so that many small classes cannot win by remembering who did what. A continuous score is tried
in the same folds; that makes the comparison a paired one.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from analysis.intervals import Z

FOLDS = 5
# A class counts as if that many customers who do what all do were in it: the mean of a class of one or
# two says little, and a class that the other folds lack gets the mean of all.
PRIOR_CUSTOMERS = 10
# Folds share most of the customers they learn from, so their results go together, and the plain variance
# of their mean is too small: Nadeau and Bengio (2003), Machine Learning 52.
_SHARED_LEARNING = 1 + FOLDS / (FOLDS - 1)


@dataclass(frozen=True)
class Separation:
    """Area under the ROC curve of several scores, and how far chance moves them together."""

    auc: np.ndarray
    covariance: np.ndarray

    def interval(self, one: int) -> tuple[float, float, float]:
        """The AUC of a score with its 95 % interval."""
        return _interval(self.auc[one], self.covariance[one, one], 0, 1)

    def lead(self, first: int, second: int) -> tuple[float, float, float]:
        """By how much the first score separates better than the second, with the 95 % interval."""
        spread = self.covariance
        variance = spread[first, first] + spread[second, second] - 2 * spread[first, second]
        return _interval(self.auc[first] - self.auc[second], variance, -1, 1)


def folds(active: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each customer, by lot within those who bought and those who did not.

    Args:
        active: whether each bought; the rows in an order that only their values decide.
        seed: for the lots.
    """
    random = np.random.default_rng(seed)
    found = np.empty(len(active), dtype=np.int64)
    for kind in (True, False):
        rows = np.flatnonzero(active == kind)
        found[rows] = random.permutation(np.arange(len(rows)) % FOLDS)
    return found


def of_classes(codes: np.ndarray, outcome: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """What the other folds' members of a customer's class did on average.

    Args:
        codes: the class of each customer, as whole numbers from 0.
        outcome: what each did, 0 or 1, or an amount.
        fold: as `folds` returns them.
    """
    scores, size = np.empty(len(codes)), int(codes.max()) + 1
    for part in range(FOLDS):
        learn, tried = fold != part, fold == part
        customers = np.bincount(codes[learn], minlength=size)
        total = np.bincount(codes[learn], weights=outcome[learn], minlength=size)
        prior = PRIOR_CUSTOMERS * outcome[learn].mean()
        scores[tried] = ((total + prior) / (customers + PRIOR_CUSTOMERS))[codes[tried]]
    return scores


def of_regression(
    features: np.ndarray, outcome: np.ndarray, fold: np.ndarray, logistic: bool
) -> np.ndarray:
    """The continuous score: a regression learnt on the other folds.

    Args:
        features: one row per customer.
        outcome: what each did.
        fold: as `folds` returns them.
        logistic: whether the outcome is 0 or 1, so that a chance is estimated and not an amount.
    """
    model = LogisticRegression(max_iter=1_000) if logistic else LinearRegression()
    scores = np.empty(len(outcome))
    for part in range(FOLDS):
        learn, tried = fold != part, fold == part
        fitted = make_pipeline(StandardScaler(), model).fit(features[learn], outcome[learn])
        found = fitted.decision_function if logistic else fitted.predict
        scores[tried] = found(features[tried])
    return scores


def separation(scores: np.ndarray, active: np.ndarray, fold: np.ndarray) -> Separation:
    """How well each score parts those who bought from those who did not.

    The area under the ROC curve is taken within each fold, since scores of different folds were learnt
    from different customers, and averaged. Its variance and that of differences is that of DeLong,
    DeLong and Clarke-Pearson (1988), Biometrics 44, widened for what the folds share.

    Args:
        scores: one row per score, one column per customer.
        active: whether each customer bought; both kinds in every fold.
        fold: as `folds` returns them.
    """
    total, weights = np.zeros(len(scores)), 0
    covariance = np.zeros((len(scores), len(scores)))
    for part in range(FOLDS):
        mine = fold == part
        bought = active[mine]
        placed = np.array([_placements(one, bought) for one in scores[:, mine]])
        yes, no = placed[:, bought], placed[:, ~bought]
        weight = yes.shape[1] * no.shape[1]
        weights += weight
        total += weight * yes.mean(axis=1)
        covariance += weight**2 * (np.cov(yes) / yes.shape[1] + np.cov(no) / no.shape[1])
    return Separation(total / weights, _SHARED_LEARNING * covariance / weights**2)


def explained(predicted: np.ndarray, outcome: np.ndarray, fold: np.ndarray) -> float:
    """Share of the outcome's variation that was foretold; 0 where the mean of all does no worse."""
    mean = np.empty(len(outcome))
    for part in range(FOLDS):
        mean[fold == part] = outcome[fold != part].mean()
    left = ((outcome - predicted) ** 2).sum()
    return max(0.0, float(1 - left / ((outcome - mean) ** 2).sum()))


def _placements(scores: np.ndarray, bought: np.ndarray) -> np.ndarray:
    """For each customer the share of the other kind that is ranked on the right side; ties count half."""
    placed = np.empty(len(scores))
    for kind in (True, False):
        others = np.sort(scores[bought != kind])
        mine = scores[bought == kind]
        below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        share = below / 2 / len(others)
        placed[bought == kind] = share if kind else 1 - share
    return placed


def _interval(value: float, variance: float, least: float, most: float) -> tuple:
    half = Z * np.sqrt(max(variance, 0))
    return float(value), float(max(value - half, least)), float(min(value + half, most))
