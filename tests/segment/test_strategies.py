"""Strategy cards: as shipped, as the settings say, and what is wrong with the settings."""

from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.labels import group
from analysis.report.show import Prose
from analysis.run.settings import Settings
from analysis.segment import profile_tables, profile_words, rfm
from analysis.segment.axes import AXES, ONE_TIME
from analysis.segment.cluster_names import DESCRIPTIONS
from analysis.segment.strategies import _catalogue, cards, check

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
PROFILE = pl.DataFrame(
    {
        "axis": ["rfm", "rfm", "need", "region"],
        "class": ["loyal", "champions", "service", "east_china"],
        "rank": [2, 1, 1, 1],
        "customers": [20, 10, 5, 35],
        "spend_365": [200.0, 500.0, 50.0, 700.0],
    }
)


def entry(axis: str, name: str, **changes):
    filled = {"actions": ["call"], "owner": None, "kpi": None, "budget": None} | changes
    return SimpleNamespace(axis=axis, class_=name, **filled)


def said(words: dict) -> str:
    return repr(Prose(words.pop("key"), words, SHOP))


def test_every_class_of_rfm_life_cycle_and_need_has_a_whole_card():
    catalogue = _catalogue()
    assert list(catalogue["rfm"]) == list(rfm.CELLS)
    for axis in ("rfm", "life_cycle", "need"):
        assert list(catalogue[axis]) == catalogue["classes"][axis]
        for card in catalogue[axis].values():
            assert set(card) == {"actions", "owner", "kpi"}  # budgets are the company's
            assert 2 <= len(card["actions"]) <= 3
            assert all(len(one) <= 70 for one in card["actions"])


def test_the_classes_that_an_entry_may_name_are_those_of_the_classification():
    fixed = {key: list(axis.classes) for key, axis in AXES.items()}
    fixed["cluster"] = [*DESCRIPTIONS, ONE_TIME]
    classes = _catalogue()["classes"]
    assert classes == fixed
    assert {name for names in classes.values() for name in names} <= set(group("class"))


def test_cards_as_shipped_stand_beside_the_size_of_their_class():
    found = cards(SimpleNamespace(strategies=[]), PROFILE)
    assert found.select("axis", "class", "customers", "spend_365", "from_settings").rows() == [
        ("need", "service", 5, 50.0, False),
        ("rfm", "champions", 10, 500.0, False),
        ("rfm", "loyal", 20, 200.0, False),
    ]
    assert found["budget"].null_count() == 3
    assert found["actions"].list.len().min() >= 2


def test_an_entry_of_the_settings_takes_the_place_of_the_card_it_names():
    own = [
        entry("rfm", "loyal", actions=["send tea", "call"], owner="Ms Li", budget=1500),
        entry("region", "east_china", kpi="share of visits"),
        entry("activity", "silent"),
    ]
    found = cards(SimpleNamespace(strategies=own), PROFILE).filter("from_settings")
    shipped = _catalogue()["rfm"]["loyal"]
    expected = pl.DataFrame(
        {
            "axis": ["activity", "region", "rfm"],
            "class": ["silent", "east_china", "loyal"],
            "actions": [["call"], ["call"], ["send tea", "call"]],
            "owner": [None, None, "Ms Li"],
            "kpi": [None, "share of visits", shipped["kpi"]],
            "budget": [None, None, 1500.0],
            "customers": [0, 35, 20],  # nobody is silent this month
            "spend_365": [0.0, 700.0, 200.0],
            "from_settings": [True] * 3,
        }
    )
    assert_frame_equal(found, expected)


def test_cards_are_told_in_a_sentence_and_a_table():
    own = [entry("rfm", "loyal", budget=1500), entry("rfm", "champions", budget=500.5)]
    found = cards(SimpleNamespace(strategies=own), PROFILE)
    assert said(profile_words.cards_told(found)).startswith(
        "3 classes have a card, 2 of them from the settings;"
    )
    assert said(profile_words.budget(found)) == "The budgets set add up to 2,000 EUR a month."
    table = profile_tables.readable_cards(found, "rfm")
    assert table.row(0) == ("champions", 10, "call", *table.row(0)[3:5], 500.5)
    nothing = cards(SimpleNamespace(strategies=[]), PROFILE)
    assert said(profile_words.budget(nothing)).startswith("No budget is set")


@pytest.mark.parametrize(
    ("axis", "name"),
    [("rfm", "lost"), ("cluster", "quiet_large"), ("region", "华东"), ("age_band", "25-34")],
)
def test_entries_that_name_a_class_are_fine(axis, name):
    assert check([entry(axis, name)]) == []


def test_every_problem_is_told_with_its_place_and_what_is_allowed():
    wrong = [
        entry("rfm", "lost"),
        entry("rfn", "lost"),
        entry("rfm", "champion"),
        entry("need", "zzz"),
        entry("cluster", "quite_large"),
        entry("rfm", "lost"),
    ]
    assert check(wrong) == [
        'strategies.2.axis = "rfn" is not an axis; did you mean "rfm"?',
        'strategies.3.class = "champion" is not a class of the axis rfm; did you mean "champions"?',
        'strategies.4.class = "zzz" is not a class of the axis need; '
        "allowed: price_sensitive, product, service, unclear",
        'strategies.5.class = "quite_large" is not a class of the axis cluster; '
        'did you mean "quiet_large"?',
        'strategies: the class "lost" of the axis rfm is named 2 times; keep one entry',
    ]
