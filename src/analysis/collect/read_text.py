"""Text files as columns of text: their encoding and separator found, and whether they are whole.

UTF-8 (with or without a mark) and UTF-16 with a mark are certain; what is neither is GB18030, the
encoding of Chinese spreadsheets, if it reads as Chinese. Anything else must be named in the settings.
"""

import codecs
import io
import re

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from analysis.collect import quotes, read_blanks
from analysis.collect.inputs import ROW, Input
from analysis.collect.packed import BLOCK_BYTES, blocks, is_packed, open_bytes
from analysis.run.errors import UserError

_TAIL_BYTES = 4096
_LOST = b"\xef\xbf\xbd"
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Share of a Chinese text's characters that GB2312 holds too: with and without signs of UTF-8.
_SURELY_CHINESE, _LEAST_CHINESE = 0.95, 0.8
SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*")  # by which a spreadsheet tells the separator to itself
_NAMELESS = re.compile(r"(?:_duplicated_\d+)?")  # what polars calls a column without a heading
_found: dict[tuple, str] = {}  # encodings of files that were read through already
_quoted: dict[tuple, bool] = {}  # likewise, whether their values stand in quotation marks


def scan(one: Input) -> pl.LazyFrame:
    """The columns of a text file under its own headings, as text, with ROW.

    Raises:
        UserError: if it is no text, in no known encoding, or not whole.
    """
    content = _content(one)
    try:
        if one.source.separator == "whitespace":
            return read_blanks.scan(content, one)
        lazy = pl.scan_csv(
            content,
            separator=find_separator(one),
            quote_char=quotes.MARK if is_quoted(one) else None,
            has_header=one.source.headings is None,
            new_columns=one.source.headings,
            skip_lines=_lines_before(one),
            infer_schema=False,
            row_index_name=ROW,
            row_index_offset=1,
        )
        return lazy.rename(_names_of_nameless(lazy.collect_schema().names()))
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise unreadable(one, problem) from None


def find_encoding(one: Input) -> str:
    """The encoding of the whole text; raises UserError, naming the byte, where there is none."""
    key = _key(one)
    if key not in _found:
        _found[key] = _find_encoding(one)
    return _found[key]


def _key(one: Input) -> tuple:
    stat, source = one.path.stat(), one.source
    return one.path, one.part, stat.st_mtime_ns, stat.st_size, source.encoding, source.separator


def _find_encoding(one: Input) -> str:
    if one.source.encoding:
        _decode_all(one, one.source.encoding)
        return one.source.encoding
    decoder, before, seen = codecs.getincrementaldecoder("utf-8")(), 0, ""
    for block in (*blocks(one), b""):
        if before == 0 and block[:2] in _UTF16:
            _decode_all(one, "utf-16")
            return "utf-16"
        _refuse_lost(one, block, before)
        open_bytes_before = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as problem:
            whole = problem.object[: problem.start].decode("utf-8", "ignore")
            at = before - open_bytes_before + problem.start + 1
            return _chinese_or_error(one, at, looks_utf8=_is_beyond_latin(seen + whole))
        seen = seen or ("" if text.isascii() else text[:BLOCK_BYTES])
        before += len(block)
    return "utf-8"


def _is_beyond_latin(text: str) -> bool:
    """Whether text holds a character that takes three bytes in UTF-8, which chance hardly makes."""
    return not text.isascii() and max(text) >= "\u0800"


def find_separator(one: Input) -> str:
    """What the settings say, else the sign that parts the heading line into most fields, or a comma."""
    if one.source.separator:
        return one.source.separator
    if told := _SEPARATOR_LINE.fullmatch(_first_line(one)):
        return told[1]
    outside = "".join(heading_line(one).split(quotes.MARK)[::2])
    return max(SEPARATORS, key=lambda sign: (outside.count(sign), sign == ","))


def is_quoted(one: Input) -> bool:
    """Whether the values of a file stand in quotation marks, as far as they need to."""
    key = _key(one)
    if key not in _quoted:
        _quoted[key] = quotes.encloses_values(one, find_separator(one))
    return _quoted[key]


def heading_line(one: Input) -> str:
    """The line in which the headings stand."""
    encoding = find_encoding(one)
    with open_bytes(one) as file, io.TextIOWrapper(file, encoding=encoding, newline=None) as lines:
        for _ in range(_lines_before(one)):
            lines.readline()
        return lines.readline(1_000_000)


def _first_line(one: Input) -> str:
    encoding = find_encoding(one)
    with open_bytes(one) as file, io.TextIOWrapper(file, encoding=encoding) as lines:
        return lines.readline(1_000_000).removeprefix("\ufeff")


def _lines_before(one: Input) -> int:
    """How many lines stand before the headings, or before the data of a file without."""
    told = _SEPARATOR_LINE.fullmatch(_first_line(one)) and one.source.header_row == 1
    return one.source.header_row - 1 + bool(told)


def _names_of_nameless(names: list[str]) -> dict[str, str]:
    """Columns without a heading called after their letter, as in workbooks."""
    own = [name for name in names if name != ROW]
    return {
        name: f"column {xl_col_to_name(at)}"
        for at, name in enumerate(own)
        if _NAMELESS.fullmatch(name)
    }


