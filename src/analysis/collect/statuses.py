"""Which statuses of orders are sales, by their words."""

from dataclasses import replace

import polars as pl

from analysis.collect import hints, mapping
from analysis.collect.choices import Reading, whole_orders
from analysis.collect.probe import Note
from analysis.collect.sources import received
from analysis.labels import label

_MOST_STATUSES = 40


def with_statuses(reading: Reading) -> Reading:
    """A reading of rows that carry money, with the column of statuses and those that are sales.

    What the words of a status do not tell is left out, and asked about.
    """
    heading, guessed = _status_heading(reading)
    if not heading:
        return reading
    counts = _counts(whole_orders(reading.extract.whole), heading)
    if counts.height > _MOST_STATUSES:
        note = Note("many_statuses", "sale_status", True, {"heading": heading})
        return replace(reading, notes=(*reading.notes, note))
    kinds = {value: hints.status_kind(value) for value in counts["text"].drop_nulls()}
    sales = [value for value, kind in kinds.items() if kind == "sale"]
    unclear = [value for value, kind in kinds.items() if kind == "unclear"]
    named = ((value or label("inspect.no_value"), rows) for value, rows in counts.iter_rows())
    listed = "; ".join(f"{value} {rows:,}" for value, rows in named)
    notes = [Note("statuses", "sale_status", values={"heading": heading, "listed": listed})]
    if unclear or not sales:
        choices = () if sales else (("sale_status", list(kinds)),)
        about = {"unclear": ", ".join(unclear or kinds)}
        notes.append(Note("unclear_statuses", "sale_status", True, about, choices))
    if guessed:
        notes.append(Note("guessed", "columns.status", True, {"heading": heading}))
    columns = reading.source.columns | ({"status": heading} if guessed else {})
    source = reading.source.model_copy(update={"sale_status": sales or None, "columns": columns})
    return replace(reading, source=source, notes=(*reading.notes, *notes))


def _status_heading(reading: Reading) -> tuple[str | None, bool]:
    """The column of statuses, and whether it is only guessed by its name and its values."""
    claimed = mapping.claims(reading.extract.headings, reading.source, carries_money=True)
    if "status" in claimed:
        return claimed["status"][0], False
    if reading.table != "orders":
        return None, False
    taken = {name for theirs in claimed.values() for name in theirs}
    free = [name for name in reading.extract.headings if name not in taken]
    named = [name for name in free if hints.rank("status", name) is not None]
    return next((one for one in named if _tells_sales(reading.extract.sample, one)), None), True


def _counts(rows: pl.LazyFrame, heading: str) -> pl.DataFrame:
    """The values of a column with their numbers of rows, the commonest first; null where empty."""
    counted = rows.select(text=received(heading)).group_by("text").len()
    return counted.sort("len", "text", descending=[True, False]).collect()


def _tells_sales(sample: pl.DataFrame, heading: str) -> bool:
    found = _counts(sample.lazy(), heading)["text"].drop_nulls()
    return len(found) <= _MOST_STATUSES and any(
        hints.status_kind(one) != "unclear" for one in found
    )
