"""Metrics of hand-worked cases; what the data leave undefined is None."""

import numpy as np
import pytest

from analysis.clv.metrics import activity_metrics, auc, deciles, error_metrics, normalised_gini


def test_errors_of_a_hand_worked_case():
    found = error_metrics(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 6.0]))
    logs = np.log([2 / 1, 3 / 3, 7 / 5])
    expected = {
        "mae": 1.0,
        "wape": 0.5,
        "rmse": (5 / 3) ** 0.5,
        "msle": (logs**2).mean(),
        "bias": 0.5,
        "spearman": 1.0,
        "gini": 1.0,
        "top_decile_overlap": 1.0,
        "top_decile_lift": 2.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_without_outcomes_nothing_is_relative():
    found = error_metrics(np.zeros(5), np.arange(5.0))
    assert found["mae"] == 2
    for name in ("wape", "bias", "pearson", "spearman", "gini", "top_decile_overlap"):
        assert found[name] is None


def test_a_forecast_that_says_the_same_of_everybody_ranks_nobody():
    found = error_metrics(np.arange(5.0), np.ones(5))
    for name in ("pearson", "spearman", "gini", "top_decile_overlap"):
        assert found[name] is None


def test_gini_goes_from_the_perfect_ranking_to_the_reverse_and_ties_share_their_rank():
    actual = np.array([0.0, 1.0, 2.0, 5.0])
    assert normalised_gini(actual, actual) == 1
    assert normalised_gini(actual, -actual) == -1
    tied = normalised_gini(actual, np.array([0.0, 1.0, 1.0, 2.0]))
    assert tied == pytest.approx(15 / 16)  # between one order of the two and the other
    assert normalised_gini(actual[::-1], np.array([2.0, 1.0, 1.0, 0.0])) == pytest.approx(tied)


def test_activity_of_a_hand_worked_case():
    active, chance = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.4, 0.4, 0.1])
    found = activity_metrics(active, chance)
    assert found["auc"] == pytest.approx(3.5 / 4)  # one pair is tied
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.36 + 0.01) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.4, 0.9]).mean())
    assert found["accuracy"] == 0.75
    assert auc(np.zeros(3), np.arange(3.0)) is None


def test_deciles_hold_everybody_the_lowest_forecasts_first():
    forecast, outcome = deciles(np.arange(20.0), np.arange(20.0) / 2)
    assert forecast == pytest.approx(np.arange(10) + 0.25)
    assert outcome == pytest.approx(2 * np.arange(10) + 0.5)
