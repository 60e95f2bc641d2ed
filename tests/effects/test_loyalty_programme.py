"""The loyalty programme on tables worked by hand, and on the simulated shop."""

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analysis import tables
from analysis.contracts import effects as contracts
from analysis.effects import loyalty_figures
from analysis.effects import loyalty_programme as programme
from analysis.effects import loyalty_words as words
from analysis.effects.loyalty_members import Compared, against_matched
from analysis.effects.points import balance, balances, by_month, lapsing, movements
from analysis.effects.referrals import new_referred, referral_tree
from analysis.report.show import Prose
from analysis.run.months import Month
from analysis.run.sections_effects import Loyalty
from analysis.run.settings import Settings

MONTH, AS_OF = Month(2024, 6), date(2024, 6, 30)
POINTS = {"customer_id": pl.String, "at": pl.Datetime("us"), "kind": pl.String}
POINTS |= {"points": pl.Float64, "order_id": pl.String}
RELATED = dict.fromkeys(("from_id", "to_id", "kind"), pl.String) | {"since": pl.Date}
NOBODY = Compared(0, 0, 0, None, None, None, None, None)
SETTINGS = Settings(
    name="shop",
    currency="CNY",
    time_zone="Asia/Shanghai",
    sources=[{"table": "orders", "path": "x"}],
)


def moved(*rows: tuple) -> pl.DataFrame:
    """Rows of customer, month, day, kind and points, of 2024."""
    full = [
        (who, datetime(2024, month, day, 23), kind, points, None)
        for who, month, day, kind, points in rows
    ]
    return pl.DataFrame(full, schema=POINTS, orient="row")


def bought(*rows: tuple[str, date]) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows), schema={"customer_id": pl.String, "purchase_day": pl.Date}, orient="row"
    )


def related(*rows: tuple) -> pl.DataFrame:
    """Rows of who brought whom, and when."""
    full = [(one, other, "referral", since) for one, other, since in rows]
    return pl.DataFrame(full, schema=RELATED, orient="row")


def summary(loyalty, relations=None, occasions=None, compared=NOBODY, rules=None) -> dict:
    """Values by measure and period, once the contract has been kept."""
    tree = referral_tree(related() if relations is None else relations, AS_OF)
    past = bought() if occasions is None else occasions
    table = programme.loyalty_summary(loyalty, past, tree, compared, MONTH, rules or Loyalty())
    contracts.LoyaltySummary.validate(table, cast=True)
    return {
        (one, period): value
        for one, period, value in table.select("measure", "period", "value").rows()
    }


def said(sentences: list[dict]) -> str:
    split = [(one["key"], {name: one[name] for name in one if name != "key"}) for one in sentences]
    return "\n".join(str(Prose(key, values, SETTINGS)) for key, values in split)


def three() -> pl.DataFrame:
    return moved(
        ("a", 1, 5, "earn", 100.25),
        ("a", 6, 1, "burn", -30.0),
        ("a", 6, 30, "adjust", -0.25),
        ("b", 3, 1, "referral", 50.0),
        ("b", 6, 2, "expire", -50.0),
        ("c", 6, 3, "earn", 10.0),
        ("c", 6, 4, "burn", -25.0),
        ("c", 7, 1, "earn", 999.0),  # after the month
    )


# Points ---------------------------------------------------------------------------------------------


def test_earned_less_burnt_less_expired_with_adjustments_is_outstanding():
    found = summary(three())
    flows = ("earned", "burnt", "expired", "adjusted")
    assert [found[one, "to_date"] for one in flows] == [160.25, 55.0, 50.0, -0.25]
    assert [found[one, "month"] for one in flows] == [10.0, 55.0, 50.0, -0.25]
    assert found["opening", "month"] == 150.25
    assert found["outstanding", "to_date"] == 55.0
    assert found["active_members", "month"] == 2  # b only lost points


def test_a_balance_below_zero_is_counted_and_not_set_off():
    found = summary(three())
    assert found["liability", "to_date"] == 70.0
    assert (found["negative_balances", "to_date"], found["negative_points", "to_date"]) == (
        1,
        -15.0,
    )
    assert found["liability", "to_date"] + found["negative_points", "to_date"] == 55.0


def test_points_written_without_a_sign_are_taken_off():
    signed = three()
    plain = signed.with_columns(
        points=pl.when(pl.col("kind").is_in(["burn", "expire"]))
        .then(pl.col("points").abs())
        .otherwise("points")
    )
    assert movements(plain, AS_OF).equals(movements(signed, AS_OF))
    # Among negative ones a positive row takes a burn back.
    back = pl.concat([signed, moved(("a", 6, 20, "burn", 30.0))])
    assert balance(movements(back, AS_OF)).burnt == 25.0


