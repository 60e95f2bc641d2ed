"""Value of each customer over the horizon, with the range in which the outcome will lie.

CLV here is the discounted value of future purchases only, within the horizon, from as_of on; what a
customer has already spent is not part of it.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.clv import predict
from analysis.clv.fit import PARAMETERS, Fit
from analysis.run.months import DAYS_PER_MONTH
from analysis.run.settings import Settings

DRAWS = 400
LOW, HIGH = 0.05, 0.95
_NORMAL_95 = 1.6449  # the 95th percentile of the standard normal distribution
FORECAST_DAYS = (30, 91)
_FEATURES = ["frequency", "recency", "T", "monetary_value"]
TOP_SHARE = 0.25  # customers from this share on count as high in past or predicted value


@dataclass(frozen=True)
class Models:
    """The two fits of a month, and what stands in where one is not usable."""

    purchases: Fit
    spend: Fit
    base_rate: float  # repeat purchases per customer and day, over the whole base
    base_spend: float  # mean value per purchase

    @classmethod
    def of(cls, customers: pl.DataFrame, purchases: Fit, spend: Fit) -> "Models":
        days = float(customers["T"].sum())
        return cls(
            purchases=purchases,
            spend=spend,
            base_rate=float(customers["frequency"].sum()) / days if days else 0.0,
            base_spend=round(float(customers["spend"].sum() / customers["purchases"].sum()), 6),
        )

    def expected_purchases(self, rows: pl.DataFrame, days: float) -> np.ndarray:
        """Expected purchases of each row in the next `days`."""
        if not self.purchases.usable:
            return np.full(rows.height, self.base_rate * days)
        return predict.expected_purchases(*_history(rows), days, self.purchases.values())

    def probability_active(self, rows: pl.DataFrame, days: float) -> np.ndarray:
        """Chance of at least one purchase of each row in the next `days`."""
        if not self.purchases.usable:
            return np.full(rows.height, -np.expm1(-self.base_rate * days))
        return predict.probability_active(*_history(rows), days, self.purchases.values())

    def probability_alive(self, rows: pl.DataFrame) -> np.ndarray:
        """Chance that each row has not dropped out; 1 where the base rate stands in."""
        if not self.purchases.usable:
            return np.ones(rows.height)
        return predict.probability_alive(*_history(rows), self.purchases.values())

    def expected_spend(self, rows: pl.DataFrame) -> np.ndarray:
        """Expected value per purchase of each row."""
        if not self.spend.usable:
            return np.full(rows.height, self.base_spend)
        means = rows["monetary_value"].to_numpy()
        return predict.expected_spend(rows["frequency"].to_numpy(), means, self.spend.values())


def customer_values(
    customers: pl.DataFrame, recent_spend: pl.DataFrame, models: Models, settings: Settings
) -> pl.DataFrame:
    """Value every customer over the horizon of the settings.

    Args:
        customers: the table `customers`.
        recent_spend: `customer_id`, `spend` over the last `horizon_days`.
        models: the month's fits.
        settings: horizon, discount rate, margin, seed.

    Returns:
        One row per customer, in the columns of the table `clv`.
    """
    unique = customers.select(_FEATURES).unique().sort(_FEATURES)
    days, margin = settings.clv.horizon_days, settings.clv.gross_margin
    expected = models.expected_purchases(unique, days)
    spend = models.expected_spend(unique)
    discounted = discounted_purchases(unique, models, settings) * spend
    undiscounted = expected * spend
    discount = np.divide(discounted, undiscounted, out=np.ones_like(spend), where=undiscounted > 0)
    low, high = simulate_value(unique, models, days, settings.seed)
    valued = unique.with_columns(
        horizon_days=pl.lit(days, dtype=pl.Int64),
        expected_purchases=expected,
        expected_spend_per_purchase=spend,
        probability_active=models.probability_active(unique, days),
        probability_alive=models.probability_alive(unique),
        clv_revenue=discounted,
        clv=discounted * margin,
        clv_low=low * discount * margin,
        clv_high=high * discount * margin,
    )
    joined = customers.select("customer_id", *_FEATURES).join(
        valued, on=_FEATURES, how="left", nulls_equal=True, validate="m:1"
    )
    return joined.join(recent_spend, on="customer_id", how="left").with_columns(
        potential=_potential(pl.col("spend").fill_null(0))
    )


def recent_spend(occasions: pl.DataFrame, as_of: date, days: int) -> pl.DataFrame:
    """Spend of the last `days` up to as_of; one row per customer who bought: `customer_id`, `spend`."""
    recent = occasions.filter(pl.col("purchase_day") > as_of - timedelta(days=days))
    return recent.group_by("customer_id").agg(spend=pl.col("amount").sum().cast(pl.Float64))


def discounted_purchases(rows: pl.DataFrame, models: Models, settings: Settings) -> np.ndarray:
    """Expected purchases over the horizon, each month's discounted to as_of from its end.

    A month has 365.25 / 12 days; the horizon's last piece may be shorter.
    """
    days, rate = settings.clv.horizon_days, settings.clv.discount_rate_annual
    ends = np.append(np.arange(DAYS_PER_MONTH, days, DAYS_PER_MONTH), days)
    total, before = np.zeros(rows.height), np.zeros(rows.height)
    for end in ends:
        until = models.expected_purchases(rows, end)
        total += (until - before) / (1 + rate) ** (end / (12 * DAYS_PER_MONTH))
        before = until
    return total


def simulate_value(
    rows: pl.DataFrame, models: Models, days: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The 5th and 95th percentile of each row's undiscounted spend in the next `days`.

    The spread is that of the process: how often this customer turns out to buy and for how much.
    The error of the fitted parameters is not in it.
    """
    random = np.random.default_rng(seed)
    purchases = simulate_purchases(rows, models, days, random)
    if models.spend.usable:
        p, q, v = models.spend.values()
        m = np.nan_to_num(rows["monetary_value"].to_numpy())
        x = np.where(m > 0, rows["frequency"].to_numpy(), 0)
        rate = random.gamma(p * x + q, 1 / (v + x * m), purchases.shape)
        spend = random.gamma(np.maximum(p * purchases, 1e-9)) / rate
        spend = np.where(purchases > 0, spend, 0)
    else:
        spend = purchases * models.base_spend
    return tuple(np.quantile(spend, [LOW, HIGH], axis=0))


