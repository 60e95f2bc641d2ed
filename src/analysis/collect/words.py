"""Computed sentences of `01_collect`, as arguments for `run.say`."""

import polars as pl

from analysis import model
from analysis.collect.arrivals import Completeness
from analysis.run.months import Month
from analysis.run.settings import Settings


def completeness(found: Completeness, month: Month) -> dict:
    """Whether the month's data reach its end."""
    if found.later_rows:
        return {"key": "collect.complete_later", "later": found.later_rows, "month": month}
    values = {
        "last_day": found.last_day,
        "silent_days": found.silent_days,
        "usual_gap": found.usual_gap,
    }
    return {"key": "collect.complete" if found.complete else "collect.incomplete", **values}


def tables(settings: Settings) -> dict:
    """Which tables have no source."""
    missing = [table for table in model.tables() if not settings.of(table)]
    if not missing:
        return {"key": "collect.all_tables"}
    return {"key": "collect.missing_tables", "tables": ", ".join(missing)}


def line_ends(files: pl.DataFrame) -> dict:
    """Whether the last line of every file is certainly whole."""
    open_ends = files.filter(~pl.col("ends_whole"))["file"]
    if open_ends.is_empty():
        return {"key": "collect.ends_whole"}
    return {"key": "collect.ends_open", "files": ", ".join(open_ends)}


def readability(wrong: pl.DataFrame) -> dict:
    """Whether every value could be read.

    Args:
        wrong: checks of readability that failed.
    """
    failed = int(wrong["failed"].sum())
    return {"key": "collect.not_all_read" if failed else "collect.all_read", "failed": failed}
