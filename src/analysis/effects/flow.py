"""The month's work as a flow of four stages: classify, communicate, analyse, apply.

What each step handled, what its money is and how long cases wait comes from the month's tables; who owns
it, what is decided and when it is late from the settings. A step whose table is missing stays in the
chart and says so.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta

import polars as pl

from analysis.effects.flow_times import TREATED, Wait, of_assignments, of_feedback, of_steps
from analysis.run.months import Month
from analysis.run.sections import Service
from analysis.run.sections_effects import STAGES, FlowStep

LEAST_CASES = 20  # cases below which a step is not called narrow
LEAST_TIMED_STEPS = 2  # of one step alone nobody can tell whether it is narrower than the others
CARD_AXIS = "rfm"
OWN_STEPS = {
    "customers": "classify",
    "segments": "classify",
    "interactions": "communicate",
    "feedback": "communicate",
    "customer_value": "analyse",
    "early_warning": "analyse",
    "action_plan": "apply",
    "assignments": "apply",
    "effects": "apply",
}
SCHEMA = {
    **{"step": pl.String, "place": pl.Int64},
    **dict.fromkeys(("stage", "owner", "decision"), pl.String),
    "due_days": pl.Float64,
    "has_data": pl.Boolean,
    **dict.fromkeys(("cases", "customers"), pl.Int64),
    "money": pl.Float64,
    "money_of": pl.String,
    **dict.fromkeys(("open", "overdue"), pl.Int64),
    **dict.fromkeys(("median_days", "low", "high"), pl.Float64),
    "timed": pl.Int64,
    "narrowest": pl.Boolean,
}
Found = dict[str, pl.DataFrame]


def process_flow(
    found: Found, entries: list[FlowStep], month: Month, service: Service
) -> pl.DataFrame:
    """Every step with its counts, money and waiting times, the narrowest marked.

    Steps are those of `OWN_STEPS`, and those of the table `steps` that the settings place in a stage.
    Waiting is counted in days over the cases of the last 365 days (Kaplan-Meier, open ones as long as
    they have waited); `open` and `overdue` are as at the end of the month.

    The narrowest step is, of those with at least 20 timed cases, the one with the largest share overdue
    (of its timed cases), if any is overdue; else the one whose median wait is longest, a median not
    reached yet being longer than any. Without such a step none is marked.

    Args:
        found: tables of the month by name, each of `OWN_STEPS`, `steps` and `responses` (when the
            assigned were contacted); one that is missing or empty leaves its step without data.
        entries: the sections `[[flow]]` of the settings.
        month: counts are of this month where the table has times.
        service: the section `service`; its `close_days` is when a complaint is late unless an entry
            says otherwise.

    Returns:
        One row per step in the order of the stages, in the columns of the table `process_flow`.
    """
    told = {one.step: one for one in entries}
    places = OWN_STEPS | {one.step: one.stage for one in entries}
    ordered = sorted(places, key=lambda name: STAGES.index(places[name]))  # stable within a stage
    late = {"feedback": service.close_days}
    rows = []
    for place, name in enumerate(ordered, 1):
        entry = told.get(name)
        due = (entry and entry.due_days) or late.get(name)
        row = {"step": name, "place": place, "stage": places[name], "due_days": due}
        row |= {"owner": entry and entry.owner, "decision": entry and entry.decision}
        rows.append(row | _content(name, found, month, due))
    table = pl.DataFrame([{"narrowest": False} | row for row in rows], schema=SCHEMA)
    return table.with_columns(narrowest=pl.col("step").eq_missing(pl.lit(_narrowest(table))))


def unplaced(steps: pl.DataFrame | None, entries: list[FlowStep]) -> list[str]:
    """Steps of the table `steps` that no section `[[flow]]` places, and that the chart leaves out."""
    if steps is None:
        return []
    named = {one.step for one in entries}
    return [name for name in steps["step"].drop_nulls().unique().sort() if name not in named]


def _content(name: str, found: Found, month: Month, due: float | None) -> dict:
    """What the tables say about a step."""
    if name in OWN_STEPS:
        table = found.get(name)
        if table is None or table.is_empty():
            return _nothing()
        return _nothing() | {"has_data": True} | _OWN[name](found, month, due)
    steps = found.get("steps")
    rows = None if steps is None else steps.filter(pl.col("step") == name)
    if rows is None or rows.is_empty():
        return _nothing()
    return _nothing() | {"has_data": True} | _steps(rows, month, due)


def _nothing() -> dict:
    return {"has_data": False, "cases": 0, "timed": 0}


def _customers(found: Found, month: Month, due: float | None) -> dict:
    return _sized(found["customers"]) | _money(found["customers"], "spend")


def _segments(found: Found, month: Month, due: float | None) -> dict:
    """Customers with a class, and as cases those whose class changed."""
    rows = found["segments"].filter(pl.col("axis") == CARD_AXIS)
    return {"cases": int(rows["changed"].sum() or 0), "customers": rows["customer_id"].n_unique()}


def _interactions(found: Found, month: Month, due: float | None) -> dict:
    return _sized(_within(found["interactions"], "at", month))


def _feedback(found: Found, month: Month, due: float | None) -> dict:
    """Complaints: those made in the month, and how long they wait to be closed."""
    told = found["feedback"].filter(pl.col("kind") == "complaint")
    return _sized(_within(told, "at", month)) | _waits(
        of_feedback(found["feedback"], month.last_day, due)
    )


def _value(found: Found, month: Month, due: float | None) -> dict:
    return _sized(found["customer_value"]) | _money(found["customer_value"], "future_net")


def _early_warning(found: Found, month: Month, due: float | None) -> dict:
    return _sized(found["early_warning"]) | _money(found["early_warning"], "value_at_stake")


def _action_plan(found: Found, month: Month, due: float | None) -> dict:
    """Those who are to be contacted; control groups are not."""
    treated = found["action_plan"].filter(pl.col("arm").cast(pl.String) == TREATED)
    return _sized(treated) | _money(treated, "expected_profit")


def _assignments(found: Found, month: Month, due: float | None) -> dict:
    table, sent = found["assignments"], found.get("responses")
    day = pl.col("assigned_on")
    here = table.filter(day.is_between(month.first_day, month.last_day))
    return _sized(here) | _waits(of_assignments(table, sent, month.last_day, due))


def _effects(found: Found, month: Month, due: float | None) -> dict:
    return {"cases": found["effects"]["campaign"].n_unique()}


def _steps(rows: pl.DataFrame, month: Month, due: float | None) -> dict:
    return _sized(_within(rows, "started_at", month)) | _waits(of_steps(rows, month.last_day, due))


_OWN: dict[str, Callable[[Found, Month, float | None], dict]] = {
    "customers": _customers,
    "segments": _segments,
    "interactions": _interactions,
    "feedback": _feedback,
    "customer_value": _value,
    "early_warning": _early_warning,
    "action_plan": _action_plan,
    "assignments": _assignments,
    "effects": _effects,
}


def _sized(rows: pl.DataFrame) -> dict:
    known = "customer_id" in rows.columns
    customers = rows["customer_id"].drop_nulls().n_unique() if known else None
    return {"cases": rows.height, "customers": customers}


def _money(rows: pl.DataFrame, column: str) -> dict:
    """A sum that does not depend on the order of the rows, to the fourth place."""
    if column not in rows.columns:
        return {}
    amounts = rows[column].cast(pl.Float64).drop_nulls().sort()
    return {"money": round(float(amounts.sum()), 4), "money_of": column} if amounts.len() else {}


def _waits(wait: Wait | None) -> dict:
    if wait is None:
        return {}
    times = {"median_days": wait.median, "low": wait.low, "high": wait.high, "timed": wait.timed}
    return times | {"open": wait.open, "overdue": wait.overdue}


def _within(rows: pl.DataFrame, column: str, month: Month) -> pl.DataFrame:
    first = datetime.combine(month.first_day, time())
    end = datetime.combine(month.last_day + timedelta(days=1), time())
    return rows.filter((pl.col(column) >= first) & (pl.col(column) < end))


def _narrowest(table: pl.DataFrame) -> str | None:
    timed = table.filter(pl.col("timed") >= LEAST_CASES)
    if timed.height < LEAST_TIMED_STEPS:
        return None
    share = pl.col("overdue").fill_null(0) / pl.col("timed")
    longest = pl.col("median_days").fill_null(float("inf"))
    late = timed.with_columns(share=share, longest=longest)
    by = "share" if late["share"].max() > 0 else "longest"
    return late.sort([by, "place"], descending=[True, False])["step"][0]
