"""Effects that are there are found, and intervals hold them as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.effects.estimates import (
    active_difference,
    adjusted_difference,
    detectable,
    rate_difference,
)
from analysis.effects.outcomes import winsorised
from analysis.effects.pooled import combine, running_reach

TIMES, BASE = 20_000, 0.29


def campaigns(effect: float, treated: int, controls: int):
    """Simulated campaigns of an effect on a base of 29 %."""
    rng = np.random.default_rng(8)
    return rate_difference(
        rng.binomial(treated, BASE + effect, TIMES),
        np.full(TIMES, treated),
        rng.binomial(controls, BASE, TIMES),
        np.full(TIMES, controls),
    )


@pytest.mark.parametrize(
    ("effect", "treated", "controls", "power"),
    [(0.04, 5_000, 1_250, 0.75), (0.10, 1_000, 250, 0.80)],
)
def test_injected_effects_are_found(effect, treated, controls, power):
    found = campaigns(effect, treated, controls)
    assert np.mean((found.p < 0.05) & (found.difference > 0)) >= power
    assert 0.94 <= np.mean((found.low <= effect) & (effect <= found.high)) <= 0.96


def test_the_least_effect_told_beforehand_is_found_in_four_of_five_campaigns():
    spread = np.sqrt(BASE * (1 - BASE))
    least = detectable(spread, 5_000, 1_250)
    assert least == pytest.approx(0.040, abs=0.0005)
    assert detectable(spread, 500, 125) == pytest.approx(0.127, abs=0.0005)
    assert detectable(spread, 1_000, 250) == pytest.approx(0.090, abs=0.0005)
    assert np.mean(campaigns(least, 5_000, 1_250).p < 0.05) == pytest.approx(0.8, abs=0.02)


def worlds(rng: np.random.Generator, treated: int, controls: int, effect: float):
    """Customers with a history, and heavy-tailed spend that treatment makes more frequent."""
    n = treated + controls
    size = rng.lognormal(4, 0.7, n)
    before = size * rng.poisson(2, n)
    arm = np.arange(n) < treated
    buys = rng.random(n) < BASE + effect * arm
    spend = np.where(buys, size * rng.lognormal(0, 0.8, n), 0)
    return spend, np.column_stack([winsorised(before), np.log1p(size)]), arm


def test_intervals_of_adjusted_spend_hold_the_effect():
    rng = np.random.default_rng(5)
    spend, _, arm = worlds(rng, 1_000_000, 250_000, 0.10)
    drawn = winsorised(spend)
    truth = drawn[arm].mean() - drawn[~arm].mean()
    held, found = [], []
    for _ in range(1_500):
        spend, known, arm = worlds(rng, 1_000, 250, 0.10)
        one = adjusted_difference(winsorised(spend), known, arm)
        held.append(one.low <= truth <= one.high)
        found.append(one.p < 0.05)
    assert 0.94 <= np.mean(held) <= 0.96
    assert np.mean(found) > 0.5


def test_newcombe_as_published():
    # Newcombe (1998), Statistics in Medicine 17, table II, method 10, cases (a), (c) and (h).
    cases = {(56, 70, 48, 80): (0.0524, 0.3339), (9, 10, 3, 10): (0.1705, 0.8090)}
    cases |= {(10, 10, 0, 10): (0.6075, 1.0)}
    for counts, limits in cases.items():
        found = rate_difference(*counts)
        assert (found.low, found.high) == pytest.approx(limits, abs=0.0001)


def test_p_of_a_rate_is_the_level_at_which_its_interval_touches_zero():
    assert rate_difference(20, 100, 20, 100).p == 1
    assert rate_difference(0, 100, 0, 50).p == 1
    assert rate_difference(100, 100, 0, 100).p < 1e-10
    higher, lower = rate_difference(40, 100, 20, 100), rate_difference(20, 100, 40, 100)
    assert higher.p == pytest.approx(lower.p)
    assert higher.p < 0.05


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_rates_of_any_counts(treated, controls, data):
    first, second = (data.draw(st.integers(0, count)) for count in (treated, controls))
    found = rate_difference(first, treated, second, controls)
    assert -1 - 1e-9 <= found.low <= found.difference <= found.high <= 1 + 1e-9
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    other = rate_difference(second, controls, first, treated)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


def test_adjusted_difference_without_covariates_is_the_difference_of_means():
    outcome, arm = np.array([1.0, 2, 3, 6, 4, 4, 7]), np.array([1, 1, 1, 1, 0, 0, 0])
    found = adjusted_difference(outcome, np.empty((7, 0)), arm)
    assert found.difference == pytest.approx(3 - 5)
    assert (found.treat, found.control) == pytest.approx((3, 5))
    welch = np.sqrt(outcome[:4].var(ddof=1) / 4 + outcome[4:].var(ddof=1) / 3)
    assert found.error == pytest.approx(welch)


def test_covariates_that_say_nothing_new_change_nothing():
    rng = np.random.default_rng(1)
    outcome, known = rng.normal(size=200), rng.normal(size=(200, 2))
    arm = rng.permutation(200) < 160
    plain = adjusted_difference(outcome, known, arm)
    again = np.column_stack([known, known[:, 0] * 3 - 1, np.full(200, 7.0), np.zeros(200)])
    assert adjusted_difference(outcome, again, arm).error == pytest.approx(plain.error)
    assert adjusted_difference(outcome, arm[:, None].astype(float), arm) is None


def test_strata_that_tell_who_buys_narrow_the_interval():
    stratum = np.repeat([0, 1], 200)
    active = np.concatenate([np.arange(200) % 10 == 0, np.arange(200) % 10 > 0])
    arm = np.tile(np.arange(20) >= 4, 20)
    plain, within = active_difference(active, arm), active_difference(active, arm, stratum)
    assert within.difference == pytest.approx(plain.difference)
    assert within.high - within.low < 0.7 * (plain.high - plain.low)
    alike = active_difference(np.zeros(400, bool), arm, stratum)
    assert (alike.difference, alike.p) == (0, 1)


def test_pooling_by_hand():
    found = combine(np.array([0.10, 0.02]), np.array([0.02, 0.04]))
    assert found.difference == pytest.approx(0.084)  # weights 2500 and 625
    assert found.error == pytest.approx(1 / np.sqrt(3125))
    assert found.q == pytest.approx(2500 * 0.016**2 + 625 * 0.064**2)
    assert found.i2 == pytest.approx((3.2 - 1) / 3.2)
    alone = combine(np.array([0.10]), np.array([0.02]))
    assert (alone.q_p, alone.i2) == (1, 0)


def test_the_running_interval_holds_at_every_look():
    rng = np.random.default_rng(3)
    looks = np.arange(1, 25)
    means = rng.normal(size=(4_000, 24)).cumsum(axis=1) / looks
    errors = 1 / np.sqrt(looks)
    in_one_look = np.abs(means) > 1.96 * errors
    over_all = np.abs(means) > running_reach(errors, 1.0)
    assert in_one_look.any(axis=1).mean() > 0.2
    assert over_all.any(axis=1).mean() <= 0.05
