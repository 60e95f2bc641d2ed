"""Reasons add up to the score, and are named by groups that hold on closed windows."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from churn import small_world
from scipy.special import expit

from analysis.churn.features import GROUPS, feature_columns
from analysis.churn.logistic import fit_logistic
from analysis.churn.predictors import LOGISTIC, score
from analysis.churn.reasons import contributions, grouped, reasons, supported
from analysis.churn.snapshots import Snapshot, take

CUT_OFF = date(1998, 3, 31)


@pytest.fixture(scope="module")
def scores(cdnow_snapshots):
    return score(cdnow_snapshots, CUT_OFF, LOGISTIC)


@pytest.fixture(scope="module")
def parts(cdnow_snapshots, scores) -> pl.DataFrame:
    return contributions(scores.model, cdnow_snapshots.at(CUT_OFF).features)


def test_contributions_and_base_sum_to_the_logit(cdnow_snapshots, scores, parts):
    logits = scores.model.logits(cdnow_snapshots.at(CUT_OFF).features)
    for table in (parts, grouped(parts)):
        total = table.drop("customer_id").sum_horizontal().to_numpy()
        assert np.abs(total - logits).max() < 1e-9
        assert np.abs(expit(total) - scores.chance).max() < 1e-9


def test_contributions_sum_to_the_logit_with_every_table():
    snapshot = take(small_world.world(), small_world.CUT_OFF, 60, small_world.AS_OF)
    columns = feature_columns(snapshot.features.columns)
    model = fit_logistic(snapshot.features, snapshot.no_purchase, columns)
    logits = model.logits(snapshot.features)
    groups = grouped(contributions(model, snapshot.features))
    assert groups.columns == ["customer_id", "base", *GROUPS]
    for table in (contributions(model, snapshot.features), groups):
        total = table.drop("customer_id").sum_horizontal().to_numpy()
        assert np.abs(total - logits).max() < 1e-9


def test_contributions_are_measured_from_the_mean_of_the_base(parts):
    assert parts["base"].n_unique() == 1
    means = parts.drop("customer_id", "base").mean().row(0)
    assert np.abs(means).max() < 1e-9


def test_groups_without_tables_are_not_there(parts):
    assert grouped(parts).columns == ["customer_id", "base", "rhythm", "frequency", "spend"]


def test_groups_that_contradict_what_happened_are_not_named(cdnow_snapshots, scores):
    closed = cdnow_snapshots.closed(CUT_OFF, 2)
    assert supported(scores.model, closed) == ["rhythm", "frequency", "spend"]
    against = scores.model.coefficients.copy()
    places = [n for n, name in enumerate(scores.model.columns) if "spend" in name or "bask" in name]
    against[places] *= -1
    turned = type(scores.model)(
        scores.model.columns, scores.model.means, scores.model.scales, against, 0.0
    )
    assert supported(turned, closed) == ["rhythm", "frequency"]


def test_the_three_largest_groups_above_zero_are_named():
    values = {"rhythm": [0.5, -1.0, 0.1], "frequency": [0.2, -1.0, 0.3]}
    values |= {"spend": [0.1, 0.4, 0.2], "service": [0.9, 0.0, 0.0]}
    table = pl.DataFrame({"customer_id": ["a", "b", "c"], "base": [0.0] * 3, **values})
    named = reasons(table)
    assert named.rows() == [
        ("a", "service", "rhythm", "frequency"),
        ("b", "spend", None, None),
        ("c", "frequency", "spend", "rhythm"),
    ]
    assert reasons(table, shown=["spend"]).rows() == [
        ("a", "spend", None, None),
        ("b", "spend", None, None),
        ("c", "spend", None, None),
    ]
    assert set(named.columns) == {"customer_id", "reason_1", "reason_2", "reason_3"}
    assert set(values) <= set(GROUPS)


def test_complaints_of_frequent_buyers_can_be_judged_among_their_like():
    """Frequent buyers complain more; among customers alike, those who complained left more."""
    random = np.random.default_rng(0)
    rate = random.gamma(2, 1, 20_000)
    complaints = (random.random(rate.size) < rate / 8).astype(float)
    left = random.random(rate.size) < expit(1.5 - 1.5 * rate + 0.7 * complaints)
    table = pl.DataFrame({"purchases": np.expm1(rate), "complaints_365": complaints})
    model = fit_logistic(table, left)
    table = table.with_columns(customer_id=pl.lit("c"))
    snapshot = Snapshot(CUT_OFF, 91, table, np.zeros(left.size), True, left)
    assert supported(model, [snapshot]) == ["frequency"]
    assert supported(model, [snapshot], strata=10) == ["frequency", "complaints"]
