"""RFM without tie artefacts: every cell has a name, equal customers score alike."""

from collections import Counter
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.customers import summarise_customers
from analysis.labels import group
from analysis.segment import rfm


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
