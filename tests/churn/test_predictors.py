"""Scores of leaving against the figures to beat, the plain rule, and what stands in when data are few."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from helpers import shared_data

from analysis.churn.backtest import backtest, last_months_model
from analysis.churn.features import Sources
from analysis.churn.leaks import TOO_GOOD, alarms
from analysis.churn.logistic import fit_logistic, shift_to
from analysis.churn.measures import (
    calibration_error,
    calibration_noise,
    cross_validated,
    measure,
)
from analysis.churn.predictors import (
    BOOSTING,
    COMPARED,
    COMPETING,
    IDLE_TIME,
    LOGISTIC,
    NOT_COMPARED,
    TOO_FEW_EVENTS,
    choose,
    score,
    season_level,
    three_signals,
)
from analysis.churn.profit import maximum_profit
from analysis.churn.snapshots import Snapshot, Snapshots

AUTUMN, SPRING = date(1997, 9, 30), date(1998, 3, 31)
# AUC at least, Brier at most, calibration error at most
TO_BEAT = {AUTUMN: (0.775, 0.118, 0.04), SPRING: (0.838, 0.0890, 0.02)}


@pytest.fixture(scope="module")
def tested(cdnow_snapshots) -> dict[date, dict[tuple[str, str], float]]:
    found = {}
    for cut_off in TO_BEAT:
        table, _ = backtest(cdnow_snapshots, cut_off)
        found[cut_off] = {(one, metric): value for one, metric, value in table.iter_rows()}
    return found


@pytest.mark.parametrize("cut_off", TO_BEAT)
def test_the_logistic_model_beats_the_figures_measured_elsewhere(tested, cut_off):
    auc, brier, error = TO_BEAT[cut_off]
    values = tested[cut_off]
    assert values[LOGISTIC, "auc"] >= auc
    assert values[LOGISTIC, "brier"] <= brier < values[LOGISTIC, "brier_of_rate"]
    assert values[LOGISTIC, "calibration_error"] <= error
    assert values[LOGISTIC, "auc"] > values["btyd", "auc"]


@pytest.mark.parametrize("cut_off", TO_BEAT)
def test_no_score_that_may_serve_is_below_the_idle_time_rule(cdnow_snapshots, tested, cut_off):
    chosen = choose(cdnow_snapshots, cut_off)
    assert (chosen.method, chosen.reason) == (LOGISTIC, COMPARED)
    assert tested[cut_off][chosen.method, "auc"] >= tested[cut_off][IDLE_TIME, "auc"]
    assert chosen.table["method"].to_list() == list(COMPETING)
    assert chosen.table.filter("chosen")["method"].to_list() == [LOGISTIC]
    latest = cdnow_snapshots.at(chosen.cut_offs[-1])
    assert latest.closes <= cut_off


def test_rules_and_trees_rank_as_measured_elsewhere(tested):
    values = tested[AUTUMN]
    assert values[IDLE_TIME, "auc"] == pytest.approx(0.7634, abs=5e-4)
    assert values["btyd", "auc"] == pytest.approx(0.7646, abs=5e-4)
    assert values[BOOSTING, "auc"] == pytest.approx(0.7734, abs=0.005)
    # Purchases alone carry one of the three signals only.
    assert 0.5 < values["three_signals", "auc"] < values[IDLE_TIME, "auc"]


def test_scores_of_one_time_buyers_vary_with_age(cdnow_snapshots):
    scores = score(cdnow_snapshots, AUTUMN, LOGISTIC)
    once = cdnow_snapshots.at(AUTUMN).features.with_columns(chance=pl.Series(scores.chance))
    by_age = (
        once.filter(pl.col("purchases") == 1).group_by("tenure_days").agg(pl.col("chance").mean())
    )
    by_age = by_age.sort("tenure_days")
    assert by_age["chance"].n_unique() > 80
    # The longer ago the only purchase, the less likely another.
    assert by_age.select(pl.corr("tenure_days", "chance", method="spearman")).item() > 0.5


def test_the_mean_score_is_the_total_of_the_model_of_purchases(cdnow_snapshots):
    snapshot = cdnow_snapshots.at(SPRING)
    for name in (LOGISTIC, IDLE_TIME):
        chance = score(cdnow_snapshots, SPRING, name).chance
        assert chance.mean() == pytest.approx(snapshot.btyd.mean(), abs=1e-9)


def test_an_intercept_can_be_set_to_any_mean():
    logits = np.array([-3.0, 0.0, 40.0])
    chance = 1 / (1 + np.exp(-(logits + shift_to(logits, 0.7))))
    assert chance.mean() == pytest.approx(0.7, abs=1e-9)


def test_last_months_model_is_scored_on_this_month(cdnow_snapshots, tested):
    earlier = last_months_model(cdnow_snapshots, SPRING, date(1998, 2, 28))
    aged = measure(cdnow_snapshots.at(SPRING).no_purchase, earlier.chance)
    assert aged["auc"] == pytest.approx(tested[SPRING][LOGISTIC, "auc"], abs=0.005)


def test_honest_scores_raise_no_alarm(cdnow_snapshots):
    snapshot = cdnow_snapshots.at(SPRING)
    chance = score(cdnow_snapshots, SPRING, LOGISTIC).chance
    assert alarms(snapshot, {LOGISTIC: chance}).is_empty()


def test_a_feature_computed_after_the_cut_off_raises_the_alarm(cdnow_snapshots):
    snapshot = cdnow_snapshots.at(AUTUMN)
    later = cdnow_snapshots.at(date(1997, 12, 31)).features.select("customer_id", "idle_days")
    leaky = snapshot.features.join(
        later, on="customer_id", how="left", suffix="_later", maintain_order="left"
    )
    table = alarms(
        Snapshot(snapshot.cut_off, 91, leaky, snapshot.btyd, True, no_purchase=snapshot.no_purchase)
    )
    assert table["name"].to_list() == ["idle_days_later"]
    assert table["auc"].item() == pytest.approx(1, abs=1e-3)
    model = fit_logistic(leaky.drop("customer_id"), snapshot.no_purchase)
    found = alarms(snapshot, {"model": model.probability(leaky)})
    assert found["name"].to_list() == ["model"]
    assert found["auc"].item() > TOO_GOOD


def occasions(customers: int, leavers: int) -> pl.DataFrame:
    """Customers who buy monthly in 2023; the last of them stop in June."""
    rows = [
        (f"c{number:03}", date(2023, month, 1 + number % 28), 10 + number % 7)
        for number in range(customers)
        for month in range(1, 7 if number >= customers - leavers else 13)
    ]
    schema = ["customer_id", "purchase_day", "amount"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.cast({"amount": pl.Decimal(38, 4)})


@pytest.mark.parametrize(("leavers", "reason"), [(30, TOO_FEW_EVENTS), (70, NOT_COMPARED)])
def test_a_base_with_too_few_events_falls_back_to_the_rule_and_says_so(leavers, reason):
    snapshots = Snapshots(Sources(occasions(150, leavers)), date(2023, 9, 30), 60)
    chosen = choose(snapshots, date(2023, 9, 30))
    assert chosen.reason == reason
    assert chosen.method == (IDLE_TIME if reason == TOO_FEW_EVENTS else LOGISTIC)
    chance = score(snapshots, date(2023, 9, 30), chosen.method).chance
    assert np.isfinite(chance).all()
    assert chance.min() >= 0
    assert chance.max() <= 1
    if reason == TOO_FEW_EVENTS:
        with pytest.raises(ValueError, match="too few events"):
            score(snapshots, date(2023, 9, 30), LOGISTIC)
        idle = snapshots.at(date(2023, 9, 30)).features["idle_days"].to_numpy()
        assert (np.argsort(-chance, kind="stable") == np.argsort(-idle, kind="stable")).all()


def test_the_window_of_a_year_ago_sets_the_level_where_history_allows():
    """Every December three in four customers buy, in other quarters one in four."""
    random = np.random.default_rng(0)
    rows = {
        (f"c{number:03}", date(year, month, int(random.integers(1, 29))))
        for number in range(400)
        for year in (2021, 2022, 2023)
        for month in range(1, 13)
        if (year, month) == (2021, 1) or random.random() < (0.75 if month == 12 else 0.12)
    }
    frame = pl.DataFrame(sorted(rows), schema=["customer_id", "purchase_day"], orient="row")
    frame = frame.with_columns(amount=pl.lit(10).cast(pl.Decimal(38, 4)))
    snapshots = Snapshots(Sources(frame), date(2023, 12, 31), 31)
    snapshot = snapshots.at(date(2023, 11, 30))
    rate = snapshot.no_purchase.mean()
    assert snapshot.btyd.mean() > rate + 0.3
    assert season_level(snapshots, date(2023, 11, 30)) == pytest.approx(rate, abs=0.08)


def test_three_signals_are_counted():
    columns = {"tenure_days": [200.0] * 4, "purchases": [5.0] * 4, "purchases_90": [0.0, 0, 5, 5]}
    columns |= {"complaints_365": [1.0, 0, 2, 0], "interactions_drop": [2.0, 0, 0, -1]}
    table = pl.DataFrame(columns)
    counted = three_signals(Snapshot(AUTUMN, 91, table, np.zeros(4), True))
    assert counted.tolist() == [3, 1, 1, 0]


def test_calibration_error_is_the_mean_distance_over_ten_equal_bins():
    chance = np.repeat(np.arange(10) / 10, 10)
    left = np.concatenate([np.arange(10) < 10 * one for one in chance[::10]])
    assert calibration_error(left, chance) == pytest.approx(0, abs=1e-12)
    assert calibration_error(left, chance + 0.05) == pytest.approx(0.05)
    assert calibration_error(left[:5], chance[:5]) == 0  # fewer customers than bins


def test_exactly_right_chances_miss_by_the_noise_alone():
    random = np.random.default_rng(0)
    chance = random.beta(2, 1, 1_000)
    errors = [calibration_error(random.random(1_000) < chance, chance) for _ in range(200)]
    assert calibration_noise(chance) == pytest.approx(np.mean(errors), rel=0.05)


def test_contracts_that_end_are_ranked_by_the_same_code_as_elsewhere():
    raw = pl.read_csv(shared_data("telco_churn.csv"), infer_schema_length=None)
    left = (raw["Churn"] == "Yes").to_numpy()
    facts = raw.drop("LoyaltyID", "Customer ID", "Churn").with_columns(
        pl.col("Total Charges").cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    )
    facts = facts.with_columns(pl.col("Total Charges").fill_null(0))
    words = [name for name, kind in facts.schema.items() if kind == pl.String]
    features = facts.to_dummies(words, drop_first=True)
    chance = cross_validated(features, left)
    found = measure(left, chance)
    assert found["auc"] == pytest.approx(0.845, abs=0.01)
    assert found["brier"] < 0.140 < found["brier_of_rate"]
    assert found["calibration_error"] < 0.02
    first_tenth = np.argsort(-chance, kind="stable")[: len(left) // 10]
    assert left[first_tenth].mean() / left.mean() >= 2.8
    # Expected maximum profit per customer; contacting everybody, at the mean share kept, brings 6.78.
    everybody = left.mean() * 0.3 * (200 - 10) - (~left).mean() * 10 - 1
    assert everybody == pytest.approx(6.78, abs=0.01)
    assert maximum_profit(left, chance) >= 10.25
    # A score that tells nothing leaves the choice between everybody and nobody.
    assert everybody < maximum_profit(left, np.zeros(len(left))) < 7