def test_points_have_a_price_only_where_the_settings_name_it():
    assert ("liability_value", "to_date") not in summary(three())
    priced = summary(three(), rules=Loyalty(point_value="0.015"))
    assert priced["liability_value", "to_date"] == 1.05
    free = summary(three(), rules=Loyalty(point_value=0))
    assert free["liability_value", "to_date"] == 0


def test_the_oldest_points_are_used_up_first():
    rows = movements(
        moved(
            ("a", 1, 1, "earn", 100.0),
            ("a", 3, 1, "earn", 100.0),
            ("a", 6, 1, "burn", -130.0),
            ("b", 1, 1, "earn", 10.0),
            ("b", 1, 2, "burn", -40.0),
            ("c", 4, 15, "earn", 7.0),
        ),
        AS_OF,
    )
    # Of a's first lot nothing is left, of the second 70 (121 days old); b owes; c's are 76 days old.
    assert lapsing(rows, AS_OF, 100) == (70.0, 7.0)
    assert lapsing(rows, AS_OF, 365) == (0.0, 0.0)
    assert lapsing(rows, AS_OF, None) is None
    found = summary(three(), rules=Loyalty(expiry_days=30))
    assert (found["past_term", "to_date"], found["lapsing_30_days", "to_date"]) == (70.0, 0.0)


KINDS = ("earn", "burn", "expire", "adjust", "referral")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(1, 6),
            st.integers(1, 28),
            st.sampled_from(KINDS),
            st.integers(-10_000, 10_000).map(lambda one: one / 100),
        ),
        min_size=1,
    ),
    st.randoms(),
)
def test_points_always_add_up_whatever_their_order(rows, random):
    found = summary(moved(*rows), rules=Loyalty(point_value=1, expiry_days=60))
    random.shuffle(rows)
    assert summary(moved(*rows), rules=Loyalty(point_value=1, expiry_days=60)) == found
    parts = found["liability", "to_date"] + found["negative_points", "to_date"]
    assert found["outstanding", "to_date"] == pytest.approx(parts)
    left = found["past_term", "to_date"] + found["lapsing_30_days", "to_date"]
    assert left <= found["liability", "to_date"] + 1e-9


def test_without_a_table_nothing_is_said_of_points():
    assert summary(three().clear()) == {}
    table = programme.loyalty_summary(
        three().clear(), bought(), referral_tree(related(), AS_OF), NOBODY, MONTH, Loyalty()
    )
    text = said([*words.points(table), *words.referrals(table, referral_tree(related(), AS_OF))])
    assert text == "\n".join(
        [
            "No table of loyalty points, so the programme is not shown.",
            "No table says anything of referrals.",
        ]
    )
    assert said(words.members(NOBODY)).startswith("No member has a non-member like them")


def test_the_months_of_points_are_drawn_from_the_first_movement_on():
    rows = movements(three(), AS_OF)
    months = by_month(rows, MONTH)
    assert months["month"].to_list() == [date(2024, month, 1) for month in range(1, 7)]
    assert months.row(5) == (date(2024, 6, 1), 10.0, 55.0, 50.0, 55.0)
    assert months["outstanding"].to_list() == [100.25, 100.25, 150.25, 150.25, 150.25, 55.0]
    assert "55 outstanding" in str(loyalty_figures.points(months))
    nothing = by_month(rows.clear(), MONTH)
    assert "No table of loyalty points" in str(loyalty_figures.points(nothing))


def test_points_that_are_burnt_beyond_what_was_earned_are_said():
    table = programme.loyalty_summary(
        three(), bought(), referral_tree(related(), AS_OF), NOBODY, MONTH, Loyalty()
    )
    text = said(words.points(table))
    assert "1 members stand below zero, together -15 points" in text
    assert "no price here" in text
    assert words.readable(table, SETTINGS)["value"].null_count() == 0


# Tiers ----------------------------------------------------------------------------------------------


