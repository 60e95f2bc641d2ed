"""Computed sentences of `05_churn`, as arguments for `run.say`."""

import polars as pl

from analysis.churn.scores import likely_to_leave
from analysis.labels import label
from analysis.report.advice import compare_auc
from analysis.report.show import Money, Share


def _values(churn_fit: pl.DataFrame) -> dict[tuple[str, str], float | None]:
    return {(row["score"], row["metric"]): row["value"] for row in churn_fit.iter_rows(named=True)}


def checked(churn_fit: pl.DataFrame) -> dict:
    """What was predicted for the last closed window, and what came."""
    values, first = _values(churn_fit), churn_fit.row(0, named=True)
    if values.get(("model", "auc")) is None:
        return {"key": "churn.no_check", "days": first["horizon_days"]}
    return {
        "key": "churn.checked",
        "cut_off": first["cut_off"],
        "days": first["horizon_days"],
        "rate": Share(values["base_rate", "rate"]),
        "predicted": Share(values["model", "rate"]),
    }


def against_idle_time(churn_fit: pl.DataFrame) -> dict:
    """Whether the score ranks better than the plain rule."""
    values = _values(churn_fit)
    auc, idle = values.get(("model", "auc")), values.get(("idle_time", "auc"))
    if auc is None or idle is None:
        return {"key": "churn.not_tested"}
    key = {"good": "wins", "equal": "ties", "worse": "loses"}[compare_auc(auc, idle)]
    return {"key": f"churn.{key}", "auc": f"{auc:.3f}", "idle": f"{idle:.3f}"}


def alive_warning(churn_fit: pl.DataFrame) -> dict:
    """How P(alive) alone would rank."""
    values = _values(churn_fit)
    auc, score = values.get(("not_alive", "auc")), values.get(("model", "auc"))
    if auc is None or score is None:
        return {"key": "churn.not_tested"}
    return {"key": "churn.alive_warning", "auc": f"{auc:.3f}", "score": f"{score:.3f}"}


def most_at_stake(bands: pl.DataFrame, churn: pl.DataFrame) -> dict:
    """Where most value is at stake."""
    top = bands.sort("value_at_stake", descending=True).row(0, named=True)
    if top["value_at_stake"] == 0:
        return {"key": "churn.nothing_at_stake"}
    return {
        "key": "churn.most_at_stake",
        "money": Money(top["value_at_stake"]),
        "band": top["idle"],
        "share": Share(churn.select(likely_to_leave().mean()).item()),
        "days": int(churn["horizon_days"][0]),
    }


def at_risk(people: pl.DataFrame, days: int) -> dict:
    """How many repeat buyers are likely to leave, and what is at stake."""
    if people.is_empty():
        return {"key": "churn.none_at_risk", "days": days}
    return {
        "key": "churn.at_risk",
        "customers": people.height,
        "days": days,
        "money": Money(people["value_at_stake"].sum()),
    }


def service(table: pl.DataFrame) -> dict:
    """What complaints go with, as association; or why nothing can be said."""
    rows = {row["service"]: row for row in table.iter_rows(named=True)}
    if not rows:
        return {"key": "churn.no_service"}
    if "complaint" not in rows:
        return {"key": "churn.no_complaints"}
    row = rows["complaint"]
    if row["low"] <= row["predicted"] <= row["high"]:
        finding = "as_predicted"
    else:
        finding = "more_away" if row["observed"] > row["predicted"] else "fewer_away"
    return {
        "key": "churn.complaints",
        "customers": row["customers"],
        "observed": Share(row["observed"]),
        "predicted": Share(row["predicted"]),
        "finding": label(f"churn.{finding}"),
    }
