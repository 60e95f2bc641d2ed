"""Computed sentences of `05_churn`, as arguments for `run.say`."""

from datetime import date

import polars as pl

from analysis.churn import check
from analysis.churn.backtest import EARLIER
from analysis.churn.causes import Association
from analysis.churn.explain import Explained
from analysis.churn.measures import verdict
from analysis.churn.predictors import COMPARED, IDLE_TIME, NOT_COMPARED, Choice
from analysis.churn.profit import Curve
from analysis.churn.scores import likely_to_leave
from analysis.labels import label
from analysis.report.show import Money, Share
from analysis.run.settings import Settings


def window(curve: pl.DataFrame, suggested: int | None, days: int) -> dict:
    """How long customers take to come back, and which window that suggests."""
    if suggested is None:
        return {"key": "churn.nobody_returned"}
    within = curve.filter(pl.col("days") <= days)
    return {
        "key": "churn.window",
        "days": days,
        "share": Share(within["returned"][-1]),
        "suggested": suggested,
        "advice": label("churn.window_as_set" if suggested <= days else "churn.window_longer"),
    }


def silent(bands: pl.DataFrame, days: int) -> dict:
    """Whether a silence as long as the window means that somebody has left."""
    beyond = bands.filter(pl.col("middle") > days)
    if beyond.is_empty():
        return {"key": "churn.nobody_silent", "days": days}
    row = beyond.row(0, named=True)
    return {
        "key": "churn.silent",
        "band": row["silent"],
        "share": Share(row["returned"]),
        "low": Share(row["low"]),
        "high": Share(row["high"]),
        "days": days,
    }


def chosen(choice: Choice) -> dict:
    """Which score is in use, and why."""
    said = {"score": label(f"score.{choice.method}"), "windows": len(choice.cut_offs)}
    if choice.reason == NOT_COMPARED:
        return {"key": "churn.chosen_uncompared", **said}
    if choice.reason != COMPARED:
        return {"key": "churn.too_few_events", **said}
    means = dict(choice.table.select("method", "auc").iter_rows())
    best = {"auc": f"{means[choice.method]:.3f}", "idle": f"{means[IDLE_TIME]:.3f}"}
    return {"key": "churn.chosen", **said, **best}


def left_out(open_windows: int, training: list[date], days: int) -> dict:
    """What was learned from, and which months were not."""
    if not training:
        return {"key": "churn.nothing_learned", "open": open_windows, "days": days}
    cut_offs = label("churn.and").join(f"{day}" for day in training)
    return {"key": "churn.learned", "cut_offs": cut_offs, "open": open_windows, "days": days}


def alarm(alarms: pl.DataFrame) -> dict:
    """Whether a score or feature is too good to be true."""
    if alarms.is_empty():
        return {"key": "churn.no_alarm"}
    row = alarms.row(0, named=True)
    return {"key": "churn.alarm", "name": row["name"], "auc": f"{row['auc']:.3f}"}


def most_at_stake(bands: pl.DataFrame, churn: pl.DataFrame) -> dict:
    """Where most value is at stake."""
    top = bands.sort("value_at_stake", descending=True).row(0, named=True)
    if top["value_at_stake"] <= 0:
        return {"key": "churn.nothing_at_stake"}
    return {
        "key": "churn.most_at_stake",
        "money": Money(top["value_at_stake"]),
        "band": top["idle"],
        "share": Share(churn.select(likely_to_leave().mean()).item()),
        "days": int(churn["horizon_days"][0]),
    }


def reasons(explained: Explained) -> dict:
    """Which groups of features may be named as reasons."""
    if explained.contributions.is_empty():
        return {"key": "churn.plain_signs"}
    said = {"shown": _named(explained.shown), "hidden": _named(explained.hidden)}
    key = "churn.reasons_hidden" if explained.hidden else "churn.reasons"
    return {"key": key if explained.shown else "churn.no_reasons", **said}


def _named(groups: list[str]) -> str:
    return ", ".join(label(f"reason_group.{name}") for name in groups)


def complaints(association: Association | None) -> dict:
    """What complaints go with, as association; or why nothing can be said."""
    if association is None:
        return {"key": "churn.no_complaints"}
    found = verdict(association.low, association.high)
    key = {"good": "more_away", "worse": "fewer_away", "equal": "alike_away"}[found]
    return {
        "key": "churn.complaints",
        "customers": association.customers_with,
        "strata": association.strata,
        "points": f"{100 * association.difference:+.1f}",
        "low": f"{100 * association.low:+.1f}",
        "high": f"{100 * association.high:+.1f}",
        "raw": f"{100 * association.raw_difference:+.1f}",
        "finding": label(f"churn.{key}"),
    }


def causes(named: pl.DataFrame) -> dict:
    """The cause that customers name most."""
    if named.is_empty():
        return {"key": "churn.no_causes"}
    top = named.sort("customers", "cause", descending=[True, False]).row(0, named=True)
    return {
        "key": "churn.causes",
        "cause": label(f"cause.{top['cause']}"),
        "share": Share(top["share"]),
        "low": Share(top["low"]),
        "high": Share(top["high"]),
    }


