"""The simulated shop, two months published: planted classes and movers are found again."""

import json
from datetime import date

import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

JUNE = (date(2024, 6, 1), date(2024, 6, 30))
LEAST_INDEX = 0.8  # adjusted Rand index
LEAST_CLASSED = 0.8  # share of the customers whose lines show a need


@pytest.fixture(scope="module")
def read(shop_root):
    """A reader of the tables of June 2024."""
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    return lambda table: pl.read_parquet(folder / f"{table}.parquet")


@pytest.fixture(scope="module")
def truth(shop_root):
    """A reader of what was planted."""
    folder = shop_root / "data" / "raw" / "shop" / "truth"
    return lambda table: pl.read_csv(folder / f"{table}.csv", infer_schema=False)


@pytest.fixture(scope="module")
def persons(truth, read) -> pl.DataFrame:
    """The person behind each customer id that classes are kept under."""
    ids = truth("customer_ids").select("customer_id", "person_id")
    return ids.join(read("profiles").select("customer_id", known_as="person_id"), on="customer_id")


def test_the_planted_needs_are_recovered_where_lines_show_them(read, truth, persons):
    need = read("segments").filter(pl.col("axis") == "need").select("customer_id", "class")
    planted = persons.select(customer_id="known_as", person_id="person_id").unique()
    planted = planted.join(truth("persons").select("person_id", truth="class"), on="person_id")
    both = need.join(planted, on="customer_id", validate="1:1")
    assert both.height == need.height
    shown = both.filter(pl.col("class") != "unclear")
    assert shown.height >= LEAST_CLASSED * both.height
    assert adjusted_rand_score(shown["truth"], shown["class"]) >= LEAST_INDEX


def test_who_made_the_second_purchase_in_the_month_is_who_moved_to_repeat(read, truth, persons):
    names = persons.select("person_id", "known_as").unique("person_id")
    days = (
        truth("purchases")
        .join(names, on="person_id")
        .select(customer_id="known_as", day=pl.col("ordered_on").str.to_date())
    )
    days = days.unique().filter(pl.col("day") <= JUNE[1])
    before = days.filter(pl.col("day") < JUNE[0]).group_by("customer_id").len()
    once = before.filter(pl.col("len") == 1).select("customer_id")
    again = days.filter(pl.col("day") >= JUNE[0]).select("customer_id").unique()
    # A day at price zero counts as a purchase, and the planted purchases have none.
    gifts = read("occasions").filter(pl.col("amount") == 0)["customer_id"]
    planted = set(once.join(again, on="customer_id")["customer_id"]) - set(gifts)
    moved = read("segments").filter(
        (pl.col("axis") == "life_cycle") & (pl.col("previous_class") == "first_purchase")
    )
    assert len(planted) > 10
    assert set(moved.filter("changed")["customer_id"]) - set(gifts) == planted


def test_who_moved_by_behaviour_bought_or_complained_in_the_month(read, truth, persons):
    names = persons.select("person_id", "known_as").unique("person_id")
    bought = truth("purchases").join(names, on="person_id")
    bought = bought.filter(pl.col("ordered_on").str.to_date() >= JUNE[0])
    movers = read("movers").filter(pl.col("cause") == "behaviour")
    assert movers.height > 50
    complained = read("feedback").filter(pl.col("at").dt.date() >= JUNE[0])
    others = set(movers["customer_id"]) - set(bought["known_as"])
    assert others <= set(complained["customer_id"])
    assert set(movers.filter(pl.col("axis") != "cluster")["customer_id"]) <= set(bought["known_as"])


def test_the_month_takes_over_the_standard_of_the_month_before(shop_root):
    folder = shop_root / "data" / "processed" / "shop"
    may, june = (
        json.loads((folder / month / "standard.json").read_text())
        for month in ("2024-05", "2024-06")
    )
    assert june == may
    manifest = json.loads((folder / "2024-06" / "manifest.json").read_text())
    assert manifest["taken"]["2024-05/standard"] == manifest["tables"]["standard"]["content"]


def test_every_axis_that_the_shop_has_data_for_is_there(read):
    assert set(read("segments")["axis"].unique()) == {
        *("rfm", "cluster", "value_revenue", "value_margin", "life_cycle", "onboarding"),
        *("activity", "need", "region", "city_tier", "age_band", "gender", "psychographic"),
    }


def test_prospects_stand_on_the_life_cycle_only(read):
    segments, customers = read("segments"), read("customers")
    waiting = segments.filter(pl.col("class") == "prospect")
    assert waiting.height > 100
    assert waiting["axis"].unique().to_list() == ["life_cycle"]
    assert not set(waiting["customer_id"]) & set(customers["customer_id"])
