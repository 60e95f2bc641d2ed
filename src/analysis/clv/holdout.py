"""Was the model right? Stand at an earlier month's end, forecast, then compare with what happened."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.clv import predict
from analysis.clv.choose import Choice, choose
from analysis.clv.correct import training_window
from analysis.clv.fit import Fit
from analysis.clv.metrics import activity_metrics, auc, error_metrics
from analysis.clv.models import Models
from analysis.clv.origins import Origin, Past, activity, candidates
from analysis.clv.simulate import FEATURES, value_interval
from analysis.labels import label
from analysis.report.show import form
from analysis.run.months import DAYS_PER_WEEK, Month
from analysis.run.settings import Settings

LEAST_CALIBRATION_DAYS, LEAST_HOLDOUT_DAYS = 90, 30
BASELINES = ("own_rate", "last_period", "nothing")
SHOWN = ("wape", "mae", "rmse", "bias", "gini", "top_decile_overlap")


@dataclass(frozen=True)
class Holdout:
    """Customers known at the cut-off with what they did after it, and the model chosen there."""

    cut_off: date
    days: int
    customers: pl.DataFrame  # summary at the cut-off, `actual_purchases`, `actual_spend`, ...
    models: Models
    choice: Choice
    origin: Origin

    def expected_purchases(self) -> np.ndarray:
        """Expected purchases of each customer in the holdout, corrected if the choice says so."""
        expected = self.models.expected_purchases(self.customers, self.days)
        if self.choice.correction is None:
            return expected
        return expected * self.choice.correction.factors(self.customers, expected)


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


def hold_out(past: Past, cut_off: date) -> Holdout:
    """Choose and fit on the purchases up to the cut-off; add what happened from then to as_of.

    Args:
        past: the purchases up to as_of. The choice looks at windows closed by the cut-off only.
    """
    days = (past.as_of - cut_off).days
    origin, choice = past.at(cut_off), choose(past, cut_off)
    before = activity(past.occasions, cut_off - timedelta(days=days), cut_off).rename(
        {"purchases": "before_purchases", "spend": "before_spend"}
    )
    after = origin.outcomes(days).rename(
        {name: f"actual_{name}" for name in ("purchases", "spend")}
    )
    known = pl.concat([origin.customers, after], how="horizontal").join(
        before, on="customer_id", how="left", maintain_order="left"
    )
    known = known.with_columns(pl.col("^before_.*$").fill_null(0))
    return Holdout(cut_off, days, known, origin.models(choice.model), choice, origin)


def backtest(holdout: Holdout) -> pl.DataFrame:
    """Errors of the models and of naive rules on the holdout.

    Returns:
        One row per method, subject (`purchases`, `revenue`, `activity`) and metric, in the columns
        of the table `clv_backtest`. Methods: `model` (the one chosen at the cut-off); the plain
        fits by name; `own_rate` (each customer's past rate goes on); `last_period` (the same again
        as in the equally long time before); `nothing`; of activity `idle_time` (the longer silent,
        the less likely; its cut is chosen on earlier windows).
    """
    known = holdout.customers
    actual = (known["actual_purchases"].to_numpy(), known["actual_spend"].to_numpy())
    rows = []
    for method, predicted in _forecasts(holdout).items():
        for position, subject in enumerate(("purchases", "revenue")):
            measured = error_metrics(actual[position], predicted[position])
            rows += [(method, subject, metric, value) for metric, value in measured.items()]
    for method, measured in _activity(holdout, (actual[0] > 0).astype(float)).items():
        rows += [(method, "activity", metric, value) for metric, value in measured.items()]
    schema = dict.fromkeys(("method", "subject", "metric"), pl.String) | {"value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        cut_off=pl.lit(holdout.cut_off), holdout_days=pl.lit(holdout.days, dtype=pl.Int64)
    )


def _forecasts(holdout: Holdout) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Purchases and revenue that each method forecasts."""
    known, origin = holdout.customers, holdout.origin
    spend = holdout.models.expected_spend(known)
    own_rate = known["frequency"].to_numpy() / np.maximum(known["T"].to_numpy(), 1) * holdout.days
    mean_spend = (known["spend"] / known["purchases"]).to_numpy()
    nothing = np.zeros(known.height)
    chosen = holdout.expected_purchases()
    plain = {
        name: origin.expected(name, holdout.days)
        for name in candidates(known.height)
        if origin.fit(name).usable
    }
    return (
        {"model": (chosen, chosen * spend)}
        | {name: (expected, expected * spend) for name, expected in plain.items()}
        | {
            "own_rate": (own_rate, own_rate * mean_spend),
            "last_period": (known["before_purchases"].to_numpy(), known["before_spend"].to_numpy()),
            "nothing": (nothing, nothing),
        }
    )


def _activity(holdout: Holdout, active: np.ndarray) -> dict[str, dict]:
    """How well chances and rules tell who will buy."""
    known, days = holdout.customers, holdout.days
    idle = (known["T"] - known["recency"]).to_numpy()
    share = float(active.mean())
    found = {
        "model": activity_metrics(active, holdout.models.probability_active(known, days)),
        "not_alive": activity_metrics(active, holdout.models.probability_alive(known)),
        "idle_time": {"auc": auc(active, -idle)},
        "nothing": {"accuracy": 1 - share, "brier": share * (1 - share)},
    }
    cut = _idle_cut(holdout)
    if cut is not None:
        found["idle_time"]["accuracy"] = float(((idle <= cut) == (active > 0)).mean())
    return found


