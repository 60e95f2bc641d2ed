"""Is the month complete, and what came when."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from helpers import write_shop

from analysis.collect.arrivals import Survey, arrivals_by_month, check_completeness, survey
from analysis.collect.sources import raw_tables
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.tables import height

MARCH = Month(2024, 3)


def found(days: list[date], later: int = 0) -> Survey:
    files = pl.DataFrame({"carries_money": [True], "rows_later": [later]})
    return Survey(files, pl.Series(sorted(days)), later)


def rows(*days: date) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ordered_at": [datetime(day.year, day.month, day.day, 12) for day in days],
            "amount": ["1"] * len(days),
        }
    ).with_columns(pl.col("amount").cast(pl.Decimal(38, 4)))


def every(step: int, last: date, count: int = 40) -> list[date]:
    return [last - timedelta(days=step * back) for back in range(count)]


@pytest.mark.parametrize(
    ("step", "last", "complete"),
    [
        (1, date(2024, 3, 31), True),
        (1, date(2024, 3, 30), True),
        (1, date(2024, 3, 29), False),
        (7, date(2024, 3, 24), True),
        (7, date(2024, 3, 23), False),
    ],
)
def test_silence_at_the_end_is_measured_against_the_usual_gap(step, last, complete):
    result = check_completeness(found(every(step, last)), MARCH)
    assert result.usual_gap == step
    assert result.complete is complete


def test_later_rows_prove_that_the_month_is_over():
    assert check_completeness(found(every(1, date(2024, 3, 10)), 5), MARCH).complete


def test_a_date_beyond_the_export_proves_nothing(root):
    text = "customer_id,ordered_at,amount\na,2024-03-10,1\na,9999-12-31,1\n"
    facts = survey(load(write_shop(root, text)), MARCH)
    assert facts.rows_later == 1
    assert not check_completeness(facts, MARCH).complete


def test_impossible_dates_are_no_arrivals_and_begin_no_month(root):
    text = "customer_id,ordered_at,amount\na,1900-01-01,1\na,1970-01-01,1\na,2024-03-31,1\n"
    settings = load(write_shop(root, text))
    facts = survey(settings, MARCH)
    assert facts.order_days.to_list() == [date(2024, 3, 31)]
    assert facts.files["first_row"].to_list() == [date(2024, 3, 31)]
    received = raw_tables(settings, MARCH)["raw_orders"]
    assert height(received) == 3
    assert arrivals_by_month(received, MARCH).height == 1
    with pytest.raises(UserError, match="2024-02 lies before the first order"):
        survey(settings, Month(2024, 2))


def test_a_single_day_with_orders_has_a_usual_gap_of_one_day():
    assert check_completeness(found([date(2024, 3, 31)]), MARCH).usual_gap == 1


def test_months_without_orders_are_shown_as_zero():
    months = arrivals_by_month(rows(date(2024, 1, 5), date(2024, 1, 6), date(2024, 3, 1)), MARCH)
    assert months["rows"].to_list() == [2, 0, 1]
    assert months["days_with_orders"].to_list() == [2, 0, 1]


def test_rows_after_the_month_are_counted_and_not_read(root):
    text = "customer_id,ordered_at,amount\na,2024-03-31 23:59:59,1\na,2024-04-01 00:00:00,2\n"
    facts = survey(load(write_shop(root, text)), MARCH).files.row(0, named=True)
    assert (facts["rows"], facts["rows_later"]) == (2, 1)
    assert facts["last_row"] == date(2024, 3, 31)


def test_a_month_before_the_first_order_is_refused_with_the_first_month(root):
    config = write_shop(root, "customer_id,ordered_at,amount\na,2024-03-31,1\n")
    with pytest.raises(UserError, match=r"2024-02 lies before the first order .*2024-03"):
        survey(load(config), Month(2024, 2))
