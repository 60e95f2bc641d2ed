"""Value of each customer over the horizon, with the range in which the outcome will lie.

CLV here is the discounted value of future purchases only, within the horizon, from as_of on; what a
customer has already spent is not part of it.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.clv.fit import Fit
from analysis.clv.likelihood import PARAMETERS, PURCHASE_MODELS
from analysis.clv.models import Models
from analysis.clv.simulate import FEATURES, value_interval
from analysis.run.months import DAYS_PER_MONTH, DAYS_PER_WEEK
from analysis.run.settings import Settings

_FINEST = 0.05  # to which factors are rounded where outcomes are drawn
TOP_SHARE = 0.25  # customers from this share on count as high in past or predicted value


def customer_values(
    customers: pl.DataFrame,
    recent_spend: pl.DataFrame,
    models: Models,
    settings: Settings,
    factor: np.ndarray | None = None,
) -> pl.DataFrame:
    """Value every customer over the horizon of the settings. Identical customers are computed once.

    Value here is net of the cost of goods; `less_cost` takes off what it costs to serve.

    Args:
        customers: the table `customers`.
        recent_spend: `customer_id`, `spend` over the last `horizon_days`.
        models: the month's fits.
        settings: horizon, discount rate, margin, seed.
        factor: what each customer's expected purchases are multiplied with; 1 by default.

    Returns:
        One row per customer, in the columns of the table `clv`; and `discount`, the value at as_of of
        a unit of the horizon's money, and `spend` of the last `horizon_days`.
    """
    days, margin = settings.clv.horizon_days, settings.clv.gross_margin
    rows = customers.select("customer_id", *FEATURES).with_columns(
        factor=np.ones(customers.height) if factor is None else factor
    )
    rows = rows.with_columns(step=((pl.col("factor") / _FINEST).round() * _FINEST).clip(_FINEST))
    alike = [*FEATURES, "step"]
    unique = rows.select(alike).unique().sort(alike)
    joined = rows.join(
        _valued(unique, models, settings),
        on=alike,
        how="left",
        nulls_equal=True,
        validate="m:1",
        maintain_order="left",
    )
    revenue = pl.col("expected_purchases") * pl.col("spend_each") * pl.col("discount")
    return (
        joined.with_columns(expected_purchases=pl.col("expected") * pl.col("factor"))
        .with_columns(clv_revenue=revenue)
        .select(
            "customer_id",
            "expected_purchases",
            "probability_active",
            "probability_alive",
            "clv_revenue",
            "discount",
            horizon_days=pl.lit(days, dtype=pl.Int64),
            expected_spend_per_purchase="spend_each",
            clv=pl.col("clv_revenue") * margin,
            clv_low=pl.col("low") * pl.col("discount") * margin,
            clv_high=pl.col("high") * pl.col("discount") * margin,
        )
        .join(recent_spend, on="customer_id", how="left", maintain_order="left")
        .with_columns(potential=_potential(pl.col("spend").fill_null(0)))
    )


def _valued(unique: pl.DataFrame, models: Models, settings: Settings) -> pl.DataFrame:
    """What the models say of each unique customer; `step` multiplies the rate behind the interval."""
    days = settings.clv.horizon_days
    low, high = value_interval(unique, models, days, settings.seed, unique["step"].to_numpy())
    expected = models.expected_purchases(unique, days)
    discounted = discounted_purchases(unique, models, settings)
    return unique.with_columns(
        expected=expected,
        spend_each=models.expected_spend(unique),
        discount=np.divide(discounted, expected, out=np.ones_like(expected), where=expected > 0),
        probability_active=models.probability_active(unique, days),
        probability_alive=models.probability_alive(unique),
        low=low,
        high=high,
    )


def less_cost(values: pl.DataFrame, future_cost: pl.DataFrame) -> pl.DataFrame:
    """Value net of what it will cost to serve each customer.

    Args:
        values: as `customer_values` returns it.
        future_cost: `customer_id`, `future_cost` (discounted money over the horizon).
    """
    cost = pl.col("future_cost").fill_null(0)
    net = [pl.col(name) - cost for name in ("clv", "clv_low", "clv_high")]
    joined = values.join(future_cost, on="customer_id", how="left", maintain_order="left")
    return (
        joined.with_columns(net)
        .drop("future_cost")
        .with_columns(potential=_potential(pl.col("spend").fill_null(0)))
    )


def expected_net(models: Models, settings: Settings, rows: pl.DataFrame) -> np.ndarray:
    """Discounted value of each row net of the cost of goods, by the plain fits."""
    purchases = discounted_purchases(rows, models, settings)
    return purchases * models.expected_spend(rows) * settings.clv.gross_margin


def recent_spend(occasions: pl.DataFrame, as_of: date, days: int) -> pl.DataFrame:
    """Spend of the last `days` up to as_of; one row per customer who bought: `customer_id`, `spend`."""
    recent = occasions.filter(pl.col("purchase_day") > as_of - timedelta(days=days))
    return recent.group_by("customer_id").agg(spend=pl.col("amount").sum().cast(pl.Float64))


def discounted_purchases(
    rows: pl.DataFrame, models: Models, settings: Settings, month_days: float = DAYS_PER_MONTH
) -> np.ndarray:
    """Expected purchases over the horizon, each month's discounted to as_of from its end.

    A month has 365.25 / 12 days; the horizon's last piece may be shorter. The sum over the months
    is one weighted sum of expectations, since what a month brings is a difference of two of them.
    """
    days, rate = settings.clv.horizon_days, settings.clv.discount_rate_annual
    ends = np.append(np.arange(month_days, days - 1e-9, month_days), days)
    discount = (1 + rate) ** -(ends / (12 * month_days))
    weights = discount - np.append(discount[1:], 0)
    return models.expected_purchases(rows, ends, weights)


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
        quantities += [(key, value, None) for key, value in _quality(fit).items()]
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


def _quality(fit: Fit) -> dict[str, float | None]:
    """Counts and criteria of a fit; times in days, and in weeks for models of purchases."""
    found = {"log_likelihood": fit.log_likelihood, "customers": fit.customers}
    if fit.log_likelihood is None or fit.model not in PURCHASE_MODELS:
        return found
    weeks = {
        "log_likelihood_weeks": fit.log_likelihood_in(DAYS_PER_WEEK),
        "aic_weeks": fit.aic(DAYS_PER_WEEK),
        "bic_weeks": fit.bic(DAYS_PER_WEEK),
    }
    return found | {"aic": fit.aic(), "bic": fit.bic()} | weeks


def models_from_table(customers: pl.DataFrame, table: pl.DataFrame) -> Models:
    """The month's fits in use, as the table `clv_fit` holds them."""
    month = table.filter(pl.col("fit") == "month")
    used = month.filter(pl.col("model").is_in(PURCHASE_MODELS))["model"][0]
    return Models.of(customers, _fit_of(month, used), _fit_of(month, "gamma_gamma"))


def _fit_of(month: pl.DataFrame, model: str) -> Fit:
    rows = month.filter(pl.col("model") == model)
    values = dict(rows.select("quantity", "value").iter_rows())
    parameters = {name: values[name] for name in PARAMETERS[model] if name in values}
    count, problem = int(values["customers"]), rows["note"][0]
    return Fit(model, parameters, {}, [], values["log_likelihood"], count, problem=problem)


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
