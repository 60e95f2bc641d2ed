"""What happened with a customer, in order: purchases, contacts, what was said."""

import polars as pl

from analysis.card.card import Card
from analysis.labels import group, label

LANES = ("purchase", "contact", "feedback")
MOST_SHOWN = 8
_EVENT = {
    "day": pl.Date,
    "event": pl.String,
    "detail": pl.String,
    "amount": pl.Float64,
    "complaint": pl.Boolean,
    "open": pl.Boolean,
}


def events(one: Card) -> pl.DataFrame:
    """Everything dated that the month knows of the customer, the oldest first.

    Returns:
        One row per event: `day`, `event` (one of `LANES`), `detail` (channel, or kind and subject of
        what was said; in words), `amount` (of purchases), `complaint`, `open` (complaints that were
        not closed by the end of the month).
    """
    found = pl.concat([_purchases(one), _contacts(one), _feedback(one)], how="diagonal")
    flags = pl.col("complaint", "open").fill_null(False)
    return found.with_columns(flags).sort("day", "event", "detail").select(*_EVENT)


def _purchases(one: Card) -> pl.DataFrame:
    where = (
        one.rows("orders")
        .group_by("purchase_day")
        .agg(detail=pl.col("channel").drop_nulls().unique().sort().str.join(", "))
    )
    joined = one.rows("occasions").join(where, on="purchase_day", how="left")
    return joined.select(
        day="purchase_day",
        event=pl.lit("purchase"),
        detail=pl.when(pl.col("detail") != "").then("detail"),
        amount=pl.col("amount").cast(pl.Float64),
    )


def _contacts(one: Card) -> pl.DataFrame:
    return one.rows("interactions").select(
        day=pl.col("at").dt.date(), event=pl.lit("contact"), detail=channel_words()
    )


def _feedback(one: Card) -> pl.DataFrame:
    """Feedback; a complaint is open if it was not closed by the end of the month."""
    kind, category = pl.col("kind"), pl.col("category").str.replace_all("_", " ")
    complaint = kind == "complaint"
    return one.rows("feedback").select(
        day=pl.col("at").dt.date(),
        event=pl.lit("feedback"),
        detail=pl.concat_str(kind, category, separator=": ", ignore_nulls=True),
        complaint=complaint,
        open=complaint & is_open(one),
    )


def is_open(one: Card) -> pl.Expr:
    """Whether a row of feedback was not closed by the end of the month.

    Where no row of any customer says when it was closed, none can be called open.
    """
    if not one.tables["feedback"]["closed_at"].is_not_null().any():
        return pl.lit(False)
    closed = pl.col("closed_at").dt.date() <= one.as_of
    return ~closed.fill_null(False)


def channel_words() -> pl.Expr:
    """The channel of a contact in words."""
    channel = pl.col("channel").cast(pl.String)
    return channel.replace_strict(group("card.channel"), default=channel)


def latest(found: pl.DataFrame) -> pl.DataFrame:
    """The last events, the newest first: `day`, `what_happened` (in words), `amount`.

    Args:
        found: as `events` returns it.
    """
    event = pl.col("event").replace_strict(group("card.event"))
    said = pl.col("event") == "feedback"
    detail = (
        pl.when(pl.col("detail").is_null()).then(event).otherwise(event + ", " + pl.col("detail"))
    )
    still_open = pl.when("open").then(pl.lit(f" ({label('card.open_mark')})")).otherwise(pl.lit(""))
    what = pl.when(said).then("detail").otherwise(detail) + still_open
    return (
        found.reverse()
        .head(MOST_SHOWN)
        .select("day", "amount", what_happened=what)
        .select("day", "what_happened", "amount")
    )
