"""Why chances are high, customer by customer, and whether the data of closed windows agree."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.special import expit

from analysis.churn.features import GROUPS
from analysis.churn.predictors import MOST_TRAINING, Scores
from analysis.churn.reasons import BASE, SHOWN, added, contributions, grouped, reasons, supported
from analysis.churn.scores import FEW_REPEATS, LONG_PAUSE_IN_GAPS
from analysis.churn.snapshots import Snapshots
from analysis.intervals import wilson
from analysis.run.months import Month

STRATA = 5  # by the rest of the score, within which a group must tell who leaves
PARTS = 5
ONCE, REPEAT = "bought_once", "bought_again"


@dataclass(frozen=True)
class Explained:
    """The reasons of a month.

    `contributions` has one row per customer: `customer_id`, `base` (the logit of mean inputs), one
    column per group of features (0 where the score knows none of it), `logit`, the sum of the rest;
    empty where a rule serves. `shown` are the groups that may be named, `hidden` those that the closed
    windows contradict. `reasons` has `customer_id` and `reason_1` to `reason_3` (keys).
    """

    contributions: pl.DataFrame
    shown: list[str]
    hidden: list[str]
    reasons: pl.DataFrame


def explain(snapshots: Snapshots, cut_off: date, scores: Scores) -> Explained:
    """Contributions and reasons at a cut-off; where a rule serves, plain signs stand for reasons."""
    snapshot = snapshots.at(cut_off)
    if scores.model is None:
        schema = {"customer_id": pl.String} | dict.fromkeys((BASE, *GROUPS, "logit"), pl.Float64)
        signs = _signs(snapshot.features, snapshot.horizon_days)
        return Explained(pl.DataFrame(schema=schema), [], [], signs)
    groups = grouped(contributions(scores.model, snapshot.features))
    known = [name for name in GROUPS if name in groups.columns]
    shown = supported(scores.model, snapshots.closed(cut_off, MOST_TRAINING), STRATA)
    absent = [pl.lit(0.0).alias(name) for name in GROUPS if name not in known]
    table = groups.with_columns(absent).select("customer_id", BASE, *GROUPS)
    return Explained(
        table.with_columns(logit=added([BASE, *GROUPS])),
        shown,
        [name for name in known if name not in shown],
        reasons(groups, shown),
    )


def risen(snapshots: Snapshots, cut_off: date, scores: Scores) -> pl.DataFrame:
    """Which group of features has raised each customer's log-odds most since the month end before.

    Both months are read by the same model, so what differs is the customer.

    Returns:
        One row per customer of the earlier month end: `customer_id`, `risen` (key of a reason; null
        where the log-odds did not rise). Empty for a rule, or where nobody had bought by then.
    """
    before = Month.of(cut_off).previous.last_day
    model = scores.model
    if model is None or before < snapshots.first_day:
        return pl.DataFrame(schema=_RISEN)
    then, now = snapshots.at(before).features, snapshots.at(cut_off).features
    if not set(model.columns) <= set(then.columns):
        return pl.DataFrame(schema=_RISEN)
    then = then.join(now, on="customer_id", how="semi").sort("customer_id")
    now = now.join(then, on="customer_id", how="semi").sort("customer_id")
    added = (model.standardised(now) - model.standardised(then)) * model.coefficients
    parts = pl.DataFrame(dict(zip(model.columns, added.T, strict=True)))
    largest = reasons(grouped(then.select("customer_id", pl.lit(0.0).alias(BASE)).hstack(parts)))
    rose = pl.Series(added.sum(axis=1) > 0)
    return largest.select("customer_id", risen=pl.when(rose).then("reason_1"))


_RISEN = {"customer_id": pl.String, "risen": pl.String}


def cohort_plots(snapshots: Snapshots, cut_off: date, scores: Scores) -> pl.DataFrame:
    """Who left, by how much a group of features adds to the score, on the latest closed window.

    Returns:
        One row per kind of customer (`bought_once`, `bought_again`), group and part of up to five:
        `who`, `group`, `part` (1 adds least), `customers`, `observed` (share without purchase), `low`,
        `high` (95 % Wilson interval), `expected` (mean chance if the group added nothing). Equal
        contributions share a part; a group with a single part is left out. Empty for a rule.
    """
    closed = snapshots.closed(cut_off, 1)
    if scores.model is None or not closed:
        return pl.DataFrame(schema=_PLOT)
    snapshot = closed[0]
    groups = grouped(contributions(scores.model, snapshot.features))
    names = [name for name in GROUPS if name in groups.columns]
    once = (snapshot.features["purchases"] == 1).to_numpy()
    logit = groups.select(added([BASE, *names])).to_series().to_numpy()
    rows = []
    for who, members in ((ONCE, once), (REPEAT, ~once)):
        for name in names:
            adds = groups[name].to_numpy()[members]
            rest = expit(logit[members] - adds)
            for part, inside in enumerate(_parts(adds), 1):
                left = snapshot.no_purchase[members][inside]
                rows.append((who, name, part, len(left), left.mean(), rest[inside].mean()))
    table = pl.DataFrame(rows, schema=[*list(_PLOT)[:5], "expected"], orient="row")
    low, high = wilson(table["observed"].to_numpy(), table["customers"].to_numpy())
    return table.with_columns(low=low, high=high).select(list(_PLOT)).cast(_PLOT)


_PLOT = {"who": pl.String, "group": pl.String, "part": pl.Int64, "customers": pl.Int64}
_PLOT |= dict.fromkeys(("observed", "low", "high", "expected"), pl.Float64)


def _parts(added: np.ndarray) -> list[np.ndarray]:
    """Up to five sets of rows by value, equal values together; none where all are equal."""
    if not len(added):
        return []
    edges = np.unique(np.quantile(added, np.arange(1, PARTS) / PARTS, method="nearest"))
    place = np.searchsorted(edges, added, side="left")
    found = [np.flatnonzero(place == number) for number in np.unique(place)]
    return found if len(found) > 1 else []


def _signs(features: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Plain signs of leaving, the most telling first; a customer shows those that hold."""
    idle, again = pl.col("idle_days"), pl.col("purchases") > 1
    own_gap = (pl.col("tenure_days") - idle) / (pl.col("purchases") - 1)
    signs = {
        "pause_beyond_own_rhythm": again & (idle > LONG_PAUSE_IN_GAPS * own_gap),
        "silent_for_long": idle > horizon_days,
        "one_purchase_only": ~again,
        "gap_beyond_window": again & (own_gap > horizon_days),
        "few_purchases": again & (pl.col("purchases") <= FEW_REPEATS + 1),
    }
    listed = [pl.when(sign).then(pl.lit(reason)) for reason, sign in signs.items()]
    found = pl.concat_list(listed).list.drop_nulls()
    columns = {f"reason_{n + 1}": found.list.get(n, null_on_oob=True) for n in range(SHOWN)}
    return features.select("customer_id", **columns)
