"""Kept month after month on real invoices, clusters move few customers who did nothing."""

from datetime import date

import polars as pl
import pytest
from helpers import shared_data

from analysis.customers import purchase_occasions, summarise_customers
from analysis.segment import clusters, drift
from analysis.tables import MONEY

MONTH_ENDS = [
    date(2011, 5, 31),
    date(2011, 6, 30),
    date(2011, 7, 31),
    date(2011, 8, 31),
    date(2011, 9, 30),
    date(2011, 10, 31),
    date(2011, 11, 30),
]


@pytest.fixture(scope="module")
def occasions() -> pl.DataFrame:
    """Purchase days of the slice: sold lines with a customer, cancellations left out."""
    path = shared_data("online_retail_slice.csv.gz")
    lines = pl.read_csv(path, schema_overrides={"InvoiceNo": pl.String, "CustomerID": pl.String})
    sold = (pl.col("Quantity") > 0) & (pl.col("UnitPrice") > 0)
    orders = lines.filter(sold, pl.col("CustomerID") != "").select(
        customer_id="CustomerID",
        purchase_day=pl.col("InvoiceDate").str.slice(0, 10).str.to_date(),
        amount=(pl.col("Quantity") * pl.col("UnitPrice")).round(2).cast(MONEY),
    )
    return purchase_occasions(orders.lazy()).collect()


def facts(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return (
        summarise_customers(occasions.lazy(), as_of)
        .with_columns(
            idle_days=pl.col("T") - pl.col("recency"),
            mean_spend=pl.col("spend") / pl.col("purchases"),
        )
        .collect()
    )


def changes(occasions: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Customers silent in a month, with last month's and this month's class; what was decided."""
    model, before, silent, decisions = None, None, [], []
    for as_of in MONTH_ENDS:
        known = facts(occasions, as_of)
        features = clusters.cluster_features(known)
        if model is None:
            model = clusters.fit(features, seed=1)
        else:
            need, reason, _ = drift.needs_refit(model, features, seed=1)
            decisions.append(reason)
            if need:
                model, _ = drift.match(model, clusters.fit(features, seed=1), features)
        classed = clusters.predict(model, features)
        now = known.join(classed, on="customer_id", how="left").with_columns(
            pl.col("class").fill_null(clusters.ONE_TIME)
        )
        if before is not None:
            still = now.filter(pl.col("last_purchase") < as_of.replace(day=1))
            silent.append(still.join(before, on="customer_id").select("class", "previous_class"))
        before = now.select("customer_id", previous_class="class")
    return pl.concat(silent), decisions


def test_few_who_bought_nothing_change_class(occasions):
    silent, decisions = changes(occasions)
    repeat = silent.filter(pl.col("class") != clusters.ONE_TIME)
    changed = pl.col("class") != pl.col("previous_class")
    assert silent.select(changed.mean()).item() <= 0.15
    assert repeat.select(changed.mean()).item() <= 0.30
    assert repeat.select(changed.sum()).item() > 0
    assert set(decisions) <= {
        "clusters.keep_no_drift",
        "clusters.keep_same_classes",
        "clusters.refit_drifted",
    }


def test_five_clusters_would_move_few_as_well(occasions, monkeypatch):
    monkeypatch.setattr(clusters, "FEWEST", 5)
    monkeypatch.setattr(clusters, "MOST", 5)
    silent, decisions = changes(occasions)
    changed = pl.col("class") != pl.col("previous_class")
    assert silent.select(changed.mean()).item() <= 0.15
    repeat = silent.filter(pl.col("class") != clusters.ONE_TIME)
    assert repeat.select(changed.mean()).item() <= 0.30
    assert "clusters.refit_drifted" in decisions
