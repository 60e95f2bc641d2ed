"""A query of a database as columns of text: read once into a snapshot, from which every run reads.

Nothing is ever written to the database: only a query or a table's name is taken, and the transaction is
a read-only one where the database knows such. No message holds the password.
"""

import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import parquet
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from analysis.collect import read_text
from analysis.collect.inputs import ROW, Input
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Source

BATCH_ROWS = 50_000
_CONNECT_SECONDS = 15
_LONGEST_QUERY, _LONGEST_PROBLEM = 60, 300
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET = re.compile("pass|pwd|secret|token|key", re.IGNORECASE)
_NAME = r'(?:"[^"]+"|[^\W\d][\w$]*)'
_TABLE = re.compile(rf"(?:({_NAME})\.)?({_NAME})")
_NO_CODE = re.compile(  # comments and quoted text
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(\w*)\$.*?\$\1\$""", re.DOTALL
)
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)
_SET_UP = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"),
    "mysql": ("START TRANSACTION READ ONLY",),
    "mariadb": ("START TRANSACTION READ ONLY",),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}


def describe(source: Source) -> str:
    """What stands for the file name in reports: `postgresql://host/database#table`, or its query.

    It never holds a user or a password. A long query is cut; a short hash tells it from its likes.
    """
    url, query = _url(source, strict=False), " ".join((source.query or "").split())
    host = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    database = paths.display(_file(url)) if _is_file(url) else url.database or ""
    if len(query) > _LONGEST_QUERY:
        query = f"{query[:_LONGEST_QUERY]}… {hashlib.sha256(query.encode()).hexdigest()[:6]}"
    return f"{url.get_backend_name()}://{host}/{database}#{query}"


def snapshot_path(source: Source, folder: Path) -> Path:
    """Where the snapshot of a query lies; the password does not count, everything else does."""
    url = _url(source, strict=False)
    options = {name: value for name, value in url.query.items() if not _SECRET.search(name)}
    plain = url.set(password="", query=options).render_as_string(hide_password=False)
    digest = hashlib.sha256(f"{plain}\n{source.query}".encode()).hexdigest()
    return folder / f"{digest[:24]}.parquet"


def snapshot(source: Source, folder: Path) -> Path:
    """Run the query and keep what it returns as a Parquet file of text columns.

    Rows keep the order of the query; those of a table follow its primary key. They are read in batches
    of BATCH_ROWS through a cursor of the server, so that memory stays flat.

    Returns:
        The path of the snapshot; one row per row of the query.

    Raises:
        UserError: if the query is none, a variable is missing, the database cannot be reached or
            read, a column holds bytes, or the folder cannot be written. Nothing is left behind.
    """
    table = _table(source)
    query = None if table else _query(source)
    url, target = _url(source), snapshot_path(source, folder)
    partial = target.with_suffix(f".{os.getpid()}-{threading.get_ident()}.partial")
    with _told(source, url):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _connected(url) as connection:
                query = query or _table_query(connection, *table, source)
                reading = connection.execution_options(stream_results=True, no_parameters=True)
                _write(reading.exec_driver_sql(query).yield_per(BATCH_ROWS), partial, source)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def read_snapshot(one: Input) -> pl.LazyFrame:
    """The text columns of a snapshot, with ROW; one row per row of the query.

    Raises:
        UserError: if the snapshot is damaged.
    """
    try:
        lazy = pl.scan_parquet(one.path, row_index_name=ROW, row_index_offset=1)
        lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise read_text.unreadable(one, problem) from None
    return lazy.with_columns(pl.col(ROW).cast(pl.Int64))


def _url(source: Source, strict: bool = True) -> sa.URL:
    """The URL with its variables; those that are missing are blank unless strict."""

    def value(match: re.Match) -> str:
        if strict and match[1] not in os.environ:
            raise UserError(
                f"`url` of the table {source.table} uses ${{{match[1]}}}, but the environment has no "
                f"variable {match[1]}. Set it before the run, or correct the settings."
            )
        return os.environ.get(match[1], "")

    account, at, place = source.url.rpartition("@")
    account = _VARIABLE.sub(lambda match: quote(value(match), safe=""), account)
    try:
        url = sa.make_url(account + at + _VARIABLE.sub(value, place))
    except (ArgumentError, ValueError):
        url = None
    if url is None or "@" in (url.host or ""):
        if not strict:
            return _url(source)  # tells the variable that is missing, if one is
        raise UserError(
            f"`url` of the table {source.table} is no database URL. Write e.g. "
            "postgresql://reader:${DB_PASSWORD}@host:5432/shop or sqlite:///data/raw/shop.db; signs such "
            "as @ : / in a password must be percent-encoded, unless it comes from the environment."
        )
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    return url


def _is_file(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _file(url: sa.URL) -> Path:
    return paths.from_root(url.database or "")


@contextmanager
def _told(source: Source, url: sa.URL) -> Iterator[None]:
    """Tell what goes wrong in words, without the password."""
    try:
        yield
    except OSError as problem:
        raise UserError(
            f"The rows of {describe(source)} cannot be kept: {problem}. Free space, or correct the "
            "rights of the folder."
        ) from None
    except ModuleNotFoundError as problem:
        raise UserError(
            f"{describe(source)} needs the Python package {problem.name}, which is not installed. "
            "Install it, or name another driver in `url`, e.g. mysql+pymysql://."
        ) from None
    except SQLAlchemyError as problem:
        said = str(getattr(problem, "orig", None) or problem).partition("\nLINE 1:")[0]
        said = " ".join(said.split()).rstrip(".")
        secrets = [url.password, *(url.query[name] for name in url.query if _SECRET.search(name))]
        for secret in filter(None, secrets):
            said = said.replace(str(secret), "***")
        raise UserError(
            f"{describe(source)} cannot be read: {said[:_LONGEST_PROBLEM]}. Check `url` and `query` in "
            "the settings, the password in the environment, and whether the database is running."
        ) from None


@contextmanager
def _connected(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection that only reads."""
    kind, arguments = url.get_backend_name(), {}
    if _is_file(url):
        if not _file(url).is_file():
            raise UserError(f"There is no database file {paths.display(_file(url))}.")
        name = f"file:{quote(str(_file(url)))}"
        url = url.set(database=name, query={"mode": "ro", "uri": "true"})
    elif kind == "postgresql" and "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT_SECONDS
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments)
    with engine.connect() as connection:
        for statement in _SET_UP.get(kind, ()):
            connection.exec_driver_sql(statement)
        if engine.driver == "psycopg":
            from psycopg.types.json import set_json_loads

            set_json_loads(lambda data: data.decode(), connection.connection.driver_connection)
        yield connection


