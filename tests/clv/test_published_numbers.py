"""Published CDNOW figures, reproduced to the digits given. Weeks are days / 7.

Fader, Hardie and Lee (2005), Marketing Science 24(2), and brucehardie.com/notes 004, 025, 039.
"""

import numpy as np
import polars as pl
import pytest

from analysis.clv import fit, predict
from analysis.clv.holdout import backtest, hold_out

WEEK = 7


@pytest.fixture(scope="module")
def bg_nbd(calibration) -> fit.Fit:
    return fit.fit_bg_nbd(calibration)


@pytest.fixture(scope="module")
def gamma_gamma(calibration) -> fit.Fit:
    return fit.fit_gamma_gamma(calibration)


def in_weeks(found: fit.Fit) -> dict[str, float]:
    return found.parameters | {"alpha": found.parameters["alpha"] / WEEK}


def test_bg_nbd_on_the_sample(bg_nbd):
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert in_weeks(bg_nbd) == pytest.approx(published, abs=5e-4)
    assert bg_nbd.log_likelihood_in(WEEK) == pytest.approx(-9582.43, abs=0.005)
    assert bg_nbd.log_likelihood == pytest.approx(-14363.53, abs=0.005)
    assert bg_nbd.usable


def test_bg_nbd_on_the_full_file(full_calibration):
    assert full_calibration.height == 23570
    found = fit.fit_bg_nbd(full_calibration)
    published = {"r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611}
    assert in_weeks(found) == pytest.approx(published, abs=1e-4)
    assert found.log_likelihood_in(WEEK) == pytest.approx(-95368.44, abs=0.01)


def test_gamma_gamma_on_the_sample(gamma_gamma):
    published = {"p": 6.25, "q": 3.74, "v": 15.44}
    assert gamma_gamma.parameters == pytest.approx(published, abs=0.005)
    assert gamma_gamma.customers == 946
    assert gamma_gamma.log_likelihood == pytest.approx(-4055.92, abs=0.005)


def test_expected_spend_of_the_first_ten_customers(calibration, gamma_gamma):
    ids = [f"{one:05}" for one in (4, 21, 50, 71, 86, 111, 112, 113, 114, 131)]
    first = pl.DataFrame({"customer_id": ids}).join(
        calibration, on="customer_id", maintain_order="left"
    )
    found = predict.expected_spend(
        first["frequency"], first["monetary_value"].to_numpy(), gamma_gamma.values()
    )
    note_025 = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert found == pytest.approx(note_025, abs=0.01)


@pytest.mark.parametrize(
    ("history", "expected", "alive", "active"),
    [
        ((2, 30.43, 38.86), 1.226, 0.7266, 0.555),
        ((26, 30.86, 31.00), 20.75, 0.9689, None),
        ((0, 0, 38.86), 0.195, 1.0, 0.144),
        ((1, 1.71, 38.86), 0.203, 0.212, 0.117),
    ],
)
def test_named_customers_over_39_weeks(bg_nbd, history, expected, alive, active):
    x, t_x, age = history
    arguments = (x, WEEK * t_x, WEEK * age)
    days, parameters = 39 * WEEK, bg_nbd.values()
    digits = 5e-3 if expected > 10 else 5e-4
    found = predict.expected_purchases(*arguments, days, parameters)
    assert found == pytest.approx(expected, abs=digits)
    assert predict.probability_alive(*arguments, parameters) == pytest.approx(alive, abs=5e-4)
    if active is not None:
        chance = predict.probability_active(*arguments, days, parameters)
        assert chance == pytest.approx(active, abs=6e-4)


def test_expected_purchases_of_a_new_customer(bg_nbd):
    weeks = np.array([0.1429, 1, 3, 31.8571, 32])
    found = predict.expected_purchases_of_new(WEEK * weeks, bg_nbd.values())
    assert found == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437], abs=6e-5)


def test_the_series_and_the_integral_over_dropout_agree(bg_nbd):
    days = np.array([7.0, 91.0, 546.0])
    nothing = np.zeros(3)
    series = predict.expected_purchases_of_new(days, bg_nbd.values())
    integral = predict._integrate_over_dropout(nothing, nothing, days, bg_nbd.values())
    assert series == pytest.approx(integral, rel=1e-5)


def test_where_lifetimes_returns_nan_the_formula_gives_its_number():
    found = predict.expected_purchases(0, 0, 1, 30, (0.11, 2.24, 0.31, 0.5))
    assert found == pytest.approx(0.5646, abs=5e-5)


def test_holdout_errors_on_the_sample(tenth):
    from datetime import date

    held = hold_out(tenth, date(1997, 9, 30), date(1998, 6, 30))
    assert held.days == 273
    assert held.customers["actual_purchases"].sum() == 1882
    found = {
        (row["method"], row["subject"], row["metric"]): row["value"]
        for row in backtest(held).iter_rows(named=True)
    }
    assert found["model", "purchases", "mae"] == pytest.approx(0.785, abs=5e-4)
    assert found["model", "purchases", "rmse"] == pytest.approx(1.608, abs=5e-4)
    assert found["model", "purchases", "bias"] == pytest.approx(-0.121, abs=5e-4)
    assert found["model", "purchases", "gini"] == pytest.approx(0.663, abs=1e-3)
    assert found["model", "revenue", "bias"] == pytest.approx(-0.156, abs=5e-4)
    assert found["own_rate", "purchases", "mae"] == pytest.approx(1.024, abs=5e-4)
    assert found["nothing", "purchases", "mae"] == pytest.approx(0.798, abs=5e-4)


def test_standard_errors_are_those_of_lifetimes(calibration, bg_nbd, gamma_gamma):
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    numbers = [calibration[name].to_numpy() for name in ("frequency", "recency", "T")]
    theirs = BetaGeoFitter(penalizer_coef=0.0).fit(*numbers).standard_errors_
    assert bg_nbd.standard_errors == pytest.approx(theirs.to_dict(), rel=2e-3)
    valued = calibration.filter(pl.col("monetary_value") > 0)
    spend = GammaGammaFitter(penalizer_coef=0.0).fit(
        valued["frequency"].to_numpy(), valued["monetary_value"].to_numpy()
    )
    assert gamma_gamma.standard_errors == pytest.approx(spend.standard_errors_.to_dict(), rel=2e-3)
