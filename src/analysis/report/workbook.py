"""Lists that people act on, as workbooks."""

import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import polars.selectors as cs
import xlsxwriter

from analysis.labels import text

FORMULA_START = r"^[=+\-@\t\r]"
_FORBIDDEN, _LONGEST_NAME = re.compile(r"[\[\]:*?/\\]"), 31  # in the name of a sheet


def neutralise(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet takes for a formula."""
    return frame.with_columns(
        pl.when(cs.string().str.contains(FORMULA_START))
        .then("'" + cs.string())
        .otherwise(cs.string())
        .name.keep()
    )


def write_workbook(content: pl.DataFrame | dict[str, pl.DataFrame], path: Path) -> None:
    """Write a list, or several as sheets, with readable headings; text stays text, no id loses a zero.

    Args:
        content: one row per line of the list; or name of a sheet = its list.
        path: the .xlsx file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lists = content if isinstance(content, dict) else {"list": content}
    with xlsxwriter.Workbook(path) as book:
        for name, frame in zip(sheet_names(lists), lists.values(), strict=True):
            readable = neutralise(frame).rename({name: text(name) for name in frame.columns})
            readable.write_excel(
                book,
                worksheet=name,
                autofit=True,
                freeze_panes=(1, 0),
                table_style="Table Style Light 1",
                dtype_formats={pl.Float64: "#,##0.00"},
            )


def sheet_names(wanted: Iterable[str]) -> list[str]:
    """Names that a workbook allows: of 31 signs at most, some signs forbidden, no two alike."""
    names: list[str] = []
    for one in wanted:
        plain = _FORBIDDEN.sub(" ", one).strip(" '")[:_LONGEST_NAME] or "_"
        name, number = plain, 1
        while name.casefold() in {other.casefold() for other in names}:
            number += 1
            end = f" {number}"
            name = plain[: _LONGEST_NAME - len(end)] + end
        names.append(name)
    return names
