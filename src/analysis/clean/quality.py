"""How good the data are: five dimensions per table and column, and their trend over the months."""

from datetime import date, timedelta

import polars as pl

from analysis import model
from analysis.clean.rules import unreadable
from analysis.tables import Frame

DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
STALE_DAYS = 365  # a customer record not touched for longer may no longer be true


def quality_checks(raw: dict[str, Frame], as_of: date, money_table: str) -> pl.DataFrame:
    """Count what each check finds wrong in each column of the tables as received.

    Args:
        raw: table = rows as received; tables without rows are left out.
        as_of: last day of the month.
        money_table: the table that the rows under `orders` were read from.

    Returns:
        One row per table, column and check, in the columns of the table `quality`.
    """
    records = raw["customers"].lazy() if "customers" in raw else None
    known = records.select("customer_id").drop_nulls().collect() if records is not None else None
    rows = []
    for table, frame in (raw | {money_table: raw["orders"]}).items():
        lazy = frame.lazy()
        height = _value(lazy, pl.len())
        if height == 0 or (table == "orders" and money_table != "orders"):
            continue
        rows += _presence(table, lazy, height) + _uniqueness(table, lazy)
        rows += _timeliness(table, lazy, height, as_of)
        if known is not None and known.height and table != "customers":
            rows += _references(table, lazy, known)
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _value(frame: pl.LazyFrame, expression: pl.Expr) -> int:
    return frame.select(expression).collect(engine="streaming").item()


def _presence(table: str, frame: pl.LazyFrame, height: int) -> list[tuple]:
    """Is it there (of columns that the export has), and can it be read?"""
    known = model.columns("orders") | model.columns(table)
    names = [name for name in frame.collect_schema().names() if name in known]
    counts = [pl.col(name).null_count().alias(name) for name in names]
    odd = frame.filter(pl.col("unreadable") != "")
    wrong = [unreadable(name).sum().alias(name) for name in names]
    empty, unread = pl.collect_all([frame.select(counts), odd.select(wrong)], engine="streaming")
    rows = []
    for name in names:
        failed = int(unread[name].item() or 0)
        absent = empty[name].item() - failed
        needed = known[name].required or name in ("customer_id", "ordered_at")
        if absent == height and not needed:
            continue  # the export has no such column
        rows.append((table, name, "present", "completeness", height, max(absent, 0)))
        if known[name].kind not in ("id", "text", "list"):
            rows.append((table, name, "readable", "validity", height, failed))
    return rows


def _uniqueness(table: str, frame: pl.LazyFrame) -> list[tuple]:
    key = model.key(table)
    if not key:
        return []
    present = frame.select(key).drop_nulls()
    rows, distinct = _value(present, pl.len()), _value(present, pl.col(key).n_unique())
    return [(table, key, "unique", "uniqueness", rows, rows - distinct)] if rows else []


def _timeliness(table: str, frame: pl.LazyFrame, height: int, as_of: date) -> list[tuple]:
    columns = frame.collect_schema().names()
    if "in_future" in columns:
        failed = _value(frame, pl.col("in_future").sum())
        return [(table, "ordered_at", "not_in_future", "timeliness", height, int(failed))]
    if table != "customers":
        return []
    dated = frame.select("updated_at").drop_nulls()
    old = pl.col("updated_at").dt.date() < as_of - timedelta(days=STALE_DAYS)
    rows = _value(dated, pl.len())
    return (
        [(table, "updated_at", "fresh", "timeliness", rows, _value(dated, old.sum()))]
        if rows
        else []
    )


def _references(table: str, frame: pl.LazyFrame, records: pl.DataFrame) -> list[tuple]:
    """Do customer ids have a record, and do those without one miss it by leading zeros only?"""
    if "customer_id" not in frame.collect_schema().names():
        return []
    ids = frame.select("customer_id").drop_nulls().filter(pl.col("customer_id") != "*")
    counted = ids.group_by("customer_id").len().collect(engine="streaming")
    if counted.is_empty():
        return []
    missing = counted.join(records, on="customer_id", how="anti")
    bare = pl.col("customer_id").str.strip_chars_start("0")
    by_zeros = missing.with_columns(bare).join(
        records.with_columns(bare), on="customer_id", how="semi"
    )
    rows = int(counted["len"].sum())
    return [
        (table, "customer_id", "has_record", "consistency", rows, int(missing["len"].sum())),
        (table, "customer_id", "zeros_kept", "consistency", rows, int(by_zeros["len"].sum())),
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
