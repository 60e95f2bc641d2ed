"""An extract taken for a table, and the choices among its columns that settings have to name."""

from dataclasses import dataclass, replace

import polars as pl

from analysis import model
from analysis.collect import hints, mapping, values
from analysis.collect.inputs import CONTINUES
from analysis.collect.probe import Extract, Note
from analysis.collect.settle import Columns
from analysis.collect.sources import received
from analysis.run.settings import Source

_CUSTOM = "__c"  # 纷享销客 appends it to the names of fields that a company added
_ALMOST_ALL = 0.95
_FEWEST = 20  # rows or orders from which on a pattern is no chance


@dataclass(frozen=True)
class Reading:
    """An extract taken for a table."""

    extract: Extract
    source: Source
    claimed: dict[str, list[str]]  # our column = the headings that claim it
    guessed: dict[str, list[str]]  # our column = the headings that may be it, the likeliest first
    missing: tuple[str, ...]  # required columns that nothing is found for
    notes: tuple[Note, ...] = ()

    @property
    def table(self) -> str:
        """The table."""
        return self.source.table

    @property
    def has_customers(self) -> bool:
        """Whether a column is known, or guessed, to hold customers."""
        return "customer_id" in (*self.claimed, *self.guessed)

    @property
    def weight(self) -> float:
        """How well the table fits: columns found, required ones twice, guesses half."""
        needed = required(self.table)
        there = sum(name not in self.missing for name in needed)
        return len(self.claimed) + len(self.guessed) / 2 + there - 2 * len(self.missing)


def required(table: str) -> tuple[str, ...]:
    """The columns without which a table is of no use."""
    if table == "orders":
        return ("customer_id", "ordered_at", "amount")
    return tuple(name for name, column in model.columns(table).items() if column.required)


