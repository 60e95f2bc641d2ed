"""The loyalty index of hand-worked customers; the others do not move it."""

from datetime import date, datetime

import polars as pl
import pytest
from clv.small import AS_OF, occasions

from analysis import tables
from analysis.clv.loyalty import loyalty
from analysis.customers import summarise_customers

BOUGHT = (
    ("a", date(2021, 6, 30), "1"),
    *(("a", date(2024, month, 1), "1") for month in range(1, 7)),
    ("b", date(2024, 6, 3), "1"),
    ("c", date(2023, 7, 1), "1"),
    ("c", date(2023, 6, 30), "1"),
)


def relations(*rows: tuple[str, str, str, date | None]) -> pl.DataFrame:
    schema = {"from_id": pl.String, "to_id": pl.String, "kind": pl.String, "since": pl.Date}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def points(*rows: tuple[str, str, datetime]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "kind": pl.String, "at": pl.Datetime("us")}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def index(related=None, earned=None, bought=BOUGHT) -> pl.DataFrame:
    days = occasions(*bought)
    customers = summarise_customers(days.lazy(), AS_OF).collect()
    related = tables.empty("relations") if related is None else related
    earned = tables.empty("loyalty") if earned is None else earned
    return loyalty(customers, days, related, earned, AS_OF)


def test_the_parts_of_hand_worked_customers():
    found = index()
    assert found["tenure"].to_list() == pytest.approx([1067 / 30.4375, 0, 1 / 30.4375])
    assert found["repeat_share"].to_list() == pytest.approx([6 / 7, 0, 1 / 2])
    assert found["active_months"].to_list() == [6, 1, 1]  # June 2023 is not of the twelve


def test_without_word_of_referrals_the_index_is_the_mean_of_the_other_parts():
    found = index(related=relations(("a", "b", "parent", None)))
    assert found["referrals"].to_list() == [None] * 3
    of_a = 100 / 3 * (1067 / 30.4375 / 36 + 6 / 7 + 6 / 12)
    assert found["loyalty_index"].to_list()[:2] == pytest.approx([of_a, 100 / 3 / 12], abs=1e-6)


def test_where_somebody_brought_somebody_the_others_brought_nobody():
    later = date(2024, 7, 1)
    related = relations(
        ("a", "b", "referral", date(2024, 1, 1)),
        ("a", "b", "referral", None),
        ("a", "a", "referral", None),
        ("c", "b", "referral", later),
    )
    assert index(related)["referrals"].to_list() == [1, 0, 0]


def test_a_referral_that_earned_points_is_not_counted_twice():
    related = relations(("a", "b", "referral", None))
    moved = datetime(2024, 1, 2)
    earned = points(("a", "referral", moved), ("b", "earn", moved), ("c", "referral", moved))
    assert index(related, earned)["referrals"].to_list() == [1, 0, 1]


def test_long_tenure_and_many_referrals_count_in_full_and_no_more():
    long = (("a", date(2015, 1, 1), "1"), *((("a", date(2024, 6, 1), "1")),))
    many = relations(*(("a", f"x{n}", "referral", None) for n in range(9)))
    found = index(many, bought=long)
    assert found["loyalty_index"].item() == pytest.approx(100 / 4 * (1 + 1 / 2 + 1 / 12 + 1))


def test_the_index_does_not_move_when_other_customers_come():
    alone = index(bought=BOUGHT[:7])
    assert alone.rows() == index().filter(customer_id="a").rows()
