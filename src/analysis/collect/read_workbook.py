"""A sheet of a workbook as columns of text, as a person sees it; merged cells count in all their rows.

Some things are looked up in the sheet's own XML: merged cells, numbers too long for a spreadsheet, and
values far from the others, for which the library that reads the cells would take all memory.
"""

import posixpath
import re
import zipfile
import zlib
from collections import Counter, defaultdict, namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import fastexcel
import numpy as np
import polars as pl
from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from analysis.collect import mapping, packed
from analysis.collect.inputs import CONTINUES, ROW, Input
from analysis.run import paths
from analysis.run.errors import UserError

_MOST_CELLS, _BLOCK_BYTES, _LONGEST_TAG = 60_000_000, 1 << 20, 300  # 2 GB hold no more cells
_OLE, _ENCRYPTED = b"\xd0\xcf\x11\xe0", "EncryptedPackage".encode("utf-16-le")
_CELL = re.compile(r'<(?:x:)?c r="([A-Z]+)(\d+)"[^>/]*>')
_MERGE = re.compile(r'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+\d+):([A-Z]+\d+)"')
_LONG = re.compile(
    r'<(?:x:)?c r="([A-Z]+\d+)"(?: s="\d+")?(?: t="n")?><(?:x:)?v>'
    r"(\d{16,}|\d\.\d{9,}E\+(?:1[5-9]|[23]\d))<"
)
_TIME_ONLY = r"^1899-12-31 "  # the day that stands for none
_ERROR = re.compile(r"'Error\((\w+)\)'")
_ERRORS = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?"}  # the others read `#REF!`
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, StopIteration, RuntimeError)
_DAMAGES = (*_BROKEN_ZIP, ElementTree.ParseError, fastexcel.FastExcelError)
_Merge = namedtuple("_Merge", "top left bottom right")  # from 0, the last ones included
_Texts = dict[tuple[int, int], str]  # row and column = what stands there
_Headings = dict[int, str]  # by column


def sheet_names(path: Path) -> list[str]:
    """The worksheets of a workbook in its order, hidden ones too; blank ones only if all are blank.

    Raises:
        UserError: if the file is no whole .xlsx workbook.
    """
    with _opened(path) as archive:
        members = _members(archive)
        return [name for name, path in members.items() if _holds(archive, path)] or list(members)


def _holds(archive: zipfile.ZipFile, member: str) -> bool:
    """Whether a sheet has any cell with a value."""
    with archive.open(member) as file:
        blocks = iter(lambda: file.read(_BLOCK_BYTES).decode("latin-1"), "")
        return any(_CELL.search(block) for block in blocks)


def read_sheet(one: Input) -> pl.DataFrame:
    """A sheet as text columns under its own headings, with ROW and CONTINUES.

    Two heading rows are joined as `订单明细.产品编码`. What is merged over several rows stands in each of
    them. CONTINUES marks the rows that belong to a merged cell begun above; of orders only to a merged
    amount, since a row with an amount of its own is an order of its own. A column with values but no
    heading is called after its letter. An error cell keeps its sign, e.g. `#REF!`; a formula counts as
    its last value; numbers keep nine decimals.

    Returns:
        One row per row of the sheet that holds something of its own.

    Raises:
        UserError: if it is not whole, headings are missing or doubled, or long numbers lost digits.
    """
    with _opened(one.path) as archive:
        members = _members(archive)
        if one.part not in members:
            raise UserError(
                f'{paths.display(one.path)} has no sheet "{one.part}". Its sheets are: '
                f"{', '.join(members)}. Correct `sheets` in the settings."
            )
        merges, long_numbers = _read_marks(archive, members[one.part], one)
        cells = _read_cells(one)
    headings, begin = _find_headings(cells, merges, one)
    _refuse_lost_digits(long_numbers, headings, one)
    cells = _with_texts(cells, long_numbers)
    holds = cells.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    cells, continues = _fill_down(cells, merges, begin, _deciding(headings, one))
    table = cells.select(pl.col(str(at)).alias(name) for at, name in headings.items())
    row = pl.Series(ROW, np.arange(cells.height) + 1 - begin)
    return table.with_columns(pl.Series(CONTINUES, continues), row).filter(holds & (row > 0))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive that a workbook is, guarded; all damage is told in words."""
    name, again = paths.display(path), "Open it in a spreadsheet program and save it as .xlsx"
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(_OLE):
        if _ENCRYPTED in path.read_bytes():
            raise UserError(f"{name} is encrypted. {again}, without a password.")
        raise UserError(f"{name} is a workbook of the old kind (.xls). {again}.")
    try:
        with zipfile.ZipFile(path) as archive:
            packed.refuse_bomb(archive, name)
            yield archive
    except BaseException as problem:
        # The reader's own crashes are no Exception and in no module that could be named.
        if not isinstance(problem, _DAMAGES) and type(problem).__name__ != "PanicException":
            raise
        said = str(problem).partition("\n")[0]
        why = "a web page" if head.lstrip()[:1] == b"<" else f"cut or damaged ({said})"
        raise UserError(f"{name} cannot be read: it is {why}. Export it again. {again}.") from None


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Worksheet = its member of the archive."""
    book = next(path for kind, path in _related(archive, "").values() if kind == "officeDocument")
    related, found = _related(archive, book), {}
    for element in ElementTree.fromstring(archive.read(book)).findall(".//{*}sheet"):
        key = next(value for name, value in element.items() if name.endswith("}id"))
        if related[key][0] == "worksheet":
            found[element.get("name")] = related[key][1]
    return found


