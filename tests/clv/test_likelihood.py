"""Likelihoods equal those of lifetimes, gradients those of differences; rows and weights agree."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from clv.known import TRUTH
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.integrate import quad

from analysis.clv.fit import HISTORY
from analysis.clv.likelihood import (
    PARAMETERS,
    Rows,
    died_before,
    log_likelihood,
    total_and_gradient,
)


def histories(calibration: pl.DataFrame, model: str) -> Rows:
    """One row per customer; for Gamma-Gamma the repeat buyers with their mean value."""
    columns = HISTORY
    if model == "gamma_gamma":
        calibration = calibration.filter(pl.col("frequency") > 0)
        columns = ["frequency", "monetary_value", "T"]
    numbers = calibration.select(columns).cast(pl.Float64).to_numpy().T
    return Rows(*numbers, np.ones(calibration.height))


def of_lifetimes(model: str, rows: Rows, parameters) -> float:
    """The total log-likelihood by lifetimes' own formula."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

    history = (rows.x, rows.t_x, rows.age)
    if model == "pareto_nbd":
        return ParetoNBDFitter._conditional_log_likelihood(parameters, *history).sum()
    fitters = {
        "bg_nbd": BetaGeoFitter,
        "mbg_nbd": ModifiedBetaGeoFitter,
        "gamma_gamma": GammaGammaFitter,
    }
    history = history[:2] if model == "gamma_gamma" else history
    loss = fitters[model]._negative_log_likelihood(np.log(parameters), *history, rows.weight, 0.0)
    return -loss * len(rows.x)


OTHERS = {
    "bg_nbd": (3.0, 5.0, 0.2, 0.4),
    "mbg_nbd": (3.0, 5.0, 0.2, 0.4),
    "pareto_nbd": (3.0, 90.0, 1.4, 12.0),  # alpha above beta, the other branch of the closed form
    "gamma_gamma": (1.2, 1.6, 40.0),
}


@pytest.mark.parametrize("values", [TRUTH, OTHERS], ids=["usual", "unusual"])
@pytest.mark.parametrize("model", OTHERS)
def test_the_likelihood_is_that_of_lifetimes(calibration, model, values):
    rows = histories(calibration, model)
    ours = log_likelihood(model, rows, values[model]).sum()
    assert ours == pytest.approx(of_lifetimes(model, rows, values[model]), abs=1e-6)


def test_the_likelihood_of_nbd_is_that_of_nobody_dropping_out(calibration):
    rows = histories(calibration, "nbd")
    nobody = log_likelihood("bg_nbd", rows, (0.6, 80.0, 1e-15, 1.0)).sum()
    assert log_likelihood("nbd", rows, (0.6, 80.0)).sum() == pytest.approx(nobody, abs=1e-6)


# Histories that strain a formula: nobody's, a day old, bought today, hundreds of purchases.
EDGES = [
    (0, 0, 0),
    (0, 0, 1),
    (1, 1, 1),
    (1, 1, 900),
    (3, 100, 100),
    (400, 699, 700),
    (900, 5, 700),
]


def edges(model: str, weights: np.ndarray) -> Rows:
    x, t_x, age = np.array(EDGES, dtype=float).T
    if model == "gamma_gamma":
        x, t_x = np.maximum(x, 1), np.maximum(t_x, 0.01)
    return Rows(x, t_x, age, weights)


logs = st.floats(-2.5, 2.5)
UNITS = {"alpha": 30.0, "beta": 30.0, "v": 20.0}


