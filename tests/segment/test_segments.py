"""RFM without tie artefacts, clusters with names that hold, one class per customer and axis."""

import math
from collections import Counter
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.customers import summarise_customers
from analysis.labels import group
from analysis.run.settings import Settings
from analysis.segment import classes, clusters, rfm

SHOP = Settings(
    name="s",
    currency="USD",
    time_zone="UTC",
    sources=[{"table": "orders", "path": "p"}],
    segment={"minimum_customers": 100, "minimum_days": 30},
)


@pytest.fixture(scope="module")
def customers(tenth) -> pl.DataFrame:
    return summarise_customers(tenth.lazy(), date(1998, 6, 30)).collect().sort("customer_id")


def test_the_eleven_names_cover_each_of_the_125_cells_once():
    cells = [int(cell) for names in rfm.CELLS.values() for cell in names.split()]
    every = [100 * r + 10 * f + m for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
    assert Counter(cells) == Counter(every)
    assert len(rfm.CELLS) == 11
    assert set(rfm.CELLS) <= set(group("class"))


def test_equal_customers_score_alike_however_the_rows_are_ordered(customers):
    cuts = rfm.fit_cut_points(customers)
    scored = rfm.score(customers, cuts).sort("customer_id")
    for seed in range(5):
        shuffled = customers.sample(fraction=1, shuffle=True, seed=seed)
        assert rfm.fit_cut_points(shuffled) == cuts
        assert_frame_equal(rfm.score(shuffled, cuts).sort("customer_id"), scored)
    same = customers.join(scored, on="customer_id").group_by("T", "recency", "purchases", "spend")
    assert same.agg(pl.col("class").n_unique())["class"].max() == 1


def test_recent_frequent_and_spending_customers_score_five(customers):
    scored = rfm.score(customers, rfm.fit_cut_points(customers)).join(customers, on="customer_id")
    best = scored.filter(pl.col("recency_score") == 5)
    worst = scored.filter(pl.col("recency_score") == 1)
    assert (best["T"] - best["recency"]).max() < (worst["T"] - worst["recency"]).min()
    bins = scored.group_by("frequency_score").agg(
        least=pl.col("purchases").min(), most=pl.col("purchases").max()
    )
    edges = dict(
        zip(bins["frequency_score"], zip(bins["least"], bins["most"], strict=True), strict=True)
    )
    assert [edges[score] for score in range(1, 5)] == [(1, 1), (2, 2), (3, 3), (4, 6)]


def test_every_customer_has_one_class_on_each_axis(customers):
    found = classes.classify(customers, SHOP)
    segments = tables.conform("segments", classes.segments_table(found.classes, None))
    assert segments.height == 2 * customers.height
    one_time = segments.filter(pl.col("class") == "one_time")["customer_id"]
    assert set(one_time) == set(customers.filter(pl.col("frequency") == 0)["customer_id"])
    profile = tables.conform("segment_profile", classes.profile(segments, customers))
    cluster = profile.filter(pl.col("axis") == "cluster")
    assert clusters.names_hold(cluster)
    assert cluster["customers"].sum() == customers.height
    assert math.isclose(cluster["share_of_spend"].sum(), 1)
    ranked = (cluster.sort("rank")["spend"] / cluster.sort("rank")["customers"]).to_list()
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize(
    "few", [pl.col("customer_id") == "00004", pl.col("frequency") == 0], ids=["one", "one-time"]
)
def test_too_little_data_is_said_and_no_class_invented(customers, few):
    gate = SHOP.model_copy(update={"segment": SHOP.segment.model_copy()})
    found = classes.classify(customers.filter(few), gate)
    segments = classes.segments_table(found.classes, None)
    on_clusters = segments.filter(pl.col("axis") == "cluster")["class"].unique().to_list()
    assert on_clusters == ["too_little_data"]


def test_changes_are_told_against_the_month_before(customers):
    found = classes.classify(customers, SHOP)
    now = classes.segments_table(found.classes, None)
    before = now.filter(pl.col("customer_id") != "00004").with_columns(
        pl.when(pl.col("customer_id") == "00021")
        .then(pl.lit("lost"))
        .otherwise(pl.col("class"))
        .alias("class")
    )
    again = classes.segments_table(found.classes, before)
    new = again.filter(pl.col("customer_id") == "00004")
    assert new["previous_class"].null_count() == 2
    assert not new["changed"].any()
    assert again.filter("changed")["customer_id"].unique().to_list() == ["00021"]
    moves = classes.migration(again)
    assert moves["customers"].sum() == again["previous_class"].is_not_null().sum()
