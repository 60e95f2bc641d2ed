"""Which column of a file is which of ours: the settings decide, then presets, names, known headings."""

import difflib
import tomllib
import unicodedata
from collections import defaultdict
from functools import cache
from importlib.resources import files

from analysis import model
from analysis.collect.inputs import CONTINUES, ROW, Input
from analysis.model import Column
from analysis.run.errors import UserError

# Headings that mean different things in different companies; nobody may guess them.
AMBIGUOUS = {
    "客户类型": ("customer_type", "level_in_crm"),
    "客户分类": ("customer_type", "level_in_crm"),
}
_MOST_LISTED = 30


def find_columns(headings: list[str], one: Input, carries_money: bool = False) -> dict[str, str]:
    """Our column name = heading in the file.

    Args:
        headings: of the file, ours included.
        one: the input, whose settings may name columns, a preset, and headings to ignore.
        carries_money: whether the rows of this table are the purchases themselves.

    Raises:
        UserError: if a heading that the settings name does not exist, two headings claim one column,
            a heading is ambiguous, or a required column is not found.
    """
    source = one.source
    own = [name for name in headings if name not in (ROW, CONTINUES)]
    _refuse_doubles(own, one)
    known = columns_of(source.table, carries_money)
    found = {ours: _existing(ours, theirs, own, one) for ours, theirs in source.columns.items()}
    free = [name for name in own if name not in found.values() and name not in source.ignore]
    for claims in (_by_preset, _by_name, _by_heading):
        claimed = claims(free, known, source)
        for ours, theirs in claimed.items():
            if ours not in found:
                found[ours] = _settled(ours, theirs, one)
        free = [name for name in free if name not in found.values()]
    _refuse_ambiguous(free, known, found, one)
    _require(known, found, own, one, carries_money)
    return found


def columns_of(table: str, carries_money: bool) -> dict[str, Column]:
    """The columns that a table may have; rows that are purchases have those of orders too."""
    known = model.columns(table)
    return model.columns("orders") | known if carries_money else known


def fold(heading: str) -> str:
    """A heading without differences of case, width, blanks and joining signs."""
    plain = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


def headings_of(column: Column) -> list[str]:
    """Every heading that is known to mean a column."""
    return [*column.headings, *column.inverted_headings]


@cache
def presets() -> dict[str, dict[str, dict[str, list[str]]]]:
    """Preset = table = our column = headings, the first that exists counts."""
    text = (files("analysis.collect") / "presets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _refuse_doubles(headings: list[str], one: Input) -> None:
    if any(name.endswith("_duplicated_0") for name in headings):
        raise UserError(
            f"{one.name} has two columns of one name: {_listed(headings)}. Rename one of them."
        )


def _existing(ours: str, theirs: str, headings: list[str], one: Input) -> str:
    if theirs in headings:
        return theirs
    alike = [name for name in headings if fold(name) == fold(theirs)]
    if len(alike) == 1:
        return alike[0]
    raise UserError(
        f'{one.name} has no column "{theirs}" (our {ours}).{_hint(theirs, headings)} '
        f"Its columns are: {_listed(headings)}. Correct `columns` in the settings."
    )


def _by_preset(headings: list[str], known: dict, source) -> dict[str, list[str]]:
    listed = presets().get(source.preset or "", {}).get(source.table, {})
    found = {}
    for ours, candidates in listed.items():
        there = [name for name in candidates if name in headings]
        if there and ours in known:
            found[ours] = there[:1]
    return found


def _by_name(headings: list[str], known: dict, source) -> dict[str, list[str]]:
    exact = {name: [name] for name in headings if name in known}
    folded = {fold(ours): ours for ours in known}
    alike = defaultdict(list)
    for name in headings:
        ours = folded.get(fold(_without_subform(name, source)))
        if ours and ours not in exact:
            alike[ours].append(name)
    return exact | alike


def _by_heading(headings: list[str], known: dict, source) -> dict[str, list[str]]:
    meaning = {fold(one): ours for ours, column in known.items() for one in headings_of(column)}
    found = defaultdict(list)
    for name in headings:
        if name not in AMBIGUOUS and (ours := meaning.get(fold(_without_subform(name, source)))):
            found[ours].append(name)
    return found


def _without_subform(heading: str, source) -> str:
    return heading.removeprefix(f"{source.subform}.") if source.subform else heading


def _settled(ours: str, theirs: list[str], one: Input) -> str:
    within = [name for name in theirs if one.source.subform and name.startswith(one.source.subform)]
    theirs = within or theirs
    if len(theirs) == 1:
        return theirs[0]
    named = " and ".join(f'"{name}"' for name in theirs)
    raise UserError(
        f"{one.name}: {named} both claim our column {ours}. Say which one it is in the settings: "
        f'columns = {{ {ours} = "{theirs[0]}" }}.'
    )


def _refuse_ambiguous(free: list[str], known: dict, found: dict, one: Input) -> None:
    for name in free:
        meanings = [ours for ours in AMBIGUOUS.get(name, ()) if ours in known]
        if meanings:
            raise UserError(
                f'{one.name}: "{name}" means different things in different companies. Say in the '
                f'settings what it is here: columns = {{ {meanings[0]} = "{name}" }} (or '
                f'{" or ".join(meanings[1:])}), or leave it out: ignore = ["{name}"].'
            )


def _require(
    known: dict, found: dict, headings: list[str], one: Input, carries_money: bool
) -> None:
    needed = [name for name, column in known.items() if column.required]
    if carries_money:
        needed = ["customer_id", "ordered_at"]
    if one.source.sale_status is not None and carries_money:
        needed.append("status")
    missing = [name for name in needed if name not in found]
    if carries_money and not ({"amount"} & set(found) or {"quantity", "unit_price"} <= set(found)):
        missing.append("amount (or quantity and unit_price)")
    if missing:
        raise UserError(
            f"{one.name}: no column is mapped to {', '.join(missing)} (table {one.source.table})."
            f"{_separator_hint(headings)}{_place_hint(found, one)} Its columns are: "
            f"{_listed(headings)}. Name them under `columns` in the settings."
        )


def _listed(headings: list[str]) -> str:
    more = f" and {len(headings) - _MOST_LISTED} more" if len(headings) > _MOST_LISTED else ""
    return ", ".join(headings[:_MOST_LISTED]) + more


def _place_hint(found: dict, one: Input) -> str:
    """Where to look for the headings when none of them is known."""
    if found:
        return ""
    sheet = f" If sheet {one.part} holds no such rows, name those that do: `sheets`."
    return " Do the headings stand in another row? Set `header_row`." + (
        sheet if one.format == "xlsx" else ""
    )


def _hint(name: str, headings: list[str]) -> str:
    """What may be meant by a heading that does not exist."""
    near = difflib.get_close_matches(name, headings, n=1)
    return f' Did you mean "{near[0]}"?' if near else _separator_hint(headings)


def _separator_hint(headings: list[str]) -> str:
    if len(headings) == 1 and (found := [sign for sign in ",;\t|" if sign in headings[0]]):
        return f" Is the separator {found[0]!r}? Set `separator` in the settings."
    return ""
