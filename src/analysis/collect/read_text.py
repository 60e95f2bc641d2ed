"""Text files as columns of text: their encoding and separator found, and whether they are whole.

UTF-8 (with or without a mark) and UTF-16 with a mark are certain; what is neither is GB18030, the
encoding of Chinese spreadsheets, if it reads as Chinese. Anything else must be named in the settings.
"""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from analysis.collect.inputs import ROW, Input
from analysis.run.errors import UserError

GZIP_SUFFIX = ".gz"
_BLOCK_BYTES, _TAIL_BYTES = 1 << 22, 4096
_GZIP, _LOST = b"\x1f\x8b", b"\xef\xbf\xbd"
_UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Share of a Chinese text's characters that GB2312 holds too: with and without signs of UTF-8.
_SURELY_CHINESE, _LEAST_CHINESE = 0.95, 0.8
_NO_SEPARATOR = "\x1f"  # never occurs in text: the whole line is read as one field
SEPARATORS = (",", ";", "\t", "|")
# What polars says of a broken file, and how to say it to the file's owner.
_found: dict[tuple, str] = {}  # encodings of files that were read through already
_IN_WORDS = {
    "found more fields": "a row has more fields than the heading line",
    "could not parse": "a quotation mark is opened and never closed",
    "deflate": "the packed file is cut or damaged",
}


class UnknownEncodingError(UserError):
    """A text in an encoding that only a person can name."""


def scan(one: Input) -> pl.LazyFrame:
    """The columns of a text file under its own headings, as text, with ROW.

    Raises:
        UserError: if it is no text, in no known encoding, or not whole.
    """
    content = _content(one)
    try:
        if one.source.separator == "whitespace":
            return _scan_blanks(content, one)
        return pl.scan_csv(
            content,
            separator=one.source.separator or find_separator(one),
            has_header=one.source.headings is None,
            new_columns=one.source.headings,
            skip_lines=one.source.header_row - 1,
            infer_schema=False,
            row_index_name=ROW,
            row_index_offset=1,
            glob=False,
        )
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise unreadable(one, problem) from None


def find_encoding(one: Input) -> str:
    """The encoding of the whole text; raises UserError, naming the byte, where there is none."""
    stat = one.path.stat()
    key = (one.path, one.part, stat.st_mtime_ns, stat.st_size, one.source.encoding)
    if key not in _found:
        _found[key] = _find_encoding(one)
    return _found[key]


def _find_encoding(one: Input) -> str:
    if one.source.encoding:
        _decode_all(one, one.source.encoding)
        return one.source.encoding
    decoder, before, seen = codecs.getincrementaldecoder("utf-8")(), 0, ""
    for block in (*_blocks(one), b""):
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
        seen = seen or ("" if text.isascii() else text[:_BLOCK_BYTES])
        before += len(block)
    return "utf-8"


def _is_beyond_latin(text: str) -> bool:
    """Whether text holds a character that takes three bytes in UTF-8, which chance hardly makes."""
    return not text.isascii() and max(text) >= "\u0800"


def find_separator(one: Input) -> str:
    """The sign that parts the heading line into most fields; a comma where there is none."""
    line = heading_line(one)
    outside = "".join(line.split('"')[::2])
    return max(SEPARATORS, key=lambda sign: (outside.count(sign), sign == ","))


def heading_line(one: Input) -> str:
    """The line in which the headings stand."""
    encoding = find_encoding(one)
    with open_bytes(one) as file, io.TextIOWrapper(file, encoding=encoding, newline=None) as lines:
        for _ in range(one.source.header_row - 1):
            lines.readline()
        return lines.readline(1_000_000)


def check_widths(one: Input) -> None:
    """Raise UserError, naming the line, where blanks part a line into more fields than headings."""
    if one.source.separator != "whitespace":
        return
    lines = _split_lines(_content(one)).collect()["line"]
    headings = one.source.headings or lines[0].to_list()
    if len(set(headings)) < len(headings):
        raise UserError(
            f"{one.name} has two columns of one name: {', '.join(headings)}. Rename one, or name the "
            "columns under `headings` in the settings."
        )
    too_many = (lines.list.len() > len(headings)).arg_true()
    if too_many.len():
        raise UserError(
            f"{one.name}, line {too_many[0] + 1:,}: {lines.list.len()[too_many[0]]} fields, but "
            f"{len(headings)} headings ({', '.join(headings)}). A value that holds blanks cannot be "
            "read from a file whose columns are parted by blanks; export it with commas."
        )


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


def is_packed(one: Input) -> bool:
    """Whether the text lies in an archive or a gzip file."""
    if one.part:
        return True
    with one.path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def unreadable(one: Input, problem: Exception) -> UserError:
    """The error for a file that cannot be read as text columns."""
    said = str(problem).splitlines()[0]
    words = next((words for sign, words in _IN_WORDS.items() if sign in said), said)
    return UserError(
        f"{one.name} cannot be read: {words}. It must be whole, with one heading line and one "
        "separator throughout. Export it again, or correct `separator`, `header_row` or `encoding` "
        "in the settings."
    )


def open_bytes(one: Input) -> BinaryIO:
    """The bytes of the text, unpacked."""
    if one.part:
        return zipfile.ZipFile(one.path).open(one.part)
    return gzip.open(one.path) if is_packed(one) else one.path.open("rb")


def _blocks(one: Input) -> Iterator[bytes]:
    try:
        with open_bytes(one) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as problem:
        raise UserError(
            f"{one.name} cannot be read: the packed file is cut or damaged ({problem}). Fetch it again."
        ) from None


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
        raise UnknownEncodingError(
            f"{one.name} is not UTF-8: byte {byte:,} cannot be decoded, and it does not read as Chinese "
            "(GB18030) either. Save it as UTF-8, or name its `encoding` in the settings, e.g. cp1252."
        )
    return "gb18030"


def _decode_all(one: Input, encoding: str) -> float:
    """Decode everything strictly; returns the share of characters beyond ASCII that GB2312 holds."""
    decoder, before, beyond = codecs.getincrementaldecoder(encoding)(), 0, set()
    for block in (*_blocks(one), b""):
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
    if encoding == "utf-8" and not one.part:
        return one.path
    text = b"".join(_blocks(one)).decode(encoding)
    return io.BytesIO(text.encode())


def _scan_blanks(content: object, one: Input) -> pl.LazyFrame:
    """Columns parted by any number of blanks."""
    lines = _split_lines(content)
    headings = one.source.headings or lines.head(1).collect()["line"][0]
    fields = [
        pl.col("line").list.get(position, null_on_oob=True).alias(name)
        for position, name in enumerate(headings)
    ]
    data = lines if one.source.headings else lines.slice(1)
    return data.select(fields).with_row_index(ROW, offset=1)


def _split_lines(content: object) -> pl.LazyFrame:
    """The column `line`: each line as the list of its fields."""
    lines = pl.scan_csv(
        content,
        separator=_NO_SEPARATOR,
        has_header=False,
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
        glob=False,
    )
    return lines.select(
        pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    )


def _tail(one: Input) -> bytes:
    with one.path.open("rb") as file:
        file.seek(-min(one.path.stat().st_size, _TAIL_BYTES), 2)
        return file.read()
