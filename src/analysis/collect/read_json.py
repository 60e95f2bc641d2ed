"""JSON as columns of text: files of records, and answers of the CRMs' interfaces saved as they came.

Numbers keep the text that the file has; nested objects become `address.province`; a list of objects is
a sub-form, whose rows are the rows to read where the settings name it.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from analysis.collect import packed
from analysis.collect.inputs import ROW, Input
from analysis.run.errors import UserError

_BLANKS, _MARK = re.compile(r"[ \t\r\n]*"), b"\xef\xbb\xbf"
_ENVELOPE = {"code", "msg", "message", "status", "details", "data", "info", "success", "requestId"}
_ENVELOPE |= {"errorCode", "errorMessage", "errorDescription", "traceId"}
_REFERENCE = {"name", "id", "_id", "username", "color_code"}  # what a tag or a member consists of
_DONE = (None, "", "0")
_LONGEST_QUOTE = 200


class _DoubledName(ValueError):
    """A name that stands twice in one object."""


def read_records(one: Input) -> pl.DataFrame:
    """The records of a JSON file as text columns under their own names, with ROW.

    Read are an array, an answer (`{"data": [...]}`, `{"errorCode": 0, "data": {"dataList": [...]}}`),
    several of them in an array or one after the other, and JSON lines; packed with gzip or not. Lists
    of values, and of tags or members, are joined by commas; other lists of objects are left out.

    Returns:
        One row per record; with `source.subform`, one per row of it, with the record's own fields.

    Raises:
        UserError: if it is not whole, no JSON, not UTF-8, holds no record, or is an error message of
            the system it comes from.
    """
    try:
        records = list(_records(_values(_read(one), one), one))
        rows = list(_rows(records, one))
    except RecursionError:
        raise UserError(
            f"{one.name} nests lists or objects too deep (more than about 900 levels). Export it again "
            "without the field that does."
        ) from None
    if not rows:
        raise UserError(f"{one.name} holds no records. Export it again, or remove the file.")
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        [
            *(_column(name, [row.get(name) for row in rows]) for name in names),
            pl.int_range(1, len(rows) + 1, eager=True).alias(ROW),
        ]
    )


def _read(one: Input) -> str:
    try:
        with packed.open_bytes(one) as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise UserError(
            f"{one.name} cannot be read: the packed file is cut or damaged ({problem}). Fetch it again."
        ) from None
    if (at := content.find(b"\0")) >= 0:
        raise UserError(
            f"{one.name}: byte {at + 1:,} is zero, which JSON in UTF-8 never holds. Is it UTF-16, or "
            "damaged? Save it as UTF-8, or export it again."
        )
    mark = len(_MARK) if content.startswith(_MARK) else 0
    try:
        return content[mark:].decode()
    except UnicodeDecodeError as problem:
        raise UserError(
            f"{one.name} is not UTF-8: byte {mark + problem.start + 1:,} cannot be decoded. JSON is "
            "always UTF-8; save it as such, or export it again."
        ) from None


def _values(text: str, one: Input) -> Iterator[Any]:
    """The JSON values of a text, one after the other, every number as its text."""
    decoder = json.JSONDecoder(
        parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object
    )
    at = _BLANKS.match(text).end()
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as problem:
            raise _broken(problem, one) from None
        except _DoubledName as problem:
            line = text.count("\n", 0, at) + 1
            raise UserError(
                f'{one.name}: an object holds the name "{problem}" twice (in the value that begins in '
                f"line {line:,}). Which one counts cannot be known; export it again."
            ) from None
        yield value
        at = _BLANKS.match(text, end).end()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DoubledName(next(name for name in names if names.count(name) > 1))
    return found


def _broken(problem: json.JSONDecodeError, one: Input) -> UserError:
    place = f"line {problem.lineno:,}, column {problem.colno:,}"
    ends = problem.pos >= len(problem.doc.rstrip()) or problem.msg.startswith("Unterminated")
    if ends:
        return UserError(
            f"{one.name} ends in the middle of a record ({place}): it was cut. Export it again."
        )
    return UserError(
        f"{one.name} is no valid JSON: {place}: {problem.msg}. It must hold an array of objects, an "
        "answer with `data`, or one object per line. Export it again."
    )


def _records(values: Iterable[Any], one: Input) -> Iterator[dict[str, Any]]:
    """The records in arrays, answers, arrays of answers, and lines."""
    for value in values:
        for element in value if isinstance(value, list) else [value]:
            found = _answered(element, one)
            for record in [element] if found is None else found:
                if not isinstance(record, dict):
                    raise UserError(
                        f"{one.name} holds {_quote(record)} where a record (an object with names) "
                        "belongs. Export it as an array of objects."
                    )
                yield record


def _answered(element: Any, one: Input) -> list[Any] | None:
    """The records of an answer; None for what is a record itself."""
    if not isinstance(element, dict) or one.source.subform == "data":
        return None
    data = element.get("data")
    found = data.get("dataList") if isinstance(data, dict) else data
    listed = isinstance(found, list) and all(isinstance(record, dict) for record in found)
    refused = element.get("errorCode") not in _DONE or element.get("status") == "error"
    said = {"msg", "message", "errorMessage"} & element.keys()
    coded = {"code", "errorCode"} & element.keys()
    if (coded and said and (refused or not listed) and element.keys() <= _ENVELOPE) or (
        listed and refused
    ):
        raise UserError(
            f"{one.name} is not data but the answer of a request that failed: {_quote(element)}. Fetch "
            "it again; the code is explained in the documentation of the system."
        )
    return found if listed else None


def _quote(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _rows(records: list[dict[str, Any]], one: Input) -> Iterator[dict[str, str | None]]:
    """Name = text, for each record or each row of its sub-form."""
    subform = one.source.subform
    if not subform:
        yield from (_flat(record, one) for record in records)
        return
    if not any(subform in record for record in records):
        lists = dict.fromkeys(
            name for record in records for name, value in record.items() if isinstance(value, list)
        )
        raise UserError(
            f'{one.name} has no sub-form "{subform}". Its lists are: {", ".join(lists) or "none"}. '
            "Correct `subform` in the settings."
        )
    for record in records:
        lines = record.get(subform) or []
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise UserError(
                f'{one.name}: "{subform}" holds {_quote(lines)}, which is no sub-form (a list of '
                "objects). Correct `subform` in the settings."
            )
        own = {name: value for name, value in record.items() if name != subform}
        yield from (_flat(own | {subform: line}, one) for line in lines)


def _flat(record: dict[str, Any], one: Input) -> dict[str, str | None]:
    pairs = list(_fields(record, ""))
    row = dict(pairs)
    if len(row) < len(pairs):
        doubled = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise UserError(
            f'{one.name}: two fields of a record are both called "{doubled}" (one stands within '
            "another). Rename one of them in the export."
        )
    return row


def _fields(record: dict[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            yield prefix + key, _scalar(value)
        elif not value or not all(isinstance(item, dict) for item in value):
            yield prefix + key, _joined(value)
        elif all("name" in item and item.keys() <= _REFERENCE for item in value):
            yield prefix + key, _joined([item["name"] for item in value])


def _scalar(value: str | bool | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value or None


def _joined(items: list[Any]) -> str | None:
    if any(isinstance(item, (list, dict)) for item in items):
        return json.dumps(items, ensure_ascii=False)
    return ",".join(text for item in items if (text := _scalar(item)) is not None) or None


def _column(name: str, texts: list[str | None]) -> pl.Series:
    try:
        return pl.Series(name, texts, pl.String)
    except UnicodeEncodeError:  # half a character, left by a system that cut text
        whole = [
            text and text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            for text in texts
        ]
        return pl.Series(name, whole, pl.String)
