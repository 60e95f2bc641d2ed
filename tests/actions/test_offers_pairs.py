"""Pairs of products: counts by hand, the guard against chance, steps up, and the later half."""

import numpy as np
import polars as pl
import pytest
from actions.offers_small import catalogue, lines
from scipy.stats import hypergeom

from analysis.actions.pair_counts import Units, chance
from analysis.actions.pairs import confirmation, product_pairs


def both_halves(rows: list[tuple], apart: int = 500) -> pl.DataFrame:
    """The same purchases twice, the second time by others and later."""
    again = [(f"{who}'", at + apart, *some) for who, at, *some in rows]
    return lines(*rows, *again)


def test_counts_of_a_pair_by_hand():
    fans = [(f"f{n}", n + 1, "tea", "pot") for n in range(12)]
    more = [(f"m{n}", n + 1, "tea", f"x{n}") for n in range(6)]
    rest = [(f"r{n}", n + 1, f"y{n % 7}", f"z{n % 5}") for n in range(82)]
    bought = both_halves([*fans, *more, *rest])
    found = product_pairs(bought, catalogue(bought, tea=("Tea", None, None)))
    pair = found.filter((pl.col("level") == "basket") & (pl.col("antecedent") == "pot")).row(
        0, named=True
    )
    assert pair["kind"] == "cross_sell" and pair["consequent_name"] == "Tea"
    names = ("together", "with_antecedent", "with_consequent", "total")
    assert [pair[name] for name in names] == [12, 12, 18, 100]
    assert pair["by_chance"] == pytest.approx(12 * 18 / 100)  # every basket holds two products
    assert pair["confidence"] == 1.0
    assert pair["lift"] == pytest.approx(100 / 18)
    assert pair["support"] == 0.12
    assert (pair["later_together"], pair["confirmed"]) == (12, True)


def test_p_is_near_fishers_exact_test_where_all_buy_equally_much():
    for together in (6, 9, 12):
        expected, p = chance(
            np.array([together]), np.array([[40]]), np.array([[50]]), np.array([500])
        )
        exact = hypergeom.sf(together - 1, 500, 40, 50)
        assert expected[0] == 4
        assert 0.9 * exact <= p[0] <= 2 * exact  # far out it is rather too careful


def test_much_bought_together_by_those_who_buy_much_is_no_pair():
    random = np.random.default_rng(3)
    rows = []
    for n in range(600):
        wide = 12 if n % 3 == 0 else 2  # a third buys six times as many products
        some = random.choice(30, wide, replace=False)
        rows.append((f"c{n}", n + 1, *(f"p{one}" for one in some)))
    bought = lines(*rows)
    found = product_pairs(bought, catalogue(bought))
    assert found.height <= 2
    plain = Units.of(bought, catalogue(bought), "customer")
    share = plain.buyers[0] * plain.buyers[1] / plain.has.shape[0]
    strata = (plain.counts[0] * plain.counts[1] / plain.sizes).sum()
    assert strata > 1.3 * share  # what a guard without strata would take for a finding


def test_steps_up_are_dearer_products_of_the_category_bought_later():
    kinds = {"basic": ("Basic", "kettle", 10.0), "fine": ("Fine", "kettle", 30.0)}
    kinds |= {"near": ("Near", "kettle", 11.0)}
    up = [
        (f"u{n}", day, one) for n in range(20) for day, one in ((n + 1, "basic"), (n + 30, "fine"))
    ]
    near = [(f"n{n}", n + 1, "basic") for n in range(5)] + [
        (f"n{n}", n + 30, "near") for n in range(5)
    ]
    rest = [(f"r{n}", n + day, f"y{n % 9}", "w") for n in range(150) for day in (1, 2)]
    bought = both_halves([*up, *near, *rest])
    found = product_pairs(bought, catalogue(bought, **kinds)).filter(pl.col("kind") == "up_sell")
    assert found.select("antecedent", "consequent", "together", "confirmed").rows() == [
        ("basic", "fine", 20, True)
    ]
    without = product_pairs(bought, catalogue(bought))
    assert "up_sell" not in set(without["kind"])


def test_a_pair_that_the_later_half_does_not_show_is_not_confirmed():
    fans = [(f"f{n}", n + 1, "tea", "pot") for n in range(12)]
    rest = [(f"r{n}", n + 1, f"y{n % 7}", f"z{n % 5}") for n in range(88)]
    apart = [(f"g{n}", n + 501, "tea" if n % 2 else "pot", f"y{n % 7}") for n in range(40)]
    later = [(f"s{n}", n + 501, f"y{n % 7}", f"z{n % 5}") for n in range(60)]
    bought = lines(*fans, *rest, *apart, *later)
    found = product_pairs(bought, catalogue(bought))
    tea = found.filter(pl.col("consequent").is_in(["tea", "pot"]))
    assert tea["confirmed"].to_list() == [False] * tea.height and tea.height
    gone = product_pairs(lines(*fans, *rest, *later), catalogue(bought))
    gone = gone.filter(pl.col("consequent").is_in(["tea", "pot"]))
    assert gone["confirmed"].null_count() == gone.height > 0
    rate = confirmation(gone)
    assert rate["share"].null_count() == rate.height
    assert rate["tried"].sum() == 0


def test_the_guard_lets_few_pairs_of_chance_pass():
    passed = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        rows = [
            (f"c{n}", n + 1, *(f"p{one}" for one in random.choice(40, 4, replace=False)))
            for n in range(300)
        ]
        bought = lines(*rows)
        found = product_pairs(bought, catalogue(bought))
        passed += found.filter(pl.col("level") == "basket").height > 0
    assert passed <= 4  # 5 % of 20 shops, and what chance adds to that


def test_no_lines_and_lines_of_one_day_have_no_pairs():
    assert product_pairs(lines(), catalogue(lines())).is_empty()
    one = lines(*[(f"c{n}", 1, "a", "b") for n in range(9)], *[(f"d{n}", 1, "c") for n in range(9)])
    found = product_pairs(one, catalogue(one))
    assert found["confirmed"].null_count() == found.height
    assert confirmation(product_pairs(lines(), catalogue(lines()))).is_empty()
