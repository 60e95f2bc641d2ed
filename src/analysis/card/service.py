"""Contacts and complaints of a customer."""

from datetime import timedelta

import polars as pl

from analysis.card.card import Card
from analysis.card.timeline import channel_words, is_open

YEAR_DAYS = 365


def open_complaints(one: Card) -> pl.DataFrame:
    """Complaints that were not closed by the end of the month, the oldest first.

    The text of a complaint may name anybody, so it stays out of the page.

    Returns:
        One row per complaint: `complaint` (its number in the company's system), `since`, `about`,
        `severity`, `department`; columns that nothing fills are left out.
    """
    rows = one.rows("feedback").filter((pl.col("kind") == "complaint") & is_open(one))
    since = pl.col("at").dt.date()
    found = rows.sort("at", "feedback_id").select(
        complaint="feedback_id",
        since=since,
        about=pl.col("category").str.replace_all("_", " "),
        severity="severity",
        department="dept",
    )
    filled = [
        name for name in found.columns if name == "since" or found[name].null_count() < found.height
    ]
    return found.select(filled)


def complaints(one: Card) -> int:
    """How many complaints the customer made by the end of the month."""
    return one.rows("feedback").filter(pl.col("kind") == "complaint").height


def last_score(one: Card) -> dict | None:
    """The customer's latest score of a survey by the end of the month; of a sheet the first item."""
    scored = one.rows("surveys").filter(
        pl.col("score").is_finite() & (pl.col("at").dt.date() <= one.as_of)
    )
    latest = scored.sort("at", "file", "row").filter(pl.col("at") == pl.col("at").max())
    return latest.row(0, named=True) if latest.height else None


def last_text(one: Card) -> dict | None:
    """The row of `feedback_texts` of what the customer last wrote in the year."""
    rows = one.rows("feedback_texts").drop_nulls("tone_label").sort("day", "table", "file", "row")
    return rows.row(-1, named=True) if rows.height else None


def contacts(one: Card) -> pl.DataFrame:
    """Contacts by channel, the most used first.

    Returns:
        One row per channel: `channel` (in words), `contacts` (to date), `past_year` (of the last
        365 days), `last_contact`.
    """
    day = pl.col("at").dt.date()
    recent = day > one.as_of - timedelta(days=YEAR_DAYS)
    return (
        one.rows("interactions")
        .group_by(channel=channel_words())
        .agg(
            contacts=pl.len().cast(pl.Int64),
            past_year=recent.sum().cast(pl.Int64),
            last_contact=day.max(),
        )
        .sort(["contacts", "last_contact", "channel"], descending=[True, True, False])
    )
