"""Payoff, pooling over campaigns, and what is said of them."""

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest
from effects.small import (
    AS_OF,
    BEGIN,
    assignments,
    campaign,
    from_tables,
    history,
    ids,
    purchases,
    responses,
)
from scipy.stats import norm

from analysis.contracts.effects import TABLES
from analysis.effects import (
    campaigns,
    checks,
    effects_figures,
    effects_words,
    measured,
    organic,
    payoff,
    pooled,
)
from analysis.effects.lists import no_lists
from analysis.labels import group, label
from analysis.report.show import Prose
from analysis.run.settings import Settings

TREAT, CONTROL = ids(200), ids(200, 200)
INSIDE = BEGIN + timedelta(days=3)
NONE = responses([], [])
SETTINGS = Settings(
    name="small",
    currency="CNY",
    time_zone="Asia/Shanghai",
    sources=[{"table": "orders", "path": "data/raw/*.csv"}],
)


def months(*names: str, treated: int = 100, controls: int = 60) -> tuple:
    """Campaigns one month after the other, each with its effects."""
    begins = [BEGIN + timedelta(days=31 * n) for n in range(len(names))]
    tables = [campaign(name, begin=begin) for name, begin in zip(names, begins, strict=True)]
    rows = pl.concat([responses(TREAT, CONTROL, name) for name in names])
    bought = [history(TREAT + CONTROL)]
    for begin in begins:
        bought.append(purchases((TREAT[:treated], begin, 50), (CONTROL[:controls], begin, 50)))
    occasions = pl.concat(bought)
    listed = campaigns.from_responses(pl.concat(tables), rows, AS_OF)
    checked = checks.check(listed, occasions, AS_OF)
    return listed, checked, occasions, measured.effects(listed, checked, occasions)


def said(parts: list[dict]) -> str:
    return " ".join(
        repr(Prose(one["key"], {k: v for k, v in one.items() if k != "key"}, SETTINGS))
        for one in parts
    )


def test_a_campaign_pays_where_margin_times_difference_exceeds_cost():
    drawn = assignments(TREAT, CONTROL, cost="2.00")
    bought = pl.concat(
        [history(TREAT + CONTROL), purchases((TREAT[:100], INSIDE, 50), (CONTROL[:60], INSIDE, 50))]
    )
    listed = campaigns.from_ledger(drawn, NONE, AS_OF)
    effects = measured.effects(listed, checks.check(listed, bought, AS_OF), bought)
    found = payoff.payoff(listed, effects, 0.5).row(0, named=True)
    spend = effects.filter(measure="spend").row(0, named=True)
    assert found["cost"] == Decimal("400.0000")
    assert (found["cost_per_customer"], found["break_even"]) == (2, 4)
    assert found["profit_per_customer"] == pytest.approx(spend["difference"] / 2 - 2, abs=1e-4)
    expected = norm.sf(4, spend["difference"], spend["error"])  # the difference exceeds 4
    assert found["chance_pays"] == pytest.approx(expected, abs=1e-4)
    assert found["profit_low"] < found["profit_per_customer"] < found["profit_high"]
    words = said(effects_words.payoff(payoff.payoff(listed, effects, 0.5), 0.5))
    assert "cost 400.00 CNY, 2.00 CNY for each" in words
    assert "all revenue counts" not in words


def test_costs_of_a_campaign_and_of_its_contacts_add_up():
    listed = campaigns.from_responses(campaign(cost="100"), responses(TREAT, CONTROL), AS_OF)
    assert payoff.costs(listed, "A") == Decimal(100)
    assert payoff.costs(listed, "A", Decimal("0.5")) == Decimal(200)
    free = campaigns.from_responses(campaign(), responses(TREAT, CONTROL), AS_OF)
    assert payoff.costs(free, "A") is None
    bought = pl.concat([history(TREAT + CONTROL), purchases((TREAT, INSIDE, 50))])
    effects = measured.effects(free, checks.check(free, bought, AS_OF), bought)
    found = payoff.payoff(free, effects, 1)
    assert found["reason"].to_list() == ["no_cost"]
    assert "no cost is known" in said(effects_words.payoff(found, 1))
    TABLES["effects_payoff"].validate(found, cast=True)


