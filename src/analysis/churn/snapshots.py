"""Standing at an earlier day: what was known of every customer, and who bought nothing after it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from scipy.special import logit

from analysis.churn.features import BTYD, Sources, features
from analysis.clv.fit import Fit
from analysis.clv.likelihood import PURCHASE_MODELS
from analysis.clv.models import Models
from analysis.clv.origins import Past
from analysis.customers import summarise_customers
from analysis.run.months import Month

LADDER = ("bg_nbd", "mbg_nbd", "nbd")  # tried in turn where a fit is not usable
LEAST_CHANCE = 1e-6  # keeps log-odds finite


@dataclass(frozen=True)
class Snapshot:
    """Features at a cut-off, and the outcome of the window after it where that is closed.

    `features` has one row per customer, sorted by `customer_id`, the BTYD term included;
    `no_purchase` is aligned with it: whether the customer bought nothing from the day after the
    cut-off to `horizon_days` after it. `btyd` is the same chance as the fit has it, `btyd_usable`
    whether it tells customers apart. `customers` is the customer summary in the same order, and
    `models` the fit of purchases with the base's own spend.
    """

    cut_off: date
    horizon_days: int
    features: pl.DataFrame
    btyd: np.ndarray
    btyd_usable: bool
    no_purchase: np.ndarray | None = None
    customers: pl.DataFrame | None = None
    models: Models | None = None

    @property
    def closes(self) -> date:
        """The last day of the window."""
        return self.cut_off + timedelta(days=self.horizon_days)


@dataclass
class Snapshots:
    """Snapshots of a data set, each taken once.

    Args:
        sources: the tables.
        as_of: the last day that counts; a window that ends later is open.
        horizon_days: length of the window.
        model: of purchases, for the BTYD term; where its fit is not usable, the next of `LADDER`.
    """

    sources: Sources
    as_of: date
    horizon_days: int
    model: str = LADDER[0]
    scores: dict = field(default_factory=dict, repr=False)  # of predictors, each computed once
    _taken: dict[date, Snapshot] = field(default_factory=dict, repr=False)

    def at(self, cut_off: date) -> Snapshot:
        """The snapshot of a day; its outcome is None where the window is open."""
        if cut_off not in self._taken:
            self._taken[cut_off] = take(
                self.sources, cut_off, self.horizon_days, self.as_of, self.model
            )
        return self._taken[cut_off]

    def closed(self, by: date, most: int) -> list[Snapshot]:
        """The latest snapshots whose windows had closed by a day, the earliest first."""
        return [self.at(day) for day in closed_cut_offs(self.past, self.horizon_days, most, by)]

    @cached_property
    def past(self) -> Past:
        """The purchases up to as_of."""
        return Past(self.sources.purchases(self.as_of), self.as_of)

    @property
    def first_day(self) -> date:
        """The day of the first purchase."""
        return self.past.first_day


def take(
    sources: Sources, cut_off: date, horizon_days: int, as_of: date, model: str = LADDER[0]
) -> Snapshot:
    """One snapshot.

    Raises:
        ValueError: if nobody had bought by the cut-off.
    """
    purchases = sources.purchases(cut_off)
    if purchases.is_empty():
        raise ValueError(f"nobody had bought by {cut_off}")
    found = features(sources, purchases, cut_off)
    summary = summarise_customers(purchases.lazy(), cut_off).collect().sort("customer_id")
    fit = _fit(Past(purchases, cut_off), cut_off, model)
    models = Models.of(summary, fit, Fit("gamma_gamma", problem="not_asked"))
    chance = np.clip(1 - models.probability_active(summary, horizon_days), 0, 1)
    bounded = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
    found = found.with_columns(pl.Series(BTYD, logit(bounded)))
    outcome = None
    end = cut_off + timedelta(days=horizon_days)
    if end <= as_of:
        later = sources.purchases(end).filter(pl.col("purchase_day") > cut_off)
        outcome = (~found["customer_id"].is_in(later["customer_id"].unique().implode())).to_numpy()
    return Snapshot(cut_off, horizon_days, found, bounded, fit.usable, outcome, summary, models)


def closed_cut_offs(
    past: Past, horizon_days: int, most: int, until: date | None = None
) -> list[date]:
    """The latest month ends whose window is closed, the earliest first.

    Args:
        most: how many at most.
        until: the day by which windows must be closed; as_of of the past by default.
    """
    return past.cut_offs(horizon_days, most, until)


def open_windows(past: Past, horizon_days: int) -> int:
    """How many month ends up to as_of are left out because the window after them is not over."""
    count, month = 0, Month.of(past.as_of)
    while month.last_day > past.first_day:
        day = min(month.last_day, past.as_of)
        if day + timedelta(days=horizon_days) <= past.as_of:
            break
        count, month = count + 1, month.previous
    return count


def serving(clv_fit: pl.DataFrame) -> str:
    """The model of purchases in use this month, by the table `clv_fit`."""
    used = pl.col("model").is_in(PURCHASE_MODELS) & (pl.col("fit") == "month")
    return clv_fit.filter(used)["model"][0]


def months_since(cut_off: date, month: Month) -> int:
    """How many months back the month of a cut-off lies."""
    then = Month.of(cut_off)
    return 12 * (month.year - then.year) + month.number - then.number


def _fit(past: Past, cut_off: date, model: str) -> Fit:
    """The fit of the model, or of the first on the ladder that is usable."""
    origin = past.at(cut_off)
    names = (model, *(name for name in LADDER if name != model))
    fits = (origin.fit(name) for name in names)
    return next((fit for fit in fits if fit.usable), origin.fit(model))
