"""The logistic model of leaving as plain data: fit, scores, and an intercept for the season."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from analysis.churn.features import BTYD

# The L2 penalty weighs as much as so many rows out of all, whatever the size of the base: counts of
# 30 to 180 days hardly differ while a base is young, and weights learned on them with a weaker penalty
# fail a quarter later. Stronger ones draw chances towards the mean.
INVERSE_PENALTY_TIMES_ROWS = 300
WIDEST_SHIFT = 30.0


@dataclass(frozen=True)
class Logistic:
    """logit = intercept + sum of coefficient times standardised logarithm, over `columns`."""

    columns: tuple[str, ...]
    means: np.ndarray
    scales: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def standardised(self, features: pl.DataFrame) -> np.ndarray:
        """The model's inputs, one row per customer and one column per feature."""
        return (logarithms(features, self.columns) - self.means) / self.scales

    def logits(self, features: pl.DataFrame) -> np.ndarray:
        """Log-odds of leaving."""
        return self.intercept + self.standardised(features) @ self.coefficients

    def probability(self, features: pl.DataFrame) -> np.ndarray:
        """Chances of leaving."""
        return expit(self.logits(features))

    def shifted(self, shift: float) -> "Logistic":
        """The same ranking at another level."""
        return replace(self, intercept=self.intercept + shift)


def logarithms(features: pl.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """log(1 + |value|) with the value's sign; the BTYD term is a logarithm already."""
    value = {name: pl.col(name).cast(pl.Float64) for name in columns}
    logs = [
        one if name == BTYD else (one.sign() * one.abs().log1p()).alias(name)
        for name, one in value.items()
    ]
    return features.select(logs).to_numpy()


def fit_logistic(
    features: pl.DataFrame, left: np.ndarray, columns: tuple[str, ...] | None = None
) -> Logistic:
    """Fit with an L2 penalty on standardised logarithms.

    Args:
        features: one row per customer and snapshot; null or NaN is not allowed.
        left: the outcome of each row; both kinds must occur.
        columns: which features; all numeric ones by default. Constant ones get no weight.
    """
    if columns is None:
        columns = tuple(name for name in features.columns if features[name].dtype.is_numeric())
    rows = features.select(columns).with_columns(left=pl.Series(left)).sort(*columns, "left")
    inputs = logarithms(rows, columns)
    means, scales = inputs.mean(axis=0), inputs.std(axis=0)
    scales = np.where(scales > 1e-12, scales, 1.0)
    strength = INVERSE_PENALTY_TIMES_ROWS / rows.height
    model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=200)
    model.fit((inputs - means) / scales, rows["left"].to_numpy())
    return Logistic(columns, means, scales, model.coef_[0], float(model.intercept_[0]))


def shift_to(logits: np.ndarray, mean: float) -> float:
    """What to add to every logit so that the mean chance is the one given."""

    def miss(shift: float) -> float:
        return float(expit(logits + shift).mean()) - mean

    # Far enough that every chance is beyond the mean on either side.
    low, high = -WIDEST_SHIFT - logits.max(), WIDEST_SHIFT - logits.min()
    return float(brentq(miss, low, high, xtol=1e-12))
