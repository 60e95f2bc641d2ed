"""Quotation marks of text files: whether values stand in them, and which line breaks the rules.

In `12" pan` the mark is a part of the value. Only where some value begins with a mark are marks read as
what encloses values; then a single one astray shifts all that follows, so its line is named.
"""

import io
import re
from collections.abc import Iterator

from analysis.collect import packed
from analysis.collect.inputs import Input

MARK = '"'
_MOST_LINES = 10_000  # of one row; a mark that is open for longer was never closed


def encloses_values(one: Input, separator: str) -> bool:
    """Whether some value of a text file begins with a quotation mark."""
    begins = re.compile(rb'(?:^|[\r\n]|%b)"' % re.escape(separator.encode()))
    last = b"\n"
    for block in packed.blocks(one):
        text = last + block.replace(b"\0", b"")  # UTF-16 has a zero beside each
        if b'"' in text and begins.search(text.removeprefix(b"\n\xef\xbb\xbf")):
            return True
        last = text[-1:]
    return False


def find_fault(one: Input, encoding: str, separator: str, quoted: bool) -> tuple[int, str] | None:
    """The first line that breaks the form of the table, and how; None where no line does.

    Args:
        one: a text file that cannot be read as a table.
        encoding: of its text.
        separator: between its values.
        quoted: whether values stand in quotation marks.
    """
    width, mark = None, re.escape(separator)
    enclosed = re.compile(rf'(?:^|(?<={mark}))"(?:[^"]|"")*"(?={mark}|[\r\n]*$)')
    with packed.open_bytes(one) as file, io.TextIOWrapper(file, encoding, newline="") as lines:
        for begin, row in _rows(lines, quoted):
            if begin < one.source.header_row:
                continue
            bare = enclosed.sub("", row) if quoted else row
            if quoted and MARK in bare:
                return (
                    begin,
                    "a quotation mark stands within a value, or is opened and never closed",
                )
            fields = bare.count(separator) + 1
            if width and fields > width:
                return begin, f"{fields} fields, but {width} headings"
            width = width or len(one.source.headings or ()) or fields
    return None


def _rows(lines: io.TextIOWrapper, quoted: bool) -> Iterator[tuple[int, str]]:
    """Rows with the number of their first line; a row goes on while a mark is open."""
    held, begin, marks = [], 1, 0
    for number, line in enumerate(lines, 1):
        if not held:
            begin = number
        held.append(line)
        marks += line.count(MARK)
        if not quoted or marks % 2 == 0 or len(held) == _MOST_LINES:
            yield begin, "".join(held)
            held, marks = [], 0
    if held:
        yield begin, "".join(held)
