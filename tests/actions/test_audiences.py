"""The draw of arms: its shares, its strata, that anybody can repeat it and that it stays as it was."""

import hashlib
from datetime import date

import numpy as np
import polars as pl
import pytest
from actions.plan_small import AS_OF, audience, possible, shop
from hypothesis import given, settings
from hypothesis import strategies as some
from polars.testing import assert_frame_equal
from scipy import stats

from analysis import tables
from analysis.actions import audiences, plan_words
from analysis.actions.audiences import assign, assignments, campaign, overlaps, uniform
from analysis.run.months import Month


def arms(assigned: pl.DataFrame) -> dict:
    """How many customers each stratum and arm has."""
    counted = assigned.group_by("stratum", "arm").len()
    return {(stratum, arm): count for stratum, arm, count in counted.iter_rows()}


def test_the_draw_is_the_hash_of_salt_campaign_and_customer():
    text = "pepper|2024-06-retention|c1"
    first = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
    assert uniform(pl.Series([text])).tolist() == [first / 2**53]
    assert uniform(pl.Series([], dtype=pl.String)).tolist() == []
    # The standing group asks for neither campaign nor month.
    names = pl.Series([f"c{n}" for n in range(2_000)])
    inside = audiences.in_standing(names, shop(salt="pepper"))
    drawn = uniform("pepper|standing|" + names)
    assert inside.to_list() == (drawn < 0.05).tolist()


