"""What is known of each customer at the end of a day, from whatever tables there are.

Every quantity reads rows up to the cut-off only; a table without any such row gives no columns, so
nothing is invented. What a customer lacks has a stated value: nobody has null or NaN.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.churn.optional_features import (
    CATEGORY,
    CHANNEL,
    DROP,
    TIER,
    Built,
    city_tiers,
    complaints,
    contacts,
    discounts,
    first_categories,
    refunds,
    satisfaction,
)
from analysis.customers import purchase_occasions, summarise_customers
from analysis.run.settings import Settings

TABLES = ("orders", "order_lines", "feedback", "interactions", "surveys", "profiles", "products")
RECENT_DAYS = (30, 60, 90, 180)
MOST_GAPS = 10  # own gaps of silence beyond which more says nothing more
RHYTHM, FREQUENCY, SPEND, COMPLAINTS, SERVICE, PROFILE = GROUPS = (
    "rhythm",
    "frequency",
    "spend",
    "complaints",
    "service",
    "profile",
)
BTYD = "btyd_log_odds"
_GROUP_OF = {
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
# Features named after what a base holds: how their names begin.
_GROUP_OF_START = {CHANNEL: SERVICE, DROP: SERVICE, TIER: PROFILE, CATEGORY: PROFILE}


@dataclass(frozen=True)
class Sources:
    """The tables that features may come from; only `occasions` or `orders` must be there.

    Where `orders` are given, purchases are counted from them, as a refund that came after a day must
    not lower what had been bought by then; the table `occasions` knows no days of refunds.
    Items of surveys that begin with one of `attitude_items` do not ask for satisfaction.
    `profiles` and `products` have no history: they say how things stood on the day of the export, at
    every cut-off. Which of their values become features is still counted on what a cut-off knew.
    """

    occasions: pl.DataFrame
    orders: pl.DataFrame | None = None
    order_lines: pl.DataFrame | None = None
    feedback: pl.DataFrame | None = None
    interactions: pl.DataFrame | None = None
    surveys: pl.DataFrame | None = None
    profiles: pl.DataFrame | None = None
    products: pl.DataFrame | None = None
    zero_price_is_purchase: bool = True
    attitude_items: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, occasions: pl.DataFrame, tables: dict[str, pl.DataFrame], settings: Settings
    ) -> "Sources":
        """The tables of a month, by the names in `TABLES`; those without a source are empty."""
        return cls(
            occasions,
            **tables,
            zero_price_is_purchase=settings.zero_price_is_purchase,
            attitude_items=(settings.segment.attitude_items,),
        )

    def purchases(self, until: date) -> pl.DataFrame:
        """The purchase occasions as known at the end of a day, sorted."""
        if self.orders is None:
            known = self.occasions.filter(pl.col("purchase_day") <= until)
            return known.sort("customer_id", "purchase_day")
        known = self.orders.filter(
            (_day("ordered_at") <= until) & (pl.col("purchase_day") <= until)
        )
        # Customers go by number, and are sorted by one: rows of text take several times as long.
        names = known.select("customer_id").unique().sort("customer_id").with_row_index("number")
        numbered = known.lazy().join(names.lazy(), on="customer_id", how="left", nulls_equal=True)
        numbered = numbered.with_columns(customer_id=pl.col("number").cast(pl.Int64))
        days = purchase_occasions(numbered, self.zero_price_is_purchase)
        key = pl.col("customer_id") * 2**32 + pl.col("purchase_day").to_physical()
        found = days.sort(key).collect()
        return found.with_columns(customer_id=names["customer_id"].gather(found["customer_id"]))


def features(sources: Sources, purchases: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Everything about purchases, money, complaints and contacts up to a day, in one pass.

    Args:
        purchases: `sources.purchases(cut_off)`.

    Returns:
        One row per customer with a purchase, sorted by `customer_id`; columns that `group_of` knows
        (the BTYD term apart) in their natural units: days, counts, money, shares from 0 to 1. One
        per common channel, city tier or first category is named after it; each kind is sorted.
    """
    # Customers go by number until the end, as grouping and joining by text costs several times more.
    ordered = purchases.sort("customer_id", "purchase_day")
    who = pl.col("customer_id")
    is_first = ordered.select(who.ne_missing(who.shift(1))).to_series()
    names = ordered.filter(is_first).select("customer_id").with_row_index("number")
    base = ordered.with_columns(customer_id=is_first.cum_sum() - 1).lazy()
    recent = base.group_by("customer_id").agg(**_recent(cut_off))
    known = summarise_customers(base, cut_off).join(recent, on="customer_id", how="left")
    known = known.join(_median_gaps(base), on="customer_id", how="left").sort("customer_id")
    found = known.select(**_of_purchases()).collect()
    found = pl.concat([names.select("customer_id"), found], how="horizontal").lazy()
    for one, without in _optional(sources, purchases, cut_off):
        joined = found.join(one, on="customer_id", how="left", maintain_order="left")
        found = joined.with_columns(
            pl.col(name).fill_null(value) for name, value in without.items()
        )
    return found.collect()


def group_of(name: str) -> str | None:
    """The group, one of `GROUPS`, of a feature; None of a name that is no feature."""
    start, found, _ = name.partition(":")
    return _GROUP_OF_START.get(start + found) if found else _GROUP_OF.get(name)


def feature_columns(names: Iterable[str]) -> tuple[str, ...]:
    """The features among some names in an order of their own, so that equal sets give equal models."""
    names = set(names)
    fixed = [name for name in _GROUP_OF if name in names]
    return (*fixed, *sorted(name for name in names - set(fixed) if group_of(name) is not None))


def _day(column: str) -> pl.Expr:
    return pl.col(column).dt.date()


def _recent(cut_off: date) -> dict[str, pl.Expr]:
    day, money = pl.col("purchase_day"), pl.col("amount")
    found = {}
    for days in RECENT_DAYS:
        recent = day > cut_off - timedelta(days=days)
        found[f"purchases_{days}"] = recent.sum().cast(pl.Float64)
        found[f"spend_{days}"] = money.filter(recent).sum().cast(pl.Float64)
    return found


def _median_gaps(purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Days between purchases, of customers with two: `customer_id`, `median_gap`.

    Differences are taken over the whole sorted table at once: within groups they cost as much as all
    other features together.
    """
    who, day = pl.col("customer_id"), pl.col("purchase_day")
    gap = pl.when(who == who.shift(1)).then(day.diff().dt.total_days())
    gaps = purchases.sort("customer_id", "purchase_day").select("customer_id", gap=gap)
    return gaps.drop_nulls("gap").group_by("customer_id").agg(median_gap=pl.col("gap").median())


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


def _optional(sources: Sources, purchases: pl.DataFrame, cut_off: date) -> list[Built]:
    """What each optional table with rows by then gives."""
    builders = {
        "orders": ("ordered_at", [refunds]),
        "order_lines": (
            "ordered_at",
            [discounts, lambda rows, _: first_categories(rows, purchases, sources.products)],
        ),
        "feedback": ("at", [complaints]),
        "interactions": ("at", [contacts]),
        "surveys": ("at", [satisfaction]),
    }
    found = []
    for name, (time, builds) in builders.items():
        table = _table(sources, name, cut_off)
        if table is None or time not in table.columns:
            continue
        rows = table.lazy().filter(_day(time) <= cut_off).with_columns(day=_day(time)).collect()
        found += [build(rows, cut_off) for build in builds if rows.height]
    if sources.profiles is not None:
        found.append(city_tiers(sources.profiles, purchases))
    return [built for built in found if built is not None]


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
