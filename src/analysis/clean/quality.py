"""How good the data are: five dimensions per table and column, and their trend over the months."""

from datetime import date, timedelta

import polars as pl

from analysis import model
from analysis.clean.rules import unreadable
from analysis.tables import Frame, height

DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
STALE_DAYS = 365  # a customer record not touched for longer may no longer be true
# Whose ids a column holds; where there are no records of customers, their orders serve.
_TABLE_OF = {
    "customer_id": "customers",
    "order_id": "orders",
    "product_id": "products",
    "campaign_id": "campaigns",
}


def quality_checks(raw: dict[str, Frame], as_of: date, money_table: str) -> pl.DataFrame:
    """Count what each check finds wrong in each column of the tables as received.

    Args:
        raw: table = rows as received; tables without rows are left out.
        as_of: last day of the month.
        money_table: the table that the rows under `orders` were read from.

    Returns:
        One row per table, column and check, in the columns of the table `quality`.
    """
    received = {table: frame.lazy() for table, frame in raw.items() if height(frame)}
    if received.pop("orders", None) is not None:
        received[money_table] = raw["orders"].lazy()
    rows = []
    for table, frame in received.items():
        rows += _presence(table, frame) + _uniqueness(table, frame)
        rows += _timeliness(table, frame, as_of) + _references(table, frame, received)
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _presence(table: str, frame: pl.LazyFrame) -> list[tuple]:
    """Is it there (in the files that have such a column), and can it be read?"""
    known = model.columns("orders") | model.columns(table)
    names = [name for name in frame.collect_schema().names() if name in known]
    by_file = _by_file(frame, names)
    rows = []
    for name in names:
        column, failed = known[name], pl.col(f"unreadable {name}")
        needed = column.required or name in ("customer_id", "ordered_at")
        there = pl.lit(needed) | (pl.col(name) - failed < pl.col("rows of the file"))
        absent, unread, asked = (
            by_file.filter(there)
            .select((pl.col(name) - failed).sum(), failed.sum(), pl.col("rows of the file").sum())
            .row(0)
        )
        if asked and not column.may_be_empty:
            rows.append((table, name, "present", "completeness", asked, max(absent, 0)))
        if asked and column.kind not in ("id", "text", "list"):
            rows.append((table, name, "readable", "validity", asked, unread))
    return rows


def _by_file(frame: pl.LazyFrame, names: list[str]) -> pl.DataFrame:
    """For each file its rows, the empty values of each column, and those that cannot be read."""
    empty = [pl.col(name).null_count().cast(pl.Int64).alias(name) for name in names]
    wrong = [unreadable(name).sum().cast(pl.Int64).alias(f"unreadable {name}") for name in names]
    every = frame.group_by("file").agg(*empty, pl.len().cast(pl.Int64).alias("rows of the file"))
    odd = frame.filter(pl.col("unreadable") != "").group_by("file").agg(wrong)
    counts = pl.collect_all([every, odd], engine="streaming")
    return counts[0].join(counts[1], on="file", how="left").fill_null(0)


def _uniqueness(table: str, frame: pl.LazyFrame) -> list[tuple]:
    key = model.key(table)
    if not key:
        return []
    present, distinct = _counted(
        frame.select(key).drop_nulls(), pl.len(), pl.col(key).n_unique().alias("distinct")
    )
    if not present:
        return []
    rows = [(table, key, "unique", "uniqueness", present, present - distinct)]
    return rows + _one_person_each(frame) if table == "customers" else rows


def _one_person_each(frame: pl.LazyFrame) -> list[tuple]:
    """Does one id mean one person, where several systems number customers?"""
    if _counted(frame, pl.n_unique("system"))[0] < 2:
        return []
    named = frame.drop_nulls(["customer_id", "customer_name"])
    ids = named.group_by("customer_id").agg(pl.n_unique("system"), pl.n_unique("customer_name"))
    clash = (pl.col("system") > 1) & (pl.col("customer_name") > 1)
    every, failed = _counted(ids, pl.len(), clash.sum().alias("clash"))
    return [("customers", "customer_id", "one_person", "consistency", every, failed)]


