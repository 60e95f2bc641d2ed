"""Files as they lie on disk: whole, text, in UTF-8, and the errors for those that are not."""

import codecs
from pathlib import Path

import polars as pl

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Source
from analysis.tables import file_sha256

_ZIP, _UTF16 = b"PK\x03\x04", (b"\xff\xfe", b"\xfe\xff")
_GZIP, _BLOCK_BYTES, _TAIL_BYTES = b"\x1f\x8b", 1 << 22, 4096
# What polars says of a broken file, and how to say it to the file's owner.
_IN_WORDS = {
    "found more fields": "a row has more fields than the heading line",
    "could not parse": "a quotation mark is opened and never closed",
    "deflate": "the packed file is cut or damaged",
}
_NO_SEPARATOR = "\x1f"  # never occurs in text: the whole line is read as one field


def check_file(path: Path, source: Source) -> str:
    """Check that a file is whole; returns its SHA-256.

    Raises:
        UserError: if it is empty, or differs from the hash that the settings pin.
    """
    name = paths.display(path)
    if path.stat().st_size == 0:
        raise UserError(f"{name} is empty (0 bytes). Export it again.")
    _check_content(path)
    if source.separator == "whitespace":
        _check_widths(path, source)
    digest = file_sha256(path)
    if source.sha256 and digest != source.sha256:
        raise UserError(
            f"{name} is not the file that the settings pin: its SHA-256 begins {digest[:12]}, "
            f"expected {source.sha256[:12]}. It was altered or cut. Restore it, or remove `sha256` "
            "from the source if the new content is meant."
        )
    return digest


def _check_content(path: Path) -> None:
    """Raise UserError for a file that is no text, or, naming the byte, text that is not UTF-8.

    Files packed by gzip are left to polars.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    if _is_packed(path):
        return
    with path.open("rb") as file:
        begin = file.read(_BLOCK_BYTES)
        if begin.startswith(_ZIP) or (b"\0" in begin and not begin.startswith(_UTF16)):
            raise UserError(
                f"{paths.display(path)} is not a text file (a workbook or a zip archive?). "
                "Export it as CSV in UTF-8, or unpack it first."
            )
        if not begin.strip():
            raise UserError(f"{paths.display(path)} holds nothing but blanks. Export it again.")
        file.seek(0)
        block = b"?"
        while block:
            begins = file.tell() - len(decoder.getstate()[0])  # bytes of a character still open
            block = file.read(_BLOCK_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as problem:
                raise UserError(
                    f"{paths.display(path)} is not UTF-8: byte {begins + problem.start + 1:,} "
                    "cannot be decoded. Save or export it again as UTF-8 (in Excel: CSV UTF-8)."
                ) from None


def _check_widths(path: Path, source: Source) -> None:
    """Raise UserError, naming the row, where blanks part a line into more fields than headings."""
    lines = split_lines(path).collect()
    headings = source.headings or lines["line"][0].to_list()
    if len(set(headings)) < len(headings):
        raise UserError(
            f"{paths.display(path)} has two columns of one name: {', '.join(headings)}. Rename one, "
            "or name the columns under `headings` in the settings."
        )
    too_many = (lines["line"].list.len() > len(headings)).arg_true()
    if too_many.len():
        raise UserError(
            f"{paths.display(path)}, line {too_many[0] + 1:,}: {lines['line'].list.len()[too_many[0]]} "
            f"fields, but {len(headings)} headings ({', '.join(headings)}). A value that holds blanks "
            "cannot be read from a file whose columns are parted by blanks; export it with commas."
        )


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def is_torn(path: Path, source: Source, last_row_whole: bool) -> bool:
    """Whether a file was cut in the middle of its last line.

    A cut leaves no line end, and a last row that lacks a value or, where columns have fixed widths,
    a last line shorter than the one before it. (A packed file that was cut cannot be unpacked.)
    """
    if ends_whole(path):
        return False
    *_, before, last = [b"", *_tail(path).splitlines()]
    return not last_row_whole or (source.separator == "whitespace" and len(last) < len(before))


def ends_whole(path: Path) -> bool:
    """Whether the last line has its line end, or the file is packed."""
    return _is_packed(path) or _tail(path).endswith((b"\n", b"\r"))


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), 2)
        return file.read()


def split_lines(path: Path) -> pl.LazyFrame:
    """The column `line`: each line as the list of its fields."""
    lines = pl.scan_csv(
        path,
        separator=_NO_SEPARATOR,
        has_header=False,
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
    )
    return lines.select(
        pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    )


def unreadable(path: Path, problem: Exception) -> UserError:
    """The error for a file that cannot be read as text columns."""
    said = str(problem).splitlines()[0]
    words = next((words for sign, words in _IN_WORDS.items() if sign in said), said)
    return UserError(
        f"{paths.display(path)} cannot be read: {words}. It must be whole, UTF-8, with one heading line "
        "and the separator that the settings name. Export it again, or correct the settings."
    )
