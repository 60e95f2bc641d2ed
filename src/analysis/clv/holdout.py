"""Was the model right? Fit up to an earlier month's end, then compare with what happened."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import rankdata

from analysis.clv import predict
from analysis.clv.fit import Fit, fit_bg_nbd, fit_gamma_gamma
from analysis.clv.value import Models
from analysis.customers import summarise_customers
from analysis.labels import label
from analysis.report.show import form
from analysis.run.months import DAYS_PER_WEEK, Month
from analysis.run.settings import Settings

LEAST_CALIBRATION_DAYS, LEAST_HOLDOUT_DAYS = 90, 30


@dataclass(frozen=True)
class Holdout:
    """Customers known at the cut-off with what they did after it, and the fits up to it."""

    cut_off: date
    days: int
    customers: pl.DataFrame  # summary at the cut-off, `actual_purchases`, `actual_spend`, ...
    models: Models


def choose_cut_off(first_day: date, as_of: date, horizon_days: int) -> date | None:
    """The month's end nearest to the middle of the history, at most the horizon before as_of.

    Returns:
        None where fewer than 90 days to learn from or 30 days to check against would be left.
    """
    middle = max(first_day + (as_of - first_day) / 2, as_of - timedelta(days=horizon_days))
    month = Month.of(middle)
    ends = [month.previous.last_day, month.last_day]
    cut_off = min(ends, key=lambda end: (abs((end - middle).days), end))
    enough = (cut_off - first_day).days >= LEAST_CALIBRATION_DAYS
    return cut_off if enough and (as_of - cut_off).days >= LEAST_HOLDOUT_DAYS else None


def hold_out(occasions: pl.DataFrame, cut_off: date, as_of: date) -> Holdout:
    """Fit on the occasions up to the cut-off and add what happened from the day after it to as_of.

    Args:
        occasions: the table `occasions`.
    """
    customers = summarise_customers(occasions.lazy(), cut_off).collect().sort("customer_id")
    days = (as_of - cut_off).days
    after = _activity(occasions, cut_off, as_of, "actual")
    before = _activity(occasions, cut_off - timedelta(days=days), cut_off, "before")
    known = customers.join(after, on="customer_id", how="left").join(
        before, on="customer_id", how="left"
    )
    known = known.with_columns(pl.col("^(actual|before)_.*$").fill_null(0))
    models = Models.of(customers, fit_bg_nbd(customers), fit_gamma_gamma(customers))
    return Holdout(cut_off, days, known, models)


def _activity(occasions: pl.DataFrame, after: date, until: date, prefix: str) -> pl.DataFrame:
    day = pl.col("purchase_day")
    return (
        occasions.filter((day > after) & (day <= until))
        .group_by("customer_id")
        .agg(
            pl.len().cast(pl.Float64).alias(f"{prefix}_purchases"),
            pl.col("amount").sum().cast(pl.Float64).alias(f"{prefix}_spend"),
        )
    )


def backtest(holdout: Holdout) -> pl.DataFrame:
    """Errors of the model and of naive rules on the holdout.

    Returns:
        One row per method, subject (`purchases`, `revenue`) and metric, in the columns of the table
        `clv_backtest`. Methods: `model`; `own_rate` (each customer's past rate goes on);
        `last_period` (the same again as in the equally long time before); `nothing`.
    """
    known = holdout.customers
    purchases = holdout.models.expected_purchases(known, holdout.days)
    age = np.maximum(known["T"].to_numpy(), 1)
    own_rate = known["frequency"].to_numpy() / age * holdout.days
    mean_spend = (known["spend"] / known["purchases"]).to_numpy()
    forecasts = {
        "model": (purchases, purchases * holdout.models.expected_spend(known)),
        "own_rate": (own_rate, own_rate * mean_spend),
        "last_period": (known["before_purchases"].to_numpy(), known["before_spend"].to_numpy()),
        "nothing": (np.zeros(known.height), np.zeros(known.height)),
    }
    actual = (known["actual_purchases"].to_numpy(), known["actual_spend"].to_numpy())
    rows = []
    for method, predicted in forecasts.items():
        for position, subject in enumerate(("purchases", "revenue")):
            measured = error_metrics(actual[position], predicted[position])
            rows += [
                {"method": method, "subject": subject, "metric": metric, "value": value}
                for metric, value in measured.items()
            ]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        cut_off=pl.lit(holdout.cut_off), holdout_days=pl.lit(holdout.days, dtype=pl.Int64)
    )


def error_metrics(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """MAE, RMSE, bias of the total, and normalised Gini of the ranking.

    Returns:
        `bias` = sum of forecasts / sum of outcomes - 1; `gini` is 1 for a perfect ranking, 0 for a
        random one, ties shared. A metric that the data leave undefined is None.
    """
    error = predicted - actual
    total = actual.sum()
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "bias": float(predicted.sum() / total - 1) if total else None,
        "gini": _normalised_gini(actual, predicted),
    }


def _normalised_gini(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    """Gini of outcomes ranked by forecast over that of the perfect ranking; mean ranks for ties."""

    def gini(order_by: np.ndarray) -> float:
        ranks = rankdata(order_by)
        return float((2 * ranks - len(ranks) - 1) @ actual)

    best = gini(actual)
    if best == 0 or np.ptp(predicted) == 0:
        return None
    return gini(predicted) / best


def by_frequency(holdout: Holdout, most: int = 7) -> pl.DataFrame:
    """Mean purchases forecast and made in the holdout, by purchases before the cut-off.

    Returns:
        One row per frequency; the last row gathers `most` and more: `frequency`, `customers`,
        `actual`, `expected`.
    """
    expected = holdout.models.expected_purchases(holdout.customers, holdout.days)
    return (
        holdout.customers.with_columns(expected=expected)
        .group_by(frequency=pl.col("frequency").clip(upper_bound=most))
        .agg(
            customers=pl.len().cast(pl.Int64),
            actual=pl.col("actual_purchases").mean(),
            expected=pl.col("expected").mean(),
        )
        .sort("frequency")
    )


def tracking(occasions: pl.DataFrame, holdout: Holdout, as_of: date) -> pl.DataFrame:
    """Cumulative repeat purchases by week, made and expected, of the customers of the holdout.

    Returns:
        One row per week since the first purchase: `week_end` (date), `actual`, `expected` (null
        where the model is not usable).
    """
    known = holdout.customers
    first = known["first_purchase"].min()
    ends = pl.date_range(
        first + timedelta(days=DAYS_PER_WEEK), as_of, f"{DAYS_PER_WEEK}d", eager=True
    )
    repeats = (
        occasions.join(known.select("customer_id", "first_purchase"), on="customer_id")
        .filter(pl.col("purchase_day") > pl.col("first_purchase"))["purchase_day"]
        .sort()
    )
    actual = [repeats.search_sorted(end, "right") for end in ends]
    weeks = pl.DataFrame({"week_end": ends, "actual": actual})
    if not holdout.models.purchases.usable:
        return weeks.with_columns(expected=pl.lit(None, dtype=pl.Float64))
    starts = known.group_by("first_purchase").agg(customers=pl.len()).sort("first_purchase")
    age = np.maximum(
        [[(end - start).days for start in starts["first_purchase"]] for end in ends], 0
    )
    expected = predict.expected_purchases_of_new(age, holdout.models.purchases.values())
    return weeks.with_columns(expected=expected @ starts["customers"].to_numpy())


def usable_bias(table: pl.DataFrame) -> float | None:
    """The model's bias on purchases, from a table `clv_backtest`; None where it was not measured."""
    found = table.filter(
        (pl.col("method") == "model")
        & (pl.col("subject") == "purchases")
        & (pl.col("metric") == "bias")
    )
    return found["value"][0] if found.height else None


def readable(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The table `clv_backtest` with one row per subject and method, errors as text in their unit."""
    rows = []
    for subject, method in table.select("subject", "method").unique(maintain_order=True).rows():
        mine = table.filter((pl.col("subject") == subject) & (pl.col("method") == method))
        value = dict(mine.select("metric", "value").iter_rows())
        unit = "money" if subject == "revenue" else "number"
        errors = [form(value[name], unit, settings) for name in ("mae", "rmse")]
        bias, gini = value["bias"], value["gini"]
        errors += ["–" if bias is None else f"{bias:+.1%}", "–" if gini is None else f"{gini:.3f}"]
        rows.append((subject, method, *errors))
    heads = [label(f"metric.{name}") for name in ("mae", "rmse", "bias", "gini")]
    schema = dict.fromkeys(["subject", "method", *heads], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row").sort("subject", maintain_order=True)


def winner(table: pl.DataFrame, subject: str) -> str:
    """The method with the smallest RMSE on a subject; the model where it shares the first place."""
    rmse = table.filter((pl.col("subject") == subject) & (pl.col("metric") == "rmse"))
    return rmse.sort("value", pl.col("method") != "model", "method")["method"][0]


def holdout_fits(holdout: Holdout) -> list[tuple[str, date, Fit]]:
    """The two fits up to the cut-off, as `clv.value.fit_table` wants them."""
    both = (holdout.models.purchases, holdout.models.spend)
    return [("holdout", holdout.cut_off, fit) for fit in both]
