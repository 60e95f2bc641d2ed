"""Rows that cannot be trusted, each with one reason.

A new rule is one line of `RULES`, its sentence in the catalogue, and a three-row test.
"""

from datetime import datetime

import polars as pl

from analysis.run.errors import UserError
from analysis.run.settings import Settings

EARLIEST = datetime(1970, 1, 1)  # spreadsheets turn an empty date into one of 1899 or 1900
NOT_USABLE = ("not_a_sale", "no_customer")

# The first rule that holds names the reason. Rows that no report could use come first, so that
# the share of bad rows measures the quality of the usable ones.
RULES: dict[str, pl.Expr] = {
    "not_a_sale": ~pl.col("is_sale"),
    "no_customer": pl.col("customer_id").is_null(),
    "date_missing": pl.col("ordered_at").is_null() & pl.col("ordered_at_text").is_null(),
    "date_unreadable": pl.col("ordered_at").is_null(),
    "date_impossible": pl.col("ordered_at") < EARLIEST,
    "amount_missing": pl.col("amount").is_null() & pl.col("amount_text").is_null(),
    "amount_unreadable": pl.col("amount").is_null(),
}


def with_reason(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Add `reason`: the first rule that a row breaks, null for a row to trust."""
    reasons = [pl.when(broken).then(pl.lit(reason)) for reason, broken in RULES.items()]
    return raw.with_columns(reason=pl.coalesce(reasons))


def kind_of(reason: pl.Expr) -> pl.Expr:
    """`not_usable` for rows that are no sale or have no customer, else `bad`."""
    return pl.when(reason.is_in(NOT_USABLE)).then(pl.lit("not_usable")).otherwise(pl.lit("bad"))


def exact_repeats(raw: pl.DataFrame) -> int:
    """Rows equal to an earlier one in every column but file and row; counted, never dropped here.

    Two equal lines are often two sales, and without a line key nobody can tell them apart.
    """
    content = raw.drop("file", "row")
    return content.height - content.unique().height


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
    counts = (
        quarantine["reason"]
        .value_counts(sort=True)
        .sort("count", "reason", descending=[True, False])
    )
    return ", ".join(f"{reason} ({count:,} rows)" for reason, count in counts.head(3).iter_rows())
