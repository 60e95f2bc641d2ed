"""Which table an extract is, and which columns it has: known headings first, then guesses.

A guess is made only for what a report cannot do without, and each brings a note that says so.
"""

from dataclasses import dataclass, replace

import polars as pl

from analysis import model
from analysis.collect import hints, mapping, values
from analysis.collect.choices import Reading, required, settle, whole_orders
from analysis.collect.probe import Extract, Note
from analysis.collect.sources import received

_FORM_ROWS = 1_000
_MOST = 0.8  # share of the values that must have a form
_CLEAR_DATE = (
    r"^\d{4}[-/.年]\d{1,2}[-/.月]\d|^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(\D|$)|^1\d{12}$"
    r"|^(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])$"
)
_CENTS = r"[.,]\d{1,2}\D*$"
_LINES_PER_ORDER = 1.2  # from which on rows are lines of orders
_CLOSE = 1.0  # difference of weights at which another table may be meant
# Of columns without a heading: the share of values with cents that makes an amount, and how many
# distinct ids there are for each row, where customers buy again and are not a handful.
_CENTS_SHARE, _FEWEST_IDS, _MOST_IDS = 0.3, 0.02, 0.98


@dataclass(frozen=True)
class _Form:
    """What the values of a column look like, as shares of those that are there."""

    times: float
    clear_dates: float  # that can be nothing else
    amounts: float
    cents: float
    distinct: float  # of all rows


def read_extract(extract: Extract, currency: str) -> Reading:
    """The table that fits an extract best, with its columns settled as far as they can be.

    Args:
        extract: rows under one set of headings.
        currency: whose signs amounts may bear.
    """
    presets = [*hints.presets_for(extract.headings, extract.name), None]
    fits = [
        _fit(extract, table, preset, currency)
        for table in model.tables()
        for preset in presets
        if preset is None or table in mapping.presets()[preset]
    ]
    best = max(fits, key=lambda one: one.weight)
    if best.missing and not best.has_customers:
        best = max(fits, key=lambda one: (one.has_customers, one.weight))
    if best.table == "orders" and not best.guessed and _holds_lines(best):
        lines = settle(_fit(extract, "order_lines", best.source.preset, currency, True))
        if not lines.missing and lines.source.columns.keys() <= model.columns("order_lines").keys():
            return lines
    others = [one for one in fits if one.table not in (best.table, "orders", "order_lines")]
    other = max(others, key=lambda one: one.weight)
    if best.weight - other.weight <= _CLOSE and not other.missing:
        note = Note("table", "table", unsure=True, values={"other": other.table})
        best = replace(best, notes=(*best.notes, note))
    return settle(best)


def read_lines(extract: Extract, preset: str | None, currency: str) -> Reading:
    """An extract taken for the lines of orders that stand in the same file."""
    return settle(_fit(extract, "order_lines", preset, currency))


def _holds_lines(reading: Reading) -> bool:
    """Whether the rows are lines: with products, and several different ones for an order."""
    order = reading.claimed.get("order_id")
    if not order or not {"product_id", "product_name"} & reading.claimed.keys():
        return False
    rows = whole_orders(reading.extract.sample.lazy()).unique().collect()
    orders = rows.select(pl.col(order[0]).n_unique()).item()
    return rows.height > _LINES_PER_ORDER * orders


def _fit(
    extract: Extract, table: str, preset: str | None, currency: str, carries_money: bool = False
) -> Reading:
    source = extract.source.model_copy(update={"table": table, "preset": preset})
    claimed = mapping.claims(extract.headings, source, carries_money or table == "orders")
    guessed = {}
    if table in ("orders", "customers"):
        guessed = _guess(extract, table, claimed, currency)
    found = claimed.keys() | guessed.keys()
    by_price = {"quantity", "unit_price"} <= found
    missing = tuple(
        name
        for name in required(table)
        if name not in found and not (name == "amount" and by_price)
    )
    return Reading(extract, source, claimed, guessed, missing)


