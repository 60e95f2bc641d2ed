"""What follows from orders and contacts: costs, loyalty points, and who brought whom."""

import numpy as np
import polars as pl

from analysis.samples.shop.orders import PURCHASES, Orders
from analysis.samples.shop.parameters import CAMPAIGNS, DAYS, generator, to_date
from analysis.samples.shop.records import ids_of

MEMBER_SHARE = 0.6
REFERRALS, REFERRAL_POINTS = 180, 200
BURNED_PER, BURNED = 1_500, 500  # of every 1,500 points earned, 500 are exchanged
CONTACT_COST, COMPLAINT_COST, SENDING_COST = 1_200, 3_500, 40  # fen
ACQUISITION = {"线上广告": 6_500, "门店": 3_000, "老客推荐": 2_000, "展会": 8_000, "公众号": 2_500}
_YEAR = 366


def make_costs(
    people: pl.DataFrame,
    records: pl.DataFrame,
    orders: Orders,
    interactions: pl.DataFrame,
    feedback: pl.DataFrame,
    responses: pl.DataFrame,
    seed: int,
) -> pl.DataFrame:
    """What each customer cost in each month.

    Returns:
        One row per `customer_id`, `month` (its first day) and `kind`: `amount` (fen).
    """
    rng = generator(seed, "costs")
    sales = orders.rows.filter(
        pl.col("reason").is_null() & pl.col("origin").is_in((*PURCHASES, "refunded"))
    )
    freight = pl.Series(rng.integers(600, 1_600, sales.height))
    new = records.filter((pl.col("place") == 1) & (pl.col("created") >= 0)).join(
        people.select("person", "source"), on="person"
    )
    spent = pl.col("source").replace_strict(ACQUISITION, return_dtype=pl.Int64)
    complaints = feedback.filter(pl.col("reason").is_null() & (pl.col("kind") == "complaint"))
    sent = responses.filter("treated").with_columns(
        day=pl.col("campaign_id").replace_strict(
            {one.campaign_id: one.sent_day for one in CAMPAIGNS}
        )
    )
    parts = [
        _cost(sales.with_columns(amount=freight), "物流"),
        _cost(interactions.with_columns(amount=pl.lit(CONTACT_COST)), "服务"),
        _cost(complaints.with_columns(amount=pl.lit(COMPLAINT_COST)), "服务"),
        _cost(new.with_columns(day="created", amount=spent), "获客"),
        _cost(sent.with_columns(amount=pl.lit(SENDING_COST)), "营销"),
    ]
    key = ["customer_id", "month", "kind"]
    return pl.concat(parts).group_by(key).agg(pl.col("amount").sum()).sort(key)


def _cost(events: pl.DataFrame, kind: str) -> pl.DataFrame:
    return events.select(
        "customer_id",
        month=to_date(pl.col("day")).dt.truncate("1mo"),
        kind=pl.lit(kind),
        amount=pl.col("amount").cast(pl.Int64),
    )