def _timeliness(table: str, frame: pl.LazyFrame, as_of: date) -> list[tuple]:
    if "in_future" in frame.collect_schema().names():
        rows, failed = _counted(frame, pl.len(), pl.col("in_future").sum())
        return [(table, "ordered_at", "not_in_future", "timeliness", rows, failed)]
    if table != "customers":
        return []
    day = pl.col("updated_at").dt.date()
    old = (day < as_of - timedelta(days=STALE_DAYS)).sum()
    rows, failed = _counted(frame, pl.col("updated_at").count().alias("rows"), old)
    return [(table, "updated_at", "fresh", "timeliness", rows, failed)] if rows else []


def _references(table: str, frame: pl.LazyFrame, received: dict[str, pl.LazyFrame]) -> list[tuple]:
    """Do ids have a record in the table of their own, and do those without miss it by zeros only?"""
    rows = []
    for column, of in _TABLE_OF.items():
        home = of
        if of not in received and column == "customer_id":
            home = next((one for one in ("orders", "order_lines") if one in received), of)
        columns = frame.collect_schema().names()
        if column not in columns or home not in received or home == table:
            continue
        known = _distinct(received[home], column).select(column)
        ids = _distinct(frame, column).filter(pl.col(column) != "*")
        if ids.is_empty() or known.is_empty():
            continue
        missing = ids.join(known, on=column, how="anti")
        bare = pl.col(column).str.strip_chars_start("0")
        by_zeros = missing.with_columns(bare).join(known.select(bare), on=column, how="semi")
        every, lost, zeros = (int(part["rows"].sum()) for part in (ids, missing, by_zeros))
        if home == of:
            rows.append((table, column, "has_record", "consistency", every, lost))
        rows.append((table, column, "zeros_kept", "consistency", every, zeros))
    return rows


def _counted(frame: pl.LazyFrame, *counts: pl.Expr) -> tuple[int, ...]:
    return frame.select(counts).collect(engine="streaming").row(0)


def _distinct(frame: pl.LazyFrame, column: str) -> pl.DataFrame:
    """The values of a column, each with its `rows`."""
    present = frame.select(column).drop_nulls()
    return present.group_by(column).agg(rows=pl.len()).collect(engine="streaming")


def unread_values(raw: dict[str, Frame], money_table: str) -> pl.DataFrame:
    """The columns in which values are there but cannot be read.

    Args:
        raw: table = rows as received.
        money_table: the table that the rows under `orders` were read from.

    Returns:
        One row per table and column: `table`, `column`, `rows`, `failed`, and `file` and `row` of the
        first such value.
    """
    found = []
    for table, frame in raw.items():
        odd = frame.lazy().filter(pl.col("unreadable") != "").select("unreadable", "file", "row")
        odd = odd.collect(engine="streaming").sort("file", "row")
        if odd.is_empty() or (table == money_table != "orders"):
            continue
        columns = odd.with_columns(column=pl.col("unreadable").str.split(",")).explode("column")
        found += [
            columns.group_by("column", maintain_order=True)
            .agg(failed=pl.len().cast(pl.Int64), file=pl.first("file"), row=pl.first("row"))
            .select(
                pl.lit(money_table if table == "orders" else table).alias("table"),
                "column",
                pl.lit(height(frame), pl.Int64).alias("rows"),
                *("failed", "file", "row"),
            )
        ]
    schema = {"table": pl.String, "column": pl.String, "rows": pl.Int64, "failed": pl.Int64}
    return pl.concat([pl.DataFrame(schema=schema | {"file": pl.String, "row": pl.Int64}), *found])


def weakest(checks: pl.DataFrame, most: int = 8) -> pl.DataFrame:
    """The checks that most values fail: `table`, `column`, `check`, `rows`, `failed`, `passing`."""
    passing = 1 - pl.col("failed") / pl.col("rows")
    failing = checks.filter(pl.col("failed") > 0).with_columns(passing=passing)
    return failing.sort("passing", "table", "column", "check").head(most).drop("dimension")


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
