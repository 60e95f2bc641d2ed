"""Predictions equal what customers of a known model do, stay finite, and grow with the horizon."""

import numpy as np
import polars as pl
import pytest
from clv.known import TRUTH, fit_of, live
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from analysis.clv import predict
from analysis.clv.fit import HISTORY
from analysis.clv.likelihood import COMPETING, PURCHASE_MODELS

AGE, DAYS = 250.0, 180
UNUSUAL = {
    "bg_nbd": (0.4, 20.0, 0.3, 0.5),  # a + b below 1, where textbook formulas fail
    "mbg_nbd": (0.4, 20.0, 0.3, 0.5),
    "pareto_nbd": (0.8, 90.0, 0.5, 2.0),  # most die long before they would buy
    "nbd": (2.0, 40.0),
}


def history(people: pl.DataFrame) -> np.ndarray:
    return people.select(HISTORY).cast(pl.Float64).to_numpy().T


def distances(people: pl.DataFrame, predicted: np.ndarray, actual: pl.Expr) -> pl.DataFrame:
    """How many standard errors the mean outcome lies from the mean prediction, for all and by group.

    Groups have like histories: 0, 1, 2, 3 or more purchases, long silent or not.
    """
    group = pl.col("frequency").clip(0, 3) * 2 + (pl.col("recency") > 150)
    off = people.select(group=group, off=actual.cast(pl.Float64) - pl.Series(predicted))
    off = pl.concat([off, off.with_columns(group=pl.lit(-1, off.schema["group"]))])
    found = off.group_by("group").agg(pl.len(), pl.col("off").mean(), error=pl.col("off").std())
    found = found.filter(pl.col("len") > 500).sort("group")
    return found.with_columns(z=(pl.col("off") / pl.col("error") * pl.col("len").sqrt()).abs())


@pytest.mark.parametrize("values", [TRUTH, UNUSUAL], ids=["usual", "unusual"])
@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_customers_of_a_known_model_do_what_is_predicted(model, values):
    """The mean within three standard errors, which are less than 1 % for the usual parameters of the
    competing models; of each of some 100 groups within four."""
    fit, random = fit_of(model, *values[model]), np.random.default_rng(11)
    exact = values is TRUTH and model in COMPETING
    people = live(fit, np.full(250_000 if exact else 60_000, AGE), DAYS, random)
    x, t_x, age = history(people)
    later = people["later"].to_numpy()
    outcomes = (
        (predict.expected_purchases(fit, x, t_x, age, DAYS), pl.col("later"), later),
        (predict.probability_active(fit, x, t_x, age, DAYS), pl.col("later") > 0, later > 0),
    )
    for predicted, outcome, actual in outcomes:
        found = distances(people, predicted, outcome)
        assert found.height >= 5
        assert found["z"][0] < 3
        assert found["z"].max() < 4
        if exact:
            assert predicted.mean() == pytest.approx(actual.mean(), rel=0.01)


@pytest.mark.parametrize("values", [TRUTH, UNUSUAL], ids=["usual", "unusual"])
@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_new_customers_buy_as_often_as_expected(model, values):
    fit = fit_of(model, *values[model])
    people = live(fit, np.full(60_000, AGE), 0, np.random.default_rng(5))
    bought = people["frequency"].to_numpy()
    # What is expected of days to come, given the days before, adds up to the whole.
    rest = predict.expected_purchases(fit, *history(people), 100)
    for days, found in ((AGE, bought), (AGE + 100, bought + rest)):
        expected = float(predict.expected_purchases_of_new(fit, days))
        assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(len(found))


def test_the_series_and_the_integral_over_dropout_agree():
    fit, nothing = fit_of("bg_nbd"), np.zeros(1)
    for days in (7.0, 91.0, 546.0):
        series = predict.expected_purchases_of_new(fit, days)
        integral = predict._integrate_over_dropout(nothing, nothing, days, fit.values())
        assert series == pytest.approx(integral[0], rel=1e-5)


positive = st.floats(0.05, 20)
times = st.floats(0.5, 500)
dropout = st.floats(0.01, 20)
HORIZONS = np.array([0.0, 1.0, 30.0, 365.0, 3650.0])


