"""Cost to serve beside margin, class by class."""

from decimal import Decimal

import polars as pl
import pytest
from clv.small import money

from analysis.clv.serving import AXES, by_class
from analysis.segment.axes import AXES as KNOWN

VALUES = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "revenue": money("120", "60", "60"),
        "cost_of_goods": money("60", "30", "30"),
        "acquisition_cost": money("99", "0", "0"),
        "service_cost": money("1", "5", "0"),
        "campaign_cost": money("1", "2", "0"),
        "logistics_cost": money("1", "2", "6"),
        "other_cost": money("1", "1", "0"),
        "past_net": money("-43", "20", "24"),
        "future_net": [10.0, 2.0, 1.5],
    }
)


def segments(axis: str, *classes: str) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["a", "b", "c"], "axis": axis, "class": classes})


def test_classes_of_a_hand_worked_base():
    found = by_class(VALUES, segments("rfm", "loyal", "lost", "lost"))
    assert found.select("class", "customers", "margin", "cost_to_serve", "past_net").rows() == [
        ("loyal", 1, Decimal(60), Decimal(4), Decimal(-43)),
        ("lost", 2, Decimal(60), Decimal(16), Decimal(44)),
    ]
    assert found["future_net"].to_list() == [10.0, 3.5]
    assert found["share_of_cost"].to_list() == pytest.approx([0.2, 0.8])
    assert found["share_of_margin"].to_list() == pytest.approx([0.5, 0.5])
    assert found["cost_share_of_margin"].to_list() == pytest.approx([4 / 60, 16 / 60])
    assert found["served"].to_list() == ["less", "more"]


def test_a_class_in_proportion_is_even():
    found = by_class(VALUES, segments("rfm", *["all"] * 3))
    assert found["served"].to_list() == ["even"]


def test_where_nothing_is_known_of_costs_nothing_is_judged():
    free = VALUES.with_columns(
        pl.lit(Decimal(0), pl.Decimal(38, 4)).alias(name)
        for name in VALUES.columns
        if name.endswith("_cost")
    )
    found = by_class(free, segments("cluster", "x", "y", "y"))
    assert found["served"].to_list() == [None, None]
    assert found["share_of_cost"].to_list() == [None, None]


def test_only_axes_of_value_behaviour_and_life_cycle_are_shown_in_their_order():
    assert set(AXES) <= set(KNOWN)
    some = [segments(axis, "x", "y", "y") for axis in ("life_cycle", "gender", "rfm")]
    found = by_class(VALUES, pl.concat(some))
    assert found["axis"].unique(maintain_order=True).to_list() == ["rfm", "life_cycle"]
