"""Whether the service standards are kept, and how staff take calls."""

from datetime import date

import polars as pl

from analysis.feedback.service_cases import YEAR_DAYS, a_year_before, within
from analysis.feedback.service_times import FEW, share_of, waiting
from analysis.run.sections import Service

MET, MISSED, CANNOT_TELL, NO_DATA = "met", "missed", "cannot_tell", "no_data"
OTHER = "other"
_VERDICT = {"standard": pl.String, "limit": pl.Float64, "required": pl.Float64}
_VERDICT |= dict.fromkeys(("share", "low", "high"), pl.Float64)
_VERDICT |= {"cases": pl.Int64, "waiting": pl.Int64, "verdict": pl.String, "small": pl.Boolean}


def standards(
    cases: pl.DataFrame, interactions: pl.DataFrame, as_of: date, service: Service
) -> pl.DataFrame:
    """Whether the service standards were kept in the last 365 days.

    Met where the whole 95 % interval lies at or above the required share, missed where it lies below,
    and otherwise nobody can tell from so many cases.

    Returns:
        One row per `standard` (`first_response`, `close`, `connect`): `limit` (hours, days, seconds),
        `required` (share), `share`, `low`, `high`, `cases`, `waiting` (still open), `verdict` (`met`,
        `missed`, `cannot_tell`, `no_data`), `small` (fewer than 20 cases).
    """
    year = within(cases, as_of, YEAR_DAYS)
    response = waiting(year["response_hours"], year["answered"], service.first_response_hours)
    closing = waiting(year["close_days"], year["closed"], service.close_days)
    taken = _recent(interactions, as_of)["connect_seconds"].drop_nulls()
    share, low, high, count = share_of(taken <= service.connect_seconds)
    required = service.required_share
    rows = [
        (name, limit, required, one.share, one.low, one.high, one.cases, one.waiting)
        for name, limit, one in (
            ("first_response", service.first_response_hours, response),
            ("close", service.close_days, closing),
        )
    ]
    rows.append(("connect", service.connect_seconds, required, share, low, high, count, 0))
    table = pl.DataFrame(
        [(*row, _verdict(row), row[6] < FEW) for row in rows], schema=list(_VERDICT), orient="row"
    )
    return table.cast(_VERDICT)


def by_staff(
    interactions: pl.DataFrame, staff: pl.DataFrame, as_of: date, service: Service
) -> pl.DataFrame:
    """Contacts of the last 365 days by member of staff, by number: names stay out of the page.

    The column `staff_id` of a contact may hold the number or the name of the table `staff`; where it
    holds neither, it is `other`. Calls that nobody took (0 seconds) were not handled.

    Returns:
        One row per member, the most contacts first: `staff`, `team`, `contacts`, `connected_in_time`
        (share, null without times), `low`, `high` (95 %, Wilson), `handle_median` (seconds) with
        `handle_low`, `handle_high`, `small` (fewer than 20 contacts). Complaints name no staff.
    """
    rows = _recent(interactions, as_of)
    numbers = staff.drop_nulls("staff_id").unique("staff_id", keep="first").sort("staff_id")
    rows = rows.drop_nulls("staff_id").with_columns(
        staff=pl.col("staff_id").replace_strict(
            _number_of(numbers), default=OTHER, return_dtype=pl.String
        )
    )
    teams = dict(numbers.select("staff_id", "team").rows()) if "team" in staff.columns else {}
    found = []
    for (name,), part in rows.sort("staff", "at").group_by("staff", maintain_order=True):
        took = part["handle_seconds"].drop_nulls().cast(pl.Float64)
        took = took.filter(took > 0)
        handled = waiting(took, took > 0, 1.0)
        rate = share_of(part["connect_seconds"].drop_nulls() <= service.connect_seconds)
        medians = (handled.median, handled.median_low, handled.median_high)
        found.append((name, teams.get(name), part.height, *rate[:3], *medians))
    schema = {"staff": pl.String, "team": pl.String, "contacts": pl.Int64}
    figures = ("connected_in_time", "low", "high", "handle_median", "handle_low", "handle_high")
    table = pl.DataFrame(found, schema=schema | dict.fromkeys(figures, pl.Float64), orient="row")
    return table.sort(-pl.col("contacts"), "staff").with_columns(small=pl.col("contacts") < FEW)


def _number_of(numbers: pl.DataFrame) -> dict[str, str]:
    """The number of a member of staff by number and by name; a name that two share names neither."""
    found = {number: number for number in numbers["staff_id"]}
    if "name" in numbers.columns:
        named = numbers.drop_nulls("name").unique("name", keep="none")
        found = dict(named.select("name", "staff_id").rows()) | found
    return found


def _verdict(row: tuple) -> str:
    _, _, required, share, low, high, cases, _ = row
    if not cases:
        return NO_DATA
    if share is None or low < required <= high:
        return CANNOT_TELL
    return MET if low >= required else MISSED


def _recent(interactions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Contacts of the last 365 days, with the columns of service times whether they are there or not."""
    kinds = {"staff_id": pl.String, "connect_seconds": pl.Float64, "handle_seconds": pl.Float64}
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in kinds.items()
        if name not in interactions.columns
    ]
    day = pl.col("at").dt.date()
    return interactions.with_columns(absent).filter((day >= a_year_before(as_of)) & (day <= as_of))
