"""Text files whose columns are parted by any number of blanks."""

import polars as pl

from analysis.collect.inputs import ROW, Input
from analysis.run.errors import UserError

_NO_SEPARATOR = "\x1f"  # never occurs in text: the whole line is read as one field


def scan(content: object, one: Input) -> pl.LazyFrame:
    """The columns of a text, as text, with ROW.

    Args:
        content: a path or bytes in UTF-8.
        one: their input, which may name the headings.
    """
    lines = _split_lines(content)
    headings = one.source.headings or lines.head(1).collect()["line"][0]
    fields = [
        pl.col("line").list.get(position, null_on_oob=True).alias(name)
        for position, name in enumerate(headings)
    ]
    data = lines if one.source.headings else lines.slice(1)
    return data.select(fields).with_row_index(ROW, offset=1)


def check_widths(content: object, one: Input) -> None:
    """Raise UserError, naming the line, where blanks part a line into more fields than headings."""
    lines = _split_lines(content).collect()["line"]
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


def _split_lines(content: object) -> pl.LazyFrame:
    """The column `line`: each line as the list of its fields."""
    lines = pl.scan_csv(
        content,
        separator=_NO_SEPARATOR,
        has_header=False,
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
    )
    return lines.select(
        pl.col("line").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    )
