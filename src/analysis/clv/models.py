"""The fits of a month together, and what stands in where one is not usable."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.clv import predict
from analysis.clv.fit import HISTORY, Fit


@dataclass(frozen=True)
class Models:
    """When customers buy and for how much; the base's own rates where a fit is not usable."""

    purchases: Fit
    spend: Fit
    base_rate: float  # repeat purchases per customer and day, over the whole base
    base_spend: float  # mean value per purchase

    @classmethod
    def of(cls, customers: pl.DataFrame, purchases: Fit, spend: Fit) -> "Models":
        """The fits beside the base's own rates.

        Args:
            customers: the table `customers`.
        """
        days = float(customers["T"].sum())
        return cls(
            purchases=purchases,
            spend=spend,
            base_rate=float(customers["frequency"].sum()) / days if days else 0.0,
            base_spend=round(float(customers["spend"].sum() / customers["purchases"].sum()), 6),
        )

    def expected_purchases(self, rows: pl.DataFrame, days, weights=1.0) -> np.ndarray:
        """Expected purchases of each row in the next `days`; see `predict.expected_purchases`."""
        if not self.purchases.usable:
            total = sum(day * weight for day, weight in np.broadcast(days, weights))
            return np.full(rows.height, self.base_rate * float(total))
        return predict.expected_purchases(self.purchases, *history(rows), days, weights)

    def probability_active(self, rows: pl.DataFrame, days: float) -> np.ndarray:
        """Chance of at least one purchase of each row in the next `days`."""
        if not self.purchases.usable:
            return np.full(rows.height, -np.expm1(-self.base_rate * days))
        return predict.probability_active(self.purchases, *history(rows), days)

    def probability_alive(self, rows: pl.DataFrame) -> np.ndarray:
        """Chance that each row has not dropped out; 1 where the base rate stands in."""
        if not self.purchases.usable:
            return np.ones(rows.height)
        return predict.probability_alive(self.purchases, *history(rows))

    def expected_spend(self, rows: pl.DataFrame) -> np.ndarray:
        """Expected value per purchase of each row."""
        if not self.spend.usable:
            return np.full(rows.height, self.base_spend)
        return predict.expected_spend(
            self.spend, rows["frequency"].to_numpy(), rows["monetary_value"].to_numpy()
        )


def history(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, t_x and T of each row, in days."""
    return tuple(rows[name].cast(pl.Float64).to_numpy() for name in HISTORY)
