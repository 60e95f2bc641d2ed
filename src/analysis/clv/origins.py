"""Standing at an earlier month's end: who was known, what was known of them, what came after.

Every look back of this folder goes through here, so that one rule holds: what stands at a cut-off
is computed from purchases up to it, and what came after from a window that is closed.
"""

from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from analysis.clv.fit import Fit, fit_gamma_gamma, fit_purchases
from analysis.clv.likelihood import COMPETING
from analysis.clv.models import Models
from analysis.customers import summarise_customers
from analysis.run.months import Month

LEAST_HISTORY_DAYS = 60  # purchases to learn from before a cut-off
LARGEST = 100_000  # customers beyond which Pareto/NBD is left out
LARGEST_PAST = 500_000  # customers looked back on; of larger bases an even share serves
RECENT_DAYS = (30, 90, 180)


class Past:
    """The purchases of a data set, looked at from earlier days. Each origin is computed once.

    Args:
        occasions: the table `occasions`.
        as_of: the last day that counts; no origin can look past it.
    """

    def __init__(self, occasions: pl.DataFrame, as_of: date):
        self.as_of = as_of
        self.occasions = _share(occasions.filter(pl.col("purchase_day") <= as_of))
        self.first_day = self.occasions["purchase_day"].min()
        self._origins: dict[date, Origin] = {}

    def at(self, cut_off: date) -> "Origin":
        """The origin at the end of a day."""
        if cut_off not in self._origins:
            self._origins[cut_off] = Origin(self, cut_off)
        return self._origins[cut_off]

    def cut_offs(self, days: int, most: int, until: date | None = None) -> list[date]:
        """Month ends with a closed window of so many days after them, the earliest first.

        Args:
            days: the length of the window.
            most: how many at most, the latest ones.
            until: the day by which the window must be closed; as_of by default.
        """
        until = until or self.as_of
        month, found = Month.of(until), []
        while len(found) < most and month.last_day > self.first_day:
            end = month.last_day
            long_enough = (end - self.first_day).days >= LEAST_HISTORY_DAYS
            if long_enough and end + timedelta(days=days) <= until:
                found.append(end)
            month = month.previous
        return found[::-1]


def _share(occasions: pl.DataFrame) -> pl.DataFrame:
    """All purchases of every k-th customer, in the order of first purchase, activity and spend."""
    people = occasions.group_by("customer_id").agg(
        pl.col("purchase_day").min(),
        last=pl.col("purchase_day").max(),
        spend=pl.col("amount").sum(),
    )
    step = -(-people.height // LARGEST_PAST)
    if step == 1:
        return occasions
    kept = people.sort("purchase_day", "last", "spend", "customer_id").gather_every(step)
    return occasions.join(kept.select("customer_id"), on="customer_id", how="semi")


class Origin:
    """One cut-off: summary, features and fits up to it, and outcomes after it."""

    def __init__(self, past: Past, cut_off: date):
        self.past, self.cut_off = past, cut_off
        self._fits: dict[str, Fit] = {}
        self._expected: dict[tuple[str, int], np.ndarray] = {}

    @cached_property
    def customers(self) -> pl.DataFrame:
        """The customer summary at the cut-off with `features`; one row per customer."""
        summary = summarise_customers(self.past.occasions.lazy(), self.cut_off).collect()
        known = with_features(summary, self.past.occasions, self.cut_off)
        return known.sort("customer_id")

    @cached_property
    def spend(self) -> Fit:
        """Gamma-Gamma up to the cut-off."""
        return fit_gamma_gamma(self.customers)

    def fit(self, model: str) -> Fit:
        """A model of purchases up to the cut-off."""
        if model not in self._fits:
            self._fits[model] = fit_purchases(self.customers, model, with_lifetimes=False)
        return self._fits[model]

    def models(self, model: str) -> Models:
        """The fits up to the cut-off."""
        return Models.of(self.customers, self.fit(model), self.spend)

    def of_purchases(self, model: str) -> Models:
        """The same without a fit of spend, for questions about purchases alone."""
        return Models.of(self.customers, self.fit(model), Fit("gamma_gamma", problem="not_asked"))

    def expected(self, model: str, days: int) -> np.ndarray:
        """Expected purchases of each customer in the next days."""
        if (model, days) not in self._expected:
            models = self.of_purchases(model)
            self._expected[model, days] = models.expected_purchases(self.customers, days)
        return self._expected[model, days]

    def outcomes(self, days: int) -> pl.DataFrame:
        """What each customer did in the next days, in the order of `customers`.

        Returns:
            `purchases` (days with purchases), `spend`.

        Raises:
            ValueError: if the window is not closed at the as_of of the past.
        """
        if self.cut_off + timedelta(days=days) > self.past.as_of:
            raise ValueError(f"the {days} days after {self.cut_off} are not over")
        after = activity(self.past.occasions, self.cut_off, self.cut_off + timedelta(days=days))
        joined = self.customers.select("customer_id").join(
            after, on="customer_id", how="left", maintain_order="left"
        )
        return joined.select(pl.col("purchases", "spend").fill_null(0))


def activity(occasions: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    """Purchases and spend from the day after one day up to another.

    Returns:
        One row per customer who bought: `customer_id`, `purchases`, `spend`.
    """
    day = pl.col("purchase_day")
    return (
        occasions.filter((day > after) & (day <= until))
        .group_by("customer_id")
        .agg(purchases=pl.len().cast(pl.Float64), spend=pl.col("amount").sum().cast(pl.Float64))
    )


def with_features(customers: pl.DataFrame, occasions: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """A customer summary with what it leaves out of the rhythm of purchases.

    Returns:
        The summary with `last_30`, `last_90`, `last_180` (purchases of so many days up to the
        cut-off) and `median_gap` (days between purchases; the age of one-time buyers).
    """
    day = pl.col("purchase_day")
    recent = {
        f"last_{days}": (day > cut_off - timedelta(days=days)).sum().cast(pl.Float64)
        for days in RECENT_DAYS
    }
    found = (
        occasions.lazy()
        .filter(day <= cut_off)
        .group_by("customer_id")
        .agg(**recent, median_gap=day.sort().diff().dt.total_days().median())
        .collect()
    )
    joined = customers.join(found, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("median_gap").fill_null(pl.col("T")))


def candidates(customers: int) -> tuple[str, ...]:
    """The models of purchases that are fitted to a base of so many customers.

    Pareto/NBD integrates over every history, which takes too long where there are very many.
    """
    return COMPETING if customers <= LARGEST else COMPETING[:2]
