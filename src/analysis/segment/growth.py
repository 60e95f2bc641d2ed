"""Where the money grows and where it goes: growth times size of classes and regions.

A class whose rule looks at recent buying cannot be followed through its present members: who is in it
now bought lately by definition. So such a class is compared with those who were in it at the time, and
where their classes are not known its growth is shown and not judged. Places hardly change, so there the
present members serve.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
from scipy.stats import t

from analysis.segment.profiles import MONEY
from analysis.segment.traits import NOT_CLASSES

MOVING, FIXED = ("cluster", "need", "value_revenue"), ("region", "city_tier")
WINDOW_DAYS, YEAR_DAYS, SIZE_DAYS = 91, 364, 365  # 13 and 52 weeks, so that weekdays agree
LEAST_BUYERS = 30  # in either window, for an interval to be worth giving
LEVEL = 0.05
ALL = "all"


@dataclass(frozen=True)
class Comparison:
    """What the last 91 days are compared with."""

    compared_with: str  # `year_ago` or `previous`
    days_back: int  # from the end of one window to the end of the other
    months_back: int  # in which month's tables the classes of the time are kept


YEAR_AGO = Comparison("year_ago", YEAR_DAYS, 12)
PREVIOUS = Comparison("previous", WINDOW_DAYS, 3)


def comparison(occasions: pl.DataFrame, as_of: date) -> Comparison | None:
    """The window of a year ago, else the one just before; None where the history holds neither.

    Args:
        occasions: one row per customer and purchase day.
        as_of: last day of the window that is compared.
    """
    first = occasions["purchase_day"].min()
    for one in (YEAR_AGO, PREVIOUS):
        if first and first <= as_of - timedelta(days=one.days_back + WINDOW_DAYS - 1):
            return one
    return None


def growth(
    segments: pl.DataFrame,
    occasions: pl.DataFrame,
    as_of: date,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Spend of each class in the last 91 days against the 91 days that `comparison` names.

    The interval is of the ratio of two sums over customers, by the delta method on its logarithm,
    with Student's t on the degrees of freedom that the customers' pulls are worth (Satterthwaite
    1946), since few large customers make most of the spend; it holds for all classes of an axis at
    once (Bonferroni).

    Args:
        segments: one row per customer and axis, now.
        occasions: one row per customer and purchase day: `customer_id`, `purchase_day`, `amount`.
        as_of: last day that counts.
        earlier: `customer_id`, `axis`, `class` as they stood `comparison(...).days_back` days
            before `as_of`: the table `segments` of `months_back` months ago, or customers of that
            day classed by the present standard; None where neither is known.

    Returns:
        One row per axis in MOVING and FIXED and class, and one of all customers (axis `all`), the
        greatest change of spend first: `axis`, `class`, `customers` (now), `spend_365`, `spend_now`,
        `spend_before`, `change`, `growth`, `low`, `high` (95 %; null below LEAST_BUYERS buyers in
        either window), `compared_with` (null without enough history), `members` (`present`, or
        `of_the_time`), `outlook` (`opportunity`, `risk` or `unclear`).
    """
    against = comparison(occasions, as_of)
    spend = _spend(occasions, as_of, against)
    now = _members(segments, (*MOVING, *FIXED))
    everybody = spend.select("customer_id", axis=pl.lit(ALL), **{"class": pl.lit(ALL)})
    now = pl.concat([now, everybody])
    then, of_the_time = now, ()
    if earlier is not None:
        known = _members(earlier, MOVING)
        of_the_time = known["axis"].unique().to_list()
        then = pl.concat([now.filter(~pl.col("axis").is_in(of_the_time)), known])
    sums = _sums(now, then, spend)
    judged = _intervals(sums).with_columns(
        change=(pl.col("spend_now") - pl.col("spend_before")).round(4),
        compared_with=pl.lit(against and against.compared_with, pl.String),
        members=pl.when(pl.col("axis").is_in(list(of_the_time)))
        .then(pl.lit("of_the_time"))
        .otherwise(pl.lit("present")),
    )
    circular = pl.col("axis").is_in(MOVING) & (pl.col("members") == "present")
    outlook = (
        pl.when(~circular & (pl.col("low") > 0))
        .then(pl.lit("opportunity"))
        .when(~circular & (pl.col("high") < 0))
        .then(pl.lit("risk"))
        .otherwise(pl.lit("unclear"))
    )
    columns = ["axis", "class", "customers", "spend_365", "spend_now", "spend_before", "change"]
    columns += ["growth", "low", "high", "compared_with", "members"]
    ordered = judged.sort("change", "axis", "class", descending=[True, False, False])
    return ordered.select(*columns, outlook=outlook)


