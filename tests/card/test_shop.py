"""The simulated shop: its owners, classes and products on one map, and cards of its customers."""

import shutil

import polars as pl
import pytest
from helpers import make_root

import analysis
from analysis import tables
from analysis.card import card, figures, relations, service, timeline, words
from analysis.clean import orders, others, profiles
from analysis.collect import sources
from analysis.customers import purchase_occasions, summarise_customers
from analysis.run import paths
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.samples import shop
from analysis.samples.shop.words import words as shop_words

MONTH = Month(2024, 6)


@pytest.fixture(scope="module")
def month(tmp_path_factory) -> analysis.Run:
    """The shop's last month as far as orders and records go; a class says who bought again."""
    root = make_root(tmp_path_factory.mktemp("shop"))
    shop.write(root / "data" / "raw" / "shop")
    shutil.copy(paths.CHECKOUT / "config" / "shop.toml", root / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(root))
        settings = load("config/shop.toml")
        raw = sources.raw_tables(settings, MONTH)
        read = pl.collect_all(raw.values())
        received = dict(zip([name.removeprefix("raw_") for name in raw], read, strict=True))
        people = profiles.find_people(
            profiles.clean_profiles(received["customers"], MONTH.last_day, settings), settings
        )
        trusted, _ = orders.clean_orders(received["orders"], people.people)
        occasions = purchase_occasions(trusted.lazy()).collect()
        customers = summarise_customers(occasions.lazy(), MONTH.last_day).collect()
        found = others.clean_others(received, trusted, people.people, settings).tables
        found |= {"orders": trusted, "occasions": occasions, "customers": customers}
        found |= {"profiles": people.profiles, "identity_merges": people.merges}
        found["segments"] = customers.select(
            "customer_id",
            pl.lit("cluster").alias("axis"),
            pl.when(pl.col("frequency") > 0)
            .then(pl.lit("loyal"))
            .otherwise(pl.lit("one_time"))
            .alias("class"),
            class_zh=pl.lit("x"),
            previous_class=pl.lit(None, pl.String),
            changed=pl.lit(False),
            rule=pl.lit("x"),
            by_hand=pl.lit(False),
        )
        for name in card.READS:
            if name in found:
                columns = tables.CONTRACTS[name].column_names()
                tables.write(name, found[name].select(columns), paths.tables("shop", MONTH))
        yield analysis.open_month("config/shop.toml", str(MONTH))


@pytest.fixture(scope="module")
def map_of_shop(month) -> tuple[pl.DataFrame, pl.DataFrame]:
    names = ("segments", "customers", "profiles", "relations", "order_lines", "products")
    some = [month.read(name) for name in names]
    return relations.graph(*some, staff=month.read("staff"), salt="shop")


def test_the_map_holds_every_customer_once_and_no_name_of_the_staff(month, map_of_shop):
    nodes, edges = map_of_shop
    customers = month.read("customers")
    for kind in ("class", "owner"):
        own = nodes.filter(pl.col("kind") == kind)
        assert own["customers"].sum() == customers.height
        assert own["spend"].sum() == pytest.approx(customers["spend"].sum(), abs=0.01)
    names = shop_words()["staff"]["names"]
    assert not set(names) & set(nodes["label"])
    owners = nodes.filter(pl.col("kind") == "owner")["label"]
    assert set(owners) == set(month.read("staff")["staff_id"])
    assert nodes.filter(pl.col("kind") == "category").height == 6
    assert edges.filter(pl.col("kind") == "parent")["customers"].sum() > 0
    assert figures.relations_map(nodes, edges).alt.startswith("Map of owners (6), classes (2), ")


def test_an_open_complaint_is_on_the_card_of_whoever_made_it(month):
    feedback = month.read("feedback")
    waiting = feedback.filter((pl.col("kind") == "complaint") & pl.col("closed_at").is_null())
    assert waiting.height == 5
    for customer in waiting["customer_id"]:
        one = card.open_card(month, customer)
        assert service.open_complaints(one).height == 1
        events = timeline.events(one)
        assert words.agreement(one, events)["key"] == "card.agrees"
        assert "1 still open" in figures.timeline(events, month.as_of).alt


def test_a_merged_record_leads_to_the_card_of_its_person(month):
    merged = month.read("identity_merges").row(0, named=True)
    one = card.open_card(month, merged["customer_id"])
    assert one.customer_id == merged["merged_into"]
    assert one.ids.shown_one(merged["customer_id"]) in set(card.merged_records(one)["customer_id"])


def test_a_prospect_of_the_shop_has_a_card(month):
    bought = month.read("customers")["customer_id"]
    prospects = month.read("profiles").filter(~pl.col("person_id").is_in(bought.implode()))
    one = card.open_card(month, prospects["person_id"][0])
    assert words.headline(one)["key"] == "card.headline_prospect"
    assert words.agreement(one, timeline.events(one)) == {"key": "card.agrees_none"}