def test_tiers_follow_the_points_earned_in_a_year():
    rows = movements(
        pl.concat(
            [
                moved(
                    ("a", 5, 1, "earn", 100.0),
                    ("b", 5, 1, "earn", 90.0),
                    ("b", 6, 1, "earn", 20.0),
                    ("b", 6, 2, "burn", -110.0),  # burning does not lower a tier
                    ("d", 6, 2, "earn", 500.0),
                ),
                moved(("c", 6, 15, "earn", 600.0)).with_columns(pl.col("at").dt.offset_by("-1y")),
            ]
        ),
        AS_OF,
    )
    tiers = {"gold": 500.0, "silver": 100.0}
    found = programme.tier_moves(rows, MONTH, tiers)
    contracts.TierMoves.validate(found, cast=True)
    assert found.rows() == [
        ("none", "silver", 1, "up"),
        ("none", "gold", 1, "up"),
        ("silver", "silver", 1, "stayed"),
        ("gold", "none", 1, "down"),  # c earned more than 365 days ago
    ]
    assert said([words.moves(found)]) == (
        "Since the month before 2 members rose to a higher tier and 1 fell."
    )
    assert words.readable_moves(found).height == 3
    assert programme.tier_moves(rows, MONTH, {}).is_empty()


def records(*rows: tuple) -> pl.DataFrame:
    names = {"person_id": pl.String, "member_tier": pl.String, "file": pl.String, "row": pl.Int64}
    return pl.DataFrame(list(rows), schema=names, orient="row")


def test_tiers_may_come_from_the_records():
    before = records(("a", "银卡", "f", 1), ("b", "金卡", "f", 2), ("c", None, "f", 3))
    now = records(("a", "银卡", "f", 1), ("a", "金卡", "g", 1), ("c", "银卡", "f", 3))
    found = programme.tier_moves_of_records(now, before, {"银卡": 0.0, "金卡": 10.0})
    assert found.rows() == [
        ("none", "银卡", 1, "up"),
        ("银卡", "金卡", 1, "up"),
        ("金卡", "none", 1, "down"),
    ]
    unknown = programme.tier_moves_of_records(now, before, {})
    assert unknown["direction"].unique().to_list() == ["unordered"]
    assert programme.tier_moves_of_records(now, None, {}).is_empty()
    assert programme.tier_moves_of_records(now.clear(), before, {}).is_empty()
    assert "No tiers" in said([words.moves(unknown.clear())])


@pytest.mark.parametrize("tiers", [{"a": 1.0, "b": 1.0}, {"a": -1.0}, {" ": 1.0}])
def test_tiers_that_cannot_be_told_apart_are_refused(tiers):
    with pytest.raises(ValidationError):
        Loyalty(tiers=tiers)


# Referrals --------------------------------------------------------------------------------------------


def test_the_tree_has_depths_and_each_person_one_referrer():
    spring, summer = date(2024, 3, 1), date(2024, 7, 1)
    tree = referral_tree(
        related(
            ("a", "b", spring),
            ("b", "c", spring),
            ("c", "d", None),
            ("a", "e", spring),
            ("z", "e", date(2024, 2, 1)),  # earlier, so z brought e
            ("a", "a", spring),
            ("a", "x", summer),  # not known yet
        ),
        AS_OF,
    )
    assert tree.people.select("customer_id", "referrer", "depth", "brought").rows() == [
        ("a", None, 0, 1),
        ("b", "a", 1, 1),
        ("c", "b", 2, 1),
        ("d", "c", 3, 0),
        ("e", "z", 1, 0),
        ("z", None, 0, 1),
    ]
    assert (tree.referrals, tree.referrers, tree.depth) == (4, 4, 3)
    assert (tree.several, tree.selves, tree.in_circles) == (1, 1, 0)


def test_circles_have_no_depth_and_end():
    tree = referral_tree(
        related(
            ("a", "b", None), ("b", "c", None), ("c", "a", None), ("c", "d", None), ("y", "z", None)
        ),
        AS_OF,
    )
    assert tree.people["depth"].to_list() == [None] * 4 + [0, 1]
    assert (tree.in_circles, tree.depth) == (4, 1)
    table = programme.loyalty_summary(three(), bought(), tree, NOBODY, MONTH, Loyalty())
    assert "4 people stand in a circle" in said(words.referrals(table, tree))


def test_a_chain_of_any_length_is_counted():
    names = [f"{n:05d}" for n in range(3_000)]
    chain = related(*((one, other, None) for one, other in pairwise(names)))
    tree = referral_tree(chain.sample(fraction=1, shuffle=True, seed=1), AS_OF)
    assert tree.people["depth"].to_list() == list(range(3_000))