def simulate_purchases(rows: pl.DataFrame, models: Models, days: float, random) -> np.ndarray:
    """Draws of each row's purchases in the next `days`; shape (DRAWS, rows).

    Given that a customer is alive, its rate is Gamma(r + x, alpha + T) and its dropout chance
    Beta(a, b + x) (Fader, Hardie and Lee 2005); it buys until the horizon or its dropout ends it.
    """
    shape = (DRAWS, rows.height)
    if not models.purchases.usable:
        return random.poisson(models.base_rate * days, shape)
    r, alpha, a, b = models.purchases.values()
    x, _, age = _history(rows)
    bought = random.poisson(random.gamma(r + x, 1 / (alpha + age), shape) * days)
    until_dropout = random.geometric(np.clip(random.beta(a, b + x, shape), 1e-12, 1))
    alive = random.random(shape) < models.probability_alive(rows)
    return np.where(alive, np.minimum(bought, until_dropout), 0)


def forecast(
    customers: pl.DataFrame,
    segments: pl.DataFrame,
    models: Models,
    relative_error: float | None,
    settings: Settings,
) -> pl.DataFrame:
    """Expected purchases of each segment and of the base over 30, 91 and the horizon's days.

    The 90 % interval joins the spread of the process with the relative error that the holdout
    check saw (0 where there was none to see).

    Args:
        customers: the table `customers`.
        segments: `customer_id`, `segment`.

    Returns:
        One row per segment and horizon, in the columns of the table `clv_forecast`.
    """
    unique = customers.select(_FEATURES).unique().sort(_FEATURES)
    members = customers.join(segments, on="customer_id").select(*_FEATURES, "segment")
    random = np.random.default_rng(settings.seed)
    parts = []
    for days in sorted({*FORECAST_DAYS, settings.clv.horizon_days}):
        draws = simulate_purchases(unique, models, days, random)
        each = unique.with_columns(
            expected=models.expected_purchases(unique, days), variance=draws.var(axis=0)
        )
        joined = members.join(each, on=_FEATURES, how="left", nulls_equal=True)
        both = pl.concat([joined, joined.with_columns(segment=pl.lit("all"))])
        parts.append(
            both.group_by("segment", maintain_order=True)
            .agg(
                expected_purchases=pl.col("expected").sum().round(6),
                variance=pl.col("variance").sum().round(6),
            )
            .with_columns(horizon_days=pl.lit(days, dtype=pl.Int64))
        )
    error = pl.col("expected_purchases") * abs(relative_error or 0)
    width = _NORMAL_95 * (pl.col("variance") + error**2).sqrt()
    return pl.concat(parts).with_columns(
        low=(pl.col("expected_purchases") - width).clip(0),
        high=pl.col("expected_purchases") + width,
    )


def fit_table(fits: list[tuple[str, object, Fit]]) -> pl.DataFrame:
    """Fits as rows for the table `clv_fit`.

    Args:
        fits: (name of the fit, its cut-off date, the fit).
    """
    rows = []
    for name, cut_off, fit in fits:
        quantities: list[tuple[str, float | None, float | None]] = [
            (key, value, fit.standard_errors[key]) for key, value in fit.parameters.items()
        ]
        quantities += [
            ("log_likelihood", fit.log_likelihood, None),
            ("customers", fit.customers, None),
        ]
        rows += [
            {
                "fit": name,
                "model": fit.model,
                "quantity": quantity,
                "cut_off": cut_off,
                "value": value,
                "standard_error": error if error is None or np.isfinite(error) else None,
                "note": fit.problem,
            }
            for quantity, value, error in quantities
        ]
    return pl.DataFrame(rows, infer_schema_length=None)


def models_from_table(customers: pl.DataFrame, table: pl.DataFrame) -> Models:
    """The month's fits, as the table `clv_fit` holds them."""
    both = (_fit_from_table(table, model) for model in ("bg_nbd", "gamma_gamma"))
    return Models.of(customers, *both)


def _fit_from_table(table: pl.DataFrame, model: str) -> Fit:
    rows = table.filter((pl.col("fit") == "month") & (pl.col("model") == model))
    values = dict(rows.select("quantity", "value").iter_rows())
    customers, log_likelihood = values.pop("customers"), values.pop("log_likelihood")
    names = PARAMETERS[model] if values else ()
    parameters = {name: values[name] for name in names}
    return Fit(model, parameters, {}, log_likelihood, int(customers), problem=rows["note"][0])


def _history(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(rows[name].cast(pl.Float64).to_numpy() for name in ("frequency", "recency", "T"))


def _potential(past: pl.Expr) -> pl.Expr:
    """Past value against predicted value: both high, only the future, only the past, neither."""
    future = pl.col("clv")
    high_past = (past > 0) & (past >= past.quantile(1 - TOP_SHARE, "higher"))
    high_future = (future > future.min()) & (future >= future.quantile(1 - TOP_SHARE, "higher"))
    return (
        pl.when(high_past & high_future)
        .then(pl.lit("keep"))
        .when(high_future)
        .then(pl.lit("grow"))
        .when(high_past)
        .then(pl.lit("fading"))
        .otherwise(pl.lit("small"))
    )
