"""Costs fall on customers to the smallest unit, and none is lost."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
from clv.small import AS_OF, contacts, costs, sources
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from analysis.clv.costs import KINDS, by_customer, without_customer

AS_OF_EVENING = datetime.combine(AS_OF, datetime.max.time())
JUNE, MARCH = date(2024, 6, 1), date(2024, 3, 1)


def of(found: pl.DataFrame, kind: str) -> list[str]:
    return [str(one) for one in found.sort("customer_id")[f"{kind}_cost"]]


def test_without_costs_everybody_carries_nothing():
    found = by_customer(sources())
    assert found["customer_id"].to_list() == ["a", "b", "c"]
    assert all(set(found[f"{kind}_cost"]) == {Decimal(0)} for kind in KINDS)
    assert without_customer(sources()).is_empty()
    assert sources().kinds == []


def test_a_cost_of_all_goes_to_who_had_bought_by_the_months_end_odd_cents_to_the_first():
    found = by_customer(sources(costs(("*", JUNE, "other", "10.00"))))
    assert of(found, "other") == ["3.3400", "3.3300", "3.3300"]
    found = by_customer(sources(costs(("*", MARCH, "other", "10.01"))))
    assert of(found, "other") == ["5.0100", "5.0000", "0.0000"]


def test_a_credit_to_all_is_shared_like_a_cost():
    found = by_customer(sources(costs(("*", JUNE, "other", "-10.00"))))
    assert of(found, "other") == ["-3.3400", "-3.3300", "-3.3300"]


def test_a_currency_without_cents_is_shared_in_whole_units():
    found = by_customer(sources(costs(("*", JUNE, "other", "100.0000")), currency="JPY"))
    assert of(found, "other") == ["34.0000", "33.0000", "33.0000"]


def test_a_fraction_of_a_cent_stays_whole():
    found = by_customer(sources(costs(("*", JUNE, "other", "0.0105"))))
    assert of(found, "other") == ["0.0105", "0.0000", "0.0000"]


def test_costs_of_strangers_and_of_a_month_before_anybody_bought_stand_apart():
    booked = costs(
        ("stranger", JUNE, "service", "7.00"),
        ("*", date(2022, 12, 1), "campaign", "9.00"),
        ("b", MARCH, "service", "1.50"),
    )
    assert of(by_customer(sources(booked)), "service") == ["0.0000", "1.5000", "0.0000"]
    assert without_customer(sources(booked)).rows() == [
        ("campaign", Decimal("9.0000")),
        ("service", Decimal("7.0000")),
    ]


def test_nothing_after_the_month_counts():
    booked = costs(("a", date(2024, 7, 1), "other", "5.00"), ("*", date(2024, 7, 1), "other", "5"))
    talked = contacts(("a", datetime(2024, 7, 1)))
    month = sources(booked, talked, service_cost_per_contact="2")
    found = by_customer(month)
    assert found.select(pl.exclude("customer_id").sum()).sum_horizontal().item() == 0
    assert without_customer(month).is_empty()


def test_a_contact_costs_what_the_settings_say_unless_service_is_booked():
    talked = contacts(
        ("a", datetime(2024, 5, 1)), ("a", AS_OF_EVENING), ("stranger", datetime(2024, 5, 2))
    )
    priced = sources(talked=talked, service_cost_per_contact="2.50")
    assert of(by_customer(priced), "service") == ["5.0000", "0.0000", "0.0000"]
    assert without_customer(priced).rows() == [("service", Decimal("2.5000"))]
    booked = sources(
        costs(("b", MARCH, "service", "1.00")), talked, service_cost_per_contact="2.50"
    )
    assert of(by_customer(booked), "service") == ["0.0000", "1.0000", "0.0000"]


def test_a_purchase_costs_what_the_settings_say_unless_logistics_is_booked():
    priced = sources(cost_per_order="0.25")
    assert of(by_customer(priced), "logistics") == ["0.5000", "0.2500", "0.2500"]
    assert priced.kinds == ["logistics"]
    booked = sources(costs(("b", MARCH, "logistics", "1.00")), cost_per_order="0.25")
    assert of(by_customer(booked), "logistics") == ["0.0000", "1.0000", "0.0000"]


def test_since_a_day_only_later_months_and_purchases_count():
    booked = costs(("a", date(2023, 7, 1), "other", "1.00"), ("a", date(2023, 6, 1), "other", "8"))
    found = by_customer(sources(booked, cost_per_order="1"), since=date(2023, 7, 1))
    assert of(found, "other") == ["1.0000", "0.0000", "0.0000"]
    assert of(found, "logistics") == ["1.0000", "1.0000", "1.0000"]


months = st.dates(date(2022, 1, 1), date(2024, 6, 30)).map(lambda day: day.replace(day=1))
amounts = st.integers(-(10**9), 10**9).map(lambda units: str(Decimal(units).scaleb(-4)))
rows = st.tuples(
    st.sampled_from(["a", "b", "c", "x", "*"]), months, st.sampled_from(KINDS), amounts
)


@given(st.lists(rows, max_size=30))
@examples(max_examples=80, deadline=None)
def test_customers_and_the_line_without_customer_sum_to_the_table_of_costs(booked):
    month = sources(costs(*booked))
    found, outside = by_customer(month), without_customer(month)
    for kind in KINDS:
        given_ = sum((Decimal(row[3]) for row in booked if row[2] == kind), Decimal(0))
        apart = outside.filter(pl.col("cost_kind") == kind)["amount"].sum()
        assert found[f"{kind}_cost"].sum() + apart == given_
