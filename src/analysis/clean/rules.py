"""Rows that cannot be trusted, each with one reason.

A new rule is one line of `RULES`, its sentence in the catalogue, and a three-row test.
"""

from datetime import datetime

import polars as pl

from analysis.clean.repeats import repeated_rows
from analysis.run.errors import UserError
from analysis.run.settings import Settings
from analysis.tables import Frame

EARLIEST = datetime(1970, 1, 1)  # spreadsheets turn an empty date into one of 1899 or 1900
NOT_USABLE = ("not_a_sale", "no_customer", "test_account", "unknown_customer")


def unreadable(column: str) -> pl.Expr:
    """Whether a column held text that could not be read."""
    return pl.col("unreadable").str.contains(rf"(?:^|,){column}(?:,|$)")


def is_number_like(column: str) -> pl.Expr:
    """Whether an id went through a spreadsheet that turned it into 1.38E+10: its digits are lost."""
    return pl.col(column).str.contains(r"^\d(?:\.\d+)?[eE]\+\d+$")


# The first rule that holds names the reason. Rows that no report could use come first, so that
# the share of bad rows measures the quality of the usable ones.
RULES: dict[str, pl.Expr] = {
    "not_a_sale": ~pl.col("is_sale"),
    "no_customer": pl.col("customer_id").is_null(),
    "test_account": pl.col("is_test"),
    "id_lost_digits": is_number_like("customer_id"),
    "date_unreadable": pl.col("ordered_at").is_null() & unreadable("ordered_at"),
    "date_missing": pl.col("ordered_at").is_null(),
    "date_impossible": pl.col("ordered_at") < EARLIEST,
    "date_in_future": pl.col("in_future"),
    "amount_unreadable": pl.col("amount").is_null()
    & (unreadable("amount") | unreadable("quantity") | unreadable("unit_price")),
    "amount_missing": pl.col("amount").is_null(),
    "refund_beyond_purchase": (pl.col("amount") < 0) & (pl.col("refund_amount") > 0),
}


def reason() -> pl.Expr:
    """The first rule that a row of `raw_orders` with `is_test` breaks; null for a row to trust."""
    return pl.coalesce(pl.when(broken).then(pl.lit(name)) for name, broken in RULES.items())


def kind_of(reason: pl.Expr) -> pl.Expr:
    """`not_usable` for rows that are no sale or have no customer we know, else `bad`."""
    return pl.when(reason.is_in(NOT_USABLE)).then(pl.lit("not_usable")).otherwise(pl.lit("bad"))


def exact_repeats(raw: Frame) -> int:
    """Rows equal to an earlier one in every column but file and row.

    Where no line key says that they are mistakes they are counted and kept: two equal lines are often
    two sales.
    """
    return repeated_rows(raw.lazy(), ~pl.col("drop_repeats")).height


def check_budget(rows: int, quarantine: pl.DataFrame, settings: Settings) -> None:
    """Stop a month in which too many rows are bad.

    Args:
        rows: rows read.
        quarantine: rows set aside.

    Raises:
        UserError: naming the share, the limit and the commonest reasons.
    """
    bad = quarantine.filter(pl.col("kind") == "bad")
    if rows == 0 or bad.height / rows <= settings.max_quarantined_share:
        return
    raise UserError(
        f"{bad.height / rows:.1%} of the rows are bad, more than max_quarantined_share = "
        f"{settings.max_quarantined_share:.0%}: {_commonest(bad)}. Mend the export or its mapping; "
        "raise the limit only if these rows are truly worthless."
    )


def check_purchases(occasions: pl.DataFrame, quarantine: pl.DataFrame) -> None:
    """Stop a month up to whose end nobody bought anything; raises UserError with the reasons."""
    if occasions.is_empty():
        found = _commonest(quarantine) or "every amount is 0, or was refunded in full"
        raise UserError(
            f"No row is a purchase: {found}. Check `sale_status`, `columns` and "
            "`zero_price_is_purchase` in the settings."
        )


def _commonest(quarantine: pl.DataFrame) -> str:
    counts = quarantine["reason"].value_counts(sort=True)
    top = counts.sort("count", "reason", descending=[True, False]).head(3)
    return ", ".join(f"{reason} ({count:,} rows)" for reason, count in top.iter_rows())
