"""The file of a table: written as its rows come, then checked and hashed part by part.

So that a table may be larger than memory, no step here holds more than one part of it, unless the rows
come in another order than that of the key and have to be sorted.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dataframely as dy
import polars as pl

Frame = pl.DataFrame | pl.LazyFrame  # a table in memory, or one that is read where it is used
_PART_ROWS = 500_000


def write_checked(contract: type[dy.Schema], frame: Frame, path: Path) -> dict:
    """Write a table sorted by its key, and check it against its contract.

    Args:
        contract: its columns, types and rules; a rule that looks beyond its row sees one part.
        frame: its rows, in any order; large tables come in that of the key.
        path: of the file.

    Returns:
        `rows`, `sha256` of the file, and `content`: a hash of the sorted values.

    Raises:
        ValidationError: naming the broken rules with the number of rows in the first bad part.
        PolarsError: if a column is missing or cannot be cast.
    """
    rows, key = contract.cast(frame.lazy()), contract.primary_key()
    if isinstance(frame, pl.DataFrame) and not _is_sorted(rows.select(key)):
        rows = rows.sort(key)
    rows.sink_parquet(path, row_group_size=_PART_ROWS)
    written = pl.scan_parquet(path, glob=False)
    if isinstance(frame, pl.LazyFrame) and not _is_sorted(written.select(key)):
        rows.sort(key).sink_parquet(path, row_group_size=_PART_ROWS)
    return _check(contract, path)


def height(frame: Frame) -> int:
    """How many rows a table has."""
    return frame.lazy().select(pl.len()).collect(engine="streaming").item()


def content_hash(frame: pl.DataFrame) -> str:
    """A hash of a frame's values in the order of its rows, whatever file they lie in."""
    digest = _begin_hash(frame.columns)
    for part in frame.iter_slices(_PART_ROWS):
        _hash_values(digest, part)
    return digest.hexdigest()


def _begin_hash(columns: list[str]):
    return hashlib.sha256(",".join(columns).encode())


def _hash_values(digest, part: pl.DataFrame) -> None:
    """Add the values of some rows column by column; what lies below a null does not count."""
    for column in part:
        digest.update(column.is_null().to_numpy() if column.null_count() else b"whole")
        if column.dtype in (pl.String, pl.Enum) or column.dtype.is_decimal():
            text = column.cast(pl.String).fill_null("")
            digest.update(text.str.len_bytes().to_numpy())
            digest.update(text.str.join("").item().encode())
        else:
            zero = False if column.dtype == pl.Boolean else 0
            digest.update(column.to_physical().fill_null(zero).to_numpy())


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(contract: type[dy.Schema], path: Path) -> dict:
    """Check what was written part by part; returns its record."""
    digest, rows = _begin_hash(contract.column_names()), 0
    for part in _parts(pl.scan_parquet(path, glob=False)):
        contract.validate(part)
        own = part[1:] if rows else part
        _hash_values(digest, own)
        rows += own.height
    return {"rows": rows, "sha256": file_sha256(path), "content": digest.hexdigest()}


def _is_sorted(key: pl.LazyFrame) -> bool:
    """Whether no row comes before the one above it."""
    earlier = pl.lit(False)
    for name in reversed(key.collect_schema().names()):
        above = pl.col(name).shift(1)
        earlier = (pl.col(name) < above) | ((pl.col(name) == above) & earlier)
    return not any(part.select(earlier.any()).item() for part in _parts(key))


def _parts(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in parts; all but the first begin with the last row of the one before."""
    for start in range(0, height(rows), _PART_ROWS):
        above = min(start, 1)
        yield rows.slice(start - above, _PART_ROWS + above).collect()
