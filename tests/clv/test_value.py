"""Fits that fail say why; values obey their identities; forecasts stay finite."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from analysis import tables
from analysis.clv import fit, predict, value
from analysis.clv.holdout import (
    backtest,
    by_frequency,
    choose_cut_off,
    error_metrics,
    hold_out,
    tracking,
)
from analysis.customers import summarise_customers
from analysis.run.settings import Settings

SHOP = Settings(
    name="s", currency="USD", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)


def with_clv(**changes) -> Settings:
    return SHOP.model_copy(update={"clv": SHOP.clv.model_copy(update=changes)})


@pytest.fixture(scope="module")
def models(calibration) -> value.Models:
    both = fit.fit_bg_nbd(calibration), fit.fit_gamma_gamma(calibration)
    return value.Models.of(calibration, *both)


@pytest.fixture(scope="module")
def spent(tenth) -> pl.DataFrame:
    past = tenth.filter(pl.col("purchase_day") <= date(1997, 9, 30))
    return value.recent_spend(past, date(1997, 9, 30), 365)


def values_under(settings: Settings, calibration, spent, models) -> pl.DataFrame:
    return value.customer_values(calibration, spent, models, settings)


def test_the_table_keeps_its_contract(calibration, spent, models):
    found = tables.conform("clv", values_under(SHOP, calibration, spent, models))
    assert found["customer_id"].to_list() == calibration["customer_id"].to_list()
    assert found.null_count().sum_horizontal().item() == 0
    assert (found["clv_low"] <= found["clv_high"]).all()


def test_without_discount_value_is_purchases_times_spend(calibration, spent, models):
    found = values_under(with_clv(discount_rate_annual=0.0), calibration, spent, models)
    product = found["expected_purchases"] * found["expected_spend_per_purchase"]
    assert found["clv_revenue"].to_numpy() == pytest.approx(product.to_numpy(), rel=1e-9)


def test_a_margin_scales_value_and_its_interval(calibration, spent, models):
    gross = values_under(SHOP, calibration, spent, models)
    net = values_under(with_clv(gross_margin=0.4), calibration, spent, models)
    for name in ("clv", "clv_low", "clv_high"):
        assert net[name].to_numpy() == pytest.approx(0.4 * gross[name].to_numpy())
    assert net["clv_revenue"].equals(gross["clv_revenue"])


def test_outcomes_fall_into_the_interval_nine_times_of_ten_when_the_model_is_true(
    calibration, models
):
    rows = calibration.filter(pl.col("frequency") > 2)
    random = np.random.default_rng(5)
    truth = value.simulate_purchases(rows, models, 365, random)
    low, high = np.quantile(value.simulate_purchases(rows, models, 365, random), [0.05, 0.95], 0)
    inside = ((truth >= low) & (truth <= high)).mean()
    assert 0.88 <= inside <= 0.97


def test_simulated_purchases_have_the_expected_mean(calibration, models):
    rows = calibration.head(300)
    draws = value.simulate_purchases(rows, models, 365, np.random.default_rng(7))
    expected = models.expected_purchases(rows, 365)
    assert draws.mean(axis=0).sum() == pytest.approx(expected.sum(), rel=0.02)


def test_a_forecast_has_every_horizon_for_each_segment_and_the_base(calibration, models):
    members = calibration.select(
        "customer_id",
        segment=pl.when(pl.col("frequency") > 0)
        .then(pl.lit("repeat"))
        .otherwise(pl.lit("one_time")),
    )
    found = tables.conform("clv_forecast", value.forecast(calibration, members, models, -0.1, SHOP))
    assert sorted(found["horizon_days"].unique()) == [30, 91, 365]
    parts = found.filter(pl.col("segment") != "all")["expected_purchases"].sum()
    whole = found.filter(pl.col("segment") == "all")["expected_purchases"].sum()
    assert parts == pytest.approx(whole)
    narrow = value.forecast(calibration, members, models, None, SHOP)
    assert (
        found["high"] - found["low"]
        > narrow.sort("segment", "horizon_days")["high"]
        - narrow.sort("segment", "horizon_days")["low"]
    ).all()


def test_the_fit_comes_back_from_its_table(calibration, models):
    day = date(1997, 9, 30)
    table = value.fit_table([("month", day, models.purchases), ("month", day, models.spend)])
    again = value.models_from_table(calibration, tables.conform("clv_fit", table))
    assert again.purchases.parameters == models.purchases.parameters
    assert again.spend.parameters == models.spend.parameters


NO_FITS = {
    "one customer": pl.col("customer_id") == "00004",
    "nobody bought again": pl.col("frequency") == 0,
}


@pytest.mark.parametrize("base", NO_FITS)
def test_where_nothing_can_be_fitted_the_base_rate_stands_in(calibration, spent, base):
    few = calibration.filter(NO_FITS[base])
    both = fit.fit_bg_nbd(few), fit.fit_gamma_gamma(few)
    assert [one.problem for one in both] == ["few_repeat_buyers"] * 2
    models = value.Models.of(few, *both)
    found = tables.conform("clv", values_under(SHOP, few, spent, models))
    assert found.height == few.height
    rate = few["frequency"].sum() / few["T"].sum()
    assert found["expected_purchases"].to_numpy() == pytest.approx(365 * rate)
    table = tables.conform("clv_fit", value.fit_table([("month", date(1998, 1, 1), both[0])]))
    assert set(table["note"]) == {"few_repeat_buyers"}


def test_money_in_another_unit_gives_the_same_fit(calibration):
    scaled = calibration.with_columns(pl.col("monetary_value") * 1e8)
    plain, large = fit.fit_gamma_gamma(calibration), fit.fit_gamma_gamma(scaled)
    assert large.parameters["p"] == pytest.approx(plain.parameters["p"], rel=1e-4)
    assert large.parameters["v"] == pytest.approx(1e8 * plain.parameters["v"], rel=1e-4)


def test_a_fit_does_not_depend_on_the_order_of_customers(calibration):
    shuffled = calibration.sample(fraction=1, shuffle=True, seed=3)
    assert fit.fit_bg_nbd(shuffled) == fit.fit_bg_nbd(calibration)


parameters = st.tuples(
    st.floats(0.05, 20), st.floats(0.5, 500), st.floats(0.01, 20), st.floats(0.01, 20)
)


@given(parameters, st.integers(0, 2000), st.floats(0, 1), st.integers(1, 3000))
@examples(max_examples=300, deadline=None)
def test_predictions_are_finite_and_grow_with_the_horizon(fitted, x, share, age):
    t_x = age * share if x else 0.0
    horizons = np.array([0.0, 1.0, 30.0, 365.0, 3650.0])
    history = (np.full(5, x), np.full(5, t_x), np.full(5, float(age)))
    expected = predict.expected_purchases(*history, horizons, fitted)
    chance = predict.probability_active(*history, horizons, fitted)
    for found in (expected, chance):
        assert np.isfinite(found).all()
        assert found[0] == pytest.approx(0, abs=1e-9)
        assert (np.diff(found) >= -1e-6 * (1 + found[1:])).all()
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (chance <= expected + 1e-6 * (1 + expected)).all()


@pytest.mark.parametrize(
    ("first", "as_of", "expected"),
    [
        (date(1997, 1, 1), date(1998, 6, 30), date(1997, 9, 30)),
        (date(1997, 1, 1), date(1997, 3, 31), None),
        (date(2015, 1, 1), date(2024, 6, 30), date(2023, 6, 30)),
    ],
)
def test_the_cut_off_is_a_months_end_in_the_middle_of_the_history(first, as_of, expected):
    assert choose_cut_off(first, as_of, 365) == expected


def test_the_holdout_sees_nothing_after_its_cut_off(tenth):
    cut_off, as_of = date(1997, 9, 30), date(1998, 6, 30)
    held = hold_out(tenth, cut_off, as_of)
    blind = hold_out(tenth.filter(pl.col("purchase_day") <= cut_off), cut_off, as_of)
    assert held.models == blind.models
    assert blind.customers["actual_purchases"].sum() == 0
    tables.conform("clv_backtest", backtest(held))
    weeks = tracking(tenth, held, as_of)
    assert weeks["actual"][-1] == pytest.approx(2457 + 1882, abs=40)
    assert by_frequency(held)["actual"][0] == pytest.approx(0.24, abs=5e-3)


def test_error_metrics_of_a_hand_worked_case():
    found = error_metrics(np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    expected = {"mae": 0.5, "rmse": 0.5**0.5, "bias": 0.5, "gini": 1.0}
    assert found == pytest.approx(expected)
    assert error_metrics(np.zeros(2), np.zeros(2))["bias"] is None


def test_summaries_up_to_the_cut_off_and_to_the_end_share_their_customers(tenth):
    early = summarise_customers(tenth.lazy(), date(1997, 3, 31)).collect()
    late = summarise_customers(tenth.lazy(), date(1998, 6, 30)).collect()
    assert set(early["customer_id"]) <= set(late["customer_id"])
