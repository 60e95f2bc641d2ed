"""The early-warning list: whom it pays to contact first."""

from datetime import date

import polars as pl

from analysis.labels import group
from analysis.run.settings import Settings
from analysis.segment.strategies import cards

CARD_AXIS = "rfm"


def warned(
    churn: pl.DataFrame,
    customers: pl.DataFrame,
    segments: pl.DataFrame,
    segment_profile: pl.DataFrame,
    profiles: pl.DataFrame,
    previous: pl.DataFrame | None,
    risen: pl.DataFrame,
    settings: Settings,
) -> pl.DataFrame:
    """Repeat buyers whom it pays to contact, the most expected profit first, as many as can be.

    Args:
        churn, customers, segments, segment_profile, profiles: the tables of these names.
        previous: the table `churn` of the month before, if there is one.
        risen: which group of features rose most, as `explain.risen` returns it.
        settings: `[churn] contact_capacity` and the strategy cards.

    Returns:
        One row per customer: `rank` (from 1), `customer_id`, `class`, `owner`, `last_purchase`,
        `idle_days`, `usual_gap` (days between purchases, mean), `purchases`, `spend`,
        `probability_no_purchase`, `chance_change` (since last month, null without), `value_at_stake`,
        `expected_profit`, the reasons (keys), `risen` (key of the group that raised the chance most
        since last month), `action` (of the class's strategy card, null where it has none).
    """
    classes = segments.filter(pl.col("axis") == CARD_AXIS).select("customer_id", "class")
    before = (
        None
        if previous is None
        else previous.select("customer_id", before="probability_no_purchase")
    )
    joined = (
        churn.join(customers, on="customer_id", validate="1:1")
        .filter(bought_again() & (pl.col("expected_profit") > 0))
        .join(classes, on="customer_id", how="left", validate="1:1")
        .join(owners(profiles), on="customer_id", how="left", validate="1:1")
        .join(risen, on="customer_id", how="left", validate="1:1")
        .join(_actions(settings, segment_profile), on="class", how="left", validate="m:1")
    )
    change = pl.lit(None, pl.Float64)
    if before is not None:
        joined = joined.join(before, on="customer_id", how="left", validate="1:1")
        change = pl.col("probability_no_purchase") - pl.col("before")
    return (
        joined.sort(["expected_profit", "customer_id"], descending=[True, False])
        .head(settings.churn.contact_capacity)
        .with_columns(
            chance_change=change,
            usual_gap=(pl.col("recency") / pl.col("frequency")).round(1),
            owner=pl.coalesce("owner", "card_owner"),
        )
        .select(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("rank"),
            *("customer_id", "class", "owner", "last_purchase", "idle_days", "usual_gap"),
            *("purchases", "spend", "probability_no_purchase", "chance_change", "value_at_stake"),
            *("expected_profit", "reason_1", "reason_2", "reason_3", "risen", "action"),
        )
    )


def bought_again() -> pl.Expr:
    """Repeat buyers; one-time buyers have a list of their own."""
    return pl.col("frequency") > 0


def owners(profiles: pl.DataFrame) -> pl.DataFrame:
    """Who looks after each person, where the records say so; the latest record of a person counts."""
    schema = {"customer_id": pl.String, "owner": pl.String}
    if "owner" not in profiles.columns:
        return pl.DataFrame(schema=schema)
    known = profiles.filter(pl.col("owner").is_not_null())
    return known.group_by(customer_id="person_id").agg(
        pl.col("owner").sort_by("file", "row").last()
    )


def _actions(settings: Settings, segment_profile: pl.DataFrame) -> pl.DataFrame:
    """The first action of each class's card."""
    found = cards(settings, segment_profile).filter(pl.col("axis") == CARD_AXIS)
    return found.select("class", action=pl.col("actions").list.first(), card_owner="owner")


def readable(people: pl.DataFrame, most: int) -> pl.DataFrame:
    """The head of the list for a page, the reasons in one column: what owners need at a glance."""
    names = group("reason_group")
    found = [pl.col(f"reason_{place}").replace_strict(names, default=None) for place in (1, 2, 3)]
    signs = pl.concat_str(found, separator="; ", ignore_nulls=True)
    return people.head(most).select(
        *(
            "customer_id",
            "class",
            "idle_days",
            "usual_gap",
            "probability_no_purchase",
            "chance_change",
        ),
        *("value_at_stake", "expected_profit"),
        reasons=pl.when(signs != "").then(signs),
        risen=pl.col("risen").replace_strict(names, default=None),
    )


def bought_since(
    listed: pl.DataFrame | None, occasions: pl.DataFrame, since: date
) -> tuple[int, int] | None:
    """Of those on the list of the month before, how many bought since.

    Args:
        listed: the table `early_warning` of the month before, if there is one.
        occasions: the table `occasions`.
        since: first day that counts.

    Returns:
        How many were listed, and how many of them bought; None without a list, or an empty one.
    """
    if listed is None or listed.is_empty():
        return None
    buyers = occasions.filter(pl.col("purchase_day") >= since)["customer_id"].unique()
    came = listed.filter(pl.col("customer_id").is_in(buyers.implode()))
    return listed.height, came.height