def contacts(people: pl.DataFrame, curve: Curve, settings: Settings) -> dict:
    """How many contacts pay, how many can be made, and what is expected of them."""
    given = settings.churn
    said = {
        "cost": f"{given.contact_cost:,f} {settings.currency}",
        "kept": Share(given.save_share),
        "capacity": given.contact_capacity,
    }
    if people.is_empty():
        return {"key": "churn.no_contact_pays", **said}
    total = float(people["expected_profit"].sum())
    key = "churn.contacts" if curve.best > curve.contacted else "churn.contacts_all"
    money = Money(curve.total[curve.best - 1])
    return {"key": key, **said, "best": curve.best, "most": money, "money": Money(total)}


def lists(together: pl.DataFrame, more: tuple[float, float, float] | None) -> dict:
    """Whether the list by expected profit would have caught more of the loss than the silent ones."""
    if more is None:
        return {"key": "churn.no_lists"}
    rows = {row["list"]: row for row in together.iter_rows(named=True)}
    key = {"good": "wins", "equal": "ties", "worse": "loses"}[verdict(*more[1:])]
    return {
        "key": f"churn.lists_{key}",
        "windows": rows["profit"]["windows"],
        "share": Share(rows["profit"]["lost_share"]),
        "idle": Share(rows["idle_time"]["lost_share"]),
        "random": Share(rows["random"]["lost_share"]),
        "low": f"{100 * more[1]:+.1f}",
        "high": f"{100 * more[2]:+.1f}",
        "spend": Share(rows["recent_spend"]["lost_share"]),
    }


def since_last_month(bought: tuple[int, int] | None) -> dict:
    """Of those on last month's list, how many have bought since.

    Args:
        bought: how many were listed, and how many of them bought this month.
    """
    if bought is None:
        return {"key": "churn.no_last_list"}
    listed, came = bought
    return {"key": "churn.last_list", "listed": listed, "came": came, "share": Share(came / listed)}


def rates(table: pl.DataFrame, cut_off: date | None, from_report: bool) -> dict:
    """In which class the score is furthest from what came."""
    if table.is_empty():
        return {"key": "churn.no_rates"}
    off = table.filter(pl.col("finding") != "as_predicted")
    where = label("churn.classes_of_report" if from_report else "churn.classes_standing")
    said = {"cut_off": cut_off, "classes": table.height, "off": off.height, "where": where}
    return {"key": "churn.rates", **said}


def checked(churn_fit: pl.DataFrame) -> dict:
    """What was predicted for the last closed window, and what came."""
    values, first = check.values(churn_fit), churn_fit.row(0, named=True)
    if values.get(("model", "auc")) is None:
        return {"key": "churn.no_check", "days": first["horizon_days"]}
    return {
        "key": "churn.checked",
        "cut_off": first["cut_off"],
        "days": first["horizon_days"],
        "rate": Share(values["base_rate", "rate"]),
        "predicted": Share(values["model", "predicted"]),
        "error": f"{values['model', 'calibration_error']:.1%}",
        "luck": f"{values['model', 'calibration_noise']:.1%}",
    }


def level_together(found: tuple[int, float] | None) -> dict:
    """How far the level was off over several closed windows."""
    if found is None:
        return {"key": "churn.no_level_together"}
    return {"key": "churn.level_together", "windows": found[0], "error": f"{found[1]:.1%}"}


def against_idle_time(churn_fit: pl.DataFrame) -> dict:
    """Whether the score ranks better than the plain rule."""
    values = check.values(churn_fit)
    auc, idle = values.get(("model", "auc")), values.get((IDLE_TIME, "auc"))
    if auc is None or idle is None:
        return {"key": "churn.not_tested"}
    if (IDLE_TIME, "gain") not in values:
        return {"key": "churn.is_the_rule", "auc": f"{auc:.3f}"}
    found = verdict(values[IDLE_TIME, "gain_low"], values[IDLE_TIME, "gain_high"])
    key = {"good": "wins", "equal": "ties", "worse": "loses"}[found]
    return {"key": f"churn.{key}", "auc": f"{auc:.3f}", "idle": f"{idle:.3f}"}


def ageing(churn_fit: pl.DataFrame) -> dict:
    """How last month's model would have done on the same window."""
    values = check.values(churn_fit)
    auc, earlier = values.get(("model", "auc")), values.get((EARLIER, "auc"))
    if auc is None or earlier is None:
        return {"key": "churn.no_ageing"}
    found = verdict(values[EARLIER, "gain_low"], values[EARLIER, "gain_high"])
    finding = {"good": "aged", "equal": "not_aged", "worse": "younger_worse"}[found]
    told = label(f"churn.{finding}")
    return {
        "key": "churn.ageing",
        "earlier": f"{earlier:.3f}",
        "auc": f"{auc:.3f}",
        "finding": told,
    }


def alive_warning(churn_fit: pl.DataFrame) -> dict:
    """How P(alive) alone would rank."""
    values = check.values(churn_fit)
    auc, score = values.get(("not_alive", "auc")), values.get(("model", "auc"))
    if auc is None or score is None:
        return {"key": "churn.not_tested"}
    return {"key": "churn.alive_warning", "auc": f"{auc:.3f}", "score": f"{score:.3f}"}
