"""The model is chosen on earlier windows, and the choice holds up in the window to come."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.clv import choose, correct
from analysis.clv.holdout import hold_out
from analysis.clv.likelihood import COMPETING
from analysis.clv.metrics import error_metrics
from analysis.clv.origins import Past, with_features

CUT_OFF = date(1997, 9, 30)


def errors(past: Past) -> tuple[dict, dict]:
    """Errors on purchases and revenue of the model chosen at 1997-09-30, over the 273 days after."""
    held = hold_out(past, CUT_OFF)
    assert held.days == 273
    expected, known = held.expected_purchases(), held.customers
    spend = held.models.expected_spend(known)
    return (
        error_metrics(known["actual_purchases"].to_numpy(), expected),
        error_metrics(known["actual_spend"].to_numpy(), expected * spend),
    )


def test_the_chosen_forecast_of_the_sample_is_as_good_as_the_best_published(sample_past):
    purchases, revenue = errors(sample_past)
    assert purchases["rmse"] <= 1.62
    assert round(revenue["gini"], 3) >= 0.638


def test_the_chosen_forecast_of_the_full_file_beats_every_plain_fit(cdnow_past):
    purchases, _ = errors(cdnow_past)
    assert purchases["rmse"] <= 1.726
    origin = cdnow_past.at(CUT_OFF)
    actual = origin.outcomes(273)["purchases"].to_numpy()
    plain = [
        error_metrics(actual, origin.expected(model, 273))["rmse"]
        for model in ("bg_nbd", "mbg_nbd", "pareto_nbd")
    ]
    assert purchases["rmse"] < min(plain)


def test_the_choice_sees_nothing_after_its_cut_off(tenth, sample_past):
    blind = Past(tenth.filter(pl.col("purchase_day") <= CUT_OFF), CUT_OFF)
    before, after = choose.choose(blind, CUT_OFF), choose.choose(sample_past, CUT_OFF)
    assert before.table.equals(after.table)
    assert (before.model, before.cut_offs) == (after.model, after.cut_offs)
    assert all(one + timedelta(days=before.window_days) <= CUT_OFF for one in before.cut_offs)
    tables.conform("clv_choice", before.table)


def test_a_window_that_is_not_over_gives_no_outcome(tenth):
    with pytest.raises(ValueError, match="are not over"):
        Past(tenth, CUT_OFF).at(date(1997, 8, 31)).outcomes(31)


def test_a_correction_moves_purchases_between_customers_and_leaves_the_total(sample_past):
    origin = sample_past.at(CUT_OFF)
    expected = origin.expected("bg_nbd", 91)
    learnt = correct.learn(sample_past, CUT_OFF, "bg_nbd")
    corrected = expected * learnt.factors(origin.customers, expected)
    assert corrected.sum() == pytest.approx(expected.sum(), rel=1e-12)
    assert np.abs(corrected - expected).max() > 0.1
    none = replace(learnt, strength=0.0).factors(origin.customers, expected)
    assert none == pytest.approx(np.ones(len(none)))


PLAIN = ("bg_nbd", 0.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("gains", "strength"),
    [
        ({0.25: (0.01, 0.002), 0.5: (0.02, 0.004)}, 0.5),
        ({0.25: (0.017, 0.002), 0.5: (0.02, 0.004)}, 0.25),  # within one standard error of the best
        ({0.25: (0.003, 0.002), 0.5: (0.006, 0.004)}, None),  # not beyond chance
        ({0.25: (-0.01, 0.002), 0.5: (-0.02, 0.004)}, None),
    ],
)
def test_a_correction_serves_drawn_back_and_only_beyond_chance(gains, strength):
    rows = [("bg_nbd", at, 0.9, gain, error) for at, (gain, error) in gains.items()]
    serving = choose._serving([PLAIN, *rows])
    assert serving[0] == PLAIN
    assert [row[1] for row in serving[1:]] == ([] if strength is None else [strength])


def test_where_no_fit_can_identify_dropout_nobody_drops_out(retail_past):
    found = choose.choose(retail_past, retail_past.as_of)
    assert found.model == "nbd"
    assert found.correction is None
    assert retail_past.at(retail_past.as_of).fit("nbd").usable
    problems = {retail_past.at(retail_past.as_of).fit(name).problem for name in COMPETING}
    assert problems == {"dropout_unidentified"}


def test_a_short_history_keeps_the_first_model_that_fits(tenth):
    early = Past(tenth, date(1997, 4, 15))
    found = choose.choose(early, early.as_of)
    assert found.table.is_empty()
    assert found.model in (*COMPETING, "nbd")


def test_features_of_a_hand_worked_customer():
    days = [date(2024, 1, 1), date(2024, 1, 11), date(2024, 3, 1)]
    occasions = pl.DataFrame({"customer_id": ["a"] * 3 + ["b"], "purchase_day": [*days, days[0]]})
    customers = pl.DataFrame({"customer_id": ["a", "b"], "T": [75.0, 75.0]})
    found = with_features(customers, occasions, date(2024, 3, 16))
    assert found.select("last_30", "last_90", "last_180", "median_gap").rows() == [
        (1.0, 3.0, 3.0, 30.0),
        (0.0, 1.0, 1.0, 75.0),
    ]
