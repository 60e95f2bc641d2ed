"""The churn score against the plain rule, its calibration, its reasons, the cohort triangle."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from helpers import read_cdnow

from analysis import tables
from analysis.churn import evaluate, retention, scores
from analysis.clv import fit, value
from analysis.clv.holdout import hold_out
from analysis.clv.models import Models
from analysis.clv.origins import Past
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
def check(full) -> evaluate.Check:
    """Thirteen weeks after 1997-09-30 on the full file, by the model chosen at that day."""
    found = evaluate.closed_window(full, date(1997, 12, 30), 91)
    assert found.cut_off == date(1997, 9, 30)
    return found


def metrics(check: evaluate.Check) -> dict[tuple[str, str], float]:
    found = tables.conform("churn_fit", evaluate.check_metrics(check))
    return {(row["score"], row["metric"]): row["value"] for row in found.iter_rows(named=True)}


def check_of(model: str, occasions: pl.DataFrame, as_of: date, days: int) -> evaluate.Check:
    """What one model says at 1997-09-30, whichever would be chosen."""
    origin = Past(occasions, as_of).at(date(1997, 9, 30))
    known, models = origin.customers, origin.models(model)
    scored = known.select(
        "customer_id",
        no_purchase=origin.outcomes(days)["purchases"] == 0,
        idle_time=pl.col("T") - pl.col("recency"),
        model=1 - models.probability_active(known, days),
        not_alive=1 - models.probability_alive(known),
    )
    return evaluate.Check(origin.cut_off, days, scored)


def test_the_score_of_bg_nbd_ranks_as_measured_elsewhere(full):
    checked = metrics(check_of("bg_nbd", full, date(1997, 12, 30), 91))
    assert checked["model", "auc"] == pytest.approx(0.7646, abs=5e-4)
    assert checked["idle_time", "auc"] == pytest.approx(0.7634, abs=5e-4)
    assert checked["model", "brier"] == pytest.approx(0.1177, abs=5e-5)
    assert checked["base_rate", "brier"] == pytest.approx(0.1466, abs=5e-5)
    # P(alive) alone is worse than a coin.
    assert checked["not_alive", "auc"] == pytest.approx(0.3331, abs=5e-4)


def test_the_score_of_the_chosen_model_ranks_no_worse_than_idle_time(check):
    checked = metrics(check)
    assert checked["model", "auc"] > checked["idle_time", "auc"]
    assert checked["model", "brier"] < 0.1180 < checked["base_rate", "brier"]


# AUC of P(no purchase) and of 1 - P(alive).
OVER_39_WEEKS = {"bg_nbd": (0.757, 0.316), "mbg_nbd": (0.760, None)}


@pytest.mark.parametrize("model", OVER_39_WEEKS)
def test_the_sample_over_39_weeks(tenth, model):
    checked = metrics(check_of(model, tenth, date(1998, 6, 30), 273))
    score, not_alive = OVER_39_WEEKS[model]
    assert checked["model", "auc"] == pytest.approx(score, abs=5e-4)
    assert checked["idle_time", "auc"] == pytest.approx(0.771, abs=5e-4)
    if not_alive is not None:
        assert checked["not_alive", "auc"] == pytest.approx(not_alive, abs=5e-4)


def test_the_check_scores_with_the_model_chosen_at_the_cut_off(tenth):
    found = evaluate.closed_window(tenth, date(1998, 6, 30), 273)
    held = hold_out(Past(tenth, date(1998, 6, 30)), date(1997, 9, 30))
    alone = check_of(held.choice.model, tenth, date(1998, 6, 30), 273)
    assert found.scored.equals(alone.scored.select(found.scored.columns))


def test_equal_scores_share_a_bin_and_the_bins_hold_everybody(check):
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
    models = Models.of(
        calibration, fit.fit_purchases(calibration), fit.fit_gamma_gamma(calibration)
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
    models = Models.of(rows, fit.Fit("bg_nbd", problem="x"), fit.Fit("gg", problem="x"))
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
