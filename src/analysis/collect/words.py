"""Computed sentences of `01_collect`, as arguments for `run.say`."""

from pathlib import PurePosixPath

import polars as pl

from analysis import model
from analysis.collect.arrivals import Completeness
from analysis.collect.values import EARLIEST
from analysis.labels import label
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.tables import Frame, height


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


def dates(files: pl.DataFrame, rows: Frame, later_orders: int) -> dict:
    """Whether every order has a date that can be true.

    Args:
        files: the inputs that carry the purchases.
        rows: order rows up to the end of the month.
        later_orders: rows dated after the month, up to the day on which their file was written.
    """
    before = height(rows.lazy().filter(pl.col("ordered_at") < EARLIEST))
    beyond = int(files["rows_in_future"].sum() + files["rows_later"].sum()) - later_orders
    if not before + beyond:
        return {"key": "collect.dates_possible"}
    return {"key": "collect.dates_impossible", "before": before, "beyond": beyond}


def files_read(files: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """The caption of the list of inputs, and the list as readers see it.

    Args:
        files: the table `source_files`.
    """
    folder, named = short_names(files.with_columns(pl.col("sha256").str.head(12)))
    facts = ["rows", "rows_later", "first_row", "last_row"]
    systems = ["system"] if (files["system"] != "").any() else []
    columns = named.select("table", "file", *facts, *systems, "sha256")
    return label("collect.files", folder=folder), columns


def short_names(files: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """The folder in which all files lie, and the frame with their names within it.

    Args:
        files: any frame with a column `file`.
    """
    folders = [PurePosixPath(name.partition("#")[0]).parent for name in files["file"].unique()]
    shared = set.intersection(*({one, *one.parents} for one in folders)) if folders else set()
    folder = max(shared, key=lambda one: len(one.parts), default=PurePosixPath("."))
    if "://" in "".join(files["file"]) or folder == PurePosixPath("."):
        return ".", files
    return str(folder), files.with_columns(pl.col("file").str.strip_prefix(f"{folder}/"))


def readability(wrong: pl.DataFrame) -> dict:
    """Whether every value could be read.

    Args:
        wrong: checks of readability that failed.
    """
    failed = int(wrong["failed"].sum())
    return {"key": "collect.not_all_read" if failed else "collect.all_read", "failed": failed}
