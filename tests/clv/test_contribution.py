"""Shares sum to the whole; the curve and the Gini coefficient of hand-worked bases."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from analysis.clv import contribution
from analysis.tables import MONEY


def base(*amounts: float | str) -> pl.DataFrame:
    exact = pl.Series([Decimal(str(one)) for one in amounts], dtype=MONEY)
    return pl.DataFrame({"customer_id": list(map(str, range(len(amounts)))), "past_net": exact})


def test_shares_and_places_of_three_customers():
    found = contribution.with_shares(base(30, 60, 30, -20))
    assert found["contribution_share"].to_list() == pytest.approx([0.3, 0.6, 0.3, -0.2])
    assert found["contribution_rank"].to_list() == [2, 1, 2, 4]


@pytest.mark.parametrize("amounts", [(0, 0), (-5, 2), ()])
def test_a_total_that_is_not_positive_has_no_shares_and_no_curve(amounts):
    found = contribution.with_shares(base(*amounts))
    assert found["contribution_share"].null_count() == len(amounts)
    assert contribution.pareto(base(*amounts)).is_empty()
    assert contribution.top_share(base(*amounts), 0.1) is None


def test_the_curve_goes_above_the_whole_where_customers_lose_money():
    found = contribution.pareto(base(-20, 90, 30))
    assert found["share_of_customers"].to_list() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert found["share_of_net"].to_list() == pytest.approx([0, 0.9, 1.2, 1])


@pytest.mark.parametrize(
    ("amounts", "gini"),
    [
        ((5, 5, 5), 0),
        ((0, 0, 0, 8), 0.75),
        ((1, 2, 3), 2 / 9),
        ((-100, 0, 0, 8), 0.75),
        ((7,), 0),
        ((0, 0), None),
        ((-1,), None),
    ],
)
def test_gini_of_hand_worked_bases(amounts, gini):
    assert contribution.gini(base(*amounts)) == (None if gini is None else pytest.approx(gini))


def test_the_best_tenth_is_rounded_up_to_whole_customers():
    ten = base(*range(1, 11))
    assert contribution.top_share(ten, 0.1) == pytest.approx(10 / 55)
    assert contribution.top_share(ten, 0.2) == pytest.approx(19 / 55)
    assert contribution.top_share(base(3, 1), 0.1) == pytest.approx(0.75)


@given(st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=200))
@examples(max_examples=150, deadline=None)
def test_shares_sum_to_one_whenever_there_is_a_total(units):
    values = base(*(Decimal(one).scaleb(-2) for one in units))
    found = contribution.with_shares(values)["contribution_share"]
    if sum(units) <= 0:
        assert found.null_count() == len(units)
    else:
        size = sum(map(abs, units)) / sum(units)
        assert found.sum() == pytest.approx(1, abs=1e-9 * max(size, 1))
    uneven = contribution.gini(values)
    assert uneven is None or -1e-9 <= uneven < 1