def _related(archive: zipfile.ZipFile, member: str) -> dict[str, tuple[str, str]]:
    """Key = kind and path of what a member of the archive refers to."""
    folder, name = posixpath.split(member)
    listed = ElementTree.fromstring(archive.read(posixpath.join(folder, "_rels", f"{name}.rels")))
    return {
        one.get("Id"): (
            posixpath.basename(one.get("Type")),
            posixpath.normpath(posixpath.join("/", folder, one.get("Target")))[1:],
        )
        for one in listed
    }


def _read_marks(archive: zipfile.ZipFile, member: str, one: Input) -> tuple[set[_Merge], _Texts]:
    """Merged cells, and numbers of 16 digits and more as written.

    The XML is searched block by block: a parser would call us for each cell, which is slow.
    """
    merges, long_numbers, before, last_row, columns = set(), {}, "", 0, set()
    with archive.open(member) as file:
        while block := file.read(_BLOCK_BYTES):
            text = before + block.decode("latin-1")
            if cells := _CELL.findall(text):
                columns |= {letters for letters, _ in cells}
                last_row = max(last_row, int(cells[-1][1]))
            for begins, ends in _MERGE.findall(text):
                merges.add(_Merge(*xl_cell_to_rowcol(begins), *xl_cell_to_rowcol(ends)))
            long_numbers |= {xl_cell_to_rowcol(cell): n for cell, n in _LONG.findall(text)}
            before = text[-_LONGEST_TAG:]
    last = max((xl_cell_to_rowcol(f"{letters}1")[1] for letters in columns), default=0)
    if last_row * (last + 1) > _MOST_CELLS:
        raise UserError(
            f"{one.name} reaches to column {xl_col_to_name(last)} and row {last_row:,}, too far to be "
            "read: a value stands far from the table. Delete it, or export the sheet as CSV."
        )
    return merges, long_numbers


def _read_cells(one: Input) -> pl.DataFrame:
    """All cells from A1 on as text; the columns are called 0, 1, 2, …"""
    wrongly_named = one.path.suffix.lower() == ".xls"  # the library would believe the name
    book = fastexcel.read_excel(one.path.read_bytes() if wrongly_named else one.path)
    sheet = book.load_sheet(
        one.part, header_row=None, skip_rows=0, dtypes="string", whitespace_as_null=True
    )
    if not sheet.height:
        raise UserError(
            f"{one.name} is an empty sheet. Export it again, or name the sheets to read: `sheets`."
        )
    batch, errors = sheet.to_arrow_with_errors()
    first, read = sheet.available_columns()[0].absolute_index, pl.from_arrow(batch)
    width = max(first + sheet.width, len(one.source.headings or ()))
    blank = dict.fromkeys(map(str, range(width)))
    texts = {str(at): pl.nth(at - first) for at in range(first, first + sheet.width)}
    cells = read.select(**blank | texts).select(
        pl.all().cast(pl.String).str.replace(_TIME_ONLY, "")
    )
    signs = {}
    for error in errors.errors if errors else []:
        kind = _ERROR.search(error.detail)
        sign = _ERRORS.get(kind[1], f"#{kind[1].upper()}!") if kind else "####"
        signs[error.position[0], first + error.position[1]] = sign
    return _with_texts(cells, signs)


def _with_texts(cells: pl.DataFrame, texts: _Texts) -> pl.DataFrame:
    columns = defaultdict(dict)
    for (row, column), text in texts.items():
        columns[column][row] = text
    return cells.with_columns(
        cells.to_series(at).scatter(list(found), list(found.values()))
        for at, found in columns.items()
    )