def _idle_cut(holdout: Holdout) -> float | None:
    """The idle time that parted buyers from others best in the windows closed by the cut-off."""
    past = holdout.origin.past
    days, cut_offs = training_window(past, holdout.cut_off)
    if not cut_offs:
        return None
    parts = [
        past.at(one)
        .customers.select(idle=pl.col("T") - pl.col("recency"))
        .with_columns(active=past.at(one).outcomes(days)["purchases"] > 0)
        for one in cut_offs
    ]
    ranked = pl.concat(parts).group_by("idle").agg(pl.len(), pl.col("active").sum()).sort("idle")
    right = ranked["active"].cum_sum() + (ranked["len"] - ranked["active"]).cum_sum(reverse=True)
    right = right - (ranked["len"] - ranked["active"])
    return float(ranked["idle"][int(right.arg_max())])


def coverage(holdout: Holdout, seed: int) -> dict[str, float]:
    """Share of customers whose spend in the holdout lay in their own 90 % interval.

    Returns:
        `all`, and `repeat` for those with a repeat purchase before the cut-off.
    """
    unique = holdout.customers.select(FEATURES).unique().sort(FEATURES)
    low, high = value_interval(unique, holdout.models, holdout.days, seed)
    known = holdout.customers.join(
        unique.with_columns(low=low, high=high), on=FEATURES, nulls_equal=True, validate="m:1"
    )
    held = pl.col("actual_spend").is_between(pl.col("low") - 1e-9, pl.col("high") + 1e-9)
    shares = known.select(all=held.mean(), repeat=held.filter(pl.col("frequency") > 0).mean())
    return {name: share or 0.0 for name, share in shares.row(0, named=True).items()}


def by_frequency(holdout: Holdout, most: int = 7) -> pl.DataFrame:
    """Mean purchases forecast and made in the holdout, by purchases before the cut-off.

    Returns:
        One row per frequency; the last row gathers `most` and more: `frequency`, `customers`,
        `actual`, `expected`.
    """
    return (
        holdout.customers.with_columns(expected=holdout.expected_purchases())
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
    expected = predict.expected_purchases_of_new(holdout.models.purchases, age)
    return weeks.with_columns(expected=expected @ starts["customers"].to_numpy())


def measured(table: pl.DataFrame, method: str, subject: str, metric: str) -> float | None:
    """One value of a table `clv_backtest`; None where it was not measured."""
    found = table.filter(
        (pl.col("method") == method) & (pl.col("subject") == subject) & (pl.col("metric") == metric)
    )
    return found["value"][0] if found.height else None


def usable_bias(table: pl.DataFrame) -> float | None:
    """The model's bias on purchases, from a table `clv_backtest`; None where it was not measured."""
    return measured(table, "model", "purchases", "bias")


def readable(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Errors on purchases and revenue with one row per subject and method, as text in their unit."""
    errors = table.filter(pl.col("subject") != "activity")
    rows = []
    for subject, method in errors.select("subject", "method").unique(maintain_order=True).rows():
        values = [measured(errors, method, subject, name) for name in SHOWN]
        unit = "money" if subject == "revenue" else "number"
        cells = [
            _cell(name, value, unit, settings) for name, value in zip(SHOWN, values, strict=True)
        ]
        rows.append((subject, method, *cells))
    heads = [label(f"metric.{name}") for name in SHOWN]
    schema = dict.fromkeys(["subject", "method", *heads], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row").sort("subject", maintain_order=True)


def readable_activity(table: pl.DataFrame) -> pl.DataFrame:
    """How well each method told who would buy, one row per method, as text."""
    names = ("auc", "brier", "log_loss", "accuracy")
    found = table.filter(pl.col("subject") == "activity")
    rows = []
    for method in found["method"].unique(maintain_order=True):
        values = [measured(found, method, "activity", name) for name in names]
        rows.append((method, *("–" if value is None else f"{value:.3f}" for value in values)))
    schema = dict.fromkeys(["method", *(label(f"metric.{name}") for name in names)], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _cell(metric: str, value: float | None, unit: str, settings: Settings) -> str:
    if value is None:
        return "–"
    if metric in ("mae", "rmse"):
        return form(value, unit, settings)
    return f"{value:+.1%}" if metric == "bias" else f"{value:.3f}"


def winner(table: pl.DataFrame, subject: str) -> str:
    """The method with the smallest RMSE on a subject; the model where it shares the first place.

    The plain fits are the model's own candidates, so only the naive rules compete with it.
    """
    rmse = table.filter((pl.col("subject") == subject) & (pl.col("metric") == "rmse"))
    rmse = rmse.filter(pl.col("method").is_in(("model", *BASELINES)))
    return rmse.sort("value", pl.col("method") != "model", "method")["method"][0]


def holdout_fits(holdout: Holdout) -> list[tuple[str, date, Fit]]:
    """The two fits up to the cut-off, as `clv.value.fit_table` wants them."""
    both = (holdout.models.purchases, holdout.models.spend)
    return [("holdout", holdout.cut_off, fit) for fit in both]
