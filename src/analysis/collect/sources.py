"""Order files as typed rows: find them, map their columns, read dates and amounts.

Every data row becomes one typed row. A value that cannot be read becomes null, and the text as
received stands beside it, so that cleaning can set the row aside with its reason.
"""

import codecs
import difflib
from pathlib import Path

import polars as pl

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import REQUIRED_COLUMNS, Settings, Source
from analysis.tables import MONEY, file_sha256

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
)
_GZIP, _BLOCK_BYTES, _TAIL_BYTES = b"\x1f\x8b", 1 << 22, 4096
# What polars says of a broken file, and how to say it to the file's owner.
_IN_WORDS = {
    "found more fields": "a row has more fields than the heading line",
    "could not parse": "a quotation mark is opened and never closed",
    "deflate": "the packed file is cut or damaged",
}
_NO_SEPARATOR = "\x1f"  # never occurs in text: the whole line is read as one field
_GROUPED_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"


def order_rows(settings: Settings) -> pl.LazyFrame:
    """All rows of all order files, typed; nothing is dropped.

    Returns:
        One row per data row, in the columns of the table `raw_orders`.

    Raises:
        UserError: if a file is missing, empty, torn, pinned to another content, or lacks a column.
    """
    return pl.concat(
        _typed(_scan(path, source), path, source, settings)
        for source in settings.sources
        for path in find_files(source)
    )


def find_files(source: Source) -> list[Path]:
    """The files of a source, sorted by name; raises UserError if there is none."""
    pattern = paths.from_root(source.path)
    relative = pattern.relative_to(pattern.anchor).as_posix()
    files = sorted(path for path in Path(pattern.anchor).glob(relative) if path.is_file())
    if not files:
        folder = paths.display(pattern.parent)
        raise UserError(
            f"No file matches {source.path} (table {source.table}). Put the export into {folder}/, "
            "or correct `path` in the settings. The CDNOW sample is written by: analysis sample cdnow"
        )
    return files


def check_file(path: Path, source: Source) -> str:
    """Check that a file is whole; returns its SHA-256.

    Raises:
        UserError: if it is empty, or differs from the hash that the settings pin.
    """
    name = paths.display(path)
    if path.stat().st_size == 0:
        raise UserError(f"{name} is empty (0 bytes). Export it again.")
    _check_encoding(path)
    digest = file_sha256(path)
    if source.sha256 and digest != source.sha256:
        raise UserError(
            f"{name} is not the file that the settings pin: its SHA-256 begins {digest[:12]}, "
            f"expected {source.sha256[:12]}. It was altered or cut. Restore it, or remove `sha256` "
            "from the source if the new content is meant."
        )
    return digest