def _find_headings(cells: pl.DataFrame, merges: set, one: Input) -> tuple[_Headings, int]:
    """The headings, and the first row of data."""
    top, given = one.source.header_row - 1, dict(enumerate(one.source.headings or ()))
    headings, begin = (given, top) if given else _joined_headings(cells, merges, top)
    filled = [at for at in range(cells.width) if cells.to_series(at).slice(begin).count()]
    nameless = [at for at in filled if at not in headings]
    if len(headings) < max(1, min(2, len(filled))) or len(nameless) * 2 > len(filled):
        found = f' ("{next(iter(headings.values()))}")' if headings else ""
        raise UserError(
            f"{one.name}: row {top + 1} names {len(headings)} of {len(filled)} columns{found}. Is it a "
            "title? Set `header_row` in the settings to the row in which the headings stand."
        )
    headings |= {at: f"column {xl_col_to_name(at)}" for at in nameless}
    if doubled := [name for name, times in Counter(headings.values()).items() if times > 1]:
        raise UserError(
            f"{one.name} has several columns of one name: {', '.join(doubled)}. Rename all but one, or "
            "name every column under `headings` in the settings."
        )
    return headings, begin


def _joined_headings(cells: pl.DataFrame, merges: set, top: int) -> tuple[_Headings, int]:
    """Headings of one row, or of more where they are merged: `parent.heading`."""
    here = [merge for merge in merges if merge.top <= top <= merge.bottom]
    last = max((merge.bottom for merge in here), default=top)
    if last == top and _has_parents(cells.slice(top, 2).rows(), here):
        last += 1
    origin = {}  # of each place in a merged cell, where its text stands
    for merge in merges:
        right = merge.right if last > top else merge.left
        for row in range(max(top, merge.top), min(last, merge.bottom) + 1):
            for at in range(merge.left, min(right + 1, cells.width)):
                origin[row, at] = (merge.top, merge.left)
    headings = {}
    for at in range(cells.width):
        places = dict.fromkeys(origin.get((row, at), (row, at)) for row in range(top, last + 1))
        texts = [cells[place] for place in places if place[0] < cells.height]
        if any(texts):
            headings[at] = ".".join(text.strip() for text in texts if text)
    return headings, last + 1


def _has_parents(rows: list[tuple], merges: list[_Merge]) -> bool:
    """Whether the first row's merged cells are headings of headings: nothing stands below the others."""
    if len(rows) < 2 or sum(text is not None for text in rows[0]) < 2:
        return False
    under = {at for merge in merges for at in range(merge.left, merge.right + 1)}
    return bool(under) and all(
        below is not None if at in under else above is None or below is None
        for at, (above, below) in enumerate(zip(*rows, strict=True))
    )


def _refuse_lost_digits(numbers: _Texts, headings: _Headings, one: Input) -> None:
    for (row, at), number in numbers.items():
        heading = headings.get(at)
        if "E" in number and heading and heading not in one.source.ignore:
            raise UserError(
                f'{one.name}, row {row + 1:,}, column "{heading}": {number} has more digits than a '
                "spreadsheet's number keeps; the last ones are lost, and different ids have become "
                f'one. Export the column as text, or leave it out: ignore = ["{heading}"].'
            )


def _fill_down(
    cells: pl.DataFrame, merges: set[_Merge], begin: int, deciding: set[int]
) -> tuple[pl.DataFrame, np.ndarray]:
    """The cells with merged ones filled down, and which rows continue one in a deciding column."""
    columns, continues = defaultdict(list), np.zeros(cells.height, bool)
    for merge in merges:
        if begin <= merge.top < merge.bottom and merge.left < cells.width:
            columns[merge.left].append(merge)
    for at, found in columns.items():
        source = np.arange(cells.height)
        for merge in found:
            source[merge.top : merge.bottom + 1] = merge.top
        cells = cells.with_columns(cells.to_series(at).gather(source))
        continues |= (source != np.arange(cells.height)) & (at in deciding)
    return cells, continues


def _deciding(headings: _Headings, one: Input) -> set[int]:
    """The columns of which a merged cell makes a row the continuation of the one above."""
    if one.source.table != "orders":
        return set(headings)
    try:
        amount = mapping.find_columns(list(headings.values()), one, True).get("amount")
    except UserError:  # told when the columns are mapped
        return set()
    return {at for at, name in headings.items() if name == amount}