def check_widths(one: Input) -> None:
    """Raise UserError, naming the line, where blanks part a line into more fields than headings."""
    if one.source.separator == "whitespace":
        read_blanks.check_widths(_content(one), one)


def is_torn(one: Input, last_row_whole: bool) -> bool:
    """Whether a file was cut in the middle of its last line.

    A cut leaves no line end, and a last row that lacks a value or, where columns have fixed widths,
    a last line shorter than the one before it. (A packed file that was cut cannot be unpacked.)
    """
    if ends_whole(one):
        return False
    *_, before, last = [b"", *_tail(one).splitlines()]
    return not last_row_whole or (one.source.separator == "whitespace" and len(last) < len(before))


def ends_whole(one: Input) -> bool:
    """Whether the last line has its line end, or the file is packed."""
    return is_packed(one) or _tail(one).rstrip(b"\0").endswith((b"\n", b"\r"))


def unreadable(one: Input, problem: Exception) -> UserError:
    """The error for a file that cannot be read as columns of text."""
    said = str(problem).splitlines()[0].rstrip(".")
    if one.format != "csv":
        return UserError(
            f"{one.name} cannot be read: {said}. It is damaged, or not what its name says. Export it "
            "again."
        )
    where, separator = "", find_separator(one)
    if separator != "whitespace":
        fault = quotes.find_fault(one, find_encoding(one), separator, is_quoted(one))
        where, said = (f", line {fault[0]:,}", fault[1]) if fault else ("", said)
    return UserError(
        f"{one.name}{where} cannot be read: {said}. A file must be whole, with one heading line and one "
        "separator throughout; a mark within a value in marks is doubled. Export it again, or correct "
        "`separator`, `header_row` or `encoding` in the settings."
    )


def _refuse_lost(one: Input, block: bytes, before: int) -> None:
    """Raise UserError for bytes that no text holds, or that stand for characters already lost."""
    if (at := block.find(b"\0")) >= 0:
        raise UserError(
            f"{one.name} is not a text file: byte {before + at + 1:,} is zero. A workbook, an archive, "
            "or a damaged file? Export it as CSV."
        )
    if (at := block.find(_LOST)) >= 0:
        raise UserError(
            f"{one.name}: byte {before + at + 1:,} is a replacement character (U+FFFD): a program "
            "before us read it in a wrong encoding and lost the text. Export it again from its source."
        )


def _chinese_or_error(one: Input, byte: int, looks_utf8: bool) -> str:
    """`gb18030` for a file that is not UTF-8 from a byte on, if it reads as Chinese throughout."""
    try:
        share = _decode_all(one, "gb18030")
    except UserError:
        share = 0.0
    if looks_utf8 and share < _SURELY_CHINESE:
        raise UserError(
            f"{one.name} is UTF-8 at first, but byte {byte:,} is not: two encodings in one file, or a "
            "damaged one. Export it again, or save its parts as files of their own."
        )
    if share < _LEAST_CHINESE:
        raise UserError(
            f"{one.name} is not UTF-8: byte {byte:,} cannot be decoded, and it does not read as Chinese "
            "(GB18030) either. Save it as UTF-8, or name its `encoding` in the settings, e.g. cp1252."
        )
    return "gb18030"


def _decode_all(one: Input, encoding: str) -> float:
    """Decode everything strictly; returns the share of characters beyond ASCII that GB2312 holds."""
    decoder, before, beyond = codecs.getincrementaldecoder(encoding)(), 0, set()
    for block in (*blocks(one), b""):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as problem:
            raise UserError(
                f"{one.name}: byte {before + problem.start + 1:,} cannot be decoded as {encoding}. "
                "Export it again as UTF-8 (in Excel: CSV UTF-8), or correct `encoding`."
            ) from None
        if "\ufffd" in text:
            raise UserError(
                f"{one.name} holds replacement characters (U+FFFD) before byte {before + len(block):,}: "
                "text was lost before it came to us. Export it again from its source."
            )
        before += len(block)
        beyond.update(sign for sign in set(text) if not sign.isascii())
    signs = "".join(beyond)
    return len(signs.encode("gb2312", "ignore")) / 2 / len(signs) if signs else 1.0


def _content(one: Input) -> object:
    """What polars scans: the file itself where it is UTF-8, else its text as UTF-8 in memory."""
    encoding = find_encoding(one)
    if encoding == "utf-8" and not one.part and not _has_old_line_ends(one):
        return one.path
    text = b"".join(blocks(one)).decode(encoding)
    if _has_old_line_ends(one):
        text = text.replace("\r", "\n")
    return io.BytesIO(text.encode())


def _has_old_line_ends(one: Input) -> bool:
    """Whether lines end as on old Macintosh computers, with nothing but a carriage return."""
    with open_bytes(one) as file:
        block = file.read(BLOCK_BYTES)
    return b"\r" in block and b"\n" not in block


def _tail(one: Input) -> bytes:
    with one.path.open("rb") as file:
        file.seek(-min(one.path.stat().st_size, _TAIL_BYTES), 2)
        return file.read()
