"""Classes set by hand: a file of the company that no run undoes."""

import polars as pl

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Settings
from analysis.segment.axes import AXES

COLUMNS = ["customer_id", "axis", "class", "reason"]


def load_overrides(settings: Settings) -> pl.DataFrame:
    """The classes that people set, from the CSV that `segment.overrides` names.

    Returns:
        One row per customer and axis: `customer_id`, `axis`, `class`, `reason`; empty without a file.

    Raises:
        UserError: for a file of another form, an unknown axis or class, or a customer named twice.
    """
    if not settings.segment.overrides:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    path = paths.from_root(settings.segment.overrides)
    where = f"{paths.display(path)} (segment.overrides)"
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise UserError(f"{where} cannot be read: {problem}.") from None
    if not set(COLUMNS) <= set(rows.columns):
        raise UserError(
            f"{where} must have the columns {', '.join(COLUMNS)}; it has {', '.join(rows.columns)}."
        )
    rows = rows.select(pl.col(name).str.strip_chars() for name in COLUMNS)
    for row in rows.iter_rows(named=True):
        _check(row, where)
    twice = rows.filter(rows.select("customer_id", "axis").is_duplicated())
    if twice.height:
        one = twice.row(0, named=True)
        raise UserError(
            f"{where} names customer {one['customer_id']} twice on the axis {one['axis']}. "
            "Keep one of the rows."
        )
    return rows


def apply_overrides(classes: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Put the classes set by hand in place of those by rule.

    Args:
        classes: one row per customer and axis: `customer_id`, `axis`, `class`.
        overrides: as `load_overrides` returns them; customers who are not known are passed over.

    Returns:
        The same rows with `by_hand`.
    """
    hand = overrides.select("customer_id", "axis", set_class="class")
    joined = classes.join(hand, on=["customer_id", "axis"], how="left")
    return joined.with_columns(
        pl.coalesce("set_class", "class").alias("class"),
        by_hand=pl.col("set_class").is_not_null(),
    ).drop("set_class")


def _check(row: dict, where: str) -> None:
    axis = AXES.get(row["axis"] or "")
    if axis is None:
        raise UserError(f'{where}: "{row["axis"]}" is not an axis. Axes are: {", ".join(AXES)}.')
    if not row["customer_id"] or not row["class"]:
        raise UserError(f"{where}: a row of the axis {axis.key} lacks its customer or class.")
    if axis.classes and row["class"] not in axis.classes:
        raise UserError(
            f'{where}: "{row["class"]}" is not a class of the axis {axis.key}. '
            f"Classes are: {', '.join(axis.classes)}."
        )
