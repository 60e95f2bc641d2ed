"""Names of clusters: each from a description that it fits, and checked against the medians."""

import re
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

# What each name stands for, in standard deviations from the mean repeat buyer; a feature that is not
# mentioned counts as 0. A cluster takes the name whose description it fits best, each name once, so
# that a name means the same kind of customer every month.
DESCRIPTIONS: dict[str, dict[str, float]] = {
    "loyal": {"log_purchases": 1.5, "log_idle_days": -1.2, "log_mean_spend": 0.3},
    "loyal_large": {"log_purchases": 1.3, "log_idle_days": -1.0, "log_mean_spend": 1.3},
    "loyal_small": {"log_purchases": 1.2, "log_idle_days": -1.0, "log_mean_spend": -0.8},
    "regular": {"log_purchases": 0.8, "log_idle_days": 0.0, "log_mean_spend": 0.0},
    "occasional": {"log_purchases": -0.3, "log_idle_days": -0.2, "log_mean_spend": 0.0},
    "fresh": {"log_purchases": -0.3, "log_idle_days": -1.5, "log_mean_spend": 0.0},
    "quiet": {"log_purchases": -0.6, "log_idle_days": 0.7, "log_mean_spend": 0.1},
    "quiet_frequent": {"log_purchases": 1.0, "log_idle_days": 0.8, "log_mean_spend": 0.0},
    "quiet_large": {"log_purchases": -0.4, "log_idle_days": 0.5, "log_mean_spend": 1.2},
    "quiet_small": {"log_purchases": -0.6, "log_idle_days": 0.6, "log_mean_spend": -0.9},
    "bargain": {"discount_share": 1.2, "log_mean_spend": -0.4},
    "service_buyers": {"service_share": 1.2, "log_mean_spend": 0.2},
    "one_category": {"main_category_share": 1.5},
    "complaining": {"log_complaints": 1.8},
}
# What a name claims of its class's medians: above (1) or below (-1) the classes that claim less
# or more, 0 for the middle. Two classes are compared where both claim something, and differently.
_CLAIMS: dict[str, dict[str, int]] = {
    "loyal": {"purchases": 1, "idle_days": -1},
    "loyal_large": {"purchases": 1, "idle_days": -1, "mean_spend": 1},
    "loyal_small": {"purchases": 1, "idle_days": -1, "mean_spend": -1},
    "regular": {"purchases": 1, "idle_days": 0},
    "occasional": {"purchases": 0, "idle_days": 0},
    "fresh": {"purchases": 0, "idle_days": -1},
    "quiet": {"purchases": 0, "idle_days": 1, "mean_spend": 0},
    "quiet_frequent": {"purchases": 1, "idle_days": 1},
    "quiet_large": {"purchases": 0, "idle_days": 1, "mean_spend": 1},
    "quiet_small": {"purchases": 0, "idle_days": 1, "mean_spend": -1},
    "bargain": {"discount_share": 1},
    "service_buyers": {"service_share": 1},
    "one_category": {"main_category_share": 1},
}
# A cluster that lies clearly on the other side of the mean than a name says is misnamed by it; such
# a name is given only if no other is left.
_CLEARLY, _MISNAMED = 0.25, 100.0


def name_clusters(
    features: Sequence[str], centres: np.ndarray, taken: Collection[str] = ()
) -> list[str]:
    """Give each cluster of buyers the name whose description it fits best, every name once.

    Args:
        features: the columns of `centres`.
        centres: shape (clusters, features), in standard deviations.
        taken: names that other clusters bear already.

    Returns:
        One key per cluster, in order. Names that speak of a feature which is not there are left
        out; if the names do not suffice, the rest are `group_1`, `group_2`, …
    """
    fits = [
        name
        for name, said in DESCRIPTIONS.items()
        if name not in taken and said.keys() <= set(features)
    ]
    costs = np.array([[_misfit(name, features, one) for name in fits] for one in centres])
    return _assigned(costs.reshape(len(centres), len(fits)), fits, taken)


