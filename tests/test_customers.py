"""Order rows to customers: hand-worked tables, published totals, invariances."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis.customers import purchase_occasions, summarise_customers
from analysis.tables import MONEY

AS_OF = date(2024, 1, 31)


def orders(*rows: tuple[str, date, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["customer_id", "purchase_day", "amount"], orient="row")
    return frame.with_columns(pl.col("amount").cast(MONEY))


def summary(frame: pl.DataFrame, as_of: date = AS_OF) -> pl.DataFrame:
    occasions = purchase_occasions(frame.lazy())
    return summarise_customers(occasions, as_of).collect().sort("customer_id")


def test_a_hand_worked_table():
    found = summary(
        orders(
            ("a", date(2024, 1, 1), "10.00"),
            ("a", date(2024, 1, 1), "5.50"),  # same day: one occasion of 15.50
            ("a", date(2024, 1, 11), "20.00"),
            ("a", date(2024, 1, 31), "0.10"),
            ("b", date(2024, 1, 21), "7.00"),
        )
    )
    expected = pl.DataFrame(
        {
            "customer_id": ["a", "b"],
            "first_purchase": [date(2024, 1, 1), date(2024, 1, 21)],
            "last_purchase": [date(2024, 1, 31), date(2024, 1, 21)],
            "frequency": [2, 0],
            "recency": [30.0, 0.0],
            "T": [30.0, 10.0],
            "monetary_value": [10.05, None],
            "purchases": [3, 1],
            "spend": [35.6, 7.0],
        }
    )
    assert_frame_equal(found, expected)


def test_the_last_day_counts_and_the_day_after_does_not():
    rows = orders(("a", AS_OF, "1.00"), ("a", AS_OF + timedelta(days=1), "1.00"))
    assert summary(rows)["purchases"].to_list() == [1]


def test_a_refund_reduces_its_day_and_is_no_purchase():
    rows = orders(("a", date(2024, 1, 2), "50.00"), ("a", date(2024, 1, 2), "-20.00"))
    found = summary(rows)
    assert found.select("purchases", "spend").row(0) == (1, 30.0)


def test_a_purchase_refunded_in_full_is_none():
    rows = orders(("a", date(2024, 1, 2), "50.00"), ("a", date(2024, 1, 2), "-50.00"))
    assert summary(rows).is_empty()


@pytest.mark.parametrize(("counts", "purchases"), [(True, [1]), (False, [])])
def test_a_sale_at_price_zero_counts_unless_settings_say_otherwise(counts, purchases):
    occasions = purchase_occasions(orders(("a", date(2024, 1, 2), "0.00")).lazy(), counts)
    assert summarise_customers(occasions, AS_OF).collect()["purchases"].to_list() == purchases


def test_cdnow_totals_are_the_published_ones(tenth, calibration):
    assert calibration.height == 2357
    assert calibration["frequency"].sum() == 2457
    assert calibration["T"].max() == 272
    held_out = tenth.filter(pl.col("purchase_day") > date(1997, 9, 30))
    assert held_out.height == 1882
    assert float(held_out["amount"].sum()) == pytest.approx(70976.4, abs=0.05)


order_rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.dates(date(2023, 12, 1), AS_OF),
        st.integers(0, 10_000).map(lambda cents: f"{cents / 100:.2f}"),
    ),
    min_size=1,
    max_size=40,
)


@given(order_rows, st.randoms())
@settings(max_examples=50, deadline=None)
def test_neither_the_order_of_rows_nor_the_names_of_customers_matter(rows, random):
    frame = orders(*rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert_frame_equal(summary(orders(*shuffled)), summary(frame))
    renamed = summary(frame.with_columns(customer_id=pl.col("customer_id") + "!"))
    assert_frame_equal(renamed.drop("customer_id"), summary(frame).drop("customer_id"))


@given(order_rows)
@settings(max_examples=50, deadline=None)
def test_no_cent_is_lost(rows):
    frame = orders(*rows)
    before = frame.clone()
    assert summary(frame)["spend"].sum() == pytest.approx(float(frame["amount"].sum()), abs=1e-6)
    assert_frame_equal(frame, before)
