"""Looking back: nothing leaks, metrics are right, earlier reports are held to their word."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.clv import drift, holdout
from analysis.clv.fit import Fit
from analysis.clv.metrics import activity_metrics, auc, error_metrics
from analysis.clv.origins import Past
from analysis.customers import summarise_customers
from analysis.run.months import Month

CUT_OFF = date(1997, 9, 30)


@pytest.fixture(scope="module")
def held(sample_past) -> holdout.Holdout:
    return holdout.hold_out(sample_past, CUT_OFF)


@pytest.mark.parametrize(
    ("first", "as_of", "expected"),
    [
        (date(1997, 1, 1), date(1998, 6, 30), CUT_OFF),
        (date(1997, 1, 1), date(1997, 3, 31), None),
        (date(2015, 1, 1), date(2024, 6, 30), date(2023, 6, 30)),
    ],
)
def test_the_cut_off_is_a_months_end_in_the_middle_of_the_history(first, as_of, expected):
    assert holdout.choose_cut_off(first, as_of, 365) == expected


def test_the_holdout_sees_nothing_after_its_cut_off(tenth, sample_past, held):
    early = tenth.filter(pl.col("purchase_day") <= CUT_OFF)
    blind = holdout.hold_out(Past(early, sample_past.as_of), CUT_OFF)
    assert held.models == blind.models
    assert np.array_equal(held.expected_purchases(), blind.expected_purchases())
    assert blind.customers["actual_purchases"].sum() == 0


def test_the_backtest_keeps_its_contract_and_the_published_totals(tenth, sample_past, held):
    table = tables.conform("clv_backtest", holdout.backtest(held))
    assert held.customers["actual_purchases"].sum() == 1882
    assert holdout.measured(table, "own_rate", "purchases", "mae") == pytest.approx(1.024, abs=5e-4)
    assert holdout.measured(table, "nothing", "purchases", "mae") == pytest.approx(0.798, abs=5e-4)
    assert holdout.measured(table, "idle_time", "activity", "auc") == pytest.approx(0.771, abs=1e-3)
    assert holdout.measured(table, "model", "activity", "brier") == pytest.approx(0.161, abs=1e-3)
    weeks = holdout.tracking(tenth, held, sample_past.as_of)
    assert weeks["actual"][-1] == pytest.approx(2457 + 1882, abs=40)
    assert holdout.by_frequency(held)["actual"][0] == pytest.approx(0.24, abs=5e-3)


def test_own_intervals_hold_nine_of_ten_customers_of_the_holdout(held):
    shares = holdout.coverage(held, seed=1)
    assert 0.86 <= shares["all"] <= 0.97


def test_a_rule_that_wins_is_named(held):
    table = holdout.backtest(held)
    worse = table.with_columns(
        value=pl.when((pl.col("method") == "model") & (pl.col("metric") == "rmse"))
        .then(99.0)
        .otherwise("value")
    )
    assert holdout.winner(table, "purchases") == "model"
    assert holdout.winner(worse, "purchases") == "nothing"


def test_errors_of_a_hand_worked_case():
    found = error_metrics(np.array([0.0, 2.0, 1.0]), np.array([1.0, 2.0, 0.0]))
    expected = {"mae": 2 / 3, "wape": 2 / 3, "rmse": (2 / 3) ** 0.5, "bias": 0.0, "gini": 0.5}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["msle"] == pytest.approx(2 / 3 * np.log(2) ** 2)
    assert error_metrics(np.zeros(2), np.zeros(2))["bias"] is None


def test_activity_of_a_hand_worked_case():
    active, chance = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.1, 0.4, 0.4])
    found = activity_metrics(active, chance)
    assert found["auc"] == pytest.approx(3.5 / 4)
    assert found["brier"] == pytest.approx((0.01 + 0.01 + 0.36 + 0.16) / 4)
    assert found["accuracy"] == pytest.approx(0.75)
    assert auc(np.ones(3), np.arange(3)) is None


def test_summaries_up_to_the_cut_off_and_to_the_end_share_their_customers(tenth):
    early = summarise_customers(tenth.lazy(), date(1997, 3, 31)).collect()
    late = summarise_customers(tenth.lazy(), date(1998, 6, 30)).collect()
    assert set(early["customer_id"]) <= set(late["customer_id"])


def test_an_earlier_forecast_is_held_against_what_its_customers_did():
    days = [(1, 5), (2, 3), (2, 20), (3, 9)]  # of a; b comes later and does not count
    occasions = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a", "a", "b"],
            "purchase_day": [date(2024, *day) for day in days] + [date(2024, 2, 10)],
        }
    )
    made = pl.DataFrame(
        {
            "made_on": [date(2024, 1, 31)] * 2,
            "horizon_days": [30, 91],
            "expected_purchases": [1.0, 3.0],
            "low": [0.5, 1.0],
            "high": [1.5, 5.0],
        }
    )
    found = drift.against_outcome(made, occasions, date(2024, 3, 31))
    assert found.select("horizon_days", "actual", "hit").rows() == [(30, 2, False)]
    tables.conform("forecast_outcomes", found)


def test_parameters_that_left_their_last_fit_are_named():
    before = pl.DataFrame(
        {
            "fit": ["month", "month"],
            "model": ["nbd", "nbd"],
            "quantity": ["r", "alpha"],
            "value": [1.0, 50.0],
        }
    )
    run = SimpleNamespace(
        month=Month(2024, 3),
        read_earlier=lambda table, months_back: before if months_back == 2 else None,
    )
    now = Fit("nbd", {"r": 1.1, "alpha": 60.0}, {"r": 0.1, "alpha": 4.0})
    assert drift.moved_parameters(run, now) == (date(2024, 1, 31), ["alpha"])
    other = Fit("bg_nbd", {"r": 1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}, {})
    assert drift.moved_parameters(run, other) == (None, [])
