"""Computed sentences of `04_clv` about models and forecasts, as arguments for `run.say`."""

from datetime import date

import numpy as np
import polars as pl

from analysis.clv.choose import WITHOUT_DROPOUT, Choice
from analysis.clv.forecast import Outlook, hit_interval
from analysis.clv.holdout import Holdout, measured, usable_bias, winner
from analysis.clv.models import Models
from analysis.labels import label
from analysis.report.show import Share

LARGEST_CORRELATION = 0.15


def chosen_model(choice: Choice, models: Models) -> list[dict]:
    """Which model of purchases is in use and why, or what stands in for it."""
    fit = models.purchases
    if not fit.usable:
        return [{"key": "clv.fallback_purchases", "problem": label(f"problem.{fit.problem}")}]
    if choice.model == WITHOUT_DROPOUT:
        return [{"key": "clv.chosen_without"}]
    name = label(f"model.{choice.model}")
    if choice.table.is_empty():
        return [{"key": "clv.chosen_only", "model": name}, *_of_fit(models)]
    row = choice.table.filter(pl.col("chosen")).row(0, named=True)
    strength = row["strength"]
    said = [
        {
            "key": "clv.chosen",
            "model": name,
            "corrected": label("clv.corrected", strength=f"{strength:.2f}") if strength else "",
            "windows": len(choice.cut_offs),
            "days": choice.window_days,
            "rmse": f"{row['rmse']:.3f}",
        }
    ]
    if strength:
        gain, times = f"{row['gain']:.4f}", f"{row['gain'] / row['gain_error']:.1f}"
        said.append({"key": "clv.correction_gain", "gain": gain, "times": times})
    elif choice.table.filter(pl.col("strength") > 0).height:
        said.append({"key": "clv.correction_none"})
    return said + _of_fit(models)


def _of_fit(models: Models) -> list[dict]:
    parameters = models.purchases.parameters
    gap = parameters["alpha"] / parameters["r"]
    said = [{"key": "clv.fitted", "gap": f"{gap:,.0f}"}]
    dropout = parameters.get("a", np.inf) + parameters.get("b", np.inf)
    if dropout <= 1:
        said.append({"key": "clv.heavy_dropout", "sum": f"{dropout:.2f}"})
    return said


def spend_fit(models: Models, customers: pl.DataFrame) -> list[dict]:
    """Whether Gamma-Gamma is in use and its assumption holds, or what stands in for it."""
    if not models.spend.usable:
        return [{"key": "clv.fallback_spend", "problem": label(f"problem.{models.spend.problem}")}]
    repeat = customers.filter(pl.col("frequency") > 0)
    valued = repeat.filter(pl.col("monetary_value") > 0)
    correlation, ranks = (
        valued.select(pl.corr("frequency", "monetary_value", method=method)).item()
        for method in ("pearson", "spearman")
    )
    size = "small" if max(abs(correlation), abs(ranks)) <= LARGEST_CORRELATION else "large"
    said = [
        {
            "key": "clv.correlation",
            "correlation": f"{correlation:.2f}",
            "ranks": f"{ranks:.2f}",
            "verdict": label(f"clv.correlation_{size}"),
        }
    ]
    if repeat.height > valued.height:
        said.append({"key": "clv.zero_valued", "count": repeat.height - valued.height})
    return said


def holdout_result(holdout: Holdout | None, backtest: pl.DataFrame) -> dict:
    """What the model expected in the holdout, and what happened."""
    bias = usable_bias(backtest)
    if holdout is None or bias is None:
        return {"key": "clv.no_holdout"}
    actual = int(holdout.customers["actual_purchases"].sum())
    return {
        "key": "clv.holdout",
        "cut_off": holdout.cut_off,
        "model": label(f"model.{holdout.choice.model}"),
        "days": holdout.days,
        "expected": round(actual * (1 + bias)),
        "actual": actual,
        "bias": f"{bias:+.1%}",
    }


def best_methods(backtest: pl.DataFrame) -> list[dict]:
    """Which method came closest on each subject, and what follows."""
    if usable_bias(backtest) is None:
        return [{"key": "clv.not_tested"}]
    said = []
    for subject in ("purchases", "revenue"):
        method = winner(backtest, subject)
        verdict = label("clv.model_wins" if method == "model" else "clv.model_loses")
        named = {"subject": label(f"subject.{subject}"), "method": label(f"method.{method}")}
        said.append({"key": "clv.best", "verdict": verdict, **named})
    model, idle = (measured(backtest, name, "activity", "auc") for name in ("model", "idle_time"))
    if model is not None and idle is not None:
        key = "clv.activity_wins" if model >= idle else "clv.activity_loses"
        said.append({"key": key, "auc": f"{model:.3f}", "idle": f"{idle:.3f}"})
    return said


def coverage(shares: dict[str, float] | None) -> dict:
    """How many customers spent what their interval held."""
    if shares is None:
        return {"key": "clv.not_tested"}
    return {"key": "clv.coverage", "share": Share(shares["all"]), "buyers": Share(shares["repeat"])}


def widths(outlooks: list[Outlook]) -> list[dict]:
    """Where the intervals of the forecasts come from, and whether totals are corrected."""
    said = []
    for seen in outlooks:
        if seen.checked.is_empty():
            said.append({"key": "clv.width_untested", "days": seen.days})
            continue
        count = seen.checked.height
        if seen.checked_days != seen.days:
            other = {"other": seen.checked_days, "count": count}
            said.append({"key": "clv.width_other", "days": seen.days, **other})
            continue
        sides = {"reach": Share(seen.quantile * seen.spread), "spread": Share(seen.spread)}
        said.append({"key": "clv.width", "days": seen.days, "count": count, **sides})
    corrected = [seen for seen in outlooks if seen.level != 1]
    if not corrected:
        return [*said, {"key": "clv.no_level"}]
    levels = [
        {"key": "clv.level", "days": seen.days, "level": f"{seen.level:.3f}"} for seen in corrected
    ]
    return said + levels


def rolling(hits: dict[int, pl.DataFrame]) -> list[dict]:
    """How often intervals made at earlier month ends held what happened.

    Args:
        hits: horizon in days = the frame of `forecast.rolling_hits`.
    """
    said = []
    for days, frame in hits.items():
        if frame.is_empty():
            continue
        held = int(frame["hit"].sum())
        low, high = hit_interval(held, frame.height)
        rate = {"hits": held, "count": frame.height, "low": Share(low), "high": Share(high)}
        said.append({"key": "clv.rolling", "days": days, **rate})
    return said


def kept(outcomes: pl.DataFrame) -> dict:
    """Whether the forecasts of earlier reports came true.

    Args:
        outcomes: the table `forecast_outcomes`.
    """
    if outcomes.is_empty():
        return {"key": "clv.kept_none"}
    bias = outcomes["expected_purchases"].sum() / max(outcomes["actual"].sum(), 1) - 1
    held = {"hits": int(outcomes["hit"].sum()), "count": outcomes.height}
    return {"key": "clv.kept_hits", **held, "bias": f"{bias:+.1%}"}


def parameters_moved(month: date | None, names: list[str]) -> dict:
    """Whether the parameters hold from an earlier month to this one."""
    if month is None:
        return {"key": "clv.drift_none"}
    if not names:
        return {"key": "clv.drift_calm", "month": month}
    return {"key": "clv.drift_moved", "month": month, "names": ", ".join(names)}
