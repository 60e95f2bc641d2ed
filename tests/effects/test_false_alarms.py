"""Where nothing was done, every printed measure raises about as many false alarms as it says."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from effects.small import campaign, responses
from effects.splits import CUT_OFFS, after, retail_occasions, spends, splits, splits_within

from analysis.effects import campaigns, checks, measured
from analysis.effects.checks import ALARM, balance
from analysis.effects.estimates import active_difference, adjusted_difference
from analysis.effects.outcomes import covariates, strata, winsorised
from analysis.effects.pooled import combine

BAND = (0.035, 0.065)


@pytest.fixture(scope="module")
def nothing_done():
    """2,000 splits at each of three cut-offs: both measures, and spend unadjusted and raw."""
    occasions = retail_occasions()
    results = []
    for seed, cut_off in enumerate(CUT_OFFS):
        found = after(occasions, cut_off)
        arms = splits(found.height, seed)
        spend, nobody = found["spend"].to_numpy(), np.empty((found.height, 0))
        results.append(
            {
                "active": active_difference(found["active"].to_numpy(), arms),
                "spend": spends(found, arms),
                "unadjusted": adjusted_difference(winsorised(spend), nobody, arms),
                "raw": adjusted_difference(spend, nobody, arms),
            }
        )
    return results


def alarms(results: list, measure: str) -> float:
    return float(np.mean([one[measure].p < 0.05 for one in results]))


@pytest.mark.parametrize("measure", ["active", "spend"])
def test_false_alarms_of_every_printed_measure(nothing_done, measure):
    assert BAND[0] <= alarms(nothing_done, measure) <= BAND[1]


@pytest.mark.parametrize("measure", ["active", "spend"])
def test_false_alarms_of_the_effect_pooled_over_the_cut_offs(nothing_done, measure):
    differences = np.array([one[measure].difference for one in nothing_done])
    errors = np.array([one[measure].error for one in nothing_done])
    together = combine(differences, errors)
    assert BAND[0] <= np.mean(together.p < 0.05) <= BAND[1]
    assert np.array_equal(together.p < 0.05, (together.low > 0) | (together.high < 0))


@pytest.mark.parametrize("measure", ["active", "spend"])
def test_an_alarm_is_an_interval_that_excludes_zero(nothing_done, measure):
    for one in nothing_done:
        found = one[measure]
        assert np.array_equal(found.p < 0.05, (found.low > 0) | (found.high < 0))


def test_raw_spend_is_no_test_and_therefore_not_printed(nothing_done):
    each = [np.mean(one["raw"].p < 0.05) for one in nothing_done]
    assert min(each) < BAND[0] or max(each) > BAND[1]


def test_history_cuts_the_error_of_spend_by_a_fifth_or_more(nothing_done):
    for one in nothing_done:
        assert one["spend"].error.mean() <= 0.8 * one["unadjusted"].error.mean()


def test_false_alarms_where_customers_are_assigned_within_classes():
    occasions = retail_occasions()
    active, spend = [], []
    for seed, cut_off in enumerate(CUT_OFFS):
        found = after(occasions, cut_off)
        rhythm = pl.col("idle_days").qcut(4).cast(pl.String)
        found = found.with_columns(stratum=pl.concat_str(rhythm, pl.col("purchases") > 2))
        arms = splits_within(strata(found), seed)
        active.append(active_difference(found["active"].to_numpy(), arms, strata(found)).p)
        spend.append(spends(found, arms).p)
    for chances in (active, spend):
        assert BAND[0] <= np.mean([one < 0.05 for one in chances]) <= BAND[1]


def test_arms_drawn_at_random_are_not_taken_for_chosen_ones():
    found = after(retail_occasions(), CUT_OFFS[0])
    chances = balance(covariates(found), splits(found.height, 9))
    assert np.mean(chances < ALARM) <= 0.004
    assert BAND[0] <= np.mean(chances < 0.05) <= BAND[1]
    assert balance(covariates(found), found["purchases"].to_numpy() > 2) < 1e-9


def test_what_is_printed_is_what_was_tested():
    occasions, cut_off = retail_occasions(), CUT_OFFS[1]
    found = after(occasions, cut_off)
    arms = splits(found.height, 4, times=1)[:, 0].astype(bool)
    who = found["customer_id"].to_list()
    treat, control = (
        [one for one, treated in zip(who, arms, strict=True) if treated == arm]
        for arm in (True, False)
    )
    begin = cut_off + timedelta(days=1)
    listed = campaigns.from_responses(
        campaign(begin=begin), responses(treat, control), occasions["purchase_day"].max()
    )
    checked = checks.check(listed, occasions, occasions["purchase_day"].max())
    printed = measured.effects(listed, checked, occasions)
    for row, tested in zip(
        printed.iter_rows(named=True),
        (active_difference(found["active"].to_numpy(), arms), spends(found, arms)),
        strict=True,
    ):
        for name in ("difference", "low", "high", "p"):
            assert row[name] == pytest.approx(getattr(tested, name))
