"""A drafted source tried on its data: statuses, dates, refunds, repeats, and what cannot be read."""

import re
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from analysis import model
from analysis.clean.rules import unreadable
from analysis.collect import mapping, sources, values
from analysis.collect.choices import Reading, whole_orders
from analysis.collect.inputs import Input
from analysis.collect.probe import Note
from analysis.collect.settle import Columns
from analysis.collect.sources import received
from analysis.collect.statuses import with_statuses
from analysis.collect.values import EARLIEST
from analysis.labels import label, text
from analysis.model import Column
from analysis.report.privacy import ids_must_be_hashed
from analysis.run.errors import UserError
from analysis.run.settings import Settings, Source

_CHEAP_ROWS = 1_000_000  # that can be compared with each other in a few seconds
_FEWEST = 20  # rows from which on a pattern is no chance
_MUCH = 0.05  # share of unreadable values from which on a reading is doubted
_MANY, _HALF, _MOST = 0.2, 0.5, 0.95
_NEEDED = ("customer_id", "ordered_at", "amount", "unreadable")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
_TWO_NUMBERS = re.compile(r"^\d{1,2}([./-])\d{1,2}[./-](\d{4}|\d{2})")
_NUMBERS = ("amount", "number")


@dataclass(frozen=True)
class Trial:
    """A source that is ready to be written, and what its data say of it."""

    source: Source
    rows: int
    known: dict[str, str]  # our column = its heading, where the settings need not say so
    unused: list[str]
    notes: tuple[Note, ...]
    carries_money: bool
    days: pl.Series | None = None  # dates of its orders, one per row, where they can be read

    @property
    def span(self) -> tuple[date, date] | None:
        """First and last day with orders."""
        dated = self.days is not None and self.days.len() > 0
        return (self.days.min(), self.days.max()) if dated else None


def try_source(reading: Reading, settings: Settings, lines_of: Trial | None = None) -> Trial:
    """Complete a source by what its data hold.

    Args:
        reading: an extract with its table and columns.
        settings: currency, time zone and the tables of all sources.
        lines_of: the source of the orders within whose records these lines stand.

    Raises:
        UserError: if a column that the table needs is missing.
    """
    money = reading.table == settings.money_table
    if money:
        reading = with_statuses(reading)
    extract, source = reading.extract, reading.source
    one = replace(extract.inputs[0], source=source)
    found = mapping.find_columns(extract.headings, one, money)
    notes = [*extract.notes, *reading.notes]
    known = mapping.columns_of(reading.table, money)
    settled = _settled(reading, one, found, known)
    open_dates = _date_orders(reading, settled, found, known)
    notes += open_dates.values()
    notes += _unreadable(reading, settled, found, settings, skip=open_dates.keys())
    repeats, drop = _repeats(reading, found, bool(lines_of and lines_of.source.drop_exact_repeats))
    source = source.model_copy(update={"drop_exact_repeats": drop})
    count, days = extract.rows, None
    if money and "ordered_at" not in open_dates:
        rows = _order_rows(reading, settings)
        count = rows.height
        possible = ~pl.col("in_future") & (pl.col("ordered_at") >= EARLIEST)
        days = rows.filter(possible)["ordered_at"].dt.date()
        notes += [*_empty(rows), *_refunds(rows)]
        notes += _repeated_totals(rows) if reading.table == "orders" else []
    notes += [*repeats, *_customers(reading, found, settings)]
    by_itself = {ours: found[ours] for ours in known if ours in found.keys() - source.columns}
    used = {*found.values(), *source.ignore}
    unused = [name for name in extract.headings if name not in used]
    return Trial(source, count, by_itself, unused, tuple(notes), money, days)


def _settled(
    reading: Reading, one: Input, found: dict[str, str], known: dict[str, Column]
) -> Columns:
    """What the whole columns settle, of all files of the source together."""
    texts = reading.extract.whole.select(**{ours: received(name) for ours, name in found.items()})
    return Columns(texts, one, [ours for ours in found if known[ours].kind in _NUMBERS])


def _date_orders(
    reading: Reading, settled: Columns, found: dict[str, str], known: dict[str, Column]
) -> dict[str, Note]:
    """Columns of dates such as 03/04/2024 whose order nothing settles, each with both readings."""
    open_dates = {}
    for ours, heading in found.items():
        if known[ours].kind not in ("time", "day"):
            continue
        try:
            settled.day_first(ours, heading)
        except UserError as problem:
            sample = reading.extract.sample.select(text=received(heading)).drop_nulls()["text"]
            choices = tuple(("date_format", form) for form in _date_formats(sample))
            values = {"why": str(problem).partition(" Set `date_format`")[0]}
            open_dates[ours] = Note("date_order", "date_format", True, values, choices)
    return open_dates


def _date_formats(sample: pl.Series) -> tuple[str, str]:
    """Both forms that dates may have, the day first and not, with the clock that fits most values."""
    sign, year = next(
        (match[1], match[2]) for text in sample if (match := _TWO_NUMBERS.match(text))
    )
    year = "%Y" if len(year) == 4 else "%y"
    first = sample.to_frame("text").select(values.first_of_short_dates(pl.col("text")).min())
    year_may_lead = (first.item() or 0) > 12
    other = f"%y{sign}%m{sign}%d" if year_may_lead else f"%m{sign}%d{sign}{year}"

    def best(begin: str) -> str:
        read = {
            begin + clock: sample.str.to_datetime(begin + clock, strict=False).count()
            for clock in _CLOCKS
        }
        return max(read, key=read.get)

    return best(f"%d{sign}%m{sign}{year}"), best(other)