def name_attitudes(
    features: Sequence[str], centres: np.ndarray, taken: Collection[str] = ()
) -> list[str]:
    """Name each cluster of answers by the item on which it stands highest above the others.

    Args:
        features: the survey's items, e.g. `attitude: price first` or `心理：价格优先`.
        centres: shape (clusters, items), in standard deviations.
        taken: names that other clusters bear already.

    Returns:
        One key per cluster, in order: the item's own text after its heading, for Latin script as
        `leans_price_first`; each item once.
    """
    lead = centres.astype(float).copy()
    for row in range(len(centres)):
        others = np.delete(centres, row, axis=0)
        lead[row] -= others.max(axis=0) if len(others) else 0
    keys = _attitude_keys(features)
    free = [position for position, key in enumerate(keys) if key not in taken]
    return _assigned(-lead[:, free], [keys[position] for position in free], taken)


def names_hold(profile: pl.DataFrame) -> list[str]:
    """The names that are not true of their classes' medians, e.g. a quiet class that is not.

    Loyal and frequent classes must have bought more often than the others, and quiet ones been
    silent longer; large purchases must be larger than usual and small ones; those named after a
    share (discounts, services, one category) must have the highest share.

    Args:
        profile: rows of `segment_profile` of the axis `cluster`, with `class`, `median_purchases`,
            `median_idle_days` and `median_spend`; claims about `median_mean_spend` (else spend by
            purchases), `median_discount_share`, `median_service_share` and
            `median_main_category_share` are checked where those columns are.

    Returns:
        Names in the profile's order; empty if all hold. Classes with other names are not judged.
    """
    if "median_mean_spend" not in profile.columns:
        typical = pl.col("median_spend") / pl.col("median_purchases")
        profile = profile.with_columns(median_mean_spend=typical)
    rows = [row for row in profile.iter_rows(named=True) if row["class"] in _CLAIMS]
    return [row["class"] for row in rows if not all(_agree(row, other) for other in rows)]


def _misfit(name: str, features: Sequence[str], centre: np.ndarray) -> float:
    said = DESCRIPTIONS[name]
    described = np.array([said.get(feature, 0.0) for feature in features])
    known = np.isin(features, list(_described_features()))
    misfit = ((centre - described)[known] ** 2).sum()
    opposite = (np.minimum(np.abs(described), np.abs(centre)) > _CLEARLY) & (described * centre < 0)
    return float(misfit + _MISNAMED * opposite.sum())


def _described_features() -> set[str]:
    return {feature for said in DESCRIPTIONS.values() for feature in said}


def _assigned(costs: np.ndarray, names: list[str], taken: Collection[str]) -> list[str]:
    rows, columns = linear_sum_assignment(costs)
    given = {int(row): names[column] for row, column in zip(rows, columns, strict=True)}
    numbers = (f"group_{n}" for n in range(1, len(costs) + len(taken) + 1))
    spare = (name for name in numbers if name not in taken)
    return [given[row] if row in given else next(spare) for row in range(len(costs))]


def _attitude_keys(items: Sequence[str]) -> list[str]:
    keys: list[str] = []
    for item in items:
        text = re.split("[:：]", item)[-1].strip() or item
        slug = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        key = f"leans_{slug}" if text.isascii() and slug else text
        keys.append(key if key not in keys else f"{key}_{len(keys) + 1}")
    return keys


def _agree(row: dict, other: dict) -> bool:
    """Whether what a class claims against another one is so; a claim of 0 cannot be wrong."""
    claims, theirs = _CLAIMS[row["class"]], _CLAIMS[other["class"]]
    for what, claim in claims.items():
        own, value = row.get(f"median_{what}"), other.get(f"median_{what}")
        against = theirs.get(what, 0 if what.endswith("_share") else None)
        if claim == 0 or against in (None, claim) or own is None or value is None:
            continue
        if (own - value) * (claim - against) <= 0:
            return False
    return True
