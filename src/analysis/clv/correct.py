"""BTYD corrected: what a plain fit overlooks in the rhythm of purchases, learnt from earlier months.

A Poisson regression with the logarithm of the fit's expectation as its offset. Only the shape is
learnt: the total stays that of the fit. It is trained at earlier cut-offs whose windows are closed,
drawn back towards no correction as far as earlier forecasts ask for it, and used only where it has
shown a gain.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from sklearn.linear_model import PoissonRegressor

from analysis.clv.origins import Origin, Past

WINDOWS = (91, 61, 30)  # days of a training window, the longest that leaves enough cut-offs
TRAINED_ON, ENOUGH = 3, 2  # cut-offs
PENALTY = 1e-2  # on standardised features
LEAST_PURCHASES = 100  # in the training windows
_FLOOR = 1e-6


@dataclass(frozen=True)
class Correction:
    """A learnt shape: centre, scale and weight of each feature; `strength` from 0 (none) to 1."""

    centre: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    strength: float = 1.0

    def factors(self, customers: pl.DataFrame, expected: np.ndarray) -> np.ndarray:
        """What to multiply each customer's expectation with; the total of `expected` stays."""
        score = ((features(customers) - self.centre) / self.scale) @ self.weight
        factor = np.exp(np.clip(self.strength * (score - score.mean()), -3, 3))
        total = float((expected * factor).sum())
        return factor * (expected.sum() / total if total > 0 else 1.0)


def features(customers: pl.DataFrame) -> np.ndarray:
    """What the correction sees of a customer; shape (customers, features).

    Args:
        customers: a customer summary with the columns of `origins.with_features`.
    """
    columns = ("frequency", "recency", "T", "median_gap", "spend", "purchases")
    x, t_x, age, gap, spend, purchases = (
        customers[name].cast(pl.Float64).to_numpy() for name in columns
    )
    idle = age - t_x
    recent = [np.log1p(customers[f"last_{days}"].to_numpy()) for days in (30, 90, 180)]
    return np.column_stack(
        [
            np.log1p(x),
            np.log1p(idle),
            np.log1p(age),
            np.log1p(gap),
            np.log1p(idle) * np.log1p(x),
            *recent,
            np.log1p(np.maximum(spend, 0) / purchases),
            idle / np.maximum(age, 1),
            (x == 0).astype(float),
        ]
    )


def training_window(past: Past, cut_off: date) -> tuple[int, list[date]]:
    """Days and cut-offs to learn from at a cut-off; no cut-offs where the history is too short."""
    found = {days: past.cut_offs(days, TRAINED_ON, until=cut_off) for days in WINDOWS}
    for enough in (ENOUGH, 1):
        for days in WINDOWS:
            if len(found[days]) >= enough:
                return days, found[days]
    return WINDOWS[-1], []


def learn(past: Past, cut_off: date, model: str) -> Correction | None:
    """The correction of a model at a cut-off, from windows closed by then.

    Returns:
        None where nothing can be learnt: no earlier cut-off, or too few purchases after them.
    """
    days, cut_offs = training_window(past, cut_off)
    parts = [_training_rows(past.at(earlier), model, days) for earlier in cut_offs]
    if not parts:
        return None
    inputs, expected, actual = (np.concatenate(each) for each in zip(*parts, strict=True))
    if actual.sum() < LEAST_PURCHASES:
        return None
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    regression = PoissonRegressor(alpha=PENALTY, solver="newton-cholesky")
    # Purchases over expectation, weighed by the expectation: the same as an offset.
    regression.fit((inputs - centre) / scale, actual / expected, sample_weight=expected)
    return Correction(centre, scale, regression.coef_)


def _training_rows(origin: Origin, model: str, days: int) -> tuple[np.ndarray, ...]:
    expected = np.maximum(origin.expected(model, days), _FLOOR)
    actual = origin.outcomes(days)["purchases"].to_numpy()
    # The level of each window is taken out, so that a season does not pass for a shape.
    level = actual.sum() / expected.sum()
    return features(origin.customers), expected * max(level, _FLOOR), actual