def whole_orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows without those that continue a merged cell of a workbook."""
    there = CONTINUES in rows.collect_schema()
    return rows.filter(~pl.col(CONTINUES)).drop(CONTINUES) if there else rows


def settle(reading: Reading) -> Reading:
    """The reading with every column named that the settings must name, and a note on each choice."""
    source, notes = reading.source, list(reading.notes)
    columns, ignore = dict(source.columns), list(source.ignore)
    for ours, theirs in reading.claimed.items():
        if len(theirs) > 1:
            columns[ours], note = _one_of(ours, theirs, reading)
            notes.append(note)
    for ours, theirs in reading.guessed.items():
        columns[ours] = theirs[0]
        choices = tuple((f"columns.{ours}", other) for other in theirs[1:])
        key = "guessed" if source.headings is None else "by_values"
        if theirs[0] in reading.claimed.get("unit_price", ()):
            key = "price_alone"
        elif choices:
            key = f"{key}_first"
        notes.append(Note(key, f"columns.{ours}", True, {"heading": theirs[0]}, choices))
    for key, found in (("custom", _custom_fields(reading)), ("product", _line_amount(reading))):
        columns |= found
        notes += [Note(key, f"columns.{ours}") for ours in found]
    for heading, ours, note in _ambiguous(reading):
        if ours:
            columns[ours] = heading
        else:
            ignore.append(heading)
        notes.append(note)
    if repeated := _repeated_total(reading):
        ignore.append(repeated)
        notes.append(Note("repeated_total", "ignore", values={"heading": repeated}))
    settled = source.model_copy(update={"columns": columns, "ignore": ignore})
    return replace(reading, source=settled, notes=tuple(notes))


def _one_of(ours: str, theirs: list[str], reading: Reading) -> tuple[str, Note]:
    """Of headings that claim one column: what was paid, else the fullest, else the best known."""
    sample = reading.extract.sample
    known = mapping.columns_of(reading.table, True)[ours]
    order = [mapping.fold(one) for one in (ours, *mapping.headings_of(known))]
    filled = sample.select(received(name).is_not_null().mean().round(2) for name in theirs).row(0)
    full = dict(zip(theirs, filled, strict=True))

    def rank(heading: str) -> tuple:
        place = order.index(mapping.fold(heading)) if mapping.fold(heading) in order else len(order)
        return (hints.paid_rank(heading) if ours == "amount" else 0, -full[heading], place)

    best, *others = sorted(theirs, key=rank)
    choices = tuple((f"columns.{ours}", other) for other in others)
    return best, Note("two_claims", f"columns.{ours}", True, {"heading": best}, choices)


def _custom_fields(reading: Reading) -> dict[str, str]:
    """Fields that a company added to 纷享销客, named like our columns."""
    found = {}
    for heading in reading.extract.headings:
        name = heading.removesuffix(_CUSTOM)
        meant = mapping.claims([name], reading.source, reading.table == "orders")
        for ours in meant if name != heading else ():
            if ours not in (*reading.claimed, *reading.guessed):
                found[ours] = heading
    return found


def _line_amount(reading: Reading) -> dict[str, str]:
    """A column that is quantity times unit price on nearly every line."""
    claimed = reading.claimed
    if reading.table != "order_lines" or "line_amount" in claimed:
        return {}
    if not {"quantity", "unit_price"} <= claimed.keys():
        return {}
    taken = {name for theirs in claimed.values() for name in theirs}
    factors = [claimed[name][0] for name in ("quantity", "unit_price")]
    for heading in reading.extract.headings:
        if heading in taken:
            continue
        quantity, price, product = _numbers(reading, [*factors, heading])
        equal = (product - quantity * price).abs() < 0.005
        lines = reading.extract.sample.select(equal.alias("equal")).drop_nulls()
        if lines.height >= _FEWEST and lines["equal"].mean() >= _ALMOST_ALL:
            return {"line_amount": heading}
    return {}


def _numbers(reading: Reading, headings: list[str]) -> list[pl.Expr]:
    """Columns as numbers, read as a run reads them."""
    text = reading.extract.sample.lazy().select(received(name) for name in headings)
    settled = Columns(text, reading.extract.inputs[0], headings)
    return [values.read_number(received(one), settled.decimal_comma(one)) for one in headings]


def _ambiguous(reading: Reading) -> list[tuple[str, str | None, Note]]:
    """Headings that mean different things in different companies: (heading, our column, note)."""
    known, found = model.columns(reading.table), []
    for heading in reading.extract.headings:
        meanings = [ours for ours in mapping.AMBIGUOUS.get(heading, ()) if ours in known]
        taken = any(heading in theirs for theirs in reading.claimed.values())
        if not meanings or taken:
            continue
        text = reading.extract.sample.select(text=received(heading)).drop_nulls()
        fits = next((one for one in meanings if _are_choices(text, known[one].choices)), None)
        choices = tuple((f"columns.{one}", heading) for one in meanings if one != fits)
        about = f"columns.{fits}" if fits else "ignore"
        note = Note("ambiguous", about, True, {"heading": heading}, choices)
        found.append((heading, fits, note))
    return found


def _are_choices(text: pl.DataFrame, choices: dict[str, list[str]]) -> bool:
    read = values.read_choice(pl.col("text"), choices).is_not_null()
    return bool(choices) and text.height > 0 and text.select(read.mean()).item() >= _ALMOST_ALL


def _repeated_total(reading: Reading) -> str | None:
    """The heading of an order's total that stands on each of its lines, where lines have prices.

    Counted line by line such a total would count several times.
    """
    claimed = reading.claimed
    needed = {"order_id", "amount", "quantity", "unit_price"}
    if reading.table != "order_lines" or not needed <= claimed.keys() or "line_amount" in claimed:
        return None
    named = [claimed[name][0] for name in ("amount", "quantity", "unit_price")]
    total, quantity, price = _numbers(reading, named)
    rows = reading.extract.sample.select(
        order=received(claimed["order_id"][0]), total=total, line=quantity * price
    ).drop_nulls()
    orders = rows.group_by("order").agg(
        lines=pl.len(),
        same=pl.col("total").n_unique() == 1,
        own=((pl.col("total") - pl.col("line")).abs() < 0.005).all(),
    )
    orders = orders.filter(pl.col("lines") > 1)
    repeated = orders.select((pl.col("same") & ~pl.col("own")).mean()).item()
    sure = orders.height >= _FEWEST and repeated >= _ALMOST_ALL
    return claimed["amount"][0] if sure else None
