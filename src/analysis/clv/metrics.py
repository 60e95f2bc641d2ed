"""How far forecasts were from what happened. Plain arrays in, plain numbers out.

Definitions as in the reference tables of the field: WAPE = sum |error| / sum of outcomes; bias = sum
of forecasts / sum of outcomes - 1; MSLE on logarithms of one plus the value; the Gini of the
ranking over that of the perfect ranking; top decile overlap = share of the best tenth that was
forecast as such.
"""

import numpy as np
from scipy.stats import pearsonr, rankdata, spearmanr

TENTHS = 10


def error_metrics(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """Errors of forecasts per customer; a metric that the data leave undefined is None."""
    error, total = predicted - actual, float(actual.sum())
    varied = len(actual) > 2 and np.ptp(actual) > 0 and np.ptp(predicted) > 0
    return {
        "mae": float(np.abs(error).mean()),
        "wape": float(np.abs(error).sum() / total) if total else None,
        "rmse": float(np.sqrt((error**2).mean())),
        "msle": float(((np.log1p(predicted) - np.log1p(actual)) ** 2).mean()),
        "bias": float(predicted.sum() / total - 1) if total else None,
        "pearson": float(pearsonr(actual, predicted)[0]) if varied else None,
        "spearman": float(spearmanr(actual, predicted)[0]) if varied else None,
        "gini": normalised_gini(actual, predicted),
        "top_decile_overlap": _top_overlap(actual, predicted) if varied else None,
        "top_decile_lift": _top_lift(actual, predicted) if varied and total else None,
        "decile_mape": _decile_mape(actual, predicted) if varied else None,
    }


def activity_metrics(active: np.ndarray, chance: np.ndarray) -> dict[str, float | None]:
    """AUC, Brier score, log-loss and accuracy at one half of chances to buy.

    Args:
        active: 1 for customers who bought, else 0.
        chance: their chances, from 0 to 1.
    """
    bounded = np.clip(chance, 1e-12, 1 - 1e-12)
    loss = -(active * np.log(bounded) + (1 - active) * np.log1p(-bounded))
    return {
        "auc": auc(active, chance),
        "brier": float(((chance - active) ** 2).mean()),
        "log_loss": float(loss.mean()),
        "accuracy": float(((chance >= 0.5) == (active > 0)).mean()),
    }


def auc(active: np.ndarray, score: np.ndarray) -> float | None:
    """Chance that a buyer is ranked above somebody who did not buy, ties counted half."""
    buyers = int(active.sum())
    others = len(active) - buyers
    if not buyers or not others:
        return None
    ranks = rankdata(score)
    return float((ranks[active > 0].sum() - buyers * (buyers + 1) / 2) / (buyers * others))


def normalised_gini(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    """Gini of outcomes ranked by forecast over that of the perfect ranking; mean ranks for ties."""

    def gini(order_by: np.ndarray) -> float:
        ranks = rankdata(order_by)
        return float((2 * ranks - len(ranks) - 1) @ actual)

    best = gini(actual)
    if best == 0 or np.ptp(predicted) == 0:
        return None
    return gini(predicted) / best


def deciles(actual: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean forecast and mean outcome in ten equal groups by forecast, the lowest first."""
    order = np.argsort(predicted, kind="stable")
    groups = [group for group in np.array_split(order, TENTHS) if len(group)]
    return (
        np.array([predicted[group].mean() for group in groups]),
        np.array([actual[group].mean() for group in groups]),
    )


def _decile_mape(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    forecast, outcome = deciles(actual, predicted)
    sold = outcome > 0
    return float((np.abs(forecast - outcome)[sold] / outcome[sold]).mean()) if sold.any() else None


def _top(values: np.ndarray) -> np.ndarray:
    """The top tenth; ties at its edge are shared by the order of the rows."""
    count = max(1, round(len(values) / TENTHS))
    return np.argsort(-values, kind="stable")[:count]


def _top_overlap(actual: np.ndarray, predicted: np.ndarray) -> float:
    both = np.intersect1d(_top(actual), _top(predicted))
    return len(both) / len(_top(actual))


def _top_lift(actual: np.ndarray, predicted: np.ndarray) -> float:
    return float(actual[_top(predicted)].mean() / actual.mean())