def test_draws_are_uniform_and_those_of_two_campaigns_independent():
    names = pl.Series([f"{n:06}" for n in range(20_000)])
    one, other = uniform("s|a|" + names), uniform("s|b|" + names)
    assert stats.kstest(one, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert one.min() >= 0 and one.max() < 1


def test_controls_are_a_fifth_with_remainders_to_the_largest_fraction():
    rows = audience(("a", 7), ("b", 4), ("c", 3), ("d", 1))
    own = shop(standing_control=0)
    counted = arms(assign(rows, own))
    # 15 customers have 3 controls: 1.4, 0.8, 0.6 and 0.2 give 1, 1, 1 and 0.
    assert counted == {
        ("a", "control"): 1,
        ("a", "treat"): 6,
        ("b", "control"): 1,
        ("b", "treat"): 3,
        ("c", "control"): 1,
        ("c", "treat"): 2,
        ("d", "treat"): 1,
    }


def test_within_a_class_the_smallest_hashes_are_the_controls():
    assigned = assign(audience(("a", 50)), shop(standing_control=0, salt="x"))
    drawn = uniform("x|2024-06-retention|" + assigned["customer_id"])
    smallest = assigned["customer_id"].gather(np.argsort(drawn)[:10].tolist())
    assert set(assigned.filter(arm="control")["customer_id"]) == set(smallest)


@settings(max_examples=60, deadline=None)
@given(
    some.dictionaries(some.sampled_from("abcdefgh"), some.integers(1, 40), min_size=1),
    some.sampled_from([0, 0.1, 0.2, 0.25, 0.3, 0.5]),
    some.sampled_from([0, 0.05, 0.5]),
    some.randoms(use_true_random=False),
)
def test_every_campaign_has_its_share_of_controls_in_every_class(strata, share, standing, chance):
    rows = audience(*strata.items())
    own = shop(campaign_control=share, standing_control=standing)
    assigned = assign(rows, own)
    tables.conform("action_plan", assigned)
    drawn = assigned.filter(pl.col("arm") != "standing")
    controls = drawn.filter(arm="control").height
    assert abs(controls - drawn.height * share) <= 0.5 + 1e-9
    for part in drawn.partition_by("stratum"):
        assert abs(part.filter(arm="control").height - part.height * share) < 1
    # The same customer has the same arm again, whatever the order of rows.
    places = list(range(rows.height))
    chance.shuffle(places)
    assert_frame_equal(assign(rows[places], own), assigned)


def test_the_standing_group_is_the_same_in_every_month_and_campaign():
    own = shop(standing_control=0.2)
    june, july = audience(("a", 500)), audience(("a", 500), action="win_back", month="2024-07")
    held = [set(assign(rows, own).filter(arm="standing")["customer_id"]) for rows in (june, july)]
    assert held[0] == held[1]
    assert 70 < len(held[0]) < 130
    # Controls of a campaign are drawn anew.
    again = audience(("a", 500), month="2024-07")
    controls = [
        set(assign(rows, own).filter(arm="control")["customer_id"]) for rows in (june, again)
    ]
    assert len(controls[0] & controls[1]) < 0.5 * len(controls[0])


def test_service_has_no_controls():
    assigned = assign(audience(("a", 60), action="call_back"), shop(standing_control=0.5))
    assert assigned["arm"].unique().to_list() == ["treat"]
    kept = assignments(assigned, shop(), AS_OF)
    assert kept["control_share"].null_count() == kept.height


def test_an_audience_of_three_is_assigned():
    assigned = assign(audience(("a", 3)), shop(standing_control=0))
    assert sorted(assigned["arm"]) == ["control", "treat", "treat"]


def test_what_is_kept_of_a_draw():
    assigned = assign(audience(("a", 5)), shop(standing_control=0))
    kept = tables.conform("assignments", assignments(assigned, shop(), AS_OF))
    assert kept.height == 5
    assert kept["campaign"].unique().to_list() == ["2024-06-retention"]
    assert set(kept["assigned_on"]) == {date(2024, 6, 30)}
    assert set(kept["month"]) == {"2024-06"}
    assert kept.filter(arm="control")["cost"].sum() == 0
    assert kept["cost"].sum() == 4
    assert set(kept["control_share"]) == {0.2}


def test_a_month_that_was_drawn_before_keeps_its_draw():
    own = shop(standing_control=0)
    rows = audience(("a", 10))
    kept = tables.conform("assignments", assignments(assign(rows, own), own, AS_OF))
    # By now one is no candidate, one is not worth it, others cost more, and many are new.
    now = audience(("a", 40))[1:].with_columns(
        expected_profit=pl.when(pl.col("customer_id") == "a00001").then(-1.0).otherwise(2.0),
        cost=pl.lit(5).cast(pl.Decimal(38, 4)),
    )
    again = audiences.as_kept(now.drop("rank", "campaign"), kept)
    tables.conform("action_plan", again)
    assert_frame_equal(tables.conform("assignments", assignments(again, own, AS_OF)), kept)
    profits = dict(again.select("customer_id", "expected_profit").iter_rows())
    assert [profits[f"a0000{n}"] for n in range(3)] == [None, None, 2.0]
    assert again["rank"].to_list() == list(range(1, 11))


@pytest.mark.parametrize(
    ("action", "kind", "name"),
    [
        ("win_back", "lost", "2024-06-win_back"),
        ("strategy", "lost", "2024-06-strategy-lost"),
        ("strategy", None, "2024-06-strategy-no_class"),
    ],
)
def test_a_campaign_is_named_after_month_action_and_for_strategies_class(action, kind, name):
    rows = possible(("a", action, None, 1, kind)).select(campaign(Month(2024, 6)))
    assert rows.item() == name


def test_customers_in_campaigns_of_two_months_are_counted():
    schema = ("customer_id", "campaign", "month", "arm")
    kept = pl.DataFrame(
        [
            ("a", "2024-05-x", "2024-05", "treat"),
            ("b", "2024-05-x", "2024-05", "control"),
            ("c", "2024-05-x", "2024-05", "standing"),
            ("d", "2024-05-x", "2024-05", "treat"),
            ("a", "2024-06-y", "2024-06", "treat"),
            ("b", "2024-06-y", "2024-06", "treat"),
            ("c", "2024-06-y", "2024-06", "standing"),
            ("e", "2024-06-z", "2024-06", "treat"),
        ],
        schema=schema,
        orient="row",
    )
    pairs = overlaps(kept)
    assert pairs.rows() == [("2024-05-x", "2024-06-y", 3, 1, 1)]
    said = plan_words.overlaps(pairs)
    assert (said["customers"], said["blurred"]) == (3, 1)
    assert plan_words.overlaps(pairs.clear()) == {"key": "plan.no_overlaps"}
