"""Every contact with a customer, of campaigns and of staff, and whether the customer answered."""

from datetime import date, datetime, time, timedelta

import polars as pl

from analysis import model

ANSWER_DAYS = 14
_CONTACT = {"customer_id": pl.String, "channel": pl.String, "at": pl.Datetime("us")}
_CONTACT |= {"source": pl.String, "inbound": pl.Boolean, "answered": pl.Boolean}


def contacts(
    responses: pl.DataFrame, campaigns: pl.DataFrame, interactions: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Every contact by as_of, and whether the customer answered it.

    A message of a campaign is answered where it was opened, clicked or converted by as_of; an outbound
    contact, where an inbound one on the same channel followed within 14 days. Contacts less than 14 days
    old, inbound ones and those of unknown direction are neither answered nor unanswered (null). Control
    groups were not contacted. Channels of campaigns take the names of those of `interactions`.

    Returns:
        One row per contact, by time: `customer_id`, `channel`, `at`, `source` (`campaign`, `contact`),
        `inbound`, `answered`.
    """
    end = datetime.combine(as_of, time()) + timedelta(days=1)
    watched = pl.col("at") < end - timedelta(days=ANSWER_DAYS)
    parts = [_messages(responses, campaigns, end), _talks(interactions, end)]
    table = pl.concat(parts).with_columns(answered=pl.when(watched).then("answered"))
    return table.sort("at", "customer_id", "channel", "source")


def _messages(responses: pl.DataFrame, campaigns: pl.DataFrame, end: datetime) -> pl.DataFrame:
    """Messages of campaigns that were sent by then."""
    if responses.is_empty() or campaigns.is_empty():
        return pl.DataFrame(schema=_CONTACT)
    listed = model.columns("interactions")["channel"].choices
    names = {word.lower(): key for key, words in listed.items() for word in (key, *words)}
    text = pl.col("channel").cast(pl.String).str.strip_chars().str.to_lowercase()
    of = campaigns.unique("campaign_id", keep="first", maintain_order=True).select(
        "campaign_id", channel=text.replace_strict(names, default=text)
    )
    reacted = [
        pl.col(name) < end
        for name in ("opened_at", "clicked_at", "converted_at")
        if name in responses.columns
    ]
    answered = pl.any_horizontal([one.fill_null(False) for one in reacted] or [pl.lit(False)])
    sent = responses.filter((pl.col("assigned_group") == "treat") & (pl.col("sent_at") < end))
    return (
        sent.join(of, on="campaign_id", maintain_order="left")
        .drop_nulls("channel")
        .select(
            *("customer_id", "channel"),
            at="sent_at",
            source=pl.lit("campaign"),
            inbound=pl.lit(False),
            answered=answered,
        )
        .cast(_CONTACT)
    )


def _talks(interactions: pl.DataFrame, end: datetime) -> pl.DataFrame:
    """Contacts of the table `interactions`; outbound ones with whether an inbound one followed."""
    if interactions.is_empty():
        return pl.DataFrame(schema=_CONTACT)
    there = "direction" in interactions.columns
    direction = (pl.col("direction") if there else pl.lit(None)).cast(pl.String)
    rows = interactions.filter(pl.col("at") < end).select(
        pl.col("customer_id", "channel").cast(pl.String),
        pl.col("at").cast(pl.Datetime("us")),
        way=direction,
    )
    rows = rows.drop_nulls(["channel"]).sort("at", "customer_id", "channel", "way")
    back = rows.filter(pl.col("way") == "in").select("customer_id", "channel", "at", came="at")
    found = rows.join_asof(
        back,
        on="at",
        by=["customer_id", "channel"],
        strategy="forward",
        tolerance=timedelta(days=ANSWER_DAYS),
        check_sortedness=False,
    )
    outbound, inbound = pl.col("way") == "out", (pl.col("way") == "in").fill_null(False)
    return found.select(
        *("customer_id", "channel", "at"),
        source=pl.lit("contact"),
        inbound=inbound,
        answered=pl.when(outbound).then(pl.col("came").is_not_null()),
    ).cast(_CONTACT)
