"""Loyalty points: what was earned, burnt, expired and adjusted, and what is outstanding.

Sums are of whole hundredths of a point, so that they do not depend on the order of the rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.run.months import Month

HUNDREDTHS = 100
SPENDING = ("burn", "expire")
SOON_DAYS = 30
MOST_MONTHS = 24
_EARNING = ("earn", "referral")
_ACTIVE = ("earn", "burn")
_KINDS = {"earned": "earn", "burnt": "burn", "expired": "expire", "adjusted": "adjust"}
_BY_MONTH = {"month": pl.Date}
_BY_MONTH |= dict.fromkeys(("earned", "burnt", "expired", "outstanding"), pl.Float64)


@dataclass(frozen=True)
class Balance:
    """Points of one span of time, or of all members together; `spent` ones are positive numbers."""

    earned: float
    burnt: float
    expired: float
    adjusted: float
    movements: dict[str, int]  # of each of these four
    active: int  # members who earned or burnt

    @property
    def outstanding(self) -> float:
        """Earned less burnt less expired, with adjustments."""
        return round(self.earned - self.burnt - self.expired + self.adjusted, 2)


def movements(loyalty: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Every movement by as_of with its effect on the balance.

    Systems write points that were burnt or expired as negative numbers or as plain ones. Where any such
    row of the table is negative, signs count as written (a positive one takes a burn back); where none
    is, they are taken off. Points for a referral are earned ones.

    Args:
        loyalty: the table `loyalty`.

    Returns:
        One row per movement: `customer_id`, `day`, `order_id`, `kind` (`earn`, `burn`, `expire`,
        `adjust`), `change` (hundredths of a point, as the balance moves).
    """
    spending = pl.col("kind").is_in(SPENDING)
    signed = loyalty.filter(spending & (pl.col("points") < 0)).height > 0
    change = (pl.col("points") * HUNDREDTHS).round().cast(pl.Int64)
    plain = pl.lit(not signed) & spending
    day = pl.col("at").dt.date()
    return loyalty.filter(day <= as_of).select(
        "customer_id",
        day=day,
        order_id="order_id",
        kind=pl.when(pl.col("kind").is_in(_EARNING)).then(pl.lit("earn")).otherwise("kind"),
        change=pl.when(plain).then(-change).otherwise(change),
    )


def balance(moved: pl.DataFrame, first: date | None = None) -> Balance:
    """The points of a span.

    Args:
        moved: as `movements` returns it.
        first: first day that counts; None: all.
    """
    rows = moved if first is None else moved.filter(pl.col("day") >= first)
    kinds = rows.group_by("kind").agg(pl.col("change").sum(), pl.len())
    found = {kind: (change, count) for kind, change, count in kinds.iter_rows()}
    sums = [found.get(kind, (0, 0)) for kind in _KINDS.values()]
    earned, burnt, expired, adjusted = (change / HUNDREDTHS for change, _ in sums)
    counts = dict(zip(_KINDS, (count for _, count in sums), strict=True))
    active = rows.filter(pl.col("kind").is_in(_ACTIVE))["customer_id"].n_unique()
    # Taken from zero, since the negative of no points would be -0.
    return Balance(earned, 0 - burnt, 0 - expired, adjusted, counts, active)


def balances(moved: pl.DataFrame) -> pl.DataFrame:
    """One row per member, sorted: `customer_id`, `joined` (first movement), `points` outstanding."""
    return (
        moved.group_by("customer_id")
        .agg(joined=pl.col("day").min(), points=pl.col("change").sum() / HUNDREDTHS)
        .sort("customer_id")
    )


def lapsing(
    moved: pl.DataFrame, as_of: date, expiry_days: int | None
) -> tuple[float, float] | None:
    """Points outstanding beyond their term, and those that reach it in the next 30 days.

    Points are used up in the order in which they were earned: what remains of a lot is what was earned
    up to it less all that was taken off, at least 0 and at most the lot. An adjustment upwards is a lot.

    Args:
        moved: as `movements` returns it.
        expiry_days: age at which points lapse; None: never.

    Returns:
        Points past their term, and points lapsing within 30 days; None where points never lapse.
    """
    if expiry_days is None:
        return None
    gained = pl.col("change") > 0
    taken = moved.filter(~gained).group_by("customer_id").agg(taken=-pl.col("change").sum())
    lots = moved.filter(gained).sort("customer_id", "day", "order_id", "change")
    so_far = pl.col("change").cum_sum().over("customer_id")
    left = (so_far - pl.col("taken").fill_null(0)).clip(0, pl.col("change"))
    kept = lots.join(taken, on="customer_id", how="left", maintain_order="left").with_columns(
        left=left
    )
    age = (pl.lit(as_of) - pl.col("day")).dt.total_days()
    past, soon = age >= expiry_days, age >= expiry_days - SOON_DAYS
    sums = kept.select(
        past=pl.col("left").filter(past).sum(), soon=pl.col("left").filter(soon & ~past).sum()
    )
    return sums["past"].item() / HUNDREDTHS, sums["soon"].item() / HUNDREDTHS


def by_month(moved: pl.DataFrame, month: Month) -> pl.DataFrame:
    """What was earned, burnt and expired month by month, and what was outstanding at the end of each.

    Args:
        moved: as `movements` returns it.

    Returns:
        One row per month of the last 24, from the first movement on: `month` (first day), `earned`,
        `burnt`, `expired`, `outstanding`.
    """
    if moved.is_empty():
        return pl.DataFrame(schema=_BY_MONTH)
    begin = pl.col("day").dt.truncate("1mo")
    sums = moved.group_by(month=begin).agg(
        *(pl.col("change").filter(kind=kind).sum().alias(name) for name, kind in _KINDS.items()),
        total=pl.col("change").sum(),
    )
    months = pl.date_range(sums["month"].min(), month.first_day, "1mo", eager=True).alias("month")
    whole = months.to_frame().join(sums, on="month", how="left").sort("month").fill_null(0)
    shown = whole.with_columns(
        pl.col("earned") / HUNDREDTHS,
        *(pl.col(name) / -HUNDREDTHS + 0.0 for name in ("burnt", "expired")),
        outstanding=pl.col("total").cum_sum() / HUNDREDTHS,
    )
    return shown.select(*_BY_MONTH).tail(MOST_MONTHS)


def earned_between(moved: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    """Points earned after one day and up to another, of every member by then.

    Returns:
        One row per member with a movement by `until`: `customer_id`, `earned`.
    """
    here = (pl.col("kind") == "earn") & (pl.col("day") > after)
    return (
        moved.filter(pl.col("day") <= until)
        .group_by("customer_id")
        .agg(earned=pl.col("change").filter(here).sum() / HUNDREDTHS)
        .sort("customer_id")
    )


def year_before(day: date) -> date:
    """The last day that is no longer within the 365 days up to a day."""
    return day - timedelta(days=365)
