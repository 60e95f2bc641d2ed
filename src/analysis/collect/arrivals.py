"""What arrived: the files with their facts, arrivals by month, and whether the month is complete."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis import model
from analysis.collect import read_text, sources
from analysis.collect.inputs import Input, check_whole, find_inputs
from analysis.collect.values import EARLIEST
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.tables import Frame

GAP_WINDOW_DAYS = 365
USUAL_GAP_QUANTILE = 0.95


@dataclass(frozen=True)
class Completeness:
    """Whether the data reach the month's end."""

    last_day: date  # last day with orders, up to as_of
    silent_days: int  # days of the month after it
    usual_gap: int  # usual number of days from one day with orders to the next
    later_rows: int  # rows dated after the month, up to the export: its end has certainly passed

    @property
    def complete(self) -> bool:
        return self.later_rows > 0 or self.silent_days <= self.usual_gap


@dataclass(frozen=True)
class Survey:
    """What arrived: a row per input, and the days on which orders were placed up to as_of."""

    files: pl.DataFrame  # in the columns of the table `source_files`
    order_days: pl.Series  # dates, sorted, distinct
    later_orders: int  # rows of orders dated after the month, up to the day their file was written

    @property
    def order_files(self) -> pl.DataFrame:
        """The inputs whose rows carry the purchases."""
        return self.files.filter("carries_money")

    @property
    def rows_later(self) -> int:
        """Order rows dated after the month."""
        return int(self.order_files["rows_later"].sum())


def survey(settings: Settings, month: Month, fetch: bool = False) -> Survey:
    """The facts of every input.

    Args:
        settings: of the data set.
        month: rows dated after it are counted as later.
        fetch: run the queries of databases again.

    Raises:
        UserError: if an input cannot be used, or no order is dated up to the end of the month.
    """
    found = [
        _input_facts(one, settings, month)
        for source in settings.sources
        for one in find_inputs(source, settings, fetch)
    ]
    files = pl.DataFrame([facts for facts, _ in found], infer_schema_length=None)
    _refuse_doubles(files)
    orders = files.filter("carries_money")
    if orders["rows"].sum() == 0:
        raise UserError(f"{', '.join(orders['file'])}: a heading but no data row. Export it again.")
    if orders["first_row"].drop_nulls().is_empty():
        raise UserError(_nothing_yet(orders, month))
    days = pl.concat([days for _, days in found]).unique().sort()
    own = ("first_later", "later_until_export")
    return Survey(files.drop(own).sort("table", "file"), days, int(orders[own[1]].sum()))


def _refuse_doubles(files: pl.DataFrame) -> None:
    key = ["table", "file"]
    if files.select(pl.struct(key).is_duplicated().any()).item():
        twice = files.filter(pl.struct(key).is_duplicated())["file"][0]
        raise UserError(f"{twice} is named by two sources. Name each file once for a table.")
    same = files.filter((pl.col("rows") > 0) & pl.struct("table", "sha256", "part").is_duplicated())
    if same.height:
        raise UserError(
            f"{same['file'][0]} and {same['file'][1]} hold the same bytes: their rows would count "
            "twice. Remove one."
        )


def _input_facts(one: Input, settings: Settings, month: Month) -> tuple[dict, pl.Series]:
    if one.format == "csv":
        read_text.check_widths(one)
    digest = check_whole(one)
    try:
        counted, days, heading = _count(one, settings, month)
    except pl.exceptions.PolarsError as problem:
        raise read_text.unreadable(one, problem) from None
    if one.format == "csv" and read_text.is_torn(one, counted.pop("last_row_whole")):
        raise UserError(
            f"{one.name} is cut in the middle: its last row ({counted['rows']:,}) is not whole (byte "
            f"{one.path.stat().st_size:,} ends it without a line end). Export it again."
        )
    counted.pop("last_row_whole", None)
    return {
        "table": one.source.table,
        "file": one.name,
        "part": one.part or "",
        "system": one.source.system or one.source.preset or "",
        "sha256": digest,
        "bytes": one.path.stat().st_size,
        "modified_on": sources.modified_on(one, settings),
        "carries_money": one.source.table == settings.money_table,
        "customer_heading": heading,
        **counted,
        "ends_whole": one.format != "csv" or read_text.ends_whole(one),
    }, days