def make_relations(people: pl.DataFrame, records: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Who recommended us to whom: `from_id`, `to_id`, `day` (the newcomer's signup)."""
    rng = generator(seed, "relations")
    new = people.filter((pl.col("source") == "老客推荐") & (pl.col("signup") > 60))
    new = new[np.sort(rng.choice(new.height, REFERRALS, replace=False))]
    older = people.filter(pl.col("first").is_not_null()).sort("first")
    able = np.searchsorted(older["first"].to_numpy(), new["signup"].to_numpy() - 1)
    known = older["person"][np.floor(rng.random(REFERRALS) * able).astype(int)]
    from_id, _ = ids_of(pl.DataFrame({"person": known, "day": new["signup"]}), records, rng)
    to_id, _ = ids_of(new.select("person", day="signup"), records, rng)
    return pl.DataFrame({"from_id": from_id, "to_id": to_id, "day": new["signup"]}).sort(
        "day", "to_id"
    )


def make_loyalty(
    people: pl.DataFrame, orders: Orders, relations: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Movements of points: a point for each yuan, part of them exchanged, the rest lost when idle.

    Returns:
        One row per movement: `customer_id`, `day`, `second`, `kind`, `points`, `order` (number).
    """
    rng = generator(seed, "loyalty")
    members = pl.Series(np.flatnonzero(rng.random(people.height) < MEMBER_SHARE))
    plain = orders.rows.filter(
        pl.col("reason").is_null()
        & pl.col("origin").is_in(PURCHASES)
        & (pl.col("refund") == 0)
        & ~pl.col("is_outlier")
        & pl.col("person").is_in(members.implode())
    )
    earned = plain.select(
        *("customer_id", "day", "second"),
        kind=pl.lit("获得"),
        points=pl.col("amount") // 100,
        order="number",
    ).sort("customer_id", "day", "second")
    referred = relations.select(
        *(pl.col("from_id").alias("customer_id"), "day"),
        second=pl.lit(36_000),
        kind=pl.lit("推荐"),
        points=pl.lit(REFERRAL_POINTS),
    )
    moved = pl.concat([earned, _burned(earned), referred], how="diagonal_relaxed")
    return pl.concat([moved, _expired(moved)], how="diagonal_relaxed").sort(
        "day", "second", "customer_id", "kind"
    )


def _burned(earned: pl.DataFrame) -> pl.DataFrame:
    """Points exchanged half an hour after an order, whenever enough were earned."""
    total = pl.col("points").cum_sum().over("customer_id") // BURNED_PER
    steps = earned.with_columns(times=total.diff().over("customer_id").fill_null(total))
    return steps.filter(pl.col("times") > 0).select(
        *("customer_id", "day"),
        second=pl.min_horizontal(pl.col("second") + 1_800, 86_399),
        kind=pl.lit("兑换"),
        points=-BURNED * pl.col("times"),
        order="order",
    )


def _expired(moved: pl.DataFrame) -> pl.DataFrame:
    """What is left to customers without a movement in the last year of the data."""
    left = moved.group_by("customer_id").agg(pl.col("day").max(), pl.col("points").sum())
    idle = (pl.col("day") < DAYS - _YEAR) & (pl.col("points") > 0)
    return left.filter(idle).select(
        "customer_id",
        day=pl.lit(DAYS - 1),
        second=pl.lit(3_600),
        kind=pl.lit("过期"),
        points=-pl.col("points"),
    )


def make_responses(
    members: pl.DataFrame, records: pl.DataFrame, orders: Orders, seed: int
) -> pl.DataFrame:
    """What the treated did: `opened_on`, `clicked_on`, `converted_on` (days), `revenue` (fen).

    Args:
        members: as `run_campaigns`.
        records: of the customers.
        orders: a treated customer who clicked and then ordered in the window counts as converted.
        seed: of all random numbers.
    """
    rng = generator(seed, "responses")
    sent = {one.campaign_id: one.sent_day for one in CAMPAIGNS}
    known = members.with_columns(day=pl.col("campaign_id").replace_strict(sent))
    customer_id, _ = ids_of(known, records, rng)
    size = known.height
    seen = known.with_columns(customer_id=customer_id).join(
        _first_orders(known, orders),
        on=["campaign_id", "person"],
        how="left",
        maintain_order="left",
    )
    opened = pl.col("treated") & pl.Series(rng.random(size) < 0.45)
    clicked = opened & (pl.Series(rng.random(size) < 0.35) | pl.col("extra_on").is_not_null())
    return seen.with_columns(
        opened_on=pl.when(opened).then("day"),
        clicked_on=pl.when(clicked).then("day"),
        converted_on=pl.when(clicked).then("bought_on"),
        revenue=pl.when(clicked).then("amount"),
        delay=pl.Series(rng.integers(600, 30_000, size)),
    )


def _first_orders(members: pl.DataFrame, orders: Orders) -> pl.DataFrame:
    """The first order of each member within the window: `bought_on`, `second`, `amount`."""
    windows = {one.campaign_id: one.window_days for one in CAMPAIGNS}
    last = pl.col("day") + pl.col("campaign_id").replace_strict(windows) - 1
    bought = orders.rows.filter(pl.col("reason").is_null() & pl.col("origin").is_in(PURCHASES))
    within = (
        bought.select("person", "amount", "second", bought_on="day")
        .join(members.select("campaign_id", "person", "day"), on="person")
        .filter((pl.col("bought_on") > pl.col("day")) & (pl.col("bought_on") <= last))
    )
    first = pl.all().sort_by("bought_on", "second", "amount").first()
    return within.group_by("campaign_id", "person").agg(first).drop("day")