def _unreadable(
    reading: Reading, settled: Columns, found: dict[str, str], settings: Settings, skip: object
) -> list[Note]:
    """Columns in which values stand that cannot be read as what they should be."""
    money = reading.table == settings.money_table
    known = mapping.columns_of(reading.table, money)
    one, notes = replace(reading.extract.inputs[0], source=reading.source), []
    for ours, heading in found.items():
        if known[ours].kind in ("id", "text", "list") or ours in skip:
            continue
        value = sources.read_column(settled, known[ours], heading, one, settings)
        read = reading.extract.sample.select(received(heading).alias(ours)).drop_nulls()
        is_there = pl.lit(True) if money else ~values.says_nothing(pl.col(ours))
        failed = read.filter(is_there & value.is_null()).to_series().rename("text")
        if failed.len():
            column, commonest = known[ours], failed.value_counts(sort=True)["text"].head(3)
            about = {
                "heading": heading,
                "kind": label(f"inspect.kind.{column.kind}"),
                "failed": failed.len(),
                "rows": read.height,
                "example": ", ".join(text[:40] for text in commonest),
                "choices": ", ".join(column.choices),
            }
            key = "unreadable_choice" if column.choices else "unreadable"
            much = failed.len() / read.height >= _MUCH
            notes.append(Note(key, f"columns.{ours}", much, about))
    return notes


def _order_rows(reading: Reading, settings: Settings) -> pl.DataFrame:
    """Every order row as a run would read it."""
    inputs = [replace(one, source=reading.source) for one in reading.extract.inputs]
    read = [sources.order_rows_of(one, settings)[0] for one in inputs]
    return pl.concat(read).select(*_NEEDED, "order_id", "refund_amount", "in_future").collect()


def _empty(rows: pl.DataFrame) -> list[Note]:
    """Rows in which a needed value is not there."""
    nothing = [pl.col(ours).is_null() & ~unreadable(ours) for ours in _NEEDED[:3]]
    notes = []
    for ours, count in rows.select(one.sum() for one in nothing).row(0, named=True).items():
        if count:
            about = {"column": text(ours), "empty": count, "rows": rows.height}
            notes.append(Note("empty", f"columns.{ours}", count >= _HALF * rows.height, about))
    return notes


def _refunds(rows: pl.DataFrame) -> list[Note]:
    """Negative amounts, and the letter with which only the numbers of their orders begin."""
    below = (pl.col("amount") < 0) & (pl.col("refund_amount").fill_null(0) == 0)
    refunds, others = rows.filter(below), rows.filter(~below)
    if refunds.is_empty():
        return []
    letter = pl.col("order_id").str.extract(r"^([A-Za-z])")
    marks = refunds.select(letter.mode()).to_series().drop_nulls()
    values = {"rows": refunds.height, "money": refunds["amount"].sum()}
    if marks.len() and not others.select((letter == marks[0]).any()).item():
        return [Note("marked_refunds", values=values | {"letter": marks[0]})]
    return [Note("refunds", values=values)]


def _repeated_totals(rows: pl.DataFrame) -> list[Note]:
    """Whether rows of one customer and time have one amount so often that they may be lines of orders."""
    sales = rows.filter(pl.col("amount") > 0).drop_nulls(list(_NEEDED[:3]))
    together = sales.group_by("customer_id", "ordered_at").agg(
        rows=pl.len(), same=pl.col("amount").n_unique() == 1
    )
    together = together.filter(pl.col("rows") > 1)
    repeated = together["rows"].sum() - together.height
    if sales.height < _FEWEST or repeated < _MANY * sales.height or together["same"].mean() < _MOST:
        return []
    about = {"repeats": repeated, "rows": sales.height}
    return [Note("repeated_totals", "table", True, about)]


def _repeats(
    reading: Reading, found: dict[str, str], lines_of_doubled_orders: bool
) -> tuple[list[Note], bool]:
    """Whether rows that repeat an earlier one in every column are to be dropped, and why."""
    if reading.table not in ("orders", "order_lines") or model.key(reading.table) in found:
        return [], False
    extract = reading.extract
    rows = extract.whole if extract.rows <= _CHEAP_ROWS else extract.sample.lazy()
    rows = (whole_orders(rows) if reading.table == "orders" else rows).collect()
    distinct = rows.unique()
    about = {"repeats": rows.height - distinct.height, "rows": rows.height}
    if not about["repeats"]:
        return [], False
    if lines_of_doubled_orders:
        return [Note("repeated_lines", "drop_exact_repeats", values=about)], True
    order = found.get("order_id")
    if order and reading.table == "orders" and distinct[order].is_unique().mean() > 1 - _MUCH:
        return [Note("repeated_orders", "drop_exact_repeats", values=about)], True
    choices = (("drop_exact_repeats", True),)
    return [Note("repeats", "drop_exact_repeats", True, about, choices)], False


def _customers(reading: Reading, found: dict[str, str], settings: Settings) -> list[Note]:
    """Whether reports will hash the ids, and whether orders may be a list of customers."""
    heading, notes = found.get("customer_id"), []
    if not heading:
        return []
    ids = reading.extract.sample.select(id=values.read_id(received(heading))).drop_nulls()["id"]
    if ids_must_be_hashed(ids, settings, [heading]):
        notes.append(Note("hashed", values={"heading": heading}))
    if reading.table == "orders" and ids.len() >= _FEWEST and ids.is_unique().all():
        notes.append(Note("one_row_each", "table", True))
    return notes
