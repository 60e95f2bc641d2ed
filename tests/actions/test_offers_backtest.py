"""The lists tried on last baskets: by hand, without a look ahead, and on Online Retail."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from actions.offers_small import day, order, orders, tastes
from helpers import read_retail
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import tables
from analysis.actions import offers_backtest as backtest
from analysis.actions.baskets import Baskets, baskets
from analysis.actions.offers import offers
from analysis.intervals import Z

EMPTY = {name: tables.empty(name) for name in ("order_lines", "products")}
AS_OF = day(366)


def found(rows: pl.DataFrame) -> Baskets:
    return baskets(rows, **EMPTY, as_of=AS_OF)


def rates(tested: pl.DataFrame) -> dict:
    return {row["method"]: row for row in tested.to_dicts()}


@pytest.fixture(scope="module")
def retail():
    """Online Retail: its settings, and everything about offers."""
    chosen, rows = read_retail()
    return offers(rows, **EMPTY, as_of=date(2011, 12, 31), money_table=chosen.money_table)


def test_the_last_basket_is_guessed_from_what_was_known_before_its_month():
    # x bought a and b before, and in March both and the new c; only a was bought twice.
    rows = [("x", 1, "a"), ("x", 1, "b"), ("x", 40, "a"), ("x", 70, "b"), ("x", 70, "c")]
    rows += [(f"y{n}", 2, "d") for n in range(3)]  # popular in January
    rows += [(f"z{n}", 65, "c") for n in range(9)]  # of March: not known yet
    bought = [
        order(at, who, when, 5, product_id=what) for at, (who, when, what) in enumerate(rows, 1)
    ]
    judged = backtest.outcomes(found(orders(*bought)), AS_OF, length=2)
    got = {method: (hit, recall) for method, hit, recall in judged.select(
        "method", "hit", "recall").iter_rows()}  # fmt: skip
    assert set(judged["customer_id"]) == {"x"}  # the others have one basket
    assert judged["day"].unique().to_list() == [day(70)]
    assert got["due_again"] == (True, 0.5)  # a, b: b is in the basket
    assert got["popular"] == (False, 0.0)  # d, a
    assert got["try_next"] == (False, 0.0)  # c was nobody's before March
    assert got["popular_new"] == (False, 0.0)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_nothing_of_the_month_of_the_basket_or_later_changes_a_guess(seed):
    rows, random = tastes(150, baskets=2, seed=4), np.random.default_rng(seed)
    first = day(245)  # of September
    later = [
        order(10_000 + n, f"n{random.integers(9)}", int(random.integers(245, 360)), 5,
              product_id=f"q{random.integers(4)}") for n in range(80)
    ]  # fmt: skip
    back = (
        rows.filter(pl.col("purchase_day") < first)
        .sample(20, seed=seed)
        .with_columns(
            row=pl.col("row") + 20_000,
            amount=-pl.col("amount"),
            ordered_at=pl.lit(first).cast(pl.Datetime("us")),
        )
    )
    base = backtest.outcomes(found(rows), AS_OF)
    again = backtest.outcomes(found(pl.concat([rows, orders(*later), back])), AS_OF)
    both = base.join(again, on=["customer_id", "day", "method"], suffix="_again")
    # A customer of whom a product came back has another basket to be guessed, or none.
    whole = ~pl.col("customer_id").is_in(back["customer_id"].unique().implode())
    kept = both.filter((pl.col("day") < first) & whole)
    assert kept.height > 100
    assert kept["hit"].equals(kept["hit_again"])
    assert kept["recall"].equals(kept["recall_again"])


def test_tastes_are_found_and_shown():
    tested = rates(backtest.summary(backtest.outcomes(found(tastes()), AS_OF)))
    assert tested["due_again"]["shown"] and tested["try_next"]["shown"]
    assert tested["due_again"]["hit_rate"] > 0.99  # ten products each
    assert tested["due_again"]["against"] == "popular"
    assert tested["popular"]["hit_rate"] < 0.95
    assert tested["try_next"]["difference_low"] > 0
    assert tested["latent_need"]["customers"] == 0


def test_what_chance_buys_is_not_shown():
    random = np.random.default_rng(7)
    rows = [
        order(n, f"c{n % 150:03}", int(random.integers(1, 360)), 5,
              product_id=f"p{random.integers(40):02}") for n in range(150 * 6)
    ]  # fmt: skip
    result = offers(orders(*rows), **EMPTY, as_of=AS_OF)
    tested = rates(result.backtest)
    assert not tested["try_next"]["shown"]
    assert tested["try_next"]["customers"] > 80
    assert "try_next" not in set(result.offers["list"])


def test_only_so_many_are_tested_and_always_the_same():
    shop = found(tastes(60))
    some = backtest.outcomes(shop, AS_OF, most=20)
    assert some["customer_id"].n_unique() == 20
    assert some.equals(backtest.outcomes(shop, AS_OF, most=20))
    other = backtest.outcomes(shop, AS_OF, most=20, seed=2)
    assert set(other["customer_id"]) != set(some["customer_id"])


def test_the_paired_interval_by_hand():
    # 12 hit by one only, 4 by the other only, of 98: (13 - 5) / 100 and its error.
    low, high = backtest.paired_interval(12, 4, 98)
    half = Z * ((0.18 - 0.08**2) / 100) ** 0.5
    assert (low, high) == (pytest.approx(0.08 - half), pytest.approx(0.08 + half))


def test_the_paired_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(1)
    draws = random.multinomial(200, [0.16, 0.10, 0.74], size=2000)
    held = 0
    for first, second, _ in draws.tolist():
        low, high = backtest.paired_interval(first, second, 200)
        held += low <= 0.06 <= high
    assert 0.935 <= held / 2000 <= 0.965


def test_the_order_by_due_ness_replaces_the_list_only_where_it_wins():
    def outcomes(due: list[bool]) -> pl.DataFrame:
        hits = {
            "due_again": [True] * 60 + [False] * 40,
            "due_again_by_due": due,
            "own_top": [False] * 100,
            "popular": [True] * 20 + [False] * 80,
        }
        rows = [
            (f"c{n:02}", day(1), "due_again", name, hit, float(hit))
            for name, some in hits.items()
            for n, hit in enumerate(some)
        ]
        return pl.DataFrame(rows, schema=backtest.OUTCOME, orient="row")

    wins = rates(backtest.summary(outcomes([True] * 90 + [False] * 10)))
    assert [wins[name]["shown"] for name in ("due_again", "due_again_by_due")] == [False, True]
    loses = rates(backtest.summary(outcomes([True] * 62 + [False] * 38)))
    assert [loses[name]["shown"] for name in ("due_again", "due_again_by_due")] == [True, False]
    assert loses["due_again"]["hit_rate"] == 0.6
    assert loses["due_again"]["difference"] == pytest.approx(0.4)


def test_nobody_to_test_shows_nothing():
    for rows in (orders(), orders(order(1, "x", 1, 5, product_id="a"))):
        tested = backtest.summary(backtest.outcomes(found(rows), AS_OF))
        assert tested["customers"].sum() == 0
        assert not tested["shown"].any()
        assert tested["hit_rate"].null_count() == tested.height


def test_online_retail_due_again_hits_at_least_as_often_as_own_products(retail):
    tested = rates(retail.backtest)
    assert tested["due_again"]["customers"] > 500
    assert tested["due_again"]["hit_rate"] >= tested["own_top"]["hit_rate"]
    assert tested["due_again"]["hit_rate"] > 0.79
    assert tested["due_again"]["shown"]


def test_online_retail_try_next_hits_more_often_than_popular_new_products(retail):
    tested = rates(retail.backtest)
    assert tested["try_next"]["shown"]
    assert tested["try_next"]["difference_low"] > 0.04
    assert tested["try_next"]["recall"] > tested["popular_new"]["recall"]
    listed = retail.offers.filter(pl.col("list") == "try_next")
    assert listed["times"].max() == 0
    assert listed["customer_id"].n_unique() == retail.baskets.lines["customer_id"].n_unique()


def test_online_retail_pairs_show_again_in_the_later_half(retail):
    tried = retail.pairs.filter(pl.col("confirmed").is_not_null())
    assert tried.height > 900
    assert tried["confirmed"].mean() > 0.9