def _table(source: Source) -> tuple[str | None, str] | None:
    """Schema and name of the table that the query is; None for a query."""
    if not (found := _TABLE.fullmatch(source.query.strip())):
        return None
    schema, name = (part and part.strip('"') for part in found.groups())
    return schema, name


def _query(source: Source) -> str:
    """The query, which does nothing but select."""
    query = source.query.strip().rstrip(";").strip()
    code = _NO_CODE.sub(" ", query).strip()
    first = re.match(r"[(\s]*(\w*)", code)[1].lower()
    write = _WRITES.search(code)
    if first not in ("select", "with") or ";" in code or write or "/*!" in query:
        why = f"it holds {write[0].upper()}" if write else "it is not one SELECT"
        raise UserError(
            f"{describe(source)} is refused: {why}. Allowed are one query that begins with SELECT or "
            "WITH and changes nothing (a column called so must stand in quotes), or a table's name."
        )
    return query


def _table_query(connection: sa.Connection, schema: str | None, name: str, source: Source) -> str:
    """All rows of a table in the order of its primary key."""
    inspector = sa.inspect(connection)
    there = [one for one in (name, name.lower()) if inspector.has_table(one, schema)]
    if not there:
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        raise UserError(
            f"{describe(source)}: there is no such table, or it may not be seen. Its tables are: "
            f"{', '.join(sorted(known)) or 'none'}. Correct `query` in the settings."
        )
    quoted = connection.dialect.identifier_preparer.quote
    key = inspector.get_pk_constraint(there[0], schema)["constrained_columns"]
    order = f" ORDER BY {', '.join(map(quoted, key))}" if key else ""
    place = f"{quoted(schema)}." if schema else ""
    return f"SELECT * FROM {place}{quoted(there[0])}{order}"


def _write(result: sa.CursorResult, path: Path, source: Source) -> None:
    names = list(result.keys())
    if doubled := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(
            f"{describe(source)} returns several columns of one name: {', '.join(doubled)}. Name them in "
            "the query: SELECT a.id AS order_id, b.id AS customer_id."
        )
    schema = pa.schema([(name, pa.string()) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in result.partitions(BATCH_ROWS):
            columns = [[_text(value) for value in column] for column in zip(*rows, strict=True)]
            for name, column in zip(names, columns, strict=True):
                if bytes in map(type, column):
                    raise UserError(
                        f'{describe(source)}: the column "{name}" holds bytes, which are no text. Leave '
                        "it out: name the columns that you need in `query`."
                    )
            arrays = [pa.array(column, pa.string()) for column in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _text(value: Any) -> str | bytes | None:
    """A value as text, exact; bytes stay what they are."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (list, tuple)) and not any(isinstance(one, (list, dict)) for one in value):
        return ",".join(text for one in value if (text := _text(one))) or None
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value)
