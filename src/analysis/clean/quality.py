"""How good each column of the raw orders is."""

import polars as pl

_TEXT_OF = {"ordered_at": "ordered_at_text", "amount": "amount_text"}


def quality_checks(raw: pl.DataFrame) -> pl.DataFrame:
    """Count missing and unreadable values per required column.

    Args:
        raw: the table `raw_orders`.

    Returns:
        One row per column and check, in the columns of the table `quality`.
    """
    checks = [("customer_id", "present", raw["customer_id"].null_count())]
    for column, text in _TEXT_OF.items():
        absent = raw.filter(pl.col(column).is_null() & pl.col(text).is_null()).height
        unreadable = raw.filter(pl.col(column).is_null() & pl.col(text).is_not_null()).height
        checks += [(column, "present", absent), (column, "readable", unreadable)]
    return pl.DataFrame(
        [
            {
                "table": "orders",
                "column": column,
                "check": check,
                "rows": raw.height,
                "failed": failed,
            }
            for column, check, failed in checks
        ]
    )
