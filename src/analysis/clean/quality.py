"""How good the data are: five dimensions per table and column, and their trend over the months."""

from datetime import date, timedelta

import polars as pl

from analysis import model
from analysis.clean.rules import unreadable

DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
STALE_DAYS = 365  # a customer record not touched for longer may no longer be true
_ORIGIN = ("file", "row", "system", "unreadable")


def quality_checks(raw: dict[str, pl.DataFrame], as_of: date, money_table: str) -> pl.DataFrame:
    """Count what each check finds wrong in each column of the tables as received.

    Args:
        raw: table = rows as received; tables without rows are left out.
        as_of: last day of the month.
        money_table: the table that the rows under `orders` were read from.

    Returns:
        One row per table, column and check, in the columns of the table `quality`.
    """
    records = raw.get("customers")
    rows = []
    for table, frame in (raw | {money_table: raw["orders"]}).items():
        if frame.is_empty() or (table == "orders" and money_table != "orders"):
            continue
        rows += _presence(table, frame) + _uniqueness(table, frame)
        rows += _timeliness(table, frame, as_of)
        if records is not None and not records.is_empty() and table != "customers":
            rows += _references(table, frame, records["customer_id"])
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _presence(table: str, frame: pl.DataFrame) -> list[tuple]:
    """Is it there (of columns that the export has), and can it be read?"""
    known = model.columns("orders") | model.columns(table)
    names = [name for name in frame.columns if name in known]
    wrong = {name: unreadable(name) for name in names}
    counted = frame.select(
        *(pl.col(name).null_count().alias(name) for name in names),
        *(found.sum().alias(f"unreadable {name}") for name, found in wrong.items()),
    ).row(0, named=True)
    rows = []
    for name in names:
        failed = counted[f"unreadable {name}"]
        absent = counted[name] - failed
        needed = known[name].required or name in ("customer_id", "ordered_at")
        if absent == frame.height and not needed:
            continue  # the export has no such column
        rows.append((table, name, "present", "completeness", frame.height, max(absent, 0)))
        if known[name].kind not in ("id", "text", "list"):
            rows.append((table, name, "readable", "validity", frame.height, failed))
    return rows


def _uniqueness(table: str, frame: pl.DataFrame) -> list[tuple]:
    key = model.key(table)
    present = frame[key].drop_nulls() if key else pl.Series()
    if present.is_empty():
        return []
    return [(table, key, "unique", "uniqueness", present.len(), present.len() - present.n_unique())]


def _timeliness(table: str, frame: pl.DataFrame, as_of: date) -> list[tuple]:
    if "in_future" in frame.columns:
        failed = int(frame["in_future"].sum())
        return [(table, "ordered_at", "not_in_future", "timeliness", frame.height, failed)]
    if table != "customers" or frame["updated_at"].null_count() == frame.height:
        return []
    old = frame["updated_at"].drop_nulls().dt.date() < as_of - timedelta(days=STALE_DAYS)
    return [(table, "updated_at", "fresh", "timeliness", old.len(), int(old.sum()))]


def _references(table: str, frame: pl.DataFrame, known: pl.Series) -> list[tuple]:
    """Do customer ids have a record, and do those without one miss it by leading zeros only?"""
    if "customer_id" not in frame.columns:
        return []
    ids = frame["customer_id"].drop_nulls()
    ids = ids.filter(ids != "*")
    if ids.is_empty():
        return []
    missing = ids.filter(~ids.is_in(known.drop_nulls().implode()))
    without_zeros = known.drop_nulls().str.strip_chars_start("0").implode()
    by_zeros = missing.str.strip_chars_start("0").is_in(without_zeros)
    return [
        (table, "customer_id", "has_record", "consistency", ids.len(), missing.len()),
        (table, "customer_id", "zeros_kept", "consistency", ids.len(), int(by_zeros.sum())),
    ]


def scores(checks: pl.DataFrame) -> pl.DataFrame:
    """The mean score of a table's checks in each dimension.

    Returns:
        One row per table and dimension: `table`, `dimension`, `checks`, `score` (0 to 1).
    """
    return (
        checks.filter(pl.col("rows") > 0)
        .group_by("table", "dimension")
        .agg(
            checks=pl.len().cast(pl.Int64),
            score=(1 - pl.col("failed") / pl.col("rows")).mean().round(6),
        )
        .sort("table", "dimension")
    )


def trend(checks: pl.DataFrame, earlier: pl.DataFrame | None, month: date) -> pl.DataFrame:
    """The scores of this month below those of the months before.

    Args:
        checks: the table `quality`.
        earlier: the table `quality_trend` of the month before, if there is one.
        month: first day of the month.

    Returns:
        The table `quality_trend`.
    """
    now = scores(checks).select(
        pl.lit(month).alias("month"), "table", pl.col("dimension").cast(pl.String), "score"
    )
    return now if earlier is None else pl.concat([earlier, now])
