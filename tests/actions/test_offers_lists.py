"""Both lists and latent needs, on shops of which every purchase is known."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from actions.offers_small import FIRST, catalogue, day, lines, order, orders, tastes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from analysis import tables
from analysis.actions import due_again, offers_backtest, try_next
from analysis.actions.baskets import Baskets
from analysis.actions.latent_needs import category_gaps
from analysis.actions.offers import needs, offers, recommend
from analysis.actions.ranking import best, matrix, popularity, positions
from analysis.contracts.actions import TABLES

EMPTY = {name: tables.empty(name) for name in ("order_lines", "products")}
BOTH = {"due_again", "try_next"}


def shop(bought: pl.DataFrame, **known: tuple) -> Baskets:
    returned = bought.clear().with_columns(returned_day=pl.lit(None, pl.Date))
    nothing = pl.DataFrame(schema={"reason": pl.String, "lines": pl.Int64})
    return Baskets(bought, returned, catalogue(bought, **known), nothing)


def test_due_again_by_times_bought_then_popularity_which_fills_the_list():
    bought = lines(
        ("x", 1, "a", "b"), ("x", 5, "a"), ("x", 9, "c"),
        ("y", 1, "c", "d"), ("z", 1, "c", "d"), ("z", 2, "e"),
    )  # fmt: skip
    found = recommend(shop(bought), day(20), {"due_again"}, 4)
    mine = found.filter(pl.col("customer_id") == "x")
    assert mine.select("rank", "product_id", "times", "why").rows() == [
        (1, "a", 2, "own"),
        (2, "c", 1, "own"),  # three buyers
        (3, "b", 1, "own"),
        (4, "d", 0, "popular"),
    ]
    assert mine["list"].unique().to_list() == ["due_again"]


def test_how_due_a_product_is_comes_from_own_gaps_else_from_everybodys():
    often = [("x", at, "a") for at in (1, 11, 31)]  # own gaps 10 and 20
    others = [(f"c{n}", at, "a") for n in range(10) for at in (1, 41)]
    bought = lines(*often, *others, ("x", 1, "b"), ("y", 31, "a"))
    gaps = due_again.usual_gaps(bought)
    assert gaps.rows() == [("a", 12, 40.0)]
    own = due_again.owned(bought, gaps, day(61))
    known = {(c, p): (gap, due) for c, p, gap, due in own.select(
        "customer_id", "product_id", "gap_days", "due").iter_rows()}  # fmt: skip
    assert known["x", "a"] == (15.0, 2.0)
    assert known["y", "a"] == (40.0, 0.75)
    assert known["x", "b"] == (None, None)
    score = own.with_columns(score=due_again.by_due()).filter(pl.col("customer_id") == "y")
    assert score["score"].to_list() == [0.75]


def test_a_product_that_nobody_bought_for_a_year_is_not_offered():
    bought = lines(("x", 1, "old"), ("x", 400, "new"), ("y", 400, "new"))
    found = recommend(shop(bought), day(401), BOTH, 5)
    assert set(found["product_id"]) == {"new"}


def test_similarity_is_the_cosine_of_buyers_with_least_support():
    bought = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 0.0]]))
    some = pl.DataFrame({"product_name": [None] * 3, "category": [None] * 3}).cast(pl.String)
    found = try_next.similar(bought, some, least_support=2)
    assert found.likeness.toarray()[0].tolist() == pytest.approx([0, 2 / 3, 0])
    assert found.instead.nnz == 0
    scores, off = try_next.scores(bought[2:], found)
    assert scores.toarray()[0, 1] == pytest.approx(2 / 3)
    assert (off.toarray() > 0).tolist() == [[True, False, True], [False, True, False]]
    assert try_next.because(bought[2:], found, np.array([[1], [-1]])).tolist() == [[0], [-1]]


def test_substitutes_are_variants_of_a_name_and_rivals_within_a_category():
    names = ["Mug red", "MUG  BLUE 300 ml", "Soap", "Brush", "牙膏 红色", "牙膏 120克"]
    kinds = ["cup", "cup", "care", "care", None, None]
    has = np.zeros((100, 6))
    has[:40, 2], has[40:80, 3] = 1, 1  # 16 expected together, nobody
    has[:3, 0], has[3:6, 1], has[90:, 4], has[90:, 5] = 1, 1, 1, 1
    some = pl.DataFrame({"product_name": names, "category": kinds})
    instead = try_next.similar(sparse.csr_array(has), some).instead.toarray()
    pairs = {tuple(sorted(one)) for one in np.argwhere(instead).tolist()}
    # The two toothpastes are bought together ten times as often as chance would: collected, no rivals.
    assert pairs == {(0, 1), (2, 3)}


def test_try_next_offers_what_goes_with_own_products_and_no_substitutes():
    fans = [(f"c{n}", 1, "tea", "pot", "cup") for n in range(10)]
    others = [(f"d{n}", 1, "nail") for n in range(12)]
    variants = [(f"e{n}", 1, "tea green") for n in range(5)]
    bought = lines(*fans, *others, *variants, ("x", 1, "tea"))
    known = {name: (name, None, None) for name in ("tea", "tea green", "pot", "cup", "nail")}
    found = recommend(shop(bought, **known), day(2), {"try_next"}, 3)
    mine = found.filter(pl.col("customer_id") == "x")
    assert mine.select("product_id", "why", "because").rows() == [
        ("cup", "similar", "tea"),
        ("pot", "similar", "tea"),
        ("nail", "popular", None),
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.booleans())
def test_the_best_of_each_row_are_those_of_a_plain_sort(seed, length, fill):
    random = np.random.default_rng(seed)
    dense = random.integers(0, 3, (6, 9)) * random.integers(0, 2, (6, 9))
    off = random.random((6, 9)) < 0.2
    bought = lines(*[(f"c{n}", 1, f"p{random.integers(9)}") for n in range(20)])
    columns = positions(pl.DataFrame({"product_id": [f"p{n}" for n in range(9)]}))
    popular = popularity(bought, columns, day(2))
    listed, _ = best(sparse.csr_array(dense), popular, length, sparse.csr_array(off), fill)
    for row in range(6):
        able = [c for c in range(9) if popular.buyers[c] and not off[row, c]]
        able = [c for c in able if fill or dense[row, c]]
        able.sort(key=lambda c: (-dense[row, c], -popular.buyers[c], c))
        wanted = (able + [-1] * length)[: min(length, 9)]
        assert listed[row].tolist() == wanted


def test_lists_do_not_depend_on_the_order_of_rows():
    rows = tastes(60)
    one = offers(rows, **EMPTY, as_of=day(365))
    other = offers(rows.sample(fraction=1, shuffle=True, seed=3), **EMPTY, as_of=day(365))
    for name in ("offers", "backtest", "pairs", "needs"):
        assert getattr(one, name).equals(getattr(other, name)), name


def test_a_product_sold_once_and_a_customer_with_one_basket_have_their_lists():
    found = offers(orders(order(1, "x", 1, 10, product_id="a")), **EMPTY, as_of=day(9))
    assert found.offers.is_empty()  # nothing could be tried, so nothing is shown
    listed = recommend(found.baskets, day(9), BOTH, 10)
    assert listed.select("list", "rank", "product_id", "times", "due").rows() == [
        ("due_again", 1, "a", 1, None)
    ]
    assert float(listed["last_price"][0]) == 10


def test_tables_keep_their_contracts():
    for rows in (tastes(60), orders()):
        found = offers(rows, **EMPTY, as_of=day(365))
        for name, frame in (
            ("offers", found.offers), ("offer_backtest", found.backtest),
            ("product_pairs", found.pairs), ("latent_needs", found.needs),
        ):  # fmt: skip
            TABLES[name].validate(frame, cast=True)


def test_look_alikes_show_a_category_that_is_missing():
    parents = [(f"p{n}", at, "toys", "diapers") for n in range(60) for at in (1, 2)]
    gardeners = [(f"g{n}", at, "seeds", "spades") for n in range(60) for at in (1, 2)]
    bought = lines(*parents, *gardeners, ("x", 1, "toys"), ("x", 2, "toys"))
    kinds = {one: (one, one, None) for one in ("toys", "diapers", "seeds", "spades")}
    gaps = category_gaps(bought, bought, catalogue(bought, **kinds))
    mine = gaps.filter(pl.col("customer_id") == "x")
    assert mine.select("category", "share").rows()[0] == ("diapers", 1.0)
    assert mine.filter(pl.col("category") == "seeds")["share"].to_list() == [0.0]
    found = needs(shop(bought, **kinds), {"latent_need"})
    assert found.filter(pl.col("customer_id") == "x")["category"].to_list() == ["diapers"]
    assert needs(shop(bought, **kinds), set()).is_empty()


def test_latent_needs_have_nothing_to_say_without_categories():
    bought = lines(("x", 1, "a"), ("y", 1, "b"))
    assert category_gaps(bought, bought, catalogue(bought)).is_empty()


def test_customers_of_any_number_of_parts_have_the_same_lists(monkeypatch):
    from analysis.actions import offers as module

    found = offers(tastes(60), **EMPTY, as_of=day(365)).baskets
    whole = recommend(found, day(365), BOTH, 10)
    monkeypatch.setattr(module, "CUSTOMERS", 7)
    assert recommend(found, day(365), BOTH, 10).equals(whole)
    assert whole.filter(pl.col("list") == "try_next")["times"].max() == 0


def test_popularity_counts_customers_of_the_last_year_before_the_day():
    bought = lines(("x", 1, "a"), ("x", 2, "a"), ("y", 400, "b"), ("z", 400, "b"), ("z", 401, "a"))
    columns = positions(bought)
    found = popularity(bought, columns, day(401))
    assert (found.buyers.tolist(), found.points.tolist()) == ([0, 2], [0, 2])
    later = popularity(bought, columns, FIRST + timedelta(days=401))
    assert later.buyers.tolist() == [1, 2]
    own = matrix(bought.unique(["customer_id", "product_id"]), pl.Series(["z"]), columns)
    assert own.toarray().tolist() == [[1, 1]]
    assert offers_backtest.LENGTH == 10
