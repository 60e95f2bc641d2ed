"""Files opened without settings: how each has to be read, and a sample of its rows, all as text."""

import csv
import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import takewhile
from pathlib import Path

import polars as pl

from analysis import model
from analysis.collect import mapping, read_json, read_text, sources, values
from analysis.collect.inputs import CONTINUES, ROW, Input, check_whole, find_inputs
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Settings, Source

SAMPLE_ROWS = 10_000
_LOWEST_HEADINGS = 6  # the row; lower ones are not looked for
_LONGEST_LINE = 100_000  # of headings
_WESTERN = "cp1252"
_BEGINNINGS = {b"PK\x03\x04": "xlsx", b"PAR1": "parquet", b"{": "json", b"[": "json"}


@dataclass(frozen=True)
class Note:
    """A remark on the draft: a text of the catalogue, and the setting that it stands above."""

    key: str  # below `inspect` in the catalogue
    about: str = ""  # a setting of a source, or `columns.<our name>`
    unsure: bool = False
    values: dict[str, object] = field(default_factory=dict)
    choices: tuple[tuple[str, object], ...] = ()  # settings of which a person takes one


@dataclass(frozen=True)
class Extract:
    """Rows under one set of headings: of a file, alike files of a folder, alike sheets of a workbook."""

    source: Source  # with what reading needs; its table says nothing yet
    inputs: tuple[Input, ...]
    headings: list[str]
    whole: pl.LazyFrame  # all rows, as text; CONTINUES too where it is a workbook
    sample: pl.DataFrame  # SAMPLE_ROWS of them
    rows: int
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return self.source.path


def open_files(files: Iterable[Path]) -> list[Extract]:
    """What the files hold, alike ones joined.

    Raises:
        UserError: if one cannot be read, or holds no row.
    """
    alike: dict[tuple, list[list[Extract]]] = {}
    for path in files:
        parts = _open_file(path)
        shape = tuple(_shape(part, with_sheets=True) for part in parts)
        alike.setdefault((path.parent, _ending(path), shape), []).append(parts)
    found = []
    for group in alike.values():
        pattern = _common_pattern([parts[0].inputs[0].path for parts in group])
        if pattern:
            found += [_joined(list(same), path=pattern) for same in zip(*group, strict=True)]
        else:
            found += [part for parts in group for part in parts]
    return found


def open_subforms(extract: Extract) -> dict[str, Extract]:
    """The sub-forms within the records, by name: their rows with the fields of their record."""
    if extract.inputs[0].format == "json":
        names = dict.fromkeys(name for one in extract.inputs for name in read_json.subforms(one))
        return {
            name: _joined([_read(one, subform=name) for one in extract.inputs]) for name in names
        }
    parents = [heading.partition(".")[0] for heading in extract.headings if "." in heading]
    if extract.inputs[0].format != "xlsx":
        return {}
    return {
        name: replace(extract, source=extract.source.model_copy(update={"subform": name}))
        for name in dict.fromkeys(parents)
        if parents.count(name) > 1
    }


def _ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix


def _common_pattern(files: list[Path]) -> str | None:
    """A glob of these files of one folder that takes in no other file there; None if there is none."""
    folder, ending = files[0].parent, _ending(files[0])
    if len(files) == 1:
        return glob.escape(paths.display(files[0]))
    signs = zip(*(path.name for path in files), strict=False)
    start = "".join(at[0] for at in takewhile(lambda at: len(set(at)) == 1, signs))
    word = re.sub(r"[\W\d_]+$", "", start)
    for begin in (start[: len(word) + 1], re.sub(r"\d+$", "", start), start):
        pattern = f"{glob.escape(begin)}*{glob.escape(ending)}"
        if sorted(folder.glob(pattern)) == sorted(files):
            return f"{glob.escape(paths.display(folder))}/{pattern}"
    return None


def _shape(extract: Extract, with_sheets: bool) -> tuple:
    """What alike extracts have in common."""
    apart = {"path"} if with_sheets else {"path", "sheets"}
    return extract.source.model_dump_json(exclude=apart), tuple(sorted(extract.headings))


def _open_file(path: Path) -> list[Extract]:
    """The parts of a file, those with the same headings joined."""
    source = Source(table="orders", path=glob.escape(paths.display(path)))
    check_whole(Input(source, path))
    source = source.model_copy(update={"format": _format_by_bytes(Input(source, path))})
    inputs = find_inputs(source, Settings.model_construct())  # needed for queries only
    opened, problems = [], []
    for one in inputs:
        try:
            opened.append(_open_part(one))
        except UserError as problem:
            problems.append(problem)
    sheets = inputs[0].format == "xlsx"
    if not opened or (problems and not sheets):
        raise problems[0]
    groups: dict[tuple, list[Extract]] = {}
    for one in opened:
        groups.setdefault(_shape(one, with_sheets=False), []).append(one)
    if len(groups) == 1 and not problems:
        return [_joined(opened)]
    if not sheets:
        raise UserError(
            f"{paths.display(path)} holds files with different headings. Unpack it, and name them."
        )
    found = [
        _joined(group, sheets=[one.inputs[0].part for one in group]) for group in groups.values()
    ]
    left_out = [Note("sheet_left_out", "sheets", values={"why": str(one)}) for one in problems]
    return [replace(found[0], notes=(*found[0].notes, *left_out)), *found[1:]]


