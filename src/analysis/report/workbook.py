"""Lists that people act on, as workbooks."""

from pathlib import Path

import polars as pl
import polars.selectors as cs

from analysis.labels import text

FORMULA_START = r"^[=+\-@\t\r]"


def neutralise(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet takes for a formula."""
    return frame.with_columns(
        pl.when(cs.string().str.contains(FORMULA_START))
        .then("'" + cs.string())
        .otherwise(cs.string())
        .name.keep()
    )


def write_workbook(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as one sheet with readable headings; text stays text, no id loses a zero.

    Args:
        frame: one row per line of the list.
        path: the .xlsx file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    readable = neutralise(frame).rename({name: text(name) for name in frame.columns})
    readable.write_excel(
        path,
        worksheet="list",
        autofit=True,
        freeze_panes=(1, 0),
        table_style="Table Style Light 1",
        dtype_formats={pl.Float64: "#,##0.00"},
    )