def _check_encoding(path: Path) -> None:
    """Raise UserError, naming the byte, for text that is not UTF-8; packed files are left to polars."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    if _is_packed(path):
        return
    with path.open("rb") as file:
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


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def is_torn(path: Path, source: Source, last_row_whole: bool) -> bool:
    """Whether a file was cut in the middle of its last line.

    A cut leaves no line end, and a last row that lacks a value or, where columns have fixed widths,
    a last line shorter than the one before it. (A packed file that was cut cannot be unpacked.)
    """
    if _is_packed(path):
        return False
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), 2)
        tail = file.read()
    if tail.endswith((b"\n", b"\r")):
        return False
    *_, before, last = [b"", *tail.splitlines()]
    return not last_row_whole or (source.separator == "whitespace" and len(last) < len(before))


def _scan(path: Path, source: Source) -> pl.LazyFrame:
    """A file as text columns under its own headings, with `row` counted from 1."""
    try:
        scan = _scan_lines if source.separator == "whitespace" else _scan_csv
        lazy = scan(path, source)
        headings = [name for name in lazy.collect_schema().names() if name != "row"]
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise unreadable(path, problem) from None
    blank = pl.all_horizontal(pl.col(headings).is_null())
    return lazy.filter(~blank)


def _scan_csv(path: Path, source: Source) -> pl.LazyFrame:
    return pl.scan_csv(
        path,
        separator=source.separator,
        has_header=source.headings is None,
        new_columns=source.headings,
        infer_schema=False,
        row_index_name="row",
        row_index_offset=1,
    )


def _scan_lines(path: Path, source: Source) -> pl.LazyFrame:
    """Columns parted by any number of blanks."""
    lines = pl.scan_csv(
        path,
        separator=_NO_SEPARATOR,
        has_header=False,
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
    ).select(pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" "))
    headings = source.headings or lines.head(1).collect()["line"][0]
    fields = [
        pl.col("line").list.get(position, null_on_oob=True).alias(name)
        for position, name in enumerate(headings)
    ]
    data = lines if source.headings else lines.slice(1)
    return data.select(fields).with_row_index("row", offset=1)


def _typed(lazy: pl.LazyFrame, path: Path, source: Source, settings: Settings) -> pl.LazyFrame:
    column = _map_columns(lazy.collect_schema().names(), path, source)

    def received(name: str) -> pl.Expr:
        if name not in column:
            return pl.lit(None, dtype=pl.String)
        stripped = pl.col(column[name]).str.strip_chars()
        return pl.when(stripped != "").then(stripped)

    ordered_at = read_date(received("ordered_at"), source.date_format, settings.time_zone)
    if "amount" in column:
        amount, amount_text = read_amount(received("amount")), received("amount")
    else:
        quantity, price = received("quantity"), received("unit_price")
        amount = (read_amount(quantity) * read_amount(price)).cast(MONEY)
        amount_text = pl.concat_str(quantity, price, separator=" x ", ignore_nulls=True)
    is_sale = pl.lit(True)
    if source.sale_status is not None:
        is_sale = received("status").is_in(source.sale_status).fill_null(False)
    return lazy.select(
        file=pl.lit(paths.display(path)),
        row=pl.col("row").cast(pl.Int64),
        customer_id=received("customer_id"),
        order_id=received("order_id"),
        ordered_at=ordered_at,
        amount=amount,
        quantity=received("quantity").cast(pl.Float64, strict=False),
        is_sale=is_sale,
        ordered_at_text=pl.when(ordered_at.is_null()).then(received("ordered_at")),
        amount_text=pl.when(amount.is_null()).then(amount_text),
    )


def _map_columns(headings: list[str], path: Path, source: Source) -> dict[str, str]:
    """Our column name = heading in the file; raises UserError where one cannot be found."""
    column = {name: name for name in ("order_id", *REQUIRED_COLUMNS) if name in headings}
    column |= {name: name for name in ("amount", "quantity", "unit_price") if name in headings}
    column |= source.columns
    found = ", ".join(name for name in headings if name != "row")
    if any(name.endswith("_duplicated_0") for name in headings):
        raise UserError(
            f"{paths.display(path)} has two columns of one name: {found}. Rename one of them."
        )
    for ours, theirs in column.items():
        if theirs not in headings:
            near = difflib.get_close_matches(theirs, headings, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise UserError(
                f'{paths.display(path)} has no column "{theirs}" (our {ours}).{hint} '
                f"Its columns are: {found}. Correct `columns` in the settings."
            )
    needed = [*REQUIRED_COLUMNS] + (["status"] if source.sale_status is not None else [])
    missing = [name for name in needed if name not in column]
    if "amount" not in column and not {"quantity", "unit_price"} <= column.keys():
        missing.append("amount (or quantity and unit_price)")
    if missing:
        raise UserError(
            f"{paths.display(path)}: no column is mapped to {', '.join(missing)}. "
            f"Its columns are: {found}. Name them under `columns` in the settings."
        )
    return column


def read_amount(text: pl.Expr) -> pl.Expr:
    """Text as exact money with four decimals; null where it is no finite number."""
    plain = pl.when(text.str.contains(_GROUPED_THOUSANDS)).then(text.str.replace_all(",", ""))
    return plain.otherwise(text).cast(MONEY, strict=False)


def read_date(text: pl.Expr, date_format: str | None, time_zone: str) -> pl.Expr:
    """Text as local time of the data set; a time with an offset is converted to its zone."""
    text = text.str.replace("Z$", "+0000")
    readings = []
    for one in (date_format,) if date_format else DATE_FORMATS:
        reading = text.str.to_datetime(one, time_unit="us", strict=False)
        if "%z" in one:
            reading = reading.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
        readings.append(reading)
    return pl.coalesce(readings)


def unreadable(path: Path, problem: Exception) -> UserError:
    """The error for a file that cannot be read as text columns."""
    said = str(problem).splitlines()[0]
    words = next((words for sign, words in _IN_WORDS.items() if sign in said), said)
    return UserError(
        f"{paths.display(path)} cannot be read: {words}. It must be whole, UTF-8, with one heading line "
        "and the separator that the settings name. Export it again, or correct the settings."
    )
