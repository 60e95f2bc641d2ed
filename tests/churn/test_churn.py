"""The churn score against the plain rule, its calibration, its reasons, the cohort triangle."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from helpers import read_cdnow

from analysis import tables
from analysis.churn import evaluate, retention, scores
from analysis.clv import fit, value
from analysis.customers import summarise_customers
from analysis.run.months import Month
from analysis.run.settings import Settings

SHOP = Settings(
    name="s", currency="USD", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)


@pytest.fixture(scope="module")
def full() -> pl.DataFrame:
    return read_cdnow("CDNOW_master.txt")


@pytest.fixture(scope="module")
def checked(full) -> dict[tuple[str, str], float]:
    """Thirteen weeks after 1997-09-30 on the full file."""
    check = evaluate.closed_window(full, date(1997, 12, 30), 91)
    assert check.cut_off == date(1997, 9, 30)
    found = tables.conform("churn_fit", evaluate.check_metrics(check))
    return {(row["score"], row["metric"]): row["value"] for row in found.iter_rows(named=True)}


def test_the_score_ranks_as_measured_elsewhere(checked):
    assert checked["model", "auc"] == pytest.approx(0.7646, abs=5e-4)
    assert checked["idle_time", "auc"] == pytest.approx(0.7634, abs=5e-4)
    assert checked["model", "brier"] == pytest.approx(0.1177, abs=5e-5)
    assert checked["base_rate", "brier"] == pytest.approx(0.1466, abs=5e-5)


def test_p_alive_alone_is_worse_than_a_coin(checked):
    assert checked["not_alive", "auc"] == pytest.approx(0.3331, abs=5e-4)


def test_p_alive_on_the_sample_over_39_weeks(tenth):
    check = evaluate.closed_window(tenth, date(1998, 6, 30), 273)
    found = evaluate.check_metrics(check)
    assert evaluate.metric(found, "not_alive", "auc") == pytest.approx(0.316, abs=5e-4)
    assert evaluate.metric(found, "model", "auc") == pytest.approx(0.757, abs=5e-4)
    assert evaluate.metric(found, "idle_time", "auc") == pytest.approx(0.771, abs=5e-4)


def test_equal_scores_share_a_bin_and_the_bins_hold_everybody(full):
    check = evaluate.closed_window(full, date(1997, 12, 30), 91)
    bins = evaluate.calibration(check)
    assert bins["customers"].sum() == check.scored.height
    assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
    shuffled = evaluate.Check(
        check.cut_off, 91, check.scored.sample(fraction=1, shuffle=True, seed=1)
    )
    assert evaluate.calibration(shuffled).equals(bins)


def test_wilson_intervals_of_a_textbook_case():
    low, high = evaluate.wilson(np.array([0.1]), np.array([10]))
    assert (low[0], high[0]) == pytest.approx((0.0179, 0.4042), abs=1e-4)


def test_too_short_a_history_is_not_checked(tenth):
    assert evaluate.closed_window(tenth, date(1997, 4, 30), 90) is None
    unchecked = tables.conform("churn_fit", evaluate.no_check(date(1997, 4, 30), 90))
    assert unchecked["value"].to_list() == [None]
    assert evaluate.metric(unchecked, "model", "auc") == "untested"


@pytest.fixture(scope="module")
def churn(calibration, tenth) -> pl.DataFrame:
    models = value.Models.of(
        calibration, fit.fit_bg_nbd(calibration), fit.fit_gamma_gamma(calibration)
    )
    spent = value.recent_spend(tenth, date(1997, 9, 30), 365)
    clv = value.customer_values(calibration, spent, models, SHOP)
    found = scores.churn_table(calibration, clv, models, SHOP)
    return tables.conform("churn", found)


def test_one_time_buyers_get_a_chance_that_varies_with_their_age(churn, calibration):
    once = churn.join(calibration.filter(pl.col("frequency") == 0), on="customer_id")
    by_age = once.sort("T")["probability_no_purchase"]
    assert by_age.is_sorted()
    assert by_age.n_unique() == once["T"].n_unique()
    assert set(once["reason_2"]) | set(once["reason_1"]) >= {"one_purchase_only"}


@pytest.mark.parametrize(
    ("frequency", "recency", "age", "reason"),
    [
        (0, 0, 30, "one_purchase_only"),
        (4, 40, 70, "pause_beyond_own_rhythm"),
        (1, 100, 110, "gap_beyond_window"),
        (1, 80, 90, "few_purchases"),
    ],
)
def test_reasons_are_plain_facts(frequency, recency, age, reason):
    rows = pl.DataFrame(
        {
            "customer_id": ["a"],
            "frequency": [frequency],
            "recency": [float(recency)],
            "T": [float(age)],
            "monetary_value": [1.0],
            "purchases": [frequency + 1],
            "spend": [1.0],
        }
    )
    models = value.Models.of(rows, fit.Fit("bg_nbd", problem="x"), fit.Fit("gg", problem="x"))
    clv = pl.DataFrame({"customer_id": ["a"], "clv": [5.0]})
    found = scores.churn_table(rows, clv, models, SHOP).row(0, named=True)
    assert found["reason_1"] == reason
    assert found["value_at_stake"] == found["probability_no_purchase"] * 5.0


def test_the_list_holds_repeat_buyers_likely_to_leave_by_value(churn, calibration):
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "axis": pl.String, "class": pl.String})
    people = scores.at_risk(churn, calibration, nobody)
    assert people["value_at_stake"].is_sorted(descending=True)
    assert (people["probability_no_purchase"] >= 0.5).all()
    assert (people["purchases"] > 1).all()


def test_the_cohort_triangle_of_a_hand_worked_case():
    occasions = pl.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "purchase_day": [date(2024, m, 3) for m in (1, 3, 1, 2)],
            "amount": [1, 1, 1, 1],
        }
    )
    found = tables.conform("retention", retention.retention(occasions, Month(2024, 3)))
    assert found.rows() == [
        ("2024-01", 0, 2, 2),
        ("2024-01", 1, 2, 0),
        ("2024-01", 2, 2, 1),
        ("2024-02", 0, 1, 1),
        ("2024-02", 1, 1, 0),
    ]


def test_cohorts_hold_every_customer_once(tenth):
    found = retention.retention(tenth, Month(1998, 6))
    first = found.filter(pl.col("months_since") == 0)
    assert first["customers"].sum() == 2357
    assert first["active"].equals(first["customers"].rename("active"))
    buyers = summarise_customers(tenth.lazy(), date(1998, 6, 30)).collect()
    assert buyers.height == first["customers"].sum()