def _count(one: Input, settings: Settings, month: Month) -> tuple[dict, pl.Series, str]:
    """Rows and dates of an input, the days on which it has orders, and its heading of customers."""
    table, money = one.source.table, one.source.table == settings.money_table
    read = sources.order_rows_of if money else sources.table_rows_of
    rows, headings = read(one, settings)
    dated_by = "ordered_at" if money else model.time_column(table)
    day = pl.col(dated_by).dt.date() if dated_by else pl.lit(None, pl.Date)
    later = (pl.col(dated_by) > month.as_of).fill_null(False) if dated_by else pl.lit(False)
    possible = (pl.col(dated_by) >= EARLIEST).fill_null(True) if dated_by else pl.lit(True)
    whole, in_future = pl.col("unreadable") == "", pl.lit(False)
    if money:
        whole = pl.col("amount").is_not_null() & pl.col("ordered_at").is_not_null()
        in_future = pl.col("in_future")
    open_end = one.format == "csv" and not read_text.ends_whole(one)
    facts = rows.select(
        rows=pl.len().cast(pl.Int64),
        rows_later=later.sum().cast(pl.Int64),
        rows_in_future=(in_future & ~later).sum().cast(pl.Int64),
        later_until_export=(later & ~in_future).sum().cast(pl.Int64),
        first_row=day.filter(~later & possible).min(),
        last_row=day.filter(~later & possible).max(),
        first_later=day.filter(later).min(),
        last_row_whole=whole.last() if open_end else pl.lit(True),
    )
    days = rows.filter(~later & possible if money else False).select(day=day).drop_nulls().unique()
    counted, seen = pl.collect_all([facts, days], engine="streaming")
    return counted.row(0, named=True), seen["day"], headings.get("customer_id", "")


def _nothing_yet(files: pl.DataFrame, month: Month) -> str:
    first = files["first_later"].min()
    if first is None:
        return (
            f"{', '.join(files['file'])}: no date could be read. Set `date_format` in the settings."
        )
    return (
        f"{month} lies before the first order ({first}). Ask for a month from {Month.of(first)} on."
    )


def check_completeness(found: Survey, month: Month) -> Completeness:
    """Compare the days without orders at the month's end with the usual gap between days with orders.

    Returns:
        The usual gap is the 95th percentile of the gaps of the last 365 days with orders known,
        at least one day.
    """
    days = found.order_days
    last_day = days[-1]
    recent = days.filter(days > last_day - timedelta(days=GAP_WINDOW_DAYS))
    gaps = recent.diff().drop_nulls().dt.total_days()
    usual = int(gaps.quantile(USUAL_GAP_QUANTILE, "higher")) if gaps.len() else 1
    return Completeness(
        last_day=last_day,
        silent_days=(month.last_day - last_day).days,
        usual_gap=max(usual, 1),
        later_rows=found.later_orders,
    )


def arrivals_by_month(rows: Frame, month: Month) -> pl.DataFrame:
    """Rows and money received by month, months without orders included, impossible dates left out.

    Args:
        rows: the table `raw_orders`.
        month: the last one.

    Returns:
        One row per calendar month from the first order to `month`: `month` (first day), `rows`,
        `money`, `days_with_orders`.
    """
    day = pl.col("ordered_at").dt.date()
    dated = rows.lazy().filter(pl.col("ordered_at") >= EARLIEST)
    counted = (
        dated.group_by(month=day.dt.month_start())
        .agg(
            rows=pl.len().cast(pl.Int64),
            money=pl.col("amount").sum().cast(pl.Float64),
            days_with_orders=day.n_unique().cast(pl.Int64),
        )
        .collect(engine="streaming")
    )
    first = counted["month"].min()
    calendar = pl.DataFrame({"month": pl.date_range(first, month.first_day, "1mo", eager=True)})
    return calendar.join(counted, on="month", how="left", maintain_order="left").with_columns(
        pl.col("rows", "money", "days_with_orders").fill_null(0)
    )