@pytest.mark.parametrize("model", PURCHASE_MODELS)
@given(
    positive,
    times,
    dropout,
    dropout,
    times,
    st.integers(0, 2000),
    st.floats(0, 1),
    st.integers(1, 3000),
)
@examples(max_examples=150, deadline=None)
def test_predictions_are_finite_and_grow_with_the_horizon(
    model, r, alpha, a, b, beta, x, share, age
):
    others = {"nbd": (), "pareto_nbd": (a, beta)}.get(model, (a, b))
    fit = fit_of(model, r, alpha, *others)
    one = (x, age * share if x else 0.0, float(age))
    expected = np.array([float(predict.expected_purchases(fit, *one, days)) for days in HORIZONS])
    chance = predict.probability_active(fit, *one, HORIZONS)
    for found in (expected, chance):
        assert np.isfinite(found).all()
        assert found[0] == 0
        assert (np.diff(found) >= -1e-6 * (1 + found[1:])).all()
    alive = predict.probability_alive(fit, *one)
    assert 0 <= alive <= 1
    assert ((chance >= 0) & (chance <= alive + 1e-9)).all()
    assert (chance <= expected + 1e-6 * (1 + expected)).all()


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_two_thousand_purchases_and_a_day_without_history(model):
    x = np.array([0, 0, 1, 10, 200, 2000, 2000])
    t_x = np.array([0, 0, 1, 9, 900, 1999, 100])
    age = np.array([0, 3000, 1, 3000, 900, 2000, 2000])
    for values in (TRUTH, UNUSUAL):
        fit = fit_of(model, *values[model])
        for found in (
            predict.expected_purchases(fit, x, t_x, age, 365),
            predict.probability_active(fit, x, t_x, age, 365),
            predict.probability_alive(fit, x, t_x, age),
        ):
            assert np.isfinite(found).all()
            assert (found >= 0).all()


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_weights_give_the_weighted_sum_of_the_horizons(model):
    fit = fit_of(model)
    people = (np.array([0, 2, 9]), np.array([0.0, 100.0, 200.0]), np.array([5.0, 250.0, 210.0]))
    days, weights = np.array([30.0, 90.0, 365.0]), np.array([0.5, -0.25, 1.0])
    each = [predict.expected_purchases(fit, *people, one) for one in days]
    found = predict.expected_purchases(fit, *people, days, weights)
    assert found == pytest.approx(weights @ each, rel=1e-12)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_in_no_days_nobody_buys(model):
    fit = fit_of(model)
    assert predict.expected_purchases(fit, 3, 50.0, 90.0, 0) == 0
    assert predict.probability_active(fit, 3, 50.0, 90.0, 0) == 0
    assert predict.expected_purchases_of_new(fit, 0) == 0


@pytest.mark.parametrize("model", COMPETING)
def test_a_customer_does_not_depend_on_who_else_is_asked_about(model):
    fit = fit_of(model)
    people = live(fit, np.full(300, AGE), 0, np.random.default_rng(3))
    for function, days in (
        (predict.expected_purchases, (90.0,)),
        (predict.probability_active, (90.0,)),
        (predict.probability_alive, ()),
    ):
        together = function(fit, *history(people), *days)
        alone = [float(function(fit, *history(people[[place]]), *days)[0]) for place in range(9)]
        assert together[:9] == pytest.approx(alone, rel=1e-12)


def test_only_bg_nbd_is_sure_of_every_one_time_buyer():
    chances = {
        model: float(predict.probability_alive(fit_of(model), 0, 0, 900))
        for model in PURCHASE_MODELS
    }
    assert chances["bg_nbd"] == chances["nbd"] == 1
    assert max(chances["mbg_nbd"], chances["pareto_nbd"]) < 0.5


def test_expected_spend_lies_between_the_own_mean_and_that_of_the_base():
    fit = fit_of("gamma_gamma")
    p, q, v = TRUTH["gamma_gamma"]
    base = p * v / (q - 1)
    found = predict.expected_spend(fit, [0, 1, 1, 50, 3, 3], [np.nan, 10, 90, 90, 0, -5])
    assert found[[0, 4, 5]] == pytest.approx([base] * 3)
    assert 10 < found[1] < base < found[2] < found[3] < 90


@pytest.mark.parametrize("model", ["bg_nbd", "mbg_nbd", "nbd"])
def test_chances_of_counts_sum_to_one_and_agree_with_the_chance_of_none(model):
    fit = fit_of(model)
    chances = [predict.probability_of_count(fit, count, 91) for count in range(400)]
    assert sum(chances) == pytest.approx(1, abs=1e-6)
    assert 1 - chances[0] == pytest.approx(float(predict.probability_active(fit, 0, 0, 0, 91)))
    mean = sum(count * chance for count, chance in enumerate(chances))
    assert mean == pytest.approx(float(predict.expected_purchases_of_new(fit, 91)), rel=1e-4)
