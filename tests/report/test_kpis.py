"""The figures of the month, hand-worked."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.report.kpis import from_orders, revenue_by_month, with_changes
from analysis.run.months import Month
from analysis.tables import MONEY

OCCASIONS = pl.DataFrame(
    {
        "customer_id": ["a", "a", "b", "a", "c"],
        "purchase_day": [date(2024, m, d) for m, d in ((1, 3), (1, 9), (1, 4), (3, 5), (3, 31))],
        "amount": ["10", "5", "7", "20", "4.50"],
    }
).with_columns(pl.col("amount").cast(MONEY))


def test_a_month_is_counted_from_its_orders():
    assert from_orders(OCCASIONS, Month(2024, 3)) == {
        "revenue": 24.5,
        "purchases": 2,
        "buyers": 2,
        "new_customers": 1,
        "revenue_per_purchase": 12.25,
        "customers": 3,
        "recent_customers": 3,
        "repeat_share": pytest.approx(1 / 3),
    }


def test_a_month_without_orders_has_zeros_and_no_mean():
    found = from_orders(OCCASIONS, Month(2024, 2))
    assert (found["revenue"], found["buyers"], found["customers"]) == (0, 0, 2)
    assert "revenue_per_purchase" not in found


def test_before_the_first_order_nothing_is_known():
    assert from_orders(OCCASIONS, Month(2023, 12)) == {}


def test_changes_are_relative_and_shares_change_in_points():
    rows = [("revenue", "money", 12.0, 10.0, None), ("repeat_share", "share", 0.5, 0.4, 0.0)]
    columns = ["kpi", "unit", "value", "previous_month", "year_ago"]
    found = with_changes(pl.DataFrame(rows, schema=columns, orient="row"))
    assert found["change_on_previous_month"].to_list() == pytest.approx([0.2, 0.1])
    assert found["change_on_year_ago"].to_list() == [None, 0.5]


def test_months_without_orders_show_in_the_figure():
    found = revenue_by_month(OCCASIONS, Month(2024, 3))
    expected = pl.DataFrame(
        {
            "month": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)],
            "revenue": [22.0, 0.0, 24.5],
            "buyers": [2, 0, 2],
        }
    )
    assert_frame_equal(found, expected)
