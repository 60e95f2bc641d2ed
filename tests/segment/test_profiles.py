"""Profiles of classes: who they are in numbers, the figure of shares, and the sentences on them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.labels import label
from analysis.report.show import Picture, Prose, Sentence
from analysis.run.settings import Settings
from analysis.segment import profile_figures, profile_words, profiles

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
FACTS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "spend": [600.0, 200.0, 100.0, 100.0],
        "spend_365": [300.0, 0.0, 100.0, 0.0],
        "margin_365": [120.0, -20.0, 0.0, 0.0],
        "purchases": [6, 2, 1, 1],
        "idle_days": [10.0, 400.0, 30.0, 500.0],
        "channel": ["shop", "web", "web", None],
        "main_category": ["tea", "tea", "cups", "cups"],
    }
)
SEGMENTS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "a", "b", "c", "d", "e"],
        "axis": ["rfm"] * 4 + ["life_cycle"] * 5,
        "class": [
            *("loyal", "loyal", "new", "lost"),
            *("loyal", "repeat", "first_purchase", "first_purchase", "prospect"),
        ],
    }
)


def said(words: dict) -> str:
    return repr(Prose(words.pop("key"), words, SHOP))


def of(axis: str, facts: pl.DataFrame = FACTS) -> pl.DataFrame:
    return profiles.profile(SEGMENTS, facts).filter(pl.col("axis") == axis)


def test_a_class_is_told_by_its_size_its_money_and_its_typical_member():
    expected = pl.DataFrame(
        {
            "axis": ["rfm"] * 3,
            "class": ["loyal", "lost", "new"],
            "rank": [1, 2, 3],  # 100 each for the last two: by their keys
            "customers": [2, 1, 1],
            "share_of_customers": [0.5, 0.25, 0.25],
            "spend": [800.0, 100.0, 100.0],
            "share_of_spend": [0.8, 0.1, 0.1],
            "spend_365": [300.0, 0.0, 100.0],
            "share_of_spend_365": [0.75, 0.0, 0.25],
            "share_of_margin_365": [1.0, 0.0, 0.0],
            "median_purchases": [4.0, 1.0, 1.0],
            "median_idle_days": [205.0, 500.0, 30.0],
            "median_spend": [400.0, 100.0, 100.0],
            "channel": ["shop", None, "web"],  # one customer each: by the alphabet
            "main_category": ["tea", "cups", "cups"],
        }
    )
    rfm = tables.conform("segment_profile", of("rfm"))
    assert_frame_equal(rfm.sort("rank"), expected)


def test_prospects_count_as_customers_who_spent_nothing():
    prospects = of("life_cycle").filter(pl.col("class") == "prospect").row(0, named=True)
    assert prospects["customers"] == 1
    assert prospects["share_of_customers"] == 0.2
    assert prospects["rank"] == 4
    assert (prospects["spend"], prospects["share_of_spend_365"]) == (0.0, 0.0)
    assert prospects["share_of_margin_365"] == 0.0
    for name in ("median_purchases", "median_spend", "channel", "main_category"):
        assert prospects[name] is None


def test_a_loss_is_a_negative_share_of_the_margin():
    segments = SEGMENTS.with_columns(
        pl.when(pl.col("customer_id") == "b").then(pl.lit("lost")).otherwise("class").alias("class")
    )
    rfm = profiles.profile(segments, FACTS).filter(pl.col("axis") == "rfm")
    shares = dict(rfm.select("class", "share_of_margin_365").iter_rows())
    assert shares == {"loyal": 1.2, "lost": -0.2, "new": 0.0}


@pytest.mark.parametrize(
    "margin", [pl.lit(None, pl.Float64), pl.lit(-1.0)], ids=["no cost known", "a loss in all"]
)
def test_without_a_margin_in_all_nobody_has_a_share_of_it(margin):
    rfm = of("rfm", FACTS.with_columns(margin_365=margin))
    assert rfm["share_of_margin_365"].to_list() == [None] * 3
    assert said(profile_words.margin(rfm)) == label("profile.no_margin")


def test_without_spend_nobody_has_a_share_of_it():
    nothing = pl.lit(0.0)
    rfm = of("rfm", FACTS.with_columns(spend=nothing, spend_365=nothing))
    assert rfm["share_of_spend"].null_count() == 3
    assert rfm["class"].to_list() == ["lost", "loyal", "new"]
    assert said(profile_words.top_class(rfm)) == label("profile.no_spend")
    assert isinstance(profile_figures.shares(rfm), Picture)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x", "y", "z"]),
            st.integers(0, 10**9),
            st.integers(-(10**6), 10**6),
        ),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_shares_sum_to_one_whatever_the_rows_and_their_order(rows, random):
    count = len(rows)
    ids = [f"{place:03d}" for place in range(count)]
    facts = pl.DataFrame(
        {
            "customer_id": ids,
            "spend": [row[1] / 100 for row in rows],
            "spend_365": [row[1] / 200 for row in rows],
            "margin_365": [row[2] / 100 for row in rows],
            "purchases": [1] * count,
            "idle_days": [1.0] * count,
            "channel": [row[0] for row in rows],
            "main_category": [None] * count,
        },
        schema_overrides={"main_category": pl.String},
    )
    segments = pl.DataFrame(
        {"customer_id": ids, "axis": ["a"] * count, "class": [row[0] for row in rows]}
    )
    found = tables.conform("segment_profile", profiles.profile(segments, facts))
    for name in ("share_of_customers", "share_of_spend", "share_of_margin_365"):
        shares = found[name].drop_nulls()
        assert shares.is_empty() or shares.sum() == pytest.approx(1)
    order = random.sample(range(count), count)
    again = profiles.profile(segments[order], facts[random.sample(range(count), count)])
    assert_frame_equal(tables.conform("segment_profile", again), found, rel_tol=0, abs_tol=0)


def test_the_figure_and_the_sentence_name_the_class_with_most_of_the_spend():
    finding = "Loyal bring 75.0% of the spend of the last 365 days with 50.0% of the customers."
    assert said(profile_words.top_class(of("rfm"))) == finding
    assert profile_figures.shares(of("rfm")).alt.endswith(finding)


def test_a_class_that_nobody_can_be_put_in_is_not_drawn():
    unknown = of("rfm").head(1).with_columns(pl.lit("too_little_data").alias("class"))
    assert isinstance(profile_figures.shares(unknown), Sentence)
    assert isinstance(profile_figures.shares(unknown.clear()), Sentence)
    assert said(profile_words.top_class(unknown)) == label("profile.no_classes")


def test_margin_is_told_where_it_is_not_spread_as_spend_is():
    assert said(profile_words.margin(of("rfm"))) == (
        "Loyal (RFM) hold 100.0% of the margin against 75.0% of the spend."
    )
    alike = of("rfm", FACTS.with_columns(margin_365=pl.col("spend_365") / 2))
    assert "no share differs by more than 5 points" in said(profile_words.margin(alike))


def test_a_single_customer_who_makes_a_class_is_pointed_out():
    ids = [f"{place:02d}" for place in range(40)]
    segments = pl.DataFrame({"customer_id": ids, "axis": "rfm", "class": "loyal"})
    facts = pl.DataFrame({"customer_id": ids, "spend_365": [60.0, *[1.0] * 39]})
    warned = said(profile_words.one_customer(segments, facts, "rfm"))
    assert warned.startswith("Caution: a single customer makes 60.6% of the spend of Loyal")
    even = facts.with_columns(spend_365=pl.lit(1.0))
    assert said(profile_words.one_customer(segments, even, "rfm")).startswith("No single customer")


def test_many_classes_are_cut_to_what_a_phone_can_show():
    count = 30
    rows = of("rfm").head(1).select(pl.exclude("class", "rank", "customers"))
    many = pl.concat([rows] * count).with_columns(
        pl.Series("class", [f"place {place}" for place in range(count)]),
        pl.Series("rank", range(1, count + 1)),
        pl.Series("customers", range(1, count + 1)),
    )
    picture = profile_figures.shares(many)
    drawn = [one.get_text() for one in picture.figure.axes[0].get_yticklabels()]
    assert drawn == [f"place {place}" for place in range(29, 17, -1)]