def _members(segments: pl.DataFrame, axes: tuple[str, ...]) -> pl.DataFrame:
    wanted = pl.col("axis").is_in(axes) & ~pl.col("class").is_in(NOT_CLASSES)
    return segments.filter(wanted).select("customer_id", "axis", "class")


def _spend(occasions: pl.DataFrame, as_of: date, against: Comparison | None) -> pl.DataFrame:
    """Spend of each customer in the last year, in the window and in the one it is compared with."""
    day, amount = pl.col("purchase_day"), pl.col("amount").cast(MONEY)

    def ending(end: date, days: int) -> pl.Expr:
        return amount.filter((day > end - timedelta(days=days)) & (day <= end)).sum()

    before = pl.lit(0, MONEY)
    if against:
        before = ending(as_of - timedelta(days=against.days_back), WINDOW_DAYS)
    return occasions.group_by("customer_id").agg(
        spend_365=ending(as_of, SIZE_DAYS), now=ending(as_of, WINDOW_DAYS), before=before
    )


def _sums(now: pl.DataFrame, then: pl.DataFrame, spend: pl.DataFrame) -> pl.DataFrame:
    """Spend of each class in both windows, each by its members of the time, and its variation."""
    key = ["customer_id", "axis", "class"]
    present = now.join(spend.drop("before"), on="customer_id", how="left").fill_null(0)
    past = then.join(spend.select("customer_id", "before"), on="customer_id")
    rows = present.with_columns(member=pl.lit(True)).join(past, on=key, how="full", coalesce=True)
    rows = rows.with_columns(pl.col("now", "before").fill_null(0))
    totals = rows.group_by("axis", "class").agg(
        customers=pl.col("member").sum().cast(pl.Int64),
        spend_365=pl.col("spend_365").sum().cast(pl.Float64),
        spend_now=pl.col("now").sum().cast(pl.Float64),
        spend_before=pl.col("before").sum().cast(pl.Float64),
        fewest_buyers=pl.min_horizontal((pl.col("now") > 0).sum(), (pl.col("before") > 0).sum()),
    )
    # The logarithm of a ratio of sums moves with each customer's share of either sum.
    pull = pl.col("now") / pl.col("spend_now") - pl.col("before") / pl.col("spend_before")
    variation = (
        rows.with_columns(pl.col("now", "before").cast(pl.Float64))
        .join(totals, on=["axis", "class"])
        .group_by("axis", "class")
        .agg(variance=(pull**2).sum(), fourth=(pull**4).sum())
    )
    return totals.join(variation, on=["axis", "class"])


def _intervals(sums: pl.DataFrame) -> pl.DataFrame:
    """Growth and its interval, where enough customers bought in both windows."""
    enough = pl.col("fewest_buyers") >= LEAST_BUYERS
    ratio = pl.col("spend_now") / pl.col("spend_before")
    tested = sums.sort("axis", "class").with_columns(
        alternatives=enough.sum().over("axis").clip(1),
        freedom=pl.when(enough).then(pl.col("variance") ** 2 / pl.col("fourth")).fill_null(1),
    )
    quantile = 1 - LEVEL / 2 / tested["alternatives"].to_numpy()
    bound = pl.Series(t.ppf(quantile, tested["freedom"].to_numpy()), dtype=pl.Float64)
    width = (bound * tested["variance"].sqrt()).round(9)
    return tested.with_columns(
        growth=pl.when(pl.col("spend_before") > 0).then(ratio - 1),
        low=pl.when(enough).then(ratio * (-width).exp() - 1),
        high=pl.when(enough).then(ratio * width.exp() - 1),
    )
