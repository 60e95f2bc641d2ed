"""How long cases of a step wait, how many are open and how many late, at the end of a month."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl

from analysis.feedback.service_cases import cases
from analysis.feedback.service_times import waiting

TIMED_DAYS = 365
TREATED = "treat"
_DAY = 86_400  # seconds


@dataclass(frozen=True)
class Wait:
    """Waiting at a step: days in the median with their 95 % limits, null where not reached.

    `timed` counts the cases of the last 365 days behind it, `open` those not done (of any age), `overdue`
    those of them that are late; null where nothing says when a case is late.
    """

    timed: int
    median: float | None
    low: float | None
    high: float | None
    open: int
    overdue: int | None


def of_steps(rows: pl.DataFrame, as_of: date, due_days: float | None) -> Wait:
    """Cases of one step of the table `steps`, as they stood at the end of a day.

    What was done later was open then. A case done before it was started, or without a start, counts
    nowhere. Late is a case open after its `due_at`, or where it has none, open for more than `due_days`.

    Args:
        rows: rows of one step: `started_at`, `due_at`, `done_at`.
        due_days: of the settings; null: no limit but `due_at`.
    """
    end = datetime.combine(as_of, time()) + timedelta(days=1)
    begun = rows.filter(pl.col("started_at") < end).with_columns(
        done_at=pl.when(pl.col("done_at") < end).then("done_at")
    )
    right = begun.filter((pl.col("done_at") >= pl.col("started_at")).fill_null(True))
    limit = pl.lit(None, pl.Datetime("us"))
    if due_days is not None:
        limit = pl.col("started_at") + pl.duration(seconds=round(due_days * _DAY))
    return _wait(
        right.select(
            start="started_at", done="done_at", limit=pl.coalesce(pl.col("due_at"), limit)
        ),
        end,
    )


def of_feedback(feedback: pl.DataFrame, as_of: date, due_days: float | None) -> Wait | None:
    """Complaints until they are closed; None where the table never says when.

    Args:
        feedback: the table `feedback`.
        due_days: days after which an open complaint is late.
    """
    known = cases(feedback, as_of).filter(~pl.col("wrong") & pl.col("close_days").is_not_null())
    if known.is_empty():
        return None
    seconds = (pl.col("close_days") * _DAY).round().cast(pl.Int64)
    end = datetime.combine(as_of, time()) + timedelta(days=1)
    limit = pl.lit(None, pl.Datetime("us"))
    if due_days is not None:
        limit = pl.col("at") + pl.duration(seconds=round(due_days * _DAY))
    done = pl.when("closed").then(pl.col("at") + pl.duration(seconds=seconds))
    return _wait(known.select(start="at", done=done, limit=limit), end)


def of_assignments(
    assignments: pl.DataFrame, responses: pl.DataFrame | None, as_of: date, due_days: float | None
) -> Wait | None:
    """Customers assigned to treatment until they are first contacted, by the table of responses.

    They are assigned at the end of a day. None where responses know none of the campaigns, since then
    nothing says who waits.

    Args:
        assignments: the table `assignments`.
        responses: the table `responses`; None without one.
    """
    if responses is None:
        return None
    sent = responses.group_by("customer_id", campaign="campaign_id").agg(
        done_at=pl.col("sent_at").min()
    )
    treated = assignments.filter(
        (pl.col("arm").cast(pl.String) == TREATED)
        & pl.col("campaign").is_in(sent["campaign"].unique().implode())
    )
    if treated.is_empty():
        return None
    start = (pl.col("assigned_on") + pl.duration(days=1)).cast(pl.Datetime("us"))
    joined = treated.with_columns(started_at=start, due_at=pl.lit(None, pl.Datetime("us"))).join(
        sent, on=["campaign", "customer_id"], how="left"
    )
    # The assigned of the last day of the month cannot have waited yet.
    return of_steps(joined, as_of, due_days)


def _wait(rows: pl.DataFrame, end: datetime) -> Wait:
    """Rows of `start`, `done` (null: open) and `limit` (null: none)."""
    open_now = pl.col("done").is_null()
    recent = rows.filter(pl.col("start") >= end - timedelta(days=TIMED_DAYS))
    took = (pl.coalesce("done", pl.lit(end)) - pl.col("start")).dt.total_seconds() / _DAY
    times = recent.select(took=took, ended=~open_now)
    found = waiting(times["took"], times["ended"], 0.0)
    late = rows.filter(open_now & (pl.col("limit") < end)).height
    limited = rows.select(pl.col("limit").is_not_null().any()).item()
    still = rows.filter(open_now).height
    return Wait(
        found.cases,
        found.median,
        found.median_low,
        found.median_high,
        still,
        late if limited else None,
    )
