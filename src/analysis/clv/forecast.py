"""How many purchases to expect of the whole base, and how far such forecasts have been off.

The width comes from forecasts of earlier months that can be checked by now, not from the errors of
parameters: season and growth move a total by far more than chance does. The rule, fixed before any
test window was looked at: the errors are logarithms of outcome over forecast; their spread starts
at PRIOR with the weight of PRIOR_WEIGHT forecasts, each checked forecast adds its own, and a
t distribution with that many degrees of freedom gives the interval.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import beta, t

from analysis.clv.choose import Choice
from analysis.clv.models import Models, history
from analysis.clv.origins import Past
from analysis.run.months import DAYS_PER_MONTH
from analysis.run.settings import Settings

HORIZONS = (30, 91)
MOST_ORIGINS = 6
PRIOR, PRIOR_WEIGHT = 0.20, 2  # published forecasts of totals are off by 10 to 20 %
CONFIDENCE = 0.90
AGREEING = 3  # checked forecasts that must err on one side before a total is corrected
MATERIAL = 0.10  # their mean error; what is smaller may well turn next month


@dataclass(frozen=True)
class Outlook:
    """What earlier forecasts say about one horizon.

    Attributes:
        days: the horizon.
        checked: `cut_off`, `expected`, `actual`, `error` of earlier forecasts of so many days; of
            the longest horizon that can be checked where this one cannot.
        checked_days: the horizon of `checked`.
        level: what the total is multiplied with; 1 where the errors do not agree on a side or are small.
    """

    days: int
    checked: pl.DataFrame
    checked_days: int
    level: float

    @property
    def spread(self) -> float:
        """Typical relative error of the total."""
        errors = self.checked["error"].to_numpy()
        return float(np.sqrt((PRIOR_WEIGHT * PRIOR**2 + errors @ errors) / self._weight))

    @property
    def quantile(self) -> float:
        """How many spreads an interval reaches to each side."""
        return float(t.ppf((1 + CONFIDENCE) / 2, self._weight))

    @property
    def _weight(self) -> int:
        return PRIOR_WEIGHT + self.checked.height

    def interval(self, expected: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """90 % interval of totals with that expectation and that variance by chance, in whole numbers."""
        chance = np.divide(variance, expected**2, out=np.zeros_like(expected), where=expected > 0)
        reach = self.quantile * np.sqrt(self.spread**2 + chance)
        return np.floor(expected * np.exp(-reach)), np.ceil(expected * np.exp(reach))


def outlook(past: Past, model: str, days: int, until: date | None = None) -> Outlook:
    """What forecasts of so many days, made at earlier month ends, say by a day.

    Args:
        past: the purchases up to as_of.
        model: the model of purchases that makes the forecast.
        days: the horizon.
        until: the day by which their windows must be closed; as_of by default.
    """
    for checked_days in (days, *sorted(HORIZONS, reverse=True)):
        checked = (
            checked_forecasts(past, model, checked_days, until) if checked_days <= days else None
        )
        if checked is not None and checked.height:
            own = checked_days == days
            return Outlook(days, checked, checked_days, _level(checked, days) if own else 1.0)
    return Outlook(days, checked_forecasts(past, model, days, until), days, 1.0)


def checked_forecasts(past: Past, model: str, days: int, until: date | None = None) -> pl.DataFrame:
    """Forecasts of the base's total at earlier month ends, against what happened.

    Returns:
        One row per cut-off, the earliest first: `cut_off`, `expected`, `actual`, `error` (logarithm
        of actual over expected; both one more, so that no total is zero).
    """
    rows = []
    for cut_off in past.cut_offs(days, MOST_ORIGINS, until):
        origin = past.at(cut_off)
        expected = float(origin.expected(model, days).sum())
        actual = float(origin.outcomes(days)["purchases"].sum())
        rows.append((cut_off, expected, actual, float(np.log((actual + 1) / (expected + 1)))))
    schema = {"cut_off": pl.Date} | dict.fromkeys(("expected", "actual", "error"), pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _level(checked: pl.DataFrame, days: int) -> float:
    """The correction of a total: half-way towards the mean error, where all errors agree on a side.

    Applied only if, month by month with what was known then, it would have brought forecasts nearer.
    """
    errors = checked["error"].to_numpy()
    if not _agree(errors):
        return 1.0
    plain, corrected = [], []
    ends = [one + timedelta(days=days) for one in checked["cut_off"]]
    for place, cut_off in enumerate(checked["cut_off"]):
        known = errors[[end <= cut_off for end in ends]]
        if _agree(known):
            plain.append(abs(np.expm1(-errors[place])))
            corrected.append(abs(np.expm1(_drawn_back(known) - errors[place])))
    if not plain or np.mean(corrected) >= np.mean(plain):
        return 1.0
    return float(np.exp(_drawn_back(errors)))


def _agree(errors: np.ndarray) -> bool:
    """Whether errors lie on one side, far enough from none to act on."""
    one_side = bool(np.all(errors > 0) or np.all(errors < 0))
    return len(errors) >= AGREEING and one_side and abs(errors.mean()) >= MATERIAL


def _drawn_back(errors: np.ndarray) -> float:
    return float(errors.sum() / (2 * len(errors)))


def rolling_hits(past: Past, model: str, days: int) -> pl.DataFrame:
    """Whether the intervals of earlier month ends, each from what was known then, held the outcome.

    Returns:
        One row per cut-off: `cut_off`, `expected` (level-corrected), `low`, `high`, `actual`, `hit`.
    """
    rows = []
    for cut_off in past.cut_offs(days, MOST_ORIGINS):
        origin = past.at(cut_off)
        seen = outlook(past, model, days, until=cut_off)
        each = origin.expected(model, days) * seen.level
        variance = chance_variance(origin.of_purchases(model), origin.customers, each)
        low, high = seen.interval(np.array([each.sum()]), np.array([variance.sum()]))
        actual = float(origin.outcomes(days)["purchases"].sum())
        hit = bool(low[0] <= actual <= high[0])
        rows.append((cut_off, float(each.sum()), float(low[0]), float(high[0]), actual, hit))
    names = ("expected", "low", "high", "actual")
    schema = {"cut_off": pl.Date} | dict.fromkeys(names, pl.Float64) | {"hit": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def hit_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of the chance to hit (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return float(low), float(high)


def chance_variance(models: Models, rows: pl.DataFrame, expected: np.ndarray) -> np.ndarray:
    """Variance by chance of each customer's purchases around their expectation.

    Alive or not, and if alive a gamma-mixed Poisson process of shape r + x.
    """
    if not models.purchases.usable:
        return expected
    alive = np.maximum(models.probability_alive(rows), 1e-12)
    if_alive = expected / alive
    shape = models.purchases.parameters["r"] + history(rows)[0]
    return alive * (if_alive + if_alive**2 / shape) + alive * (1 - alive) * if_alive**2


def forecast_table(
    customers: pl.DataFrame,
    segments: pl.DataFrame,
    models: Models,
    choice: Choice,
    outlooks: list[Outlook],
) -> pl.DataFrame:
    """Expected purchases of each segment and of the base over each horizon.

    Args:
        customers: the summary with `origins.with_features`.
        segments: `customer_id`, `segment`.
        models: the month's fits.
        choice: the model in use and its correction.
        outlooks: one per horizon.

    Returns:
        One row per segment and horizon, in the columns of the table `clv_forecast`.
    """
    parts = []
    for seen in outlooks:
        plain = models.expected_purchases(customers, seen.days)
        each = plain * factors(customers, models, choice, seen)
        known = customers.select("customer_id").with_columns(
            expected=each, variance=chance_variance(models, customers, each)
        )
        joined = known.join(segments, on="customer_id", maintain_order="left")
        both = pl.concat([known.with_columns(segment=pl.lit("all")), joined], how="diagonal")
        sums = both.group_by("segment", maintain_order=True).agg(
            pl.col("expected", "variance").sum().round(6)
        )
        low, high = seen.interval(sums["expected"].to_numpy(), sums["variance"].to_numpy())
        parts.append(
            sums.select("segment", expected_purchases="expected").with_columns(
                horizon_days=pl.lit(seen.days, dtype=pl.Int64), low=low, high=high
            )
        )
    return pl.concat(parts).sort("segment", "horizon_days")


def by_month(
    customers: pl.DataFrame, models: Models, factor: np.ndarray, as_of: date, horizon_days: int
) -> pl.DataFrame:
    """Expected purchases and revenue of the whole base in each month of the horizon.

    Args:
        customers: the table `customers`.
        factor: what each customer's expectation is multiplied with over the horizon.

    Returns:
        One row per month of 365.25 / 12 days, the last may be shorter: `until` (date),
        `expected_purchases`, `expected_revenue` (undiscounted).
    """
    ends = np.append(np.arange(DAYS_PER_MONTH, horizon_days - 1e-9, DAYS_PER_MONTH), horizon_days)
    spend = models.expected_spend(customers)
    sums = [(0.0, 0.0)]
    for end in ends:
        expected = models.expected_purchases(customers, end) * factor
        sums.append((float(expected.sum()), float(expected @ spend)))
    purchases, revenue = np.diff(np.array(sums), axis=0).T
    until = [as_of + timedelta(days=round(end)) for end in ends]
    return pl.DataFrame(
        {"until": until, "expected_purchases": purchases, "expected_revenue": revenue}
    )


def factors(customers: pl.DataFrame, models: Models, choice: Choice, seen: Outlook) -> np.ndarray:
    """What the plain fit's expectation of each customer is multiplied with: shape and level.

    Args:
        customers: the summary with `origins.with_features`.
    """
    if choice.correction is None:
        return np.full(customers.height, seen.level)
    expected = models.expected_purchases(customers, seen.days)
    return choice.correction.factors(customers, expected) * seen.level


def horizons(settings: Settings) -> list[int]:
    """The horizons of the forecast in days: a month, a quarter, and that of the settings."""
    return sorted({*HORIZONS, settings.clv.horizon_days})
