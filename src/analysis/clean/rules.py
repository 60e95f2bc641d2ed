"""Rows that cannot be trusted, each with one reason.

A new rule is one line of `RULES`, its sentence in the catalogue, and a three-row test.
"""

import polars as pl

from analysis.clean.repeats import repeated_rows
from analysis.collect.values import EARLIEST
from analysis.labels import group
from analysis.run.errors import UserError
from analysis.run.settings import Settings
from analysis.tables import Frame, height

NOT_USABLE = ("not_a_sale", "no_customer", "test_account", "unknown_customer")


def unreadable(column: str) -> pl.Expr:
    """Whether a column held text that could not be read."""
    return pl.col("unreadable").str.contains(rf"(?:^|,){column}(?:,|$)")


def is_number_like(column: str) -> pl.Expr:
    """Whether an id went through a spreadsheet that turned it into 1.38E+10: its digits are lost."""
    return pl.col(column).str.contains(r"^-?\d(?:\.\d+[eE]\+?|[eE]\+)\d+$")


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


def check_budget(raw: dict[str, Frame], quarantine: pl.DataFrame, settings: Settings) -> None:
    """Stop a month in which too many rows of a table are bad.

    Args:
        raw: table = rows as received; under `orders` the rows that carry the money.
        quarantine: the table `quarantine`.
        settings: with `max_quarantined_share`, and the table from which the rows under `orders` came.

    Raises:
        UserError: naming the share, the limit, and the commonest reasons with their first row.
    """
    bad = quarantine.filter(pl.col("kind") == "bad")
    for table, found in bad.group_by("table", maintain_order=True):
        rows = height(raw["orders" if table[0] == settings.money_table else table[0]])
        if found.height / rows > settings.max_quarantined_share:
            raise UserError(
                f"{found.height / rows:.1%} of the rows of {table[0]} are bad, more than "
                f"max_quarantined_share = {settings.max_quarantined_share:.0%}: {_commonest(found)}. "
                "Mend the export or its mapping; raise the limit only if these rows are truly "
                "worthless."
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
    """The commonest reasons in words, each with its rows and where the first of them stands."""
    words = group("stage")
    counts = (
        quarantine.sort("file", "row")
        .group_by("reason")
        .agg(pl.len().alias("rows"), pl.first("file", "row"))
    )
    top = counts.sort(["rows", "reason"], descending=[True, False]).head(3)
    return ", ".join(
        f"{words.get(reason, reason.replace('_', ' '))} ({rows:,} rows, first row {row:,} of {file})"
        for reason, rows, file, row in top.iter_rows()
    )