def test_months_together_show_what_one_does_not():
    _, checked, _, effects = months("A", "B", "C", treated=82, controls=68)
    assert checked["verdict"].to_list() == ["measurable"] * 3
    each = effects.filter(measure="active")
    assert each["verdict"].to_list() == ["not_distinguishable"] * 3
    found = pooled.pooled(effects)
    active = found.filter(measure="active")
    assert active["campaigns"].to_list() == [1, 2, 3]
    assert active["verdict"].to_list()[-1] == "better"
    assert active["difference"].to_list() == pytest.approx([0.07] * 3)
    assert (active["high"] - active["low"]).is_sorted(descending=True)
    assert (active["running_low"] < active["low"]).all()
    TABLES["effects_pooled"].validate(found, cast=True)
    words = said(effects_words.pooled(found))
    assert "All 3 measured campaigns of 30 days together: +7.0 percentage points more" in words
    assert "it is not settled yet" in words
    assert "differ from each other" not in words
    drawn = effects_figures.differences(effects, found, "active", "CNY")
    assert "A +7.0; B +7.0; C +7.0; all 3 of 30 days +7.0" in drawn.alt
    assert "after each of 3 campaigns" in effects_figures.running(found, "active", "CNY").alt


def test_campaigns_of_different_length_are_pooled_apart():
    _, _, _, effects = months("A", "B")
    longer = effects.with_columns(
        window_days=pl.when(pl.col("campaign") == "B").then(60).otherwise("window_days")
    )
    found = pooled.pooled(longer)
    assert found["campaigns"].to_list() == [1] * 4
    assert effects_words.pooled(found) == [{"key": "effects.nothing_to_pool"}]
    assert "nothing to pool" in repr(effects_figures.running(found, "active", "CNY"))


def test_every_verdict_has_its_sentence():
    for measure in ("active", "spend"):
        for verdict in pooled.MEASURED:
            assert label(f"effects.{measure}_{verdict}")
            assert label(f"effects.pooled_{measure}_{verdict}")
    reasons = group("effect_reason")
    assert set(effects_words._WHY) | set(effects_words._WHY_SPEND) <= set(reasons)
    for reason in effects_words._WHY:
        assert label(f"effects.why_{reason}")


@pytest.mark.parametrize(
    ("treat", "control", "leaked", "words"),
    [
        (TREAT, [], (), "holds 200 treated customers and no controls"),
        ([], CONTROL, (), "200 controls and nobody who was to be treated"),
        (TREAT[:2], CONTROL[:1], (), "2 treated customers and 1 controls are too few"),
        (TREAT, CONTROL, CONTROL[:20], "20 of its 200 controls were contacted"),
        (TREAT, CONTROL, CONTROL[:4], "4 of 200 controls (2.0%) were contacted all the same"),
        ([*TREAT, CONTROL[0]], CONTROL, (), "1 customers are in both arms and are set aside"),
        (TREAT, TREAT, (), "200 customers are both treated and controls"),
    ],
)
def test_what_is_said_of_lists(treat, control, leaked, words):
    rows = responses(treat, control, leaked=leaked)
    listed = campaigns.from_responses(campaign(), rows, AS_OF)
    checked = checks.check(listed, history(TREAT + CONTROL), AS_OF)
    assert words in said(effects_words.lists(checked, AS_OF))


def test_nothing_assigned_and_nothing_measured():
    nothing = no_lists()
    checked = checks.check(nothing, history(TREAT), AS_OF)
    effects = measured.effects(nothing, checked, history(TREAT))
    assert "No list of customers assigned" in said(effects_words.lists(checked, AS_OF))
    assert effects_words.effects(effects) == [{"key": "effects.none_measured"}]
    assert payoff.payoff(nothing, effects, 1).is_empty()
    assert pooled.pooled(effects).is_empty()
    assert effects_words.payoff(payoff.payoff(nothing, effects, 1), 1) == []
    assert "No campaign could be measured" in repr(
        effects_figures.differences(effects, pooled.pooled(effects), "active", "CNY")
    )


def test_every_sentence_of_measured_campaigns_is_whole():
    listed, checked, occasions, effects = months("A", "B")
    kind = organic.same_kind_rates(listed, checked, occasions)
    parts = effects_words.lists(checked, AS_OF) + effects_words.effects(effects)
    words = said(parts + effects_words.same_kind(kind, effects))
    assert "50.0% bought within 30 days, of the controls 30.0%: +20.0 percentage points" in words
    assert "{" not in words
    shown = effects_words.shown(effects, "active")
    assert shown["verdict"].to_list() == ["better"] * 2
    assert shown["difference"].to_list() == ["20.0", "20.0"]


def test_heavy_tails_are_warned_of():
    bought = pl.concat(
        [
            history(TREAT + CONTROL),
            purchases((TREAT[:100], INSIDE, 50), (CONTROL[:100], INSIDE, 50)),
            purchases((TREAT[0], INSIDE + timedelta(days=1), 1_000_000)),
        ]
    )
    _, effects = from_tables(TREAT, CONTROL, bought)
    spend = effects.filter(measure="spend").row(0, named=True)
    assert spend["tail_share"] > 0.98
    assert spend["verdict"] == "not_distinguishable"
    assert "of all spend in its window lies in a few amounts" in said(
        effects_words.effects(effects)
    )
