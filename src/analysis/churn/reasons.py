"""Why a customer's chance to leave is high: what each feature adds to the logit, in named groups.

Contributions are measured from the mean of the base that is scored, so that what everybody shares is
nobody's reason. Features of one group go together; one alone may have either sign, so groups are shown.
"""

from functools import reduce
from operator import add

import numpy as np
import polars as pl

from analysis.churn.features import GROUPS, group_of
from analysis.churn.logistic import Logistic
from analysis.churn.measures import rank
from analysis.churn.snapshots import Snapshot

BASE = "base"
SHOWN = 3


def contributions(model: Logistic, features: pl.DataFrame) -> pl.DataFrame:
    """What each feature adds to each customer's logit.

    Returns:
        One row per customer: `customer_id`, `base` (the logit of mean inputs, the same for all), and
        one column per feature of the model. `base` and the features sum to the logit.
    """
    inputs = model.standardised(features)
    means = inputs.mean(axis=0)
    parts = (inputs - means) * model.coefficients
    base = model.intercept + float(means @ model.coefficients)
    columns = {name: parts[:, place] for place, name in enumerate(model.columns)}
    return features.select("customer_id", pl.lit(base).alias(BASE)).with_columns(
        **{name: pl.Series(values) for name, values in columns.items()}
    )


def grouped(parts: pl.DataFrame) -> pl.DataFrame:
    """Contributions summed into the groups that have any: `customer_id`, `base`, one per group."""
    sums = {}
    for group in GROUPS:
        members = [name for name in parts.columns if group_of(name) == group]
        if members:
            sums[group] = added(members)
    return parts.select("customer_id", BASE, **sums)


def added(columns: list[str]) -> pl.Expr:
    """The sum in the order given; `sum_horizontal` rounds by the number of threads."""
    return reduce(add, [pl.col(name) for name in columns])


def supported(model: Logistic, snapshots: list[Snapshot], strata: int = 1) -> list[str]:
    """The groups that may be shown as reasons: where they added more, more customers left.

    Args:
        snapshots: closed ones; each group is judged on all of them together.
        strata: into how many equal parts by the rest of the logit customers are divided and compared
            within. One is the plain cohort plot, in which complaints may seem to keep customers,
            as those who buy most complain most.
    """
    together = pl.concat([grouped(contributions(model, one.features)) for one in snapshots])
    left = np.concatenate([one.no_purchase for one in snapshots])
    names = [name for name in together.columns if name in GROUPS]
    found = []
    for name in names:
        rest = together.select(added([BASE, *(one for one in names if one != name)]))
        order = np.argsort(rest.to_series().to_numpy(), kind="stable")
        parts = np.array_split(order, strata)
        if _rank_within(left, together[name].to_numpy(), parts) > 0.5:
            found.append(name)
    return found


def _rank_within(left: np.ndarray, score: np.ndarray, parts: list[np.ndarray]) -> float:
    """AUC over pairs of the same part; 0 where no part has both outcomes."""
    areas = [
        (rank(left[part], score[part]), left[part].sum() * (~left[part]).sum()) for part in parts
    ]
    known = [(area, pairs) for area, pairs in areas if area is not None]
    if not known:
        return 0.0
    return sum(area * pairs for area, pairs in known) / sum(pairs for _, pairs in known)


def reasons(groups: pl.DataFrame, shown: list[str] | None = None) -> pl.DataFrame:
    """The groups that raise each customer's chance most.

    Args:
        groups: as `grouped` returns them.
        shown: the groups that may be named; all by default.

    Returns:
        One row per customer: `customer_id`, `reason_1` to `reason_3` (names of groups, the largest
        contribution first, null where fewer are above zero).
    """
    names = [name for name in groups.columns if name in (GROUPS if shown is None else shown)]
    values = groups.select(names).to_numpy()
    order = np.argsort(-values, axis=1, kind="stable")[:, :SHOWN]
    largest = np.take_along_axis(values, order, axis=1)
    place = np.where(largest > 0, order, len(names))
    texts = pl.Series([*names, None], dtype=pl.String)
    columns = [texts.gather(place[:, n]).alias(f"reason_{n + 1}") for n in range(place.shape[1])]
    missing = [pl.lit(None, pl.String).alias(f"reason_{n + 1}") for n in range(len(columns), SHOWN)]
    return groups.select("customer_id").with_columns(*columns, *missing)
