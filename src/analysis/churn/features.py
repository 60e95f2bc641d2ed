"""What is known of each customer at the end of a day, from whatever tables there are.

Every quantity reads rows up to the cut-off only; a table without any such row gives no columns, so
nothing is invented. What a customer lacks has a stated value: nobody has null or NaN.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.customers import purchase_occasions, summarise_customers

RECENT_DAYS = (30, 60, 90, 180)
YEAR_DAYS = 365  # complaints count for so long, and this stands for "never or longer ago"
MOST_GAPS = 10  # own gaps of silence beyond which more says nothing more
CONTACT_DAYS = 90
RHYTHM, FREQUENCY, SPEND, COMPLAINTS, SERVICE = GROUPS = (
    "rhythm",
    "frequency",
    "spend",
    "complaints",
    "service",
)
BTYD = "btyd_log_odds"
GROUP_OF = {
    "idle_days": RHYTHM,
    "tenure_days": RHYTHM,
    "idle_in_gaps": RHYTHM,
    "idle_in_mean_gaps": RHYTHM,
    BTYD: RHYTHM,
    "purchases": FREQUENCY,
    **{f"purchases_{days}": FREQUENCY for days in RECENT_DAYS},
    "spend": SPEND,
    **{f"spend_{days}": SPEND for days in RECENT_DAYS},
    "mean_basket": SPEND,
    "refund_share": SPEND,
    "discount_share": SPEND,
    "complaints_365": COMPLAINTS,
    "complaints_open": COMPLAINTS,
    "complaint_days": COMPLAINTS,
    "interactions_90": SERVICE,
    "interactions_drop": SERVICE,
    "satisfaction": SERVICE,
    "satisfaction_unknown": SERVICE,
}


@dataclass(frozen=True)
class Sources:
    """The tables that features may come from; only `occasions` or `orders` must be there.

    Where `orders` are given, purchases are counted from them, as a refund that came after a day must
    not lower what had been bought by then; the table `occasions` knows no days of refunds.
    Items of surveys that begin with one of `attitude_items` do not ask for satisfaction.
    """

    occasions: pl.DataFrame
    orders: pl.DataFrame | None = None
    order_lines: pl.DataFrame | None = None
    feedback: pl.DataFrame | None = None
    interactions: pl.DataFrame | None = None
    surveys: pl.DataFrame | None = None
    zero_price_is_purchase: bool = True
    attitude_items: tuple[str, ...] = ()

    def purchases(self, until: date) -> pl.DataFrame:
        """The purchase occasions as known at the end of a day, sorted."""
        if self.orders is None:
            known = self.occasions.filter(pl.col("purchase_day") <= until)
        else:
            known = self.orders.lazy().filter(_day("ordered_at") <= until)
            known = known.filter(pl.col("purchase_day") <= until)
            known = purchase_occasions(known, self.zero_price_is_purchase).collect()
        return known.sort("customer_id", "purchase_day")


def features(sources: Sources, purchases: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Everything about purchases, money, complaints and contacts up to a day, in one pass.

    Args:
        purchases: `sources.purchases(cut_off)`.

    Returns:
        One row per customer with a purchase, sorted by `customer_id`; columns of `GROUP_OF` (the
        BTYD term apart) in their natural units: days, counts, money, shares from 0 to 1.
    """
    base = purchases.lazy()
    known = summarise_customers(base, cut_off).join(
        base.group_by("customer_id").agg(**_recent(cut_off)), on="customer_id", how="left"
    )
    found = known.select("customer_id", **_of_purchases())
    for one, without in _optional(sources, cut_off):
        found = found.join(one, on="customer_id", how="left").with_columns(
            pl.col(name).fill_null(value) for name, value in without.items()
        )
    return found.sort("customer_id").collect()


def _day(column: str) -> pl.Expr:
    return pl.col(column).dt.date()


def _recent(cut_off: date) -> dict[str, pl.Expr]:
    day, money = pl.col("purchase_day"), pl.col("amount")
    found = {"median_gap": day.sort().diff().dt.total_days().median()}
    for days in RECENT_DAYS:
        recent = day > cut_off - timedelta(days=days)
        found[f"purchases_{days}"] = recent.sum().cast(pl.Float64)
        found[f"spend_{days}"] = money.filter(recent).sum().cast(pl.Float64)
    return found


def _of_purchases() -> dict[str, pl.Expr]:
    """Idle time in own gaps is bounded; a one-time buyer's only gap so far is the present one."""
    idle = pl.col("T") - pl.col("recency")
    mean_gap = pl.col("recency") / pl.col("frequency")
    repeat = pl.col("frequency") > 0

    def in_gaps(gap: pl.Expr) -> pl.Expr:
        ratio = (idle / gap.clip(lower_bound=1)).clip(upper_bound=MOST_GAPS)
        return pl.when(repeat).then(ratio).otherwise(1.0)

    windows = [f"{what}_{days}" for days in RECENT_DAYS for what in ("purchases", "spend")]
    return {
        "idle_days": idle,
        "tenure_days": pl.col("T"),
        "idle_in_gaps": in_gaps(pl.col("median_gap")),
        "idle_in_mean_gaps": in_gaps(mean_gap),
        "purchases": pl.col("purchases").cast(pl.Float64),
        "spend": pl.col("spend"),
        "mean_basket": pl.col("spend") / pl.col("purchases"),
        **{name: pl.col(name) for name in windows},
    }


