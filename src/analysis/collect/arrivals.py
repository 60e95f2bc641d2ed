"""What arrived: the files with their facts, arrivals by month, and whether the month is complete."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.collect import sources
from analysis.collect.files import check_file, ends_whole, is_torn, unreadable
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings

GAP_WINDOW_DAYS = 365
USUAL_GAP_QUANTILE = 0.95


@dataclass(frozen=True)
class Completeness:
    """Whether the data reach the month's end."""

    last_day: date  # last day with orders, up to as_of
    silent_days: int  # days of the month after it
    usual_gap: int  # usual number of days from one day with orders to the next
    later_rows: int  # rows dated after the month: its end has certainly passed

    @property
    def complete(self) -> bool:
        return self.later_rows > 0 or self.silent_days <= self.usual_gap


def survey(settings: Settings, month: Month) -> pl.DataFrame:
    """The facts of every order file: one row per file, in the columns of `source_files`.

    Raises:
        UserError: if a file cannot be used, or no order is dated up to the end of the month.
    """
    facts = [
        _file_facts(path, source, settings, month)
        for source in settings.sources
        for path in sources.find_files(source)
    ]
    files = pl.DataFrame(facts, infer_schema_length=None)
    if files["file"].is_duplicated().any():
        twice = files.filter(files["file"].is_duplicated())["file"][0]
        raise UserError(f"{twice} is named by two sources. Name each file once in the settings.")
    same = files.filter((pl.col("rows") > 0) & files["sha256"].is_duplicated())["file"]
    if same.len():
        raise UserError(
            f"{same[0]} and {same[1]} hold the same bytes: their orders would count twice. Remove one."
        )
    if files["rows"].sum() == 0:
        raise UserError(f"{', '.join(files['file'])}: a heading but no data row. Export it again.")
    if files["first_order"].drop_nulls().is_empty():
        raise UserError(_nothing_yet(files, month))
    return files.drop("first_later")


def _file_facts(path, source, settings: Settings, month: Month) -> dict:
    digest = check_file(path, source)
    only = settings.model_copy(update={"sources": [source.model_copy(update={"path": str(path)})]})
    later = pl.col("ordered_at") > month.as_of
    day = pl.col("ordered_at").dt.date()
    try:
        facts = (
            sources.order_rows(only)
            .select(
                rows=pl.len().cast(pl.Int64),
                rows_later=later.sum().cast(pl.Int64),
                first_order=day.filter(~later).min(),
                last_order=day.filter(~later).max(),
                first_later=day.filter(later).min(),
                last_row_whole=(
                    pl.col("amount").is_not_null() & pl.col("ordered_at").is_not_null()
                ).last(),
            )
            .collect()
            .row(0, named=True)
        )
    except pl.exceptions.PolarsError as problem:
        raise unreadable(path, problem) from None
    if is_torn(path, source, facts.pop("last_row_whole")):
        raise UserError(
            f"{paths.display(path)} is cut in the middle: its last row ({facts['rows']:,}) is not "
            f"whole (byte {path.stat().st_size:,} ends it without a line end). Export it again."
        )
    name = paths.display(path)
    size = path.stat().st_size
    known = {"table": source.table, "file": name, "sha256": digest, "bytes": size}
    return known | facts | {"ends_whole": ends_whole(path)}


def _nothing_yet(files: pl.DataFrame, month: Month) -> str:
    first = files["first_later"].min()
    if first is None:
        return (
            f"{', '.join(files['file'])}: no date could be read. Set `date_format` in the settings."
        )
    return (
        f"{month} lies before the first order ({first}). Ask for a month from {Month.of(first)} on."
    )


def check_completeness(rows: pl.DataFrame, later_rows: int, month: Month) -> Completeness:
    """Compare the days without orders at the month's end with the usual gap between days with orders.

    Args:
        rows: order rows up to as_of, with `ordered_at`.
        later_rows: number of rows dated after the month.
        month: the month in question.

    Returns:
        The usual gap is the 95th percentile of the gaps of the last 365 days with orders known,
        at least one day.
    """
    days = rows["ordered_at"].dt.date().drop_nulls().unique().sort()
    last_day = days[-1]
    recent = days.filter(days > last_day - timedelta(days=GAP_WINDOW_DAYS))
    gaps = recent.diff().drop_nulls().dt.total_days()
    usual = int(gaps.quantile(USUAL_GAP_QUANTILE, "higher")) if gaps.len() else 1
    return Completeness(
        last_day=last_day,
        silent_days=(month.last_day - last_day).days,
        usual_gap=max(usual, 1),
        later_rows=later_rows,
    )


def arrivals_by_month(rows: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Rows and money received by month, months without orders included.

    Returns:
        One row per calendar month from the first order to `month`: `month` (first day), `rows`,
        `money`, `days_with_orders`.
    """
    dated = rows.filter(pl.col("ordered_at").is_not_null())
    first = dated["ordered_at"].min().date().replace(day=1)
    calendar = pl.DataFrame({"month": pl.date_range(first, month.first_day, "1mo", eager=True)})
    counted = dated.group_by(month=pl.col("ordered_at").dt.date().dt.month_start()).agg(
        rows=pl.len().cast(pl.Int64),
        money=pl.col("amount").sum().cast(pl.Float64),
        days_with_orders=pl.col("ordered_at").dt.date().n_unique().cast(pl.Int64),
    )
    return calendar.join(counted, on="month", how="left", maintain_order="left").with_columns(
        pl.col("rows", "money", "days_with_orders").fill_null(0)
    )
