"""What size of effect an audience can show, and how large one must be for the effect wanted."""

import numpy as np
import polars as pl
import pytest
from actions.plan_small import audience, shop
from hypothesis import given, settings
from hypothesis import strategies as some

from analysis.actions import plan_figures, plan_words, power
from analysis.actions.audiences import assign
from analysis.report.show import Prose, Sentence


@pytest.mark.parametrize(
    ("treat", "control", "points"), [(500, 125, 12.7), (1_000, 250, 9.0), (5_000, 1_250, 4.0)]
)
def test_published_sizes_of_effect_at_a_rate_of_29_percent(treat, control, points):
    assert round(100 * power.minimum_detectable(treat, control, 0.29), 1) == points


@pytest.mark.parametrize(
    "given", [(0, 5, 0.3), (5, 0, 0.3), (5, 5, 0.0), (5, 5, 1.0), (5, 5, None)]
)
def test_nothing_is_told_without_two_arms_and_a_rate(given):
    assert power.minimum_detectable(*given) is None


def test_an_effect_of_that_size_is_found_four_times_in_five():
    random, treat, control, rate = np.random.default_rng(1), 5_000, 1_250, 0.29
    effect = power.minimum_detectable(treat, control, rate)
    found = random.binomial(treat, rate + effect, 20_000) / treat
    other = random.binomial(control, rate, 20_000) / control
    error = np.sqrt(found * (1 - found) / treat + other * (1 - other) / control)
    assert 0.78 < np.mean(np.abs(found - other) / error > 1.96) < 0.82


@settings(max_examples=80, deadline=None)
@given(
    some.floats(0.01, 0.3),
    some.floats(0.02, 0.98),
    some.sampled_from([0.1, 0.2, 0.5]),
    some.sampled_from([0, 0.05, 0.5]),
)
def test_the_audience_needed_is_the_least_that_shows_the_effect(effect, rate, share, standing):
    needed = power.needed_audience(effect, rate, share, standing)

    def shows(customers: int) -> bool:
        drawn = round(customers * (1 - standing))
        control = int(drawn * share + 0.5)
        found = power.minimum_detectable(drawn - control, control, rate)
        return found <= effect and min(control, drawn - control) >= power.LEAST_PER_ARM

    assert shows(needed + 1)
    assert not shows(int(0.97 * needed) - 5)  # arms are whole customers, so sizes come in steps


def test_no_audience_will_do_without_controls_or_a_rate():
    assert power.needed_audience(0.05, 0.3, 0) is None
    assert power.needed_audience(0.05, None, 0.2) is None
    assert power.needed_audience(0.05, 0.0, 0.2) is None


def churn(rows: pl.DataFrame, chance: float) -> pl.DataFrame:
    return rows.select("customer_id", probability_no_purchase=pl.lit(chance))


def told(rows: pl.DataFrame, chance: float = 0.71, **actions) -> tuple[dict, list[str]]:
    """What is found of one campaign, and the sentences about it."""
    own = shop(**{"standing_control": 0} | actions)
    assigned = assign(rows, own)
    found = power.of_campaigns(assigned, churn(rows, chance), own)
    said = []
    for line in plan_words.power(found, own):
        said.append(repr(Prose(line["key"], {k: v for k, v in line.items() if k != "key"}, own)))
    return found.row(0, named=True), said


def test_a_campaign_tells_its_effect_before_it_is_used():
    found, said = told(audience(("a", 625)))
    assert (found["treat"], found["control"], found["verdict"]) == (500, 125, "too_small")
    assert found["base_rate"] == pytest.approx(0.29)
    assert "12.7 percentage points" in said[0]
    assert "within 90 days (expected without it: 29.0%)" in said[0]
    assert f"{found['needed']:,}" in said[0]
    found, said = told(audience(("a", 625)), wanted_effect=0.13)
    assert found["verdict"] == "enough"
    assert "wanted: 13.0" in said[0]


def test_an_audience_of_three_says_that_no_effect_can_be_shown():
    found, said = told(audience(("a", 3)))
    assert found["verdict"] == "nothing"
    assert said[0].startswith("No effect can be shown by 2024-06-retention (2 contacted, 1 control")


def test_a_rate_near_one_leaves_no_room_for_the_effect():
    assert told(audience(("a", 100)), chance=0.02)[0]["verdict"] == "nothing"


def test_without_controls_or_chances_nothing_is_promised():
    found, said = told(audience(("a", 30), action="call_back"))
    assert (found["verdict"], found["needed"]) == ("no_control", None)
    assert "2024-06-call_back" in said[0]
    rows, own = audience(("a", 200)), shop()
    unknown = power.of_campaigns(assign(rows, own), churn(rows, 0.5).clear(), own)
    assert unknown["verdict"].to_list() == ["unknown"]
    assert plan_words.power(unknown, own)[0]["key"] == "plan.power_unknown"
    assert isinstance(plan_figures.detectable(unknown), Sentence)
    assert power.of_campaigns(assign(rows, own).clear(), churn(rows, 0.5), own).is_empty()


def test_the_figure_names_every_campaign_that_can_show_something():
    rows = pl.concat([audience(("a", 400)), audience(("b", 300), action="win_back")])
    own = shop(standing_control=0)
    found = power.of_campaigns(assign(rows, own), churn(rows, 0.7), own)
    alt = plan_figures.detectable(found).alt
    assert "2024-06-retention" in alt and "2024-06-win_back" in alt
