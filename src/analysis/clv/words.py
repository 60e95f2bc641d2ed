"""Computed sentences of `04_clv`, as arguments for `run.say`."""

import polars as pl

from analysis.clv.holdout import Holdout, usable_bias, winner
from analysis.clv.value import Models
from analysis.labels import label
from analysis.report.show import Money, Share
from analysis.run.settings import Settings

LARGEST_CORRELATION = 0.15


def purchases_fit(models: Models) -> dict:
    """Whether BG/NBD is in use, or what stands in for it."""
    fit = models.purchases
    if not fit.usable:
        return {"key": "clv.fallback_purchases", "problem": label(f"problem.{fit.problem}")}
    rate = fit.parameters["r"] / fit.parameters["alpha"]
    return {"key": "clv.fitted", "gap": f"{1 / rate:,.0f}"}


def spend_fit(models: Models, customers: pl.DataFrame) -> dict:
    """Whether Gamma-Gamma is in use and its assumption holds, or what stands in for it."""
    if not models.spend.usable:
        return {"key": "clv.fallback_spend", "problem": label(f"problem.{models.spend.problem}")}
    repeat = customers.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0))
    correlation = repeat.select(pl.corr("frequency", "monetary_value")).item()
    size = "small" if abs(correlation) <= LARGEST_CORRELATION else "large"
    return {
        "key": "clv.correlation",
        "correlation": f"{correlation:.2f}",
        "verdict": label(f"clv.correlation_{size}"),
    }


def margin(settings: Settings) -> dict:
    """Whether value is net of anything."""
    share = settings.clv.gross_margin
    return {"key": "clv.gross"} if share == 1 else {"key": "clv.net", "margin": Share(share)}


def holdout_result(holdout: Holdout | None, backtest: pl.DataFrame) -> dict:
    """What the model expected in the holdout, and what happened."""
    bias = usable_bias(backtest)
    if holdout is None or bias is None:
        return {"key": "clv.no_holdout"}
    known = holdout.customers
    actual = int(known["actual_purchases"].sum())
    return {
        "key": "clv.holdout",
        "cut_off": holdout.cut_off,
        "days": holdout.days,
        "expected": round(actual * (1 + bias)),
        "actual": actual,
        "bias": f"{bias:+.1%}",
    }


def best_method(backtest: pl.DataFrame, subject: str) -> dict:
    """Which method came closest, and what follows."""
    if usable_bias(backtest) is None:
        return {"key": "clv.not_tested"}
    method = winner(backtest, subject)
    return {
        "key": "clv.best",
        "subject": label(f"subject.{subject}"),
        "method": label(f"method.{method}"),
        "verdict": label("clv.model_wins" if method == "model" else "clv.model_loses"),
    }


def forecast_width(backtest: pl.DataFrame) -> dict:
    """What the forecast's intervals hold."""
    bias = usable_bias(backtest)
    if bias is None:
        return {"key": "clv.forecast_width_untested"}
    return {"key": "clv.forecast_width", "error": f"{bias:+.1%}"}


def costs(table: pl.DataFrame, days: int) -> dict:
    """What customers have cost, or that nothing says so."""
    if table.is_empty():
        return {"key": "clv.no_costs"}
    return {
        "key": "clv.costs",
        "amount": Money(table["amount"].sum()),
        "days": days,
        "share": Share(table["share_of_revenue"].sum()),
    }
