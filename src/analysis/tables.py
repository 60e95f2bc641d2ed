"""The only place that reads or writes tables.

A table is a Parquet file named after it. Its contract (`contracts/`) gives the columns, their types and
ranges, and the key; a frame that breaks it is never written and never read.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import dataframely as dy
import polars as pl

from analysis.contracts import contracts
from analysis.run.errors import UserError
from analysis.table_files import Frame as Frame
from analysis.table_files import content_hash as content_hash
from analysis.table_files import file_sha256 as file_sha256
from analysis.table_files import height as height
from analysis.table_files import write_checked

MONEY = pl.Decimal(38, 4)

CONTRACTS: dict[str, type[dy.Schema]] = contracts()


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Check a frame against its contract; returns its columns in order, cast, sorted by the key.

    Raises:
        ValueError: naming the table and every broken rule, with the number of rows.
    """
    contract = CONTRACTS[name]
    with _naming(name):
        return contract.validate(frame, cast=True).sort(contract.primary_key())


def empty(name: str) -> pl.DataFrame:
    """A table without rows."""
    return CONTRACTS[name].create_empty()


def write(name: str, frame: Frame, folder: Path) -> dict:
    """Write a table that keeps its contract; returns its record for the manifest.

    The file is written as the rows come and checked part by part, so that a table may be larger
    than memory. A rule that looks beyond its row sees the rows of one part.

    Returns:
        `rows`, `sha256` of the file, and `content`: a hash of the sorted values.

    Raises:
        ValueError: naming the table and every broken rule, with the number of rows; no file is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = table_path(name, folder), folder / f"{name}.partial"
    try:
        with _naming(name):
            record = write_checked(CONTRACTS[name], frame, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return record


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors about what a table holds, with its name."""
    try:
        yield
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise ValueError(f"table {name} breaks its contract: {problem}") from problem


def read(name: str, folder: Path) -> pl.DataFrame:
    """Read a table and check it.

    Raises:
        UserError: if the file is missing or damaged.
    """
    path = table_path(name, folder)
    if not path.is_file():
        raise UserError(f"There is no table {name} in {folder}.")
    try:
        return CONTRACTS[name].validate(pl.read_parquet(path, glob=False), cast=True)
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise UserError(f"{path} cannot be used: {problem}. Run the month again.") from problem


def write_document(name: str, content: dict, folder: Path) -> dict:
    """Write plain JSON beside the tables; returns its record for the manifest, as `write` does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = document_path(name, folder)
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return {"rows": 1, "sha256": file_sha256(path), "content": file_sha256(path)}


def read_document(name: str, folder: Path) -> dict:
    """Read a document; raises UserError if the file is missing or damaged."""
    path = document_path(name, folder)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be used: {problem}. Run the month again.") from problem


def document_path(name: str, folder: Path) -> Path:
    """Where a document of a folder lies."""
    return folder / f"{name}.json"


def scan(name: str, folder: Path) -> pl.LazyFrame:
    """A table to be read column by column where it is used; its values were checked when written.

    Raises:
        UserError: if the file is missing, damaged, or has other columns.
    """
    path, contract = table_path(name, folder), CONTRACTS[name]
    if not path.is_file():
        raise UserError(f"There is no table {name} in {folder}.")
    lazy = pl.scan_parquet(path, glob=False)
    try:
        whole = lazy.collect_schema() == contract.create_empty().schema
    except (pl.exceptions.PolarsError, OSError):
        whole = False
    if not whole:
        raise UserError(f"{path} cannot be used: it is damaged or old. Run the month again.")
    return lazy


def read_columns(name: str, columns: list[str], folder: Path) -> pl.DataFrame | None:
    """Some columns of a table, unchecked; None if it does not exist."""
    path = table_path(name, folder)
    return pl.read_parquet(path, columns=columns, glob=False) if path.is_file() else None


def table_path(name: str, folder: Path) -> Path:
    """Where a table of a folder lies."""
    return folder / f"{name}.parquet"
