"""Optional tables: rows that lack what they are for are set aside, the others kept as they are."""

import polars as pl

from analysis import model
from analysis.clean.rules import is_number_like, kind_of, unreadable
from analysis.collect.values import EARLIEST

_ORIGIN = ["file", "row", "system"]


def clean_records(
    table: str, raw: pl.DataFrame, known_customers: pl.Series | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows of an optional table into those to trust and those set aside.

    Args:
        table: name of the input table.
        raw: the table `raw_<table>`.
        known_customers: every customer id of orders and records; None where there are no records.

    Returns:
        The clean table (see its contract) and `quarantine` without its column `table`; one row per
        data row in the one or the other.
    """
    reasons = [
        pl.when(broken).then(pl.lit(reason)) for reason, broken in _rules(table, known_customers)
    ]
    judged = raw.with_columns(reason=pl.coalesce(*reasons, pl.lit(None, pl.String)))
    clean = judged.filter(pl.col("reason").is_null()).select(*_ORIGIN, *model.columns(table))
    return clean, set_aside(judged)


def set_aside(judged: pl.DataFrame) -> pl.DataFrame:
    """The rows with a `reason`, in the columns of `quarantine` but `table`; they carry no money."""
    aside = judged.filter(pl.col("reason").is_not_null())
    return aside.select(
        "file",
        "row",
        kind=kind_of(pl.col("reason")),
        reason="reason",
        amount=pl.lit(None, pl.Float64),
    )


def _rules(table: str, known_customers: pl.Series | None) -> list[tuple[str, pl.Expr]]:
    columns = model.columns(table)
    rules = []
    for name, column in columns.items():
        if column.required:
            reason = "no_customer" if name == "customer_id" else f"{name}_missing"
            rules.append((f"{name}_unreadable", pl.col(name).is_null() & unreadable(name)))
            rules.append((reason, pl.col(name).is_null()))
    if "customer_id" in columns:
        rules.append(("id_lost_digits", is_number_like("customer_id")))
        if known_customers is not None and table != "customers":
            listed = pl.col("customer_id").is_in(known_customers.implode())
            everybody = pl.col("customer_id") == "*"
            rules.append(("unknown_customer", ~(listed | everybody)))
    time = model.time_column(table)
    if time:
        rules.append(("date_impossible", pl.col(time).cast(pl.Datetime("us")) < EARLIEST))
    again = ~pl.struct(pl.exclude("file", "row")).is_first_distinct()
    key = model.key(table)
    numbered = pl.col(key).is_not_null() if key else pl.lit(False)
    rules.append(("repeated_row", (numbered | pl.col("drop_repeats")) & again))
    return rules
