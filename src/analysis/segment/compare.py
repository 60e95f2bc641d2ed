"""Which classification serves best: the axes compared on what customers did next, and on stability.

Classes and facts are taken as they were at a cut-off; what is foretold is the closed window after it.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis import tables
from analysis.intervals import wilson
from analysis.segment import compare_scores as scores

SCORE, NO_CLASSES = "continuous_score", "no_classes"
LEAST_OUTCOMES = 50  # who bought, and who did not: ten of each kind to a fold
LEAST_STABLE = 0.7  # of those who did nothing, the share that keeps its class
LONGEST_MONTH_DAYS = 31
MOST_CUSTOMERS = 200_000  # compared; of more, that many by lot, and an AUC is known to 0.003
_FACTS = ["idle_days", "frequency", "T", "mean_spend"]  # of the continuous score
_UNKNOWN = "unknown"
_KEY = ["customer_id", "axis"]
_COMPARISON = {
    "axis": pl.String,
    "customers": pl.Int64,
    "classes": pl.Int64,
    **dict.fromkeys(
        [
            *("auc", "auc_low", "auc_high", "behind", "behind_low", "behind_high"),
            *("explained", "stability"),
        ],
        pl.Float64,
    ),
}


def outcomes(
    occasions: pl.DataFrame, cut_off: date, days: int, customers: pl.DataFrame
) -> pl.DataFrame:
    """What each customer known at a cut-off did in the window after it.

    Args:
        occasions: the table `occasions`.
        cut_off: last day on which the customers were looked at; the window starts on the next day.
        days: length of the window, which must have closed.
        customers: one row per customer known at the cut-off, with `customer_id`.

    Returns:
        One row per customer, sorted by `customer_id`: `customer_id`, `active` (bought in the window),
        `revenue` (in the window).
    """
    day, until = pl.col("purchase_day"), cut_off + timedelta(days=days)
    window = occasions.filter((day > cut_off) & (day <= until))
    bought = window.group_by("customer_id").agg(revenue=pl.col("amount").sum().cast(pl.Float64))
    return (
        customers.select("customer_id")
        .join(bought, on="customer_id", how="left", validate="1:1")
        .select(
            "customer_id",
            active=pl.col("revenue").is_not_null(),
            revenue=pl.col("revenue").fill_null(0),
        )
        .sort("customer_id")
    )


def class_rates(classes: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The rate at which the members of each class really bought.

    Args:
        classes: one row per customer and axis at the cut-off: `customer_id`, `axis`, `class`.
        outcomes: as `outcomes` returns them; others (prospects) are left out.

    Returns:
        One row per axis and class, in the columns of the table `class_rates`: the class that bought at
        the highest rate first within its axis; `low` and `high` are the rate's 95 % Wilson interval.
    """
    known = classes.select(*_KEY, "class").join(outcomes, on="customer_id")
    # Money is summed exactly, and the deviations in one order, so that every run finds the same.
    spent = pl.col("revenue").cast(tables.MONEY).sum().cast(pl.Float64)
    grouped = known.group_by("axis", "class").agg(
        customers=pl.len().cast(pl.Int64),
        active=pl.col("active").sum().cast(pl.Int64),
        revenue_per_customer=(spent / pl.len()).round(6),
        revenue_error=(pl.col("revenue").sort().std() / pl.len().sqrt()).round(6),
    )
    rated = grouped.with_columns(rate=pl.col("active") / pl.col("customers"))
    low, high = wilson(rated["rate"].to_numpy(), rated["customers"].to_numpy())
    order = ["rate", "revenue_per_customer", "customers", "class"]
    return (
        rated.with_columns(low=low.clip(0, 1).round(9), high=high.clip(0, 1).round(9))
        .sort("axis", *order, descending=[False, True, True, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("axis"))
        .select(tables.CONTRACTS["class_rates"].column_names())
    )


def stability(
    classes: pl.DataFrame,
    previous_classes: pl.DataFrame,
    facts: pl.DataFrame,
    days: int = LONGEST_MONTH_DAYS,
) -> pl.DataFrame:
    """How many of those who did nothing kept their class: what moves them is the clock or the ruler.

    Args:
        classes: one row per customer and axis: `customer_id`, `axis`, `class`.
        previous_classes: the same, as it was some days earlier.
        facts: of the day of `classes`: `customer_id`, `idle_days`.
        days: how much earlier; who has been silent for as long bought nothing in between.

    Returns:
        One row per axis that has such customers: `axis`, `silent` (customers), `stability` (share of
        them whose class is the same).
    """
    silent = facts.filter(pl.col("idle_days") >= days).select("customer_id")
    before = previous_classes.select(*_KEY, before="class")
    return (
        classes.select(*_KEY, "class")
        .join(before, on=_KEY, validate="1:1")
        .join(silent, on="customer_id", how="semi")
        .group_by("axis")
        .agg(silent=pl.len().cast(pl.Int64), stability=(pl.col("class") == pl.col("before")).mean())
        .sort("axis")
    )


def axis_comparison(
    classes: pl.DataFrame,
    facts: pl.DataFrame,
    outcomes: pl.DataFrame,
    previous_classes: pl.DataFrame | None = None,
    seed: int = 0,
    previous_days: int = LONGEST_MONTH_DAYS,
) -> pl.DataFrame:
    """Every axis measured on what its classes foretold, beside a score and beside no classes at all.

    Args:
        classes: one row per customer and axis at the cut-off: `customer_id`, `axis`, `class`.
        facts: of the cut-off: `customer_id`, `idle_days`, `frequency`, `T`, `mean_spend`.
        outcomes: as `outcomes` returns them.
        previous_classes: some days before the cut-off, for stability; None where there are none.
        seed: for the folds.
        previous_days: how many days before, as `stability` takes them.

    Returns:
        One row per axis, one for `continuous_score` (a regression on the logs of four facts) and one
        for `no_classes`, in the columns of the table `axis_comparison`, the best first. What too few
        outcomes leave open is null, and the verdict says so. Of more than 200,000 customers that many
        are compared.
    """
    known = _by_lot(_in_order(classes, facts, outcomes), seed)
    axes = sorted(classes["axis"].unique())
    steady = {}
    if previous_classes is not None:
        kept = stability(classes, previous_classes, facts, previous_days)
        steady = dict(kept.select("axis", "stability").iter_rows())
    found, explained = _measure(known, axes, seed)
    rows = [
        {
            "axis": axis,
            "customers": known.height,
            "classes": None if axis == SCORE else known[axis].n_unique() if axis in axes else 1,
            **_ranking(found, place, len(axes)),
            "explained": explained and explained[place],
            "stability": steady.get(axis),
        }
        for place, axis in enumerate([*axes, SCORE, NO_CLASSES])
    ]
    verdicts = _verdicts(rows, found)
    table = pl.DataFrame(rows, schema=_COMPARISON).with_columns(verdict=pl.Series(verdicts))
    rounded = table.with_columns(pl.col(pl.Float64).round(6))
    return rounded.sort("auc", "axis", descending=[True, False], nulls_last=True)


def recommended(comparison: pl.DataFrame) -> str | None:
    """The axis that separates best among those that hold still; None where there is none."""
    best = comparison.filter(pl.col("verdict") == "best")["axis"]
    return best[0] if best.len() else None


def _in_order(classes: pl.DataFrame, facts: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per customer in an order that only what is known of them decides, never ids or rows.

    Returns:
        The facts of the score, `active`, `revenue`, and a column of classes for each axis.
    """
    wide = classes.select(*_KEY, "class").pivot(
        on="axis", index="customer_id", values="class", sort_columns=True
    )
    axes = [name for name in wide.columns if name != "customer_id"]
    joined = (
        facts.select("customer_id", *_FACTS)
        .join(outcomes.select("customer_id", "active", "revenue"), on="customer_id")
        .join(wide, on="customer_id", how="left", validate="1:1")
    )
    ordered = joined.drop("customer_id").with_columns(pl.col(axes).fill_null(_UNKNOWN))
    return ordered.sort("active", *_FACTS, "revenue", *axes)


def _by_lot(known: pl.DataFrame, seed: int) -> pl.DataFrame:
    """At most so many customers as are needed to tell the axes apart, in the same order."""
    if known.height <= MOST_CUSTOMERS:
        return known
    random = np.random.default_rng(seed)
    return known[np.sort(random.choice(known.height, MOST_CUSTOMERS, replace=False))]


def _measure(
    known: pl.DataFrame, axes: list[str], seed: int
) -> tuple[scores.Separation | None, list[float] | None]:
    """Separation of next-period activity, and share of next-period revenue explained, of every row.

    None where too few bought or too few did not; where revenue does not vary.
    """
    active = known["active"].to_numpy()
    if known.height < 2 * LEAST_OUTCOMES:
        return None, None
    fold = scores.folds(active, seed)
    found = explained = None
    if LEAST_OUTCOMES <= active.sum() <= len(active) - LEAST_OUTCOMES:
        foretold = _foretell(known, axes, active.astype(float), fold, logistic=True)
        found = scores.separation(foretold, active, fold)
    revenue = np.log1p(known["revenue"].to_numpy())
    if np.ptp(revenue) > 0:
        foretold = _foretell(known, axes, revenue, fold, logistic=False)
        explained = [scores.explained(one, revenue, fold) for one in foretold]
    return found, explained


def _foretell(
    known: pl.DataFrame, axes: list[str], outcome: np.ndarray, fold: np.ndarray, logistic: bool
) -> np.ndarray:
    """An outcome as each axis, the continuous score and no classes foretell it; one row each."""
    codes = [known[axis].rank("dense").to_numpy().astype(np.int64) for axis in axes]
    everybody = np.zeros(known.height, dtype=np.int64)
    by_class = [scores.of_classes(one, outcome, fold) for one in [*codes, everybody]]
    features = known.select(pl.col(_FACTS).log1p()).to_numpy()
    by_score = scores.of_regression(features, outcome, fold, logistic)
    return np.array([*by_class[:-1], by_score, by_class[-1]])


def _ranking(found: scores.Separation | None, place: int, score: int) -> dict:
    """The AUC of one row and how far it lies behind the continuous score."""
    if found is None:
        return {}
    auc = dict(zip(("auc", "auc_low", "auc_high"), found.interval(place), strict=True))
    if place == score:
        return auc
    behind = zip(("behind", "behind_low", "behind_high"), found.lead(score, place), strict=True)
    return auc | dict(behind)


def _verdicts(rows: list[dict], found: scores.Separation | None) -> list[str]:
    """A word for each row; the best is the axis of the highest AUC among those that hold still."""
    verdicts = [_alone(row) for row in rows]
    able = [place for place, verdict in enumerate(verdicts) if verdict is None]
    if not able:
        return verdicts
    best = min(able, key=lambda place: (-rows[place]["auc"], rows[place]["classes"]))
    for place in able:
        behind = place != best and found.lead(best, place)[1] > 0
        verdicts[place] = "best" if place == best else "behind" if behind else "as_good"
    return verdicts


def _alone(row: dict) -> str | None:
    """The verdict on a row that needs no other row; None for an axis fit to be recommended."""
    if row["axis"] in (SCORE, NO_CLASSES):
        return "reference"
    if row["classes"] == 1:
        return "one_class"
    if row.get("auc") is None:
        return "untested"
    if row["auc_low"] <= 0.5:
        return "chance"
    steady = row["stability"]
    return "unstable" if steady is not None and steady < LEAST_STABLE else None