def _guess(extract: Extract, table: str, claimed: dict, currency: str) -> dict[str, list[str]]:
    taken = {name for theirs in claimed.values() for name in theirs}
    free = [name for name in extract.headings if name not in taken]
    if table == "customers":
        ids = [name for name in free if hints.is_bare_id(name)]
        unique = [name for name in ids if _form(extract.sample, name, currency).distinct == 1]
        known = not claimed or "customer_id" in claimed
        return {"customer_id": unique} if unique and not known else {}
    nameless, price = extract.source.headings is not None, claimed.get("unit_price", [])
    forms = {name: _form(extract.sample, name, currency) for name in (*free, *price)}
    found = {}
    if "ordered_at" not in claimed:
        found["ordered_at"] = _times({name: forms[name] for name in free})
    if "amount" not in claimed and not {"quantity", "unit_price"} <= claimed.keys():
        found["quantity"] = _numbers("quantity", forms, free) if price else []
        if not found["quantity"]:
            found["amount"] = _numbers("amount", forms, [*free, *price], nameless)
    if "customer_id" not in claimed:
        used = [name for theirs in found.values() for name in theirs]
        found["customer_id"] = _customers(forms, [one for one in free if one not in used], nameless)
    return {ours: found[ours] for ours in model.columns("orders") if found.get(ours)}


def _form(sample: pl.DataFrame, heading: str, currency: str) -> _Form:
    text = sample.select(text=received(heading)).drop_nulls()
    first, column = text.head(_FORM_ROWS), pl.col("text")
    either = [values.read_time(column, "UTC", day_first=order) for order in (True, False)]
    comma, point = values.signs_of_decimals(column)
    with_comma = first.select(comma.any() & ~point.any()).item()
    amount = values.read_amount(column, currency, with_comma).is_not_null()
    shares = first.select(
        times=pl.coalesce(either).is_not_null().mean(),
        clear_dates=column.str.contains(_CLEAR_DATE).mean(),
        amounts=amount.mean(),
        cents=(amount & column.str.contains(_CENTS)).mean(),
    ).row(0)
    distinct = text["text"].n_unique() / sample.height
    return _Form(*(share or 0.0 for share in shares), distinct)


def _times(forms: dict[str, _Form]) -> list[str]:
    """Columns that may date a purchase."""
    named = [name for name, form in forms.items() if form.times >= _MOST]
    ranked = _by_rank("ordered_at", named)
    return ranked or [name for name, form in forms.items() if form.clear_dates >= _MOST]


def _numbers(
    ours: str, forms: dict[str, _Form], headings: list[str], nameless: bool = False
) -> list[str]:
    """Columns of numbers that may be amounts or quantities; where nothing is named, those with cents."""
    there = [name for name in headings if forms[name].amounts >= _MOST]
    there = [name for name in there if forms[name].clear_dates < _MOST]
    if not nameless:
        return _by_rank(ours, there)
    return [name for name in reversed(there) if forms[name].cents >= _CENTS_SHARE]


def _customers(forms: dict[str, _Form], headings: list[str], nameless: bool) -> list[str]:
    """Columns that may number customers: named so, or a bare id that comes again."""
    there = [name for name in headings if forms[name].clear_dates < _MOST]
    again = [name for name in there if forms[name].distinct < _MOST_IDS]
    if nameless:
        return [
            name
            for name in again
            if forms[name].cents < _CENTS_SHARE and forms[name].distinct > _FEWEST_IDS
        ]
    named = _by_rank("customer_id", there)
    return named or [name for name in again if hints.is_bare_id(name)]


def _by_rank(ours: str, headings: list[str]) -> list[str]:
    ranks = {name: hints.rank(ours, name) for name in headings}
    return sorted((name for name in headings if ranks[name] is not None), key=ranks.get)
