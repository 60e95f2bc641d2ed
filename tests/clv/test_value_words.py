"""Sentences about net value say what is known, and no more."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from clv.small import costs, money, sources

from analysis import tables
from analysis.clv import net, value_words
from analysis.clv.costs import without_customer
from analysis.report.show import Prose

JUNE = date(2024, 6, 1)
NO_REFUNDS = pl.DataFrame(schema={"customer_id": pl.String, "returns": tables.MONEY})
ALL = costs(*(("a", JUNE, kind, "1") for kind in ("acquisition", "service", "campaign")))


def spoken(said: dict | list[dict], month=None) -> list[str]:
    listed = [said] if isinstance(said, dict) else said
    settings = (month or sources()).settings
    sentences = [
        repr(Prose(one["key"], {name: one[name] for name in one if name != "key"}, settings))
        for one in listed
    ]
    assert not any("{" in one or "nan" in one for one in sentences)
    return sentences


def keys(said: list[dict]) -> list[str]:
    return [one["key"].removeprefix("value.") for one in said]


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        (sources(), ["net_of_nothing"]),
        (sources(gross_margin=0.4), ["net_of", "not_known"]),
        (sources(ALL), ["net_of", "won_once", "not_known"]),
        (sources(service_cost_per_contact="2"), ["net_of", "not_known", "per_contact"]),
        (sources(cost_per_order="2", gross_margin=0.4), ["net_of", "not_known", "per_order"]),
        (
            sources(costs(("a", JUNE, "acquisition", "1"))),
            ["net_of", "won_once", "not_known", "future_gross"],
        ),
    ],
)
def test_the_page_says_what_value_is_net_of(month, expected):
    said = value_words.net_of(month)
    assert keys(said) == expected
    spoken(said, month)


def test_where_everything_is_known_nothing_is_missing():
    rows = [("a", JUNE, kind, "1") for kind in ("acquisition", "service", "campaign", "logistics")]
    month = sources(costs(*rows, ("a", JUNE, "other", "1")), gross_margin=0.4)
    assert keys(value_words.net_of(month)) == ["net_of", "won_once"]


def test_past_value_names_losers_refunds_and_costs_of_nobody():
    month = sources(
        costs(("c", JUNE, "service", "2"), ("never", JUNE, "campaign", "0.40")),
    )
    back = pl.DataFrame({"customer_id": ["a"], "returns": money("5")})
    past = net.past_value(month, back)
    said = value_words.past(past, without_customer(month))
    assert keys(said) == ["past", "returns", "losing", "without_customer"]
    sentences = spoken(said)
    assert "170.01 USD" in sentences[0]
    assert sentences[2] == "Customers who have cost more than they brought: 1, 2.00 USD together."
    assert sentences[3].startswith("0.40 USD of costs (campaigns)")
    nothing = sources(bought=(("a", JUNE, "0"),))
    said = value_words.past(net.past_value(nothing, NO_REFUNDS), without_customer(nothing))
    assert keys(said) == ["past_no_revenue"]
    spoken(said)


def test_the_future_says_what_serving_will_take_or_that_it_is_not_known():
    values = pl.DataFrame(
        {"future_margin": [9.0, 1.0], "future_cost": [2.0, 3.0], "future_net": [7.0, -2.0]}
    )
    assert "expected to cost more than they bring: 1." in spoken(value_words.future(values, 365))[0]
    free = values.with_columns(future_cost=pl.lit(0.0), future_net="future_margin")
    assert value_words.future(free, 365)["key"] == "value.future_no_cost"
    spoken(value_words.future(free, 365))


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("1",) * 5, ["top", "gini"]),
        (("3", "1"), ["top", "one_customer", "gini"]),
        (("3", "-1"), ["top", "one_customer", "gini", "gini_negative", "above_all"]),
        (("1", "-3"), ["no_total", "gini", "gini_negative"]),
        (("0", "0"), ["no_total"]),
        (("7",), ["top", "gini"]),
    ],
)
def test_contributions_are_told_as_far_as_they_mean_something(amounts, expected):
    said = value_words.shares(pl.DataFrame({"past_net": money(*amounts)}))
    assert keys(said) == expected
    spoken(said)


def test_a_part_of_the_loyalty_index_that_is_not_known_is_named():
    parts = {"tenure": [1.0], "repeat_share": [0.5], "active_months": [1], "loyalty_index": [20.0]}
    unknown = pl.Series("referrals", [None], dtype=pl.Int64)
    sentence = spoken(value_words.loyal(pl.DataFrame(parts).with_columns(unknown)))[0]
    assert sentence.endswith("Not known, so left out: customers brought.")
    known = pl.DataFrame(parts | {"referrals": [0]})
    assert value_words.loyal(known)["key"] == "value.loyal"
    spoken(value_words.loyal(known))


def group(by: str, name: str, value: float, cost: float | None = 1.0) -> dict:
    return {"by": by, "group": name, "value": value, "acquisition_cost": cost}


def test_new_customers_are_compared_by_source_where_it_is_known():
    one, web, fair = (
        group("month", "2024-06", 5.0),
        group("source", "web", 9.0),
        group("source", "fair", 2.0),
    )
    other = group("source", "other", 99.0)
    said = value_words.new_customers(pl.DataFrame([one, web, fair, other]))
    assert "most from web (9.00 USD each) and least from fair (2.00 USD)" in spoken(said)[0]
    unpaid = pl.DataFrame([group("month", "2024-06", 5.0, None)], schema_overrides=_COST)
    assert keys(value_words.new_customers(unpaid)) == ["acquisition_not_known", "no_source"]
    assert keys(value_words.new_customers(unpaid.clear())) == ["nobody_new"]


_COST = {"acquisition_cost": pl.Float64}


@pytest.mark.parametrize(("end", "key"), [("12", "rose"), ("7", "fell"), ("10", "same")])
def test_the_change_names_its_largest_part(end, key):
    rest = str(Decimal(end) - 13)
    parts = pl.DataFrame(
        {
            "part": ["start", "left", "new_customers", "purchases", "ageing", "model", "end"],
            "amount": money("10", "0", "1", "2", rest, "0", end),
        }
    )
    said = value_words.change(parts)
    assert said["key"] == f"value.{key}"
    spoken(said)
    assert value_words.change(None)["key"] == "value.no_month_before"


def test_classes_that_take_more_or_less_are_named():
    rows = pl.DataFrame(
        {"axis": "rfm", "class": ["champions", "lost", "x"], "served": ["less", "more", "even"]}
    )
    assert spoken(value_words.served(rows, "rfm")) == [
        "These take clearly more of the cost to serve than of the margin: Lost.",
        "These take clearly less of the cost to serve than of the margin: Champions.",
    ]
    assert keys(value_words.served(rows.tail(1), "rfm")) == ["served_evenly"]
    assert value_words.served(rows, "cluster") == []


def test_the_check_of_the_totals_tells_right_from_wrong():
    month = sources(costs(("a", JUNE, "service", "2")), gross_margin=0.4)
    past = net.past_value(month, NO_REFUNDS)
    parts = net.components(past, without_customer(month))
    total = month.occasions["amount"].sum()
    said = value_words.totals(past, parts, total)
    assert said["key"] == "value.adds_up"
    assert spoken(said)[0].startswith("Checked to the smallest unit: revenue 170.01 USD less costs")
    assert value_words.totals(past, parts, total + 1)["key"] == "value.does_not_add_up"
    assert value_words.totals(past.head(1), parts, total)["key"] == "value.does_not_add_up"