def _optional(sources: Sources, cut_off: date) -> list[tuple[pl.LazyFrame, dict[str, float]]]:
    """Per optional table with rows by then: its features, and the values of those without a row."""
    builders = {
        "orders": ("ordered_at", _refunds),
        "order_lines": ("ordered_at", _discounts),
        "feedback": ("at", _complaints),
        "interactions": ("at", _contacts),
        "surveys": ("at", _satisfaction),
    }
    found = []
    for name, (time, build) in builders.items():
        table = _table(sources, name, cut_off)
        if table is None or time not in table.columns:
            continue
        rows = table.lazy().filter(_day(time) <= cut_off).with_columns(day=_day(time)).collect()
        built = build(rows, cut_off) if rows.height else None
        if built is not None:
            found.append(built)
    return found


def _table(sources: Sources, name: str, cut_off: date) -> pl.DataFrame | None:
    """A table; answers about attitudes are left out, lines get customer and time of their order."""
    table = getattr(sources, name)
    if name == "surveys" and table is not None and sources.attitude_items:
        about = [pl.col("item").str.starts_with(start) for start in sources.attitude_items]
        return table.filter(~pl.any_horizontal(about))
    orders = sources.orders
    if name != "order_lines" or table is None or orders is None:
        return table
    if not ("order_id" in table.columns and "order_id" in orders.columns):
        return table
    whose = (
        orders.filter((_day("ordered_at") <= cut_off) & pl.col("order_id").is_not_null())
        .group_by("order_id")
        .agg(whose=pl.col("customer_id").min(), ordered=pl.col("ordered_at").min())
    )
    return table.join(whose, on="order_id", how="left", maintain_order="left").with_columns(
        customer_id=pl.coalesce("customer_id", "whose"),
        ordered_at=pl.coalesce("ordered_at", "ordered"),
    )


def _refunds(rows: pl.DataFrame, cut_off: date) -> tuple[pl.LazyFrame, dict[str, float]]:
    money = pl.col("amount")
    back = -money.filter(money < 0).sum().cast(pl.Float64)
    sold = money.filter(money > 0).sum().cast(pl.Float64)
    share = pl.when(sold > 0).then((back / sold).clip(0, 1)).otherwise(0.0)
    return rows.lazy().group_by("customer_id").agg(refund_share=share), {"refund_share": 0.0}


def _discounts(rows: pl.DataFrame, cut_off: date) -> tuple[pl.LazyFrame, dict[str, float]] | None:
    needed = {"customer_id", "list_price", "unit_price", "quantity"}
    if not needed <= set(rows.columns):
        return None
    price, listed = pl.col("unit_price"), pl.col("list_price")
    pieces = pl.col("quantity").cast(pl.Decimal(38, 4))
    sold = rows.drop_nulls(needed).filter((listed > 0) & (pl.col("quantity") > 0))
    if sold.is_empty():
        return None
    given = (price * pieces).sum().cast(pl.Float64) / (listed * pieces).sum().cast(pl.Float64)
    shares = sold.lazy().group_by("customer_id").agg(discount_share=(1 - given).clip(0, 1))
    return shares, {"discount_share": 0.0}


def _complaints(rows: pl.DataFrame, cut_off: date) -> tuple[pl.LazyFrame, dict[str, float]]:
    """Counts within a year, those not closed by then, and days since the last, at most a year.

    The column `status` says how things stand today, so only `closed_at` is used; without any
    complaint closed by then, nobody noted closings, and which are open is not known.
    """
    closed = _day("closed_at") <= cut_off if "closed_at" in rows.columns else pl.lit(None)
    rows = rows.filter(pl.col("kind") == "complaint").with_columns(
        closed=closed.fill_null(False), age=(cut_off - pl.col("day")).dt.total_days()
    )
    sums = {
        "complaints_365": (pl.col("age") < YEAR_DAYS).sum().cast(pl.Float64),
        "complaint_days": pl.col("age").min().clip(upper_bound=YEAR_DAYS).cast(pl.Float64),
    }
    without = {"complaints_365": 0.0, "complaint_days": float(YEAR_DAYS)}
    if rows["closed"].any():
        sums["complaints_open"] = (~pl.col("closed")).sum().cast(pl.Float64)
        without["complaints_open"] = 0.0
    return rows.lazy().group_by("customer_id").agg(**sums), without


def _contacts(rows: pl.DataFrame, cut_off: date) -> tuple[pl.LazyFrame, dict[str, float]]:
    age = (cut_off - pl.col("day")).dt.total_days()
    last = (age < CONTACT_DAYS).sum().cast(pl.Float64)
    before = age.is_between(CONTACT_DAYS, 2 * CONTACT_DAYS - 1).sum().cast(pl.Float64)
    counts = {"interactions_90": last, "interactions_drop": before - last}
    return rows.lazy().group_by("customer_id").agg(**counts), dict.fromkeys(counts, 0.0)


def _satisfaction(
    rows: pl.DataFrame, cut_off: date
) -> tuple[pl.LazyFrame, dict[str, float]] | None:
    """Mean score of the latest day of answers as a share of the scale; the base's mean elsewhere."""
    if not {"score", "scale_max"} <= set(rows.columns):
        return None
    scored = rows.drop_nulls(["score", "scale_max"]).filter(pl.col("scale_max") > 0)
    if scored.is_empty():
        return None
    latest = scored.filter(pl.col("day") == pl.col("day").max().over("customer_id"))
    share = (pl.col("score") / pl.col("scale_max")).clip(0, 1)
    means = latest.group_by("customer_id").agg(
        satisfaction=share.sort().mean().round(9), satisfaction_unknown=pl.lit(0.0)
    )
    mean = round(float(means["satisfaction"].sort().mean()), 9)
    return means.lazy(), {"satisfaction": mean, "satisfaction_unknown": 1.0}
