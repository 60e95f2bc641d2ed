"""Fits find the top of the likelihood on every path, or name what keeps them from it."""

import json

import numpy as np
import polars as pl
import pytest
from clv.known import TRUTH, WEEK, fit_of, live

from analysis.clv import predict
from analysis.clv.fit import HISTORY, Fit, fit_gamma_gamma, fit_purchases
from analysis.clv.likelihood import COMPETING, PURCHASE_MODELS
from analysis.labels import group

PROBLEMS = group("problem")


@pytest.fixture(scope="module")
def fits(calibration) -> dict[str, Fit]:
    own = {model: fit_purchases(calibration, model, with_lifetimes=False) for model in COMPETING}
    return own | {"gamma_gamma": fit_gamma_gamma(calibration)}


@pytest.mark.parametrize("model", COMPETING)
def test_the_own_search_ends_where_the_one_of_lifetimes_does(calibration, fits, model):
    theirs = fit_purchases(calibration, model, with_lifetimes=True)
    assert fits[model].log_likelihood == pytest.approx(theirs.log_likelihood, abs=1e-6)
    assert fits[model].parameters == pytest.approx(theirs.parameters, rel=1e-4)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
@pytest.mark.parametrize("with_lifetimes", [True, False])
def test_two_runs_agree_to_the_last_bit(calibration, model, with_lifetimes):
    shuffled = calibration.sample(fraction=1, shuffle=True, seed=3)
    first, second = (fit_purchases(one, model, with_lifetimes) for one in (calibration, shuffled))
    assert first == second


def test_two_runs_of_gamma_gamma_agree_to_the_last_bit(calibration, fits):
    assert fit_gamma_gamma(calibration.reverse()) == fits["gamma_gamma"]


def sound(found: Fit) -> bool:
    """Usable with finite numbers, or not usable for a reason that the catalogue has."""
    if found.usable:
        return bool(np.isfinite([*found.values(), found.log_likelihood]).all())
    return found.problem in PROBLEMS


@pytest.mark.parametrize("size", [5, 20, 50, 100])
def test_every_small_subset_is_fitted_or_says_why_not(calibration, size):
    for seed in range(20):
        some = calibration.sample(size, seed=seed)
        found = [fit_purchases(some, model, with_lifetimes=False) for model in PURCHASE_MODELS]
        assert all(map(sound, [*found, fit_gamma_gamma(some)])), (size, seed)


def test_every_subset_of_fifty_is_fitted_or_says_why_not_after_lifetimes_too(calibration):
    for seed in range(20):
        some = calibration.sample(50, seed=seed)
        assert all(sound(fit_purchases(some, model)) for model in COMPETING[:2])
    assert sound(fit_purchases(some, "pareto_nbd"))


def test_money_in_another_unit_gives_the_same_shape(calibration, fits):
    scaled = calibration.with_columns(pl.col("monetary_value") * 1e8)
    plain, large = fits["gamma_gamma"].parameters, fit_gamma_gamma(scaled).parameters
    for name in ("p", "q"):
        assert large[name] == pytest.approx(plain[name], rel=1e-6)
    assert large["v"] == pytest.approx(1e8 * plain["v"], rel=1e-6)


def people(frequency, recency, age) -> pl.DataFrame:
    columns = dict(zip(HISTORY, (frequency, recency, age), strict=True))
    return pl.DataFrame(columns).cast({"recency": pl.Float64, "T": pl.Float64})


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_where_nobody_bought_again_the_fit_says_so(model):
    found = fit_purchases(people([0] * 500, [0] * 500, [90] * 500), model)
    assert (found.problem, found.parameters) == ("nobody_bought_again", {})


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_nobody_at_all(model):
    found = fit_purchases(people([], [], []), model)
    assert (found.problem, found.customers) == ("nobody_bought_again", 0)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_customers_who_are_all_alike(model):
    found = fit_purchases(people([3] * 200, [60] * 200, [90] * 200), model)
    assert sound(found)
    assert not found.usable


def test_customers_who_all_spend_alike():
    alike = people([3] * 200, [60] * 200, [90] * 200).with_columns(monetary_value=pl.lit(5.0))
    assert fit_gamma_gamma(alike).problem in PROBLEMS


