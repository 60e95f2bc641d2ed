"""How a customer buys: rhythm, basket, day and hour, channel, categories, each beside all customers."""

from calendar import day_name
from datetime import time

import polars as pl

from analysis.card.card import Card
from analysis.labels import group, label
from analysis.report.show import form

LEAST_PURCHASES = 3  # fewer show no habit of day, hour or channel
MOST_FAVOURITES = 5
_NIGHT_ENDS, _NOON, _EVENING = 6, 12, 18
_KINDS = {
    "mean_spend": "money",
    "usual_gap_days": "number",
    "lines_per_order": "number",
    "pieces_per_purchase": "number",
    "discount_share": "share",
}


def habits(one: Card) -> pl.DataFrame:
    """The customer's habits beside those of all customers.

    Returns:
        One row per habit that the data show: `habit`, `this_customer`, `all_customers` (the median
        customer; of day, hour and channel the share of all purchases), in words.
    """
    if not one.row("customers"):
        return _table([])
    return _table([*_measured(one), *_preferred(one)])


def _table(rows: list[tuple]) -> pl.DataFrame:
    words = group("card.habit")
    named = [(words[name], own, everybody) for name, own, everybody in rows]
    columns = ["habit", "this_customer", "all_customers"]
    return pl.DataFrame(named, schema=dict.fromkeys(columns, pl.String), orient="row")


def measures(occasions: pl.DataFrame, orders: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """How each customer buys, in figures.

    Args:
        occasions, orders: the tables of these names.
        lines: as `lines.known_lines` returns them.

    Returns:
        One row per customer with a purchase: `customer_id`, `mean_spend`, `usual_gap_days` (median
        days between purchases), `lines_per_order`, `pieces_per_purchase`, `discount_share` (of the
        lines whose list price is known); null where the data do not say.
    """
    gap = pl.col("purchase_day").sort().diff().dt.total_days()
    rhythm = occasions.group_by("customer_id").agg(
        mean_spend=pl.col("amount").mean().cast(pl.Float64),
        usual_gap_days=gap.median(),
        purchases=pl.len(),
    )
    baskets = lines.group_by("customer_id").agg(
        lines_per_order=pl.len() / pl.col("order_id").n_unique(),
        discount_share=pl.col("discounted").mean(),
    )
    pieces = (
        orders.filter(pl.col("quantity") > 0)
        .group_by("customer_id")
        .agg(pieces=pl.col("quantity").sum())
    )
    return (
        rhythm.join(baskets, on="customer_id", how="left")
        .join(pieces, on="customer_id", how="left")
        .with_columns(pieces_per_purchase=pl.col("pieces") / pl.col("purchases"))
        .drop("pieces", "purchases")
        .sort("customer_id")
    )


def _measured(one: Card) -> list[tuple[str, str, str]]:
    found = measures(one.tables["occasions"], one.tables["orders"], one.lines)
    own = found.filter(pl.col("customer_id") == one.customer_id)
    typical = found.select(pl.col(_KINDS).median())
    return [
        (name, _shown(own[name][0], kind, one), _shown(typical[name][0], kind, one))
        for name, kind in _KINDS.items()
        if own[name][0] is not None
    ]


def _shown(value: float | None, kind: str, one: Card) -> str:
    shown = form(value, kind, one.settings)
    return f"{shown} {one.settings.currency}" if kind == "money" else shown


def _preferred(one: Card) -> list[tuple[str, str, str]]:
    """What the customer chooses most often, with how often all customers choose it."""
    choices = {
        "weekday": (one.tables["occasions"], pl.col("purchase_day").dt.weekday()),
        "time_of_day": (_timed(one.tables["orders"]), _part_of_day()),
        "channel": (one.tables["orders"], pl.col("channel")),
    }
    rows = []
    for name, (frame, choice) in choices.items():
        made = frame.select("customer_id", choice=choice.cast(pl.String)).drop_nulls()
        own = made.filter(pl.col("customer_id") == one.customer_id)
        if own.height < LEAST_PURCHASES:
            continue
        first = own.group_by("choice").len().sort(["len", "choice"], descending=[True, False])
        chosen, times = first.row(0)
        counts = label("card.times", choice=_named(name, chosen), times=times, all=own.height)
        rows.append((name, counts, form((made["choice"] == chosen).mean(), "share", one.settings)))
    return rows


def _timed(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders with a time of day; none where an export gives days only."""
    midnight = (orders["ordered_at"].dt.time() == time(0, 0)).all() if orders.height else True
    sales = orders.filter(pl.col("amount") > 0)
    return sales.clear() if midnight else sales.unique(["customer_id", "ordered_at"])


def _part_of_day() -> pl.Expr:
    hour = pl.col("ordered_at").dt.hour()
    return (
        pl.when(hour < _NIGHT_ENDS)
        .then(pl.lit("night"))
        .when(hour < _NOON)
        .then(pl.lit("morning"))
        .when(hour < _EVENING)
        .then(pl.lit("afternoon"))
        .otherwise(pl.lit("evening"))
    )


def _named(name: str, chosen: str) -> str:
    if name == "weekday":
        return day_name[int(chosen) - 1]
    return group("card.time_of_day")[chosen] if name == "time_of_day" else chosen


def favourites(one: Card) -> pl.DataFrame:
    """What the customer spends on most, by category, or by product where no category is known.

    Returns:
        Up to five rows: `category` or `product`, `spend`, `share_of_spend` (of the customer's),
        `of_all_customers` (its share of everybody's).
    """
    lines = one.lines
    name = "category" if lines["category"].is_not_null().any() else "product"
    spend = pl.col("amount").sum().cast(pl.Float64)
    everybody = lines.group_by(name).agg(everywhere=spend)
    own = lines.filter(pl.col("customer_id") == one.customer_id)
    total, whole = float(own["amount"].sum()), float(lines["amount"].sum())
    found = own.group_by(name).agg(spend=spend)
    return (
        found.join(everybody, on=name, nulls_equal=True)
        .sort(["spend", name], descending=[True, False], nulls_last=True)
        .head(MOST_FAVOURITES)
        .select(
            pl.col(name).fill_null(label("card.no_category")),
            "spend",
            share_of_spend=pl.when(total > 0).then(pl.col("spend") / total),
            of_all_customers=pl.when(whole > 0).then(pl.col("everywhere") / whole),
        )
    )
