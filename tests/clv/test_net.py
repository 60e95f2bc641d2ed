"""Net value is revenue less the listed costs, to the cent; without costs it is revenue."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from clv.small import AS_OF, contacts, costs, money, shop, sources
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.clv import net
from analysis.clv.costs import KINDS, without_customer
from analysis.clv.loyalty import loyalty

NO_REFUNDS = pl.DataFrame(schema={"customer_id": pl.String, "returns": tables.MONEY})
JUNE = date(2024, 6, 1)


def booked() -> pl.DataFrame:
    return costs(
        ("a", date(2023, 1, 1), "acquisition", "12.00"),
        ("a", JUNE, "service", "3.10"),
        ("b", JUNE, "campaign", "0.40"),
        ("*", JUNE, "other", "1.00"),
        ("stranger", JUNE, "campaign", "0.40"),
    )


def test_past_value_of_a_hand_worked_month():
    back = pl.DataFrame({"customer_id": ["a"], "returns": money("5.00")})
    found = net.past_value(sources(booked(), gross_margin=0.35, cost_per_order="2"), back)
    expected = pl.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "revenue": money("150.00", "20.01", "0"),
            "cost_of_goods": money("97.50", "13.01", "0"),  # 13.0065 rounds up
            "acquisition_cost": money("12.00", "0", "0"),
            "service_cost": money("3.10", "0", "0"),
            "campaign_cost": money("0", "0.40", "0"),
            "logistics_cost": money("4", "2", "2"),
            "other_cost": money("0.34", "0.33", "0.33"),
            "returns": money("5.00", "0", "0"),
            "past_net": money("33.06", "4.27", "-2.33"),
        }
    )
    assert_frame_equal(found, expected)


def test_without_margin_and_costs_net_value_is_revenue():
    found = net.past_value(sources(), NO_REFUNDS)
    assert found["past_net"].to_list() == found["revenue"].to_list()


def test_components_lead_from_revenue_to_what_is_left():
    month = sources(booked(), gross_margin=0.35)
    found = net.components(net.past_value(month, NO_REFUNDS), without_customer(month))
    assert dict(found.select("component", "amount").iter_rows()) == {
        "revenue": Decimal("170.01"),
        "cost_of_goods": Decimal("-110.51"),
        "acquisition_cost": Decimal("-12"),
        "service_cost": Decimal("-3.1"),
        "campaign_cost": Decimal("-0.4"),
        "other_cost": Decimal("-1"),
        "past_net": Decimal("43"),
        "without_customer": Decimal("-0.4"),
        "net_of_all": Decimal("42.6"),
    }
    assert found["share_of_revenue"][1] == pytest.approx(-110.51 / 170.01)


def test_components_of_customers_who_brought_nothing_have_no_share():
    month = sources(bought=(("a", JUNE, "0.00"),))
    found = net.components(net.past_value(month, NO_REFUNDS), without_customer(month))
    assert found.rows() == [("revenue", Decimal(0), None), ("past_net", Decimal(0), None)]


def test_refunds_are_counted_once_whether_they_have_a_row_or_stand_on_the_sale():
    orders = pl.DataFrame(
        {
            "file": ["f"] * 4,
            "row": [1, 2, 3, 4],
            "customer_id": ["a", "a", "b", "c"],
            "amount": money("10", "-4", "7", "5"),
        }
    )
    raw = orders.select("file", "row", refund_amount=money("0", "0", "3", "0"))
    assert net.returns(orders).rows() == [("a", Decimal(4))]
    assert net.returns(orders, raw).rows() == [("a", Decimal(4)), ("b", Decimal(3))]


amounts = st.integers(0, 10**9).map(lambda units: str(Decimal(units).scaleb(-4)))
spent = st.integers(-(10**7), 10**9).map(lambda units: str(Decimal(units).scaleb(-4)))
people = st.sampled_from(["a", "b", "c", "x", "*"])
days = st.dates(date(2022, 1, 1), AS_OF)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), days, amounts), min_size=1, unique_by=lambda r: r[:2]
    ),
    st.lists(
        st.tuples(people, days.map(lambda d: d.replace(day=1)), st.sampled_from(KINDS), spent)
    ),
    st.floats(0.001, 1),
)
@examples(max_examples=60, deadline=None)
def test_customers_sum_to_the_totals_and_net_is_revenue_less_costs(bought, cost_rows, margin):
    month = sources(costs(*cost_rows), bought=tuple(bought), gross_margin=margin)
    found = net.past_value(month, NO_REFUNDS)
    assert found["revenue"].sum() == sum(Decimal(row[2]) for row in bought)
    for row in found.to_dicts():
        assert row["past_net"] == row["revenue"] - sum(row[name] for name in net.COSTS)
        exact = row["revenue"] * (1 - Decimal(str(margin)))
        assert abs(row["cost_of_goods"] - exact) <= Decimal("0.0051")
        assert row["cost_of_goods"] * 100 % 1 == 0
    listed = net.components(found, without_customer(month))
    all_costs = sum((Decimal(row[3]) for row in cost_rows), Decimal(0))
    left = listed["amount"][-1]
    assert left == found["revenue"].sum() - found["cost_of_goods"].sum() - all_costs


def test_the_window_of_a_year_holds_twelve_months_in_a_leap_year_too():
    for as_of in (date(2024, 6, 30), date(2023, 6, 30), date(2024, 2, 29), date(2025, 2, 28)):
        firsts = pl.date_range(date(2021, 1, 1), as_of, "1mo", eager=True)
        assert (firsts >= net.window_start(as_of)).sum() == 12


def expected_of(*purchases: float) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["a", "b", "c"], "expected_purchases": purchases})


def test_without_costs_the_future_costs_nothing():
    recent = net.recent_costs(sources())
    found = net.future_cost_per_customer(expected_of(3.0, 1.0, 0.0), recent, 365)
    assert found["future_cost"].to_list() == [0.0, 0.0, 0.0]


def test_logistics_go_by_expected_purchase_and_winning_customers_is_left_out():
    month = sources(costs(("a", JUNE, "acquisition", "99")), cost_per_order="2")
    recent = net.recent_costs(month)
    assert recent["purchases"].to_list() == [1, 1, 1]
    found = net.future_cost_per_customer(expected_of(3.0, 1.0, 0.0), recent, 365)
    assert found["future_cost"].to_list() == pytest.approx([6.0, 2.0, 0.0])


def test_other_costs_go_by_day_at_a_rate_between_that_of_the_class_and_that_of_all():
    booked = costs(("a", JUNE, "service", "36.50"), ("a", date(2023, 6, 1), "service", "999"))
    recent = net.recent_costs(sources(booked))
    assert recent["days"].to_list() == [365, 118, 11]
    classes = pl.DataFrame({"customer_id": ["a", "b", "c"], "class": ["x", "y", "y"]})
    found = net.future_cost_per_customer(expected_of(0.0, 0.0, 0.0), recent, 100, classes)
    base, borrowed = 36.5 / 494, 30 * 365
    of_x = 100 * (36.5 + borrowed * base) / (365 + borrowed)
    of_y = 100 * (borrowed * base) / (129 + borrowed)
    assert found["future_cost"].to_list() == pytest.approx([of_x, of_y, of_y])


def test_a_discount_lowers_the_future_cost_like_the_revenue():
    recent = net.recent_costs(sources(cost_per_order="2"))
    discounted = expected_of(3.0, 1.0, 0.0).with_columns(discount=pl.lit(0.5))
    found = net.future_cost_per_customer(discounted, recent, 365)
    assert found["future_cost"].to_list() == pytest.approx([3.0, 1.0, 0.0])


def test_credits_do_not_make_the_future_cost_negative():
    recent = net.recent_costs(sources(costs(("a", JUNE, "other", "-50"))))
    found = net.future_cost_per_customer(expected_of(3.0, 1.0, 0.0), recent, 365)
    assert found["future_cost"].to_list() == [0.0, 0.0, 0.0]


def value_table(month, revenue=(60.0, 10.0, 0.0)) -> pl.DataFrame:
    past = net.past_value(month, NO_REFUNDS)
    expected = expected_of(3.0, 1.0, 0.0)
    future = net.future_cost_per_customer(expected, net.recent_costs(month), 365)
    values = expected.with_columns(clv_revenue=pl.Series(revenue))
    loyal = loyalty(
        month.customers, month.occasions, *map(tables.empty, ("relations", "loyalty")), AS_OF
    )
    return net.customer_value(past, values, future, loyal, month.settings)


def test_the_table_keeps_its_contract():
    found = tables.conform("customer_value", value_table(sources(booked(), gross_margin=0.35)))
    assert found["future_margin"].to_list() == pytest.approx([21.0, 3.5, 0.0])
    assert found["contribution_share"].sum() == pytest.approx(1, abs=1e-9)
    assert found["contribution_rank"].to_list() == [1, 2, 3]
    with pytest.raises(ValueError, match="past_is_revenue_less_costs"):
        tables.conform("customer_value", found.with_columns(revenue=pl.col("revenue") + 1))


def test_where_nothing_is_known_of_costs_future_net_is_expected_revenue():
    found = value_table(sources())
    assert found["future_net"].to_list() == found["future_revenue"].to_list()


def test_the_table_of_one_customer_keeps_its_contract_whatever_is_known():
    one = sources(
        bought=(("a", date(2024, 1, 1), "5.00"),),
        talked=contacts(("a", datetime(2024, 2, 1))),
        service_cost_per_contact="9",
    )
    found = tables.conform("customer_value", value_table(one).filter(customer_id="a"))
    assert found["past_net"].to_list() == [Decimal("-4")]
    assert found["contribution_share"].to_list() == [None]


def test_occasions_may_be_read_lazily():
    month = sources(booked())
    lazy = replace(month, occasions=month.occasions.lazy())
    assert net.past_value(lazy, NO_REFUNDS).equals(net.past_value(month, NO_REFUNDS))


@pytest.mark.parametrize("name", ["service_cost_per_contact", "cost_per_order"])
def test_what_a_contact_or_purchase_costs_is_money_of_at_most_four_decimals(name):
    assert getattr(shop(**{name: 0.25}).clv, name) == Decimal("0.25")
    for wrong in (-1, "0.12345", "much"):
        with pytest.raises(ValueError, match=name):
            shop(**{name: wrong})
