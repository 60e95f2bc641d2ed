"""Order files as typed rows: find them, map their columns, read dates and amounts.

Every data row becomes one typed row. A value that cannot be read becomes null, and the text as
received stands beside it, so that cleaning can set the row aside with its reason.
"""

import difflib
from pathlib import Path

import polars as pl

from analysis.collect.files import split_lines, unreadable
from analysis.collect.values import read_amount, read_date, sane
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import REQUIRED_COLUMNS, Settings, Source
from analysis.tables import MONEY

ROW = "__row__"  # our own column beside those of the file


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
    try:
        pattern = paths.from_root(source.path)
        relative = pattern.relative_to(pattern.anchor).as_posix()
        files = sorted(path for path in Path(pattern.anchor).glob(relative) if path.is_file())
    except (ValueError, IndexError, RuntimeError, NotImplementedError) as problem:
        raise UserError(
            f'"{source.path}" cannot be used as `path` of a source: {problem}. Write a file or a '
            "glob, relative to the project or absolute, e.g. data/raw/shop/*.csv."
        ) from None
    if not files:
        folder = paths.display(pattern.parent)
        raise UserError(
            f"No file matches {source.path} (table {source.table}). Put the export into {folder}/, "
            "or correct `path` in the settings. The CDNOW sample is written by: analysis sample cdnow"
        )
    return files


def _scan(path: Path, source: Source) -> pl.LazyFrame:
    """A file as text columns under its own headings, with the row counted from 1."""
    try:
        scan = _scan_lines if source.separator == "whitespace" else _scan_csv
        lazy = scan(path, source)
        headings = [name for name in lazy.collect_schema().names() if name != ROW]
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
        row_index_name=ROW,
        row_index_offset=1,
    )


def _scan_lines(path: Path, source: Source) -> pl.LazyFrame:
    """Columns parted by any number of blanks."""
    lines = split_lines(path)
    headings = source.headings or lines.head(1).collect()["line"][0]
    fields = [
        pl.col("line").list.get(position, null_on_oob=True).alias(name)
        for position, name in enumerate(headings)
    ]
    data = lines if source.headings else lines.slice(1)
    return data.select(fields).with_row_index(ROW, offset=1)


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
        amount = sane((read_amount(quantity) * read_amount(price)).cast(MONEY))
        amount_text = pl.concat_str(quantity, price, separator=" x ", ignore_nulls=True)
    is_sale = pl.lit(True)
    if source.sale_status is not None:
        is_sale = received("status").is_in(source.sale_status).fill_null(False)
    return lazy.select(
        file=pl.lit(paths.display(path)),
        row=pl.col(ROW).cast(pl.Int64),
        customer_id=received("customer_id"),
        order_id=received("order_id"),
        ordered_at=ordered_at,
        amount=amount,
        quantity=read_amount(received("quantity")).cast(pl.Float64),
        is_sale=is_sale,
        ordered_at_text=pl.when(ordered_at.is_null()).then(received("ordered_at")),
        amount_text=pl.when(amount.is_null()).then(amount_text),
    )


def _map_columns(headings: list[str], path: Path, source: Source) -> dict[str, str]:
    """Our column name = heading in the file; raises UserError where one cannot be found."""
    column = {name: name for name in ("order_id", *REQUIRED_COLUMNS) if name in headings}
    column |= {name: name for name in ("amount", "quantity", "unit_price") if name in headings}
    column |= source.columns
    headings = [name for name in headings if name != ROW]
    found = _listed(headings)
    if any(name.endswith("_duplicated_0") for name in headings):
        raise UserError(
            f"{paths.display(path)} has two columns of one name: {found}. Rename one of them."
        )
    for ours, theirs in column.items():
        if theirs not in headings:
            hint = _hint(theirs, headings)
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


def _listed(headings: list[str], most: int = 30) -> str:
    more = f" and {len(headings) - most} more" if len(headings) > most else ""
    return ", ".join(headings[:most]) + more


def _hint(name: str, headings: list[str]) -> str:
    """What may be meant by a heading that does not exist."""
    if len(headings) == 1 and (found := [sign for sign in ",;\t|" if sign in headings[0]]):
        return f" Is the separator {found[0]!r}? Set `separator` in the settings."
    blank = [one for one in headings if one.strip() == name]
    near = blank or difflib.get_close_matches(name, headings, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""