def _format_by_bytes(one: Input) -> str | None:
    """The format of a file whose name says another, or none."""
    with one.path.open("rb") as file:
        begin = file.read(4)
    if one.format != "csv" or one.path.suffix.lower() == ".zip":
        return None
    return next((kind for sign, kind in _BEGINNINGS.items() if begin.startswith(sign)), None)


def _open_part(one: Input) -> Extract:
    notes = ()
    if one.format == "csv":
        try:
            read_text.find_encoding(one)
        except read_text.UnknownEncodingError:
            one = _with(one, encoding=_WESTERN)
            read_text.find_encoding(one)
            notes = (Note("encoding", "encoding", unsure=True),)
        one = _with_separator(one)
    extract = _with_headings(one) if one.format in ("csv", "xlsx") else _read(one)
    return replace(extract, notes=(*extract.notes, *notes))


def _with(one: Input, **changes: object) -> Input:
    return replace(one, source=one.source.model_copy(update=changes))


def _with_separator(one: Input) -> Input:
    """Blanks as separator, where the first lines hold no other and as many fields each."""
    first, second, third = (read_text.heading_line(_with(one, header_row=row)) for row in (1, 2, 3))
    if any(sign in line for line in (first, second, third) for sign in read_text.SEPARATORS):
        return one
    widths = {len(line.split()) for line in (first, second, third or second)}
    return _with(one, separator="whitespace") if len(widths) == 1 and max(widths) > 1 else one


def _with_headings(one: Input) -> Extract:
    """The rows under headings that stand in the first row, below a title, or nowhere."""
    found, problem = _tried(one)
    first = _first_row(one) if one.format == "csv" else found.headings if found else []
    known = _how_many_known(first)
    if first and not known and _is_data(first):
        names = [f"column_{place}" for place in range(1, len(first) + 1)]
        note = Note("no_headings", "headings", unsure=True, values={"first": ", ".join(first)})
        return replace(_read(one, headings=names), notes=(note,))
    for row in range(2, _LOWEST_HEADINGS + 1) if known < 2 else ():
        below = _with(one, header_row=row)
        if one.format == "csv" and not read_text.heading_line(below).strip():
            continue
        lower, _ = _tried(below)
        if lower and _how_many_known(lower.headings) > max(known, 1):
            return replace(lower, notes=(Note("header_row", "header_row", values={"row": row}),))
    if found:
        return found
    raise problem


def _tried(one: Input) -> tuple[Extract | None, UserError | None]:
    try:
        return _read(one), None
    except UserError as problem:
        return None, problem


def _first_row(one: Input) -> list[str]:
    """The fields of the line in which the headings of a text should stand."""
    line = read_text.heading_line(one)
    if one.source.separator == "whitespace":
        return line.split()
    quoting = csv.QUOTE_MINIMAL if read_text.is_quoted(one) else csv.QUOTE_NONE
    separator = read_text.find_separator(one)
    row = next(csv.reader([line[:_LONGEST_LINE]], delimiter=separator, quoting=quoting))
    return [text.strip() for text in row]


@cache
def _known_headings() -> frozenset[str]:
    columns = [item for table in model.tables() for item in model.columns(table).items()]
    listed = {one for name, column in columns for one in (name, *mapping.headings_of(column))}
    for tables in mapping.presets().values():
        listed |= {one for table in tables.values() for names in table.values() for one in names}
    return frozenset(mapping.fold(one) for one in listed)


def _how_many_known(headings: list[str]) -> int:
    folded = {mapping.fold(part) for one in headings for part in (one, one.rpartition(".")[2])}
    return len(folded & _known_headings())


def _is_data(row: list[str]) -> bool:
    """Whether a row holds values, numbers or dates, where headings would be names."""
    texts = pl.Series([text for text in row if text], dtype=pl.String).to_frame("text")
    number = pl.any_horizontal(
        values.read_number(pl.col("text"), comma).is_not_null() for comma in (False, True)
    )
    time = values.read_time(pl.col("text"), "UTC", day_first=True).is_not_null()
    return texts.height > 1 and texts.select((number | time).mean()).item() >= 0.5


def _read(one: Input, **changes: object) -> Extract:
    one = _with(one, **changes)
    if one.format == "csv":
        read_text.check_widths(one)
    try:
        whole = sources.scan(one).drop(ROW)
        headings = [name for name in whole.collect_schema() if name != CONTINUES]
        rows = whole.select(pl.len()).collect().item()
        sample = whole.head(SAMPLE_ROWS).collect()
    except pl.exceptions.PolarsError as problem:
        raise read_text.unreadable(one, problem) from None
    if not rows:
        raise UserError(f"{one.name}: a heading but no data row. Export it again.")
    return Extract(one.source, (one,), headings, whole, sample, rows)


def _joined(extracts: list[Extract], **changes: object) -> Extract:
    """Several extracts with the same headings as one; `changes` are settings of its source."""
    first = extracts[0]
    columns = first.sample.columns
    share = -(-SAMPLE_ROWS // len(extracts))
    return Extract(
        first.source.model_copy(update=changes),
        tuple(one for extract in extracts for one in extract.inputs),
        first.headings,
        pl.concat([one.whole.select(columns) for one in extracts]),
        pl.concat([one.sample.select(columns).head(share) for one in extracts]),
        sum(one.rows for one in extracts),
        first.notes,
    )
