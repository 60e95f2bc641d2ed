"""What the names of classes promise, and whether their members kept it in the next period.

A name is advice: nobody would write first to the lost if they bought more than the promising. So each
pair of names of which one plainly promises more is tested on what their members did. Names that promise
nothing about each other are not compared: nothing says whether "at risk" or "cannot lose them" should
buy more often, nor "new" or "promising".
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from analysis.intervals import of_difference, simultaneous_z, wilson


@dataclass(frozen=True)
class Promise:
    """Every name of `higher` promises more than every name of `lower`; `why` is a key of the labels.

    `measure` is what is promised: `rate` (of buying) or `revenue` (per customer).
    """

    higher: tuple[str, ...]
    lower: tuple[str, ...]
    why: str
    measure: str = "rate"


_GROWING = ("potential_loyalist", "new", "promising", "need_attention")
_LEAVING = ("at_risk", "cannot_lose", "hibernating")
PROMISES: dict[str, tuple[Promise, ...]] = {
    "rfm": (
        Promise(("champions",), ("loyal",), "best"),
        Promise(("champions", "loyal"), _GROWING, "loyal"),
        Promise(("champions", "loyal", *_GROWING), ("about_to_sleep",), "awake"),
        Promise(("champions", "loyal", *_GROWING), (*_LEAVING, "lost"), "here"),
        Promise(("about_to_sleep",), ("hibernating", "lost"), "not_asleep"),
        Promise(_LEAVING, ("lost",), "not_lost"),
    ),
    # A tier is named after money, so money is what it promises; margins of the window are not known,
    # and revenue stands for them.
    "value_revenue": (
        Promise(("high_value",), ("middle_value", "low_value"), "value", "revenue"),
        Promise(("middle_value",), ("low_value",), "value", "revenue"),
    ),
    "value_margin": (
        Promise(("high_margin",), ("middle_margin", "low_margin"), "value", "revenue"),
        Promise(("middle_margin",), ("low_margin",), "value", "revenue"),
    ),
    "life_cycle": (
        Promise(("loyal",), ("repeat", "first_purchase"), "stage"),
        Promise(("repeat",), ("first_purchase",), "stage"),
    ),
    "activity": (
        Promise(("active",), ("slowing", "silent"), "rhythm"),
        Promise(("slowing",), ("silent",), "rhythm"),
    ),
}
_SIDES = ("higher", "lower")
_KEPT, _BY_CHANCE, _BROKEN = "kept", "within_chance", "broken"


def promised_pairs() -> pl.DataFrame:
    """Every pair of names of which one promises more.

    Returns:
        One row per axis and pair: `axis`, `higher`, `lower`, `measure`, `why`.
    """
    rows = [
        (axis, higher, lower, promise.measure, promise.why)
        for axis, promises in PROMISES.items()
        for promise in promises
        for higher, lower in product(promise.higher, promise.lower)
    ]
    return pl.DataFrame(rows, schema=["axis", *_SIDES, "measure", "why"], orient="row")


def name_order(rates: pl.DataFrame) -> pl.DataFrame:
    """Whether the members of classes did what the names promise, pair by pair.

    Args:
        rates: the table `class_rates`.

    Returns:
        One row per promised pair whose classes both have members, in the order of the promises: `axis`,
        `higher`, `lower`, `measure`, `why`, `higher_value`, `lower_value` (rate, or revenue per
        customer), `difference` with `low` and `high` (limits that hold together for all pairs of the
        axis at 95 %), `verdict`: `kept`, `within_chance` (the other way round, and chance can do
        that) or `broken`. An axis whose classes all did the same (nobody bought, say) tells nothing
        and is left out.
    """
    pairs = promised_pairs()
    for side in _SIDES:
        of_side = rates.select(
            "axis",
            pl.col("class").alias(side),
            *(pl.col(name).alias(f"{side}_{name}") for name in ("customers", "rate")),
            pl.col("revenue_per_customer").alias(f"{side}_revenue"),
            pl.col("revenue_error").alias(f"{side}_error"),
        )
        pairs = pairs.join(of_side, on=["axis", side], maintain_order="left")
    by_rate = pl.col("measure") == "rate"
    values = {
        f"{side}_value": pl.when(by_rate).then(f"{side}_rate").otherwise(f"{side}_revenue")
        for side in _SIDES
    }
    pairs = pairs.with_columns(**values)
    most, least = pl.max_horizontal(*values).max(), pl.min_horizontal(*values).min()
    pairs = pairs.filter((most > least).over("axis"))
    return _judge(pairs)


def _judge(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add the difference of each pair, its limits and the verdict."""
    z = simultaneous_z(pairs.select(pl.len().over("axis"))["len"].to_numpy())
    low, high = of_difference(*(_limits(pairs, side, z) for side in _SIDES))
    difference = pl.col("higher_value") - pl.col("lower_value")
    # Where a class of one customer has no standard error, chance can do anything.
    reversed_ = pl.when(pl.col("high") < 0).then(pl.lit(_BROKEN)).otherwise(pl.lit(_BY_CHANCE))
    columns = ("axis", *_SIDES, "measure", "why", "higher_value", "lower_value")
    return (
        pairs.with_columns(difference=difference, low=low, high=high)
        .with_columns(pl.col("low", "high").fill_nan(None))
        .with_columns(verdict=pl.when(difference >= 0).then(pl.lit(_KEPT)).otherwise(reversed_))
        .select(*columns, "difference", "low", "high", "verdict")
    )


def _limits(pairs: pl.DataFrame, side: str, z: np.ndarray) -> tuple:
    """Value, lower and upper limit of one side of each pair."""
    value = pairs[f"{side}_value"].to_numpy()
    half = z * pairs[f"{side}_error"].fill_null(float("nan")).to_numpy()
    rate = pairs[f"{side}_rate"].to_numpy()
    below, above = wilson(rate, pairs[f"{side}_customers"].to_numpy(), z)
    by_rate = (pairs["measure"] == "rate").to_numpy()
    return value, np.where(by_rate, below, value - half), np.where(by_rate, above, value + half)