@pytest.mark.parametrize("model", PARAMETERS)
@given(st.tuples(logs, logs, logs, logs))
@examples(max_examples=60, deadline=None, derandomize=True)
def test_gradients_are_those_of_central_differences(model, point):
    names = PARAMETERS[model]
    units = np.array([UNITS.get(name, 1.0) for name in names])
    center = np.array(point[: len(names)]) + np.log(units)
    rows = edges(model, np.array([5.0, 3.0, 1.0, 2.0, 4.0, 1.0, 1.0]))
    total, gradient = total_and_gradient(model, rows, np.exp(center))
    assert total == pytest.approx(rows.weight @ log_likelihood(model, rows, np.exp(center)))
    step = 1e-4
    for place, found in enumerate(gradient):
        shift = step * np.eye(len(names))[place]
        ahead, behind = (
            total_and_gradient(model, rows, np.exp(center + side))[0] for side in (shift, -shift)
        )
        size = max(np.abs(gradient).max(), 1)
        assert found == pytest.approx((ahead - behind) / (2 * step), abs=1e-5 * size), names[place]


@pytest.mark.parametrize("model", PARAMETERS)
def test_the_order_of_rows_does_not_matter(calibration, model):
    rows = histories(calibration, model)
    turned = Rows(rows.x[::-1], rows.t_x[::-1], rows.age[::-1], rows.weight)
    forth, back = (total_and_gradient(model, each, TRUTH[model]) for each in (rows, turned))
    assert forth[0] == pytest.approx(back[0], rel=1e-13)
    assert forth[1] == pytest.approx(back[1], rel=1e-9, abs=1e-9)
    each, turned_each = (log_likelihood(model, one, TRUTH[model]) for one in (rows, turned))
    assert (each == turned_each[::-1]).all()


@pytest.mark.parametrize("model", PARAMETERS)
def test_a_weight_is_so_many_equal_rows(model):
    weights = np.array([5, 3, 1, 2, 4, 1, 7])
    once = edges(model, weights.astype(float))
    columns = (np.repeat(each, weights) for each in (once.x, once.t_x, once.age))
    again = Rows(*columns, np.ones(weights.sum()))
    found, repeated = (total_and_gradient(model, rows, TRUTH[model]) for rows in (once, again))
    assert found[0] == pytest.approx(repeated[0], rel=1e-12)
    assert found[1] == pytest.approx(repeated[1], rel=1e-9)


SILENCES = [(0, 0, 30), (0, 0, 3000), (5, 3, 900), (50, 20, 900), (10, 500, 2000), (2000, 10, 3000)]


@pytest.mark.parametrize("ratio", [1e-3, 0.1, 1, 10, 300, 1e4])
@pytest.mark.parametrize(("r", "s"), [(0.05, 0.6), (3.0, 0.05), (0.6, 5.0)])
def test_the_integral_over_the_day_of_death_is_exact(r, s, ratio):
    """Against an adaptive integral, also where customers die much sooner or later than they buy."""
    alpha, beta = 300.0, 300.0 / ratio
    x, t_x, age = np.array(SILENCES, dtype=float).T
    found = died_before(x, t_x, age, (r, alpha, s, beta)).log_total
    for place, (n, last, end) in enumerate(SILENCES):
        exponents = (r + n, s + 1)

        def density(log_y, last=last, exponents=exponents):  # in the logarithm of 1 + y - t_x
            since = np.expm1(log_y)
            sooner = [
                exponents[k] * np.log1p(since / (m + last)) for k, m in ((0, alpha), (1, beta))
            ]
            return np.exp(log_y - sum(sooner))

        places = np.linspace(0, np.log1p(end - last), 120)
        parts = [quad(density, *both, epsabs=0, epsrel=1e-11)[0] for both in pairwise(places)]
        exact = np.log(s * sum(parts))
        exact -= exponents[0] * np.log(alpha + last) + exponents[1] * np.log(beta + last)
        assert found[place] == pytest.approx(exact, abs=1e-8), SILENCES[place]


@pytest.mark.parametrize("model", PARAMETERS)
def test_extreme_histories_have_a_finite_likelihood(model):
    rows = edges(model, np.ones(len(EDGES)))
    assert np.isfinite(log_likelihood(model, rows, TRUTH[model])).all()
