"""Value of new customers, the first order included, by month and by source."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from clv.small import costs, sources

from analysis import tables
from analysis.clv.newcomers import new_customer, newcomers

MARCH, APRIL, MAY = (date(2024, month, 5) for month in (3, 4, 5))


def group_of(name: str, day: date, people: int, amount: int) -> list[tuple]:
    return [(f"{name}{n:02}", day, str(amount + 2 * (n % 2))) for n in range(people)]


BOUGHT = (
    *group_of("m", MARCH, 40, 9),
    *group_of("n", APRIL, 30, 20),
    *group_of("o", MAY, 29, 5),
    ("m00", date(2024, 6, 1), "500"),
    ("old", date(2023, 6, 30), "1"),
)


def records(**named: list[str]) -> pl.DataFrame:
    rows = [(one, one, source) for source, people in named.items() for one in people]
    schema = ["customer_id", "person_id", "source"]
    return pl.DataFrame(rows, schema=schema, orient="row")


NOBODY = tables.empty("profiles")


def test_months_of_a_hand_worked_base():
    found = newcomers(sources(bought=BOUGHT, gross_margin=0.5), NOBODY, repeat_value=4.0)
    assert found["by"].unique().to_list() == ["month"]
    assert found["group"].to_list() == ["2024-03", "2024-04", "other"]
    assert found["customers"].to_list() == [40, 30, 29]
    assert found["first_order_margin"].to_list()[:2] == pytest.approx([5.0, 10.5])
    assert found["value"].to_list()[:2] == pytest.approx([9.0, 14.5])
    assert found["acquisition_cost"].to_list() == [None] * 3


def test_the_interval_is_students():
    march = newcomers(sources(bought=BOUGHT), NOBODY, 0.0).row(0, named=True)
    spread = (40 / 39) ** 0.5  # amounts 9 and 11, twenty of each
    half = 1.684875 * spread / 40**0.5  # 95th percentile of t with 39 degrees of freedom
    assert (march["low"], march["high"]) == pytest.approx((10 - half, 10 + half), abs=1e-5)


def test_one_customer_has_no_interval():
    found = newcomers(sources(bought=BOUGHT[-2:-1]), NOBODY, 0.0).row(0, named=True)
    assert (found["group"], found["customers"]) == ("other", 1)
    assert found["low"] is found["high"] is None


def test_acquisition_is_what_was_booked_and_a_share_of_what_the_month_cost_beside():
    booked = costs(
        ("m00", date(2024, 3, 1), "acquisition", "80"),
        ("*", date(2024, 4, 1), "acquisition", "60"),
        ("never", date(2024, 4, 1), "acquisition", "30"),
        ("m00", date(2024, 3, 1), "service", "999"),
    )
    found = newcomers(sources(booked, bought=BOUGHT), NOBODY, 1.0)
    assert found["acquisition_cost"].to_list() == pytest.approx([2.0, 3.0, 0.0])
    assert found["value"].to_list()[:2] == pytest.approx([10 + 1 - 2, 21 + 1 - 3])


def test_months_before_costs_were_kept_have_no_cost_of_acquisition():
    booked = costs(("*", date(2024, 4, 1), "acquisition", "60"))
    found = newcomers(sources(booked, bought=BOUGHT), NOBODY, 1.0)
    assert found["acquisition_cost"].to_list()[:2] == [None, pytest.approx(2.0)]


def test_sources_stand_by_size_and_small_ones_together():
    everybody = [row[0] for row in BOUGHT]
    profiles = records(shop=everybody[:31], web=everybody[40:75], fair=everybody[75:80])
    merged = pl.DataFrame({"customer_id": ["k1"], "person_id": ["m31"], "source": ["shop"]})
    found = newcomers(sources(bought=BOUGHT), pl.concat([profiles, merged]), 0.0)
    by_source = found.filter(pl.col("by") == "source")
    assert by_source["group"].to_list() == ["web", "shop", "other"]
    assert by_source["customers"].to_list() == [35, 32, 32]


def test_nobody_new_gives_no_rows():
    found = newcomers(sources(bought=(("a", date(2020, 1, 1), "1"),)), NOBODY, 0.0)
    assert found.is_empty()


def test_means_are_of_exact_money():
    found = newcomers(sources(bought=group_of("m", MARCH, 30, 3)), NOBODY, 0.0)
    assert Decimal(repr(found["first_order_margin"][0])) == Decimal("4.0")


def test_a_new_customer_is_one_that_the_models_can_value():
    row = new_customer().row(0, named=True)
    assert row == {"frequency": 0, "recency": 0.0, "T": 0.0, "monetary_value": None}
    assert new_customer().schema["monetary_value"] == pl.Float64