def test_a_spend_whose_mean_would_be_infinite_is_named():
    random = np.random.default_rng(1)
    heavy = people([2] * 400, [60] * 400, [90] * 400).with_columns(
        monetary_value=pl.Series(random.gamma(4, 1 / random.gamma(0.7, 1, 400)))
    )
    assert fit_gamma_gamma(heavy).problem == "infinite_mean_spend"


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_customers_of_the_last_day_change_nothing_but_their_number(calibration, model):
    new = people([0] * 300, [0] * 300, [0] * 300)
    more = pl.concat([calibration.select(HISTORY), new], how="vertical_relaxed")
    found = fit_purchases(more, model, with_lifetimes=False)
    alone = fit_purchases(calibration, model, with_lifetimes=False)
    assert found.usable
    assert found.customers == alone.customers + 300
    if model != "mbg_nbd":  # there a new customer may have dropped out already
        assert found.parameters == pytest.approx(alone.parameters, rel=1e-4)


def test_customers_of_the_last_day_only():
    assert sound(fit_purchases(people([0] * 99, [0] * 99, [0] * 99)))


@pytest.mark.parametrize("model", [*COMPETING, "gamma_gamma"])
def test_a_fit_kept_as_json_predicts_the_same(calibration, fits, model):
    plain = fits[model]
    again = Fit.from_dict(json.loads(json.dumps(plain.to_dict(), allow_nan=False)))
    assert again == plain
    x, t_x, age = calibration.select(HISTORY).to_numpy().T
    if model == "gamma_gamma":
        money = calibration["monetary_value"].to_numpy()
        both = [predict.expected_spend(one, x, money) for one in (plain, again)]
    else:
        both = [predict.expected_purchases(one, x, t_x, age, 365) for one in (plain, again)]
    assert both[0] == pytest.approx(both[1], rel=1e-12)


def test_a_fit_that_is_not_usable_comes_back_from_json():
    found = fit_purchases(people([0] * 9, [0] * 9, [9] * 9))
    assert Fit.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


def test_criteria_count_parameters_and_customers(fits):
    found = fits["bg_nbd"]
    assert found.aic(WEEK) == pytest.approx(2 * 9582.429 + 8, abs=0.01)
    assert found.bic(WEEK) == pytest.approx(2 * 9582.429 + 4 * np.log(2357), abs=0.01)
    assert found.aic() - found.aic(WEEK) == pytest.approx(2 * 2457 * np.log(7))


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_days_and_weeks_say_the_same(calibration, model):
    weeks = calibration.with_columns(pl.col("recency", "T") / WEEK)
    in_days, in_weeks = (fit_purchases(one, model, False) for one in (calibration, weeks))
    times = ("alpha", "beta")
    scaled = {key: one / (WEEK if key in times else 1) for key, one in in_days.parameters.items()}
    assert in_weeks.parameters == pytest.approx(scaled, rel=1e-5)
    assert in_weeks.log_likelihood == pytest.approx(in_days.log_likelihood_in(WEEK), abs=1e-6)
    history, short = (one.select(HISTORY).to_numpy().T for one in (calibration, weeks))
    by_days = predict.expected_purchases(in_days, *history, 39 * WEEK)
    by_weeks = predict.expected_purchases(in_weeks, *short, 39)
    assert by_weeks == pytest.approx(by_days, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("model", COMPETING)
def test_the_truth_lies_within_three_standard_errors(model):
    """Shops of a known model: errors in logarithms over their own standard errors."""
    random, truth = np.random.default_rng(2024), fit_of(model)
    distances = []
    for _ in range(20 if model == "pareto_nbd" else 50):
        shop = live(truth, random.uniform(200, 500, 800), 0, random)
        found = fit_purchases(shop, model, with_lifetimes=False)
        assert found.usable
        errors = np.sqrt(np.diag(found.covariance))
        distances.append(np.log(np.divide(found.values(), TRUTH[model])) / errors)
    assert (np.abs(distances) < 3).mean() >= 0.95
    assert np.std(distances) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("model", [*COMPETING, "gamma_gamma"])
def test_draws_scatter_around_the_estimate_as_the_covariance_says(fits, model):
    draws = np.log(fits[model].draws(40_000, np.random.default_rng(8)))
    spread = np.sqrt(np.diag(fits[model].covariance))
    assert draws.mean(axis=0) == pytest.approx(
        np.log(fits[model].values()), abs=0.03 * spread.max()
    )
    scale = np.outer(spread, spread)
    correlation = np.array(fits[model].covariance) / scale
    assert np.cov(draws.T) / scale == pytest.approx(correlation, abs=0.03)


def test_without_a_covariance_every_draw_is_the_estimate():
    draws = fit_of("bg_nbd").draws(3, np.random.default_rng(1))
    assert draws == pytest.approx(np.tile(TRUTH["bg_nbd"], (3, 1)))


def test_standard_errors_are_the_diagonal_of_the_covariance(fits):
    for found in fits.values():
        in_logs = np.sqrt(np.diag(found.covariance))
        assert list(found.standard_errors.values()) == pytest.approx(in_logs * found.values())