def test_the_share_of_new_customers_who_were_referred():
    tree = referral_tree(related(("a", "b", None), ("a", "c", None)), AS_OF)
    past = bought(
        ("b", date(2024, 6, 1)),
        ("b", date(2024, 6, 9)),
        ("c", date(2024, 5, 1)),
        ("d", date(2024, 6, 30)),
    )
    assert new_referred(tree, past, date(2024, 6, 1), AS_OF) == (1, 2)
    found = summary(three(), related(("a", "b", None), ("a", "c", None)), past)
    assert found["new_referred", "month"] == 0.5
    assert found["new_referred", "year"] == pytest.approx(2 / 3)
    assert found["per_referrer", "to_date"] == 2.0
    nobody = summary(three(), related(("a", "b", None)), bought())
    assert nobody["new_referred", "month"] is None


# Members against others -------------------------------------------------------------------------------


def joined(*names: str, on: date = date(2024, 1, 1)) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": list(names), "joined": [on] * len(names)})


def test_members_stand_against_non_members_of_the_same_stratum():
    march, may = date(2024, 3, 1), date(2024, 5, 1)
    people = bought(
        *((who, march) for who in "abcdef"),
        *((who, may) for who in "abd"),  # of the members a and b came back, of the others d
        ("g", date(2023, 1, 1)),  # a member whom nobody is like
    )
    found = against_matched(people, joined("a", "b", "c", "g"), AS_OF)
    assert (found.members, found.matched, found.others) == (4, 3, 3)
    assert (found.member_rate, found.other_rate) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    # Sato by hand, one stratum: P = (9 - 18) / 36, Q = (2 * 2 + 1 * 1) / 12, weight 9 / 6.
    error = np.sqrt((-0.25 / 3 + 5 / 12) / 1.5**2)
    assert found.difference == pytest.approx(1 / 3)
    assert found.high == pytest.approx(min(1 / 3 + 1.959964 * error, 1.0))
    text = said(words.members(found))
    assert "cannot be told apart" in text
    assert "association" in text


def test_who_joins_in_the_window_is_no_member():
    people = bought(*((who, date(2024, 3, 1)) for who in "ab"), ("a", date(2024, 5, 1)))
    late = joined("a", on=date(2024, 5, 1))
    assert against_matched(people, late, AS_OF).members == 0
    # Nothing after as_of is read.
    later = bought(*people.rows(), ("b", date(2024, 7, 1)))
    on_time = joined("a")
    assert against_matched(later, on_time, AS_OF) == against_matched(people, on_time, AS_OF)


def test_one_customer_and_nobody_alike_give_no_difference():
    alone = against_matched(bought(("a", date(2024, 3, 1))), joined("a"), AS_OF)
    assert alone == Compared(1, 0, 0, None, None, None, None, None)
    found = summary(three(), compared=alone)
    assert found["repeat_difference", "to_date"] is None
    assert against_matched(bought(), joined("a"), AS_OF).members == 0


def test_the_interval_holds_the_truth_in_many_small_strata():
    rng = np.random.default_rng(1)
    strata, held, rounds = 60, 0, 300
    months = np.arange(strata) % 24
    days = [date(2022 + month // 12, 1 + month % 12, 1) for month in months]
    for _ in range(rounds):
        rows, members = [], []
        for number, first in enumerate(days):
            base = 0.15 + 0.5 * number / strata
            for place in range(5):
                who = f"{number}-{place}"
                member = place < rng.integers(1, 5)
                rows.append((who, first))
                members += [who] if member else []
                if rng.random() < base + 0.1 * member:
                    rows.append((who, date(2024, 5, 1)))
        found = against_matched(bought(*rows), joined(*members), AS_OF)
        held += found.low <= 0.1 <= found.high
    assert 0.92 <= held / rounds <= 0.98


# The shop -------------------------------------------------------------------------------------------


def test_the_shop_keeps_its_books_and_members_are_no_better(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    names = ("loyalty", "occasions", "relations", "customer_value")
    loyalty, occasions, relations, value = (tables.read(name, folder) for name in names)
    rows, tree = movements(loyalty, AS_OF), referral_tree(relations, AS_OF)
    compared = against_matched(occasions, balances(rows).select("customer_id", "joined"), AS_OF)
    found = summary(loyalty, relations, occasions, compared)
    assert found["outstanding", "to_date"] == pytest.approx(loyalty["points"].sum())
    # The simulator draws members at random, so there is nothing to find.
    assert compared.low <= 0 <= compared.high
    assert compared.matched > 1_000
    # The same referrals as the loyalty index counts.
    assert found["referrals", "to_date"] == value["referrals"].sum()
    assert found["referrers", "to_date"] == value.filter(pl.col("referrals") > 0).height
    assert found["negative_balances", "to_date"] == 0
    assert tree.depth == 3
