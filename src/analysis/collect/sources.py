"""Rows of an input table, typed: every input of every source, one row per data row, none dropped.

A value that cannot be read becomes null and its column is named in `unreadable`, so that cleaning can
set the row aside with its reason.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from analysis import model
from analysis.collect import mapping, read_text, settle, values
from analysis.collect.inputs import CONTINUES, ROW, Input, find_inputs
from analysis.model import Column
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.tables import MONEY, empty

_TYPES = {
    "time": pl.Datetime("us"),
    "day": pl.Date,
    "month": pl.Date,
    "amount": MONEY,
    "number": pl.Float64,
    "flag": pl.Boolean,
}
_CUSTOMERS = ("customer_id", "parent_id", "referrer_id", "from_id", "to_id")
_ORDER_COLUMNS = ("order_id", "customer_id", "ordered_at", "product_id", "product_name", "quantity")
_AS_RECEIVED = ("discount", "paid_amount", "channel", "store", "order_type", "coupon_code")


def order_rows(settings: Settings) -> pl.LazyFrame:
    """All rows that carry purchases and refunds, from orders or, where there are none, order lines.

    Returns:
        One row per data row, in the columns of the table `raw_orders`, by file and row.

    Raises:
        UserError: if an input is missing, not whole, pinned to another content, or lacks a column.
    """
    inputs = _inputs(settings.money_table, settings)
    return pl.concat([order_rows_of(one, settings)[0] for one in inputs])


def table_rows(table: str, settings: Settings) -> pl.LazyFrame | None:
    """All rows of an optional table; None where the settings name no source of it.

    Returns:
        One row per data row, in the columns of the table `raw_<table>`, by file and row.
    """
    parts = [table_rows_of(one, settings)[0] for one in _inputs(table, settings)]
    return pl.concat(parts) if parts else None


def _inputs(table: str, settings: Settings) -> list[Input]:
    """The inputs of a table in the order of their names, which is that of the written table."""
    found = [one for source in settings.of(table) for one in find_inputs(source, settings)]
    return sorted(found, key=lambda one: one.name)


def raw_tables(settings: Settings, month: Month) -> dict[str, pl.LazyFrame]:
    """Every input table as received, up to the end of the month; empty where there is no source.

    Returns:
        `raw_<table>` = its rows, to be read when they are written; rows without a readable time are
        kept.
    """
    tables = {"raw_orders": _until(order_rows(settings), "ordered_at", month)}
    for table in model.tables():
        if table == "orders":
            continue
        rows, name = table_rows(table, settings), f"raw_{table}"
        dated_by = model.time_column(table)
        tables[name] = empty(name).lazy() if rows is None else _until(rows, dated_by, month)
    return tables


def _until(rows: pl.LazyFrame, dated_by: str | None, month: Month) -> pl.LazyFrame:
    if dated_by is None:
        return rows
    return rows.filter(~(pl.col(dated_by) > month.as_of).fill_null(False))


def table_rows_of(one: Input, settings: Settings) -> tuple[pl.LazyFrame, dict[str, str]]:
    """The rows of one input, in the columns of `raw_<table>`; and our column = its heading."""
    table = one.source.table
    typed, found = _typed(one, settings, carries_money=table == settings.money_table)
    own = ["file", "row", "system", "drop_repeats", *model.columns(table), "unreadable"]
    return typed.select(own), found


def order_rows_of(one: Input, settings: Settings) -> tuple[pl.LazyFrame, dict[str, str]]:
    """The rows of one input that carry purchases, in the columns of `raw_orders`; and its headings."""
    typed, found = _typed(one, settings, carries_money=True)
    amount, refund = pl.col("amount"), pl.col("refund_amount").fill_null(0).abs()
    by_price = values.sane((pl.col("quantity").cast(MONEY) * pl.col("unit_price")).cast(MONEY))
    if one.source.table == "order_lines":
        repeated = one.source.subform or one.format == "xlsx"  # the order's amount, on each line
        own = ["line_amount"] if repeated else ["line_amount", "amount"]
        amount = pl.coalesce(*own)
    amount = pl.coalesce(amount, by_price) - refund
    is_sale = pl.lit(True)
    if one.source.sale_status is not None:
        is_sale = pl.col("status").is_in(one.source.sale_status).fill_null(False)
    is_sale = pl.when(amount < 0).then(True).otherwise(is_sale)
    line_id = pl.col("line_id") if "line_id" in typed.collect_schema() else pl.lit(None, pl.String)
    rows = typed.select(
        "file",
        "row",
        "system",
        *_ORDER_COLUMNS,
        *_AS_RECEIVED,
        line_id=line_id,
        amount=amount,
        refund_amount="refund_amount",
        is_sale=is_sale,
        drop_repeats=pl.col("drop_repeats") | line_id.is_not_null(),
        in_future=(pl.col("ordered_at").dt.date() > modified_on(one, settings)).fill_null(False),
        unreadable="unreadable",
    )
    return rows, found


def modified_on(one: Input, settings: Settings) -> date:
    """The day on which a file was last written; no order can be dated after it."""
    return datetime.fromtimestamp(one.path.stat().st_mtime, ZoneInfo(settings.time_zone)).date()


def received(heading: str) -> pl.Expr:
    """A column as received: its text without outer blanks, null where nothing else stands."""
    stripped = pl.col(heading).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def read_column(
    settled: settle.Columns, column: Column, heading: str, one: Input, settings: Settings
) -> pl.Expr:
    """A column of text as values of its kind; null where it cannot be read.

    Args:
        settled: the columns as received, under our names.
        column: ours.
        heading: its heading in the file.
        one: the input.
        settings: currency and time zone.
    """
    kind, text = column.kind, pl.col(column.name)
    if kind in ("time", "day"):
        order = None if one.source.date_format else settled.day_first(column.name, heading)
        time = values.read_time(text, settings.time_zone, one.source.date_format, order)
        return time.dt.date() if kind == "day" else time
    if kind == "month":
        return values.read_month(text, settings.time_zone)
    if kind in ("amount", "number"):
        comma = settled.decimal_comma(column.name)
        if kind == "number":
            return values.read_number(text, comma)
        return values.read_amount(text, settings.currency, comma)
    if kind == "flag":
        inverted = {mapping.fold(name) for name in column.inverted_headings}
        return values.read_flag(text, mapping.fold(heading) in inverted)
    if kind == "choice":
        return values.read_choice(text, column.choices)
    if kind == "list":
        return values.read_list(text)
    if kind != "id":
        return text
    known = values.read_id(text)
    if not one.source.id_prefix or column.name not in _CUSTOMERS:
        return known
    return pl.when(known != "*").then(pl.lit(one.source.id_prefix) + known).otherwise(known)


def scan(one: Input) -> pl.LazyFrame:
    """An input as text columns under its own headings, with ROW; blank rows are no rows."""
    lazy = _read(one)
    headings = [name for name in lazy.collect_schema().names() if name not in (ROW, CONTINUES)]
    blank = pl.all_horizontal(pl.col(headings).str.strip_chars().fill_null("") == "")
    return lazy.filter(~blank)


def _read(one: Input) -> pl.LazyFrame:
    if one.format == "csv":
        return read_text.scan(one)
    if one.format == "xlsx":
        from analysis.collect.read_workbook import read_sheet

        return read_sheet(one).lazy()
    if one.format == "json":
        from analysis.collect.read_json import read_records

        return read_records(one).lazy()
    if one.format == "sql":
        from analysis.collect.read_sql import read_snapshot

        return read_snapshot(one)
    return _scan_parquet(one)


def _scan_parquet(one: Input) -> pl.LazyFrame:
    """A Parquet file as text columns; times keep their offset."""
    try:
        lazy = pl.scan_parquet(one.path, row_index_name=ROW, row_index_offset=1, glob=False)
        schema = lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise read_text.unreadable(one, problem) from None
    text = []
    for name, kind in schema.items():
        if name == ROW:
            continue
        if isinstance(kind, pl.Datetime) and kind.time_zone:
            text.append(
                pl.col(name).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.f+0000")
            )
        elif kind.is_nested() or kind in (pl.Binary, pl.Duration):
            continue
        else:
            text.append(pl.col(name).cast(pl.String))
    return lazy.select(ROW, *text)


def _typed(
    one: Input, settings: Settings, carries_money: bool
) -> tuple[pl.LazyFrame, dict[str, str]]:
    """An input in all columns that its table may have, with `file`, `row`, `system`, `unreadable`."""
    lazy = scan(one)
    headings = lazy.collect_schema().names()
    found = mapping.find_columns(headings, one, carries_money)
    if CONTINUES in headings and one.source.table == "orders" and not one.source.subform:
        lazy = lazy.filter(~pl.col(CONTINUES))
    known = mapping.columns_of(one.source.table, carries_money)
    text = lazy.select(
        pl.col(ROW).cast(pl.Int64).alias("row"),
        **{name: received(heading) for name, heading in found.items()},
    )
    numbers = [name for name in found if known[name].kind in ("amount", "number")]
    settled = settle.Columns(text, one, numbers)
    read = {
        name: read_column(settled, known[name], heading, one, settings)
        for name, heading in found.items()
    }
    checked = [name for name in found if known[name].kind not in ("id", "text", "list")]
    failed = [
        pl.when(pl.col(f"text {name}").is_not_null() & pl.col(name).is_null()).then(pl.lit(name))
        for name in checked
    ]
    if not carries_money:  # of optional values `-` and 无 mean that there is none
        failed = [
            pl.when(~values.says_nothing(pl.col(f"text {name}"))).then(one_failed)
            for name, one_failed in zip(checked, failed, strict=True)
        ]
    absent = {
        name: pl.lit(None, _TYPES.get(column.kind, pl.String))
        for name, column in known.items()
        if name not in found
    }
    typed = text.select("row", *(pl.col(name).alias(f"text {name}") for name in checked), **read)
    typed = typed.select(
        pl.exclude("^text .*$"),
        **absent,
        file=pl.lit(one.name),
        system=pl.lit(one.source.system or one.source.preset or "", pl.String),
        drop_repeats=pl.lit(one.source.drop_exact_repeats),
        unreadable=pl.concat_str(failed, separator=",", ignore_nulls=True)
        if failed
        else pl.lit(""),
    )
    return typed, found
