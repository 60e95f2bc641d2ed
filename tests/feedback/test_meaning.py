"""What dissatisfaction goes with, on strata worked by hand and against what the shop planted."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from churn.test_shop_churn import aligned, all_knowing, complainers, planted_effect

from analysis.churn.causes import association
from analysis.churn.features import TABLES, Sources
from analysis.churn.snapshots import Snapshot, Snapshots
from analysis.feedback import meaning, service_figures, service_words
from analysis.labels import label
from analysis.report.show import Prose
from analysis.run import paths
from analysis.run.settings import load

CUT_OFF, AS_OF = date(2024, 3, 31), date(2024, 6, 30)
FEEDBACK = {"customer_id": pl.String, "at": pl.Datetime("us"), "kind": pl.String}
FEEDBACK |= {"category": pl.String, "closed_at": pl.Datetime("us")}
SURVEYS = {"customer_id": pl.String, "at": pl.Datetime("us"), "item": pl.String}
SURVEYS |= {"score": pl.Float64, "scale_max": pl.Float64}
EARLY, LATE = datetime(2024, 1, 5), datetime(2024, 6, 20)


def complaints(*rows: tuple) -> pl.DataFrame:
    full = [(who, at, "complaint", category, *closed) for who, at, category, *closed in rows]
    full = [row if len(row) == 5 else (*row, None) for row in full]
    return pl.DataFrame(full, schema=FEEDBACK, orient="row")


def answers(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SURVEYS, orient="row")


def one_stratum() -> tuple[Snapshot, list[str]]:
    """Ten customers dissatisfied, 6 of whom left; thirty not, 6 of whom left."""
    left = [True] * 6 + [False] * 4 + [True] * 6 + [False] * 24
    ids = [f"{number:02}" for number in range(40)]
    features = pl.DataFrame({"customer_id": ids, "purchases": [1.0] * 40, "idle_days": [7.0] * 40})
    snapshot = Snapshot(CUT_OFF, 90, features, np.full(40, 0.5), True, no_purchase=np.array(left))
    return snapshot, ids


def test_effects_compare_within_those_asked():
    snapshot, ids = one_stratum()
    scores = [
        (who, EARLY, "NPS推荐意愿", 6.0 if n < 10 else 7.0, 10.0) for n, who in enumerate(ids)
    ]
    found = meaning.effects(
        snapshot, complaints(*((one, EARLY, "service") for one in ids[:10])), answers(*scores)
    )
    assert found["what"].to_list() == ["complaint", "low_nps", "low_satisfaction"]
    assert found["difference"].to_list() == pytest.approx([0.4] * 3)  # 6/10 - 6/30
    assert found.select("customers_with", "customers_without").row(1) == (10, 30)
    assert found["low"][1] < 0.4 < found["high"][1]
    fewer = answers(*scores[:10], *scores[10:16])  # those asked and content all left
    asked = meaning.effects(snapshot, complaints(), fewer)
    assert asked["difference"].to_list() == pytest.approx([-0.4] * 2)
    assert asked["customers_without"].to_list() == [6, 6]
    assert service_figures.effects(found).alt.count("+40.0") == 3


def test_what_counts_as_low():
    rows = [
        ("a", datetime(2024, 1, 1), "NPS", 3.0, 10.0),
        ("a", datetime(2024, 2, 1), "NPS", 9.0, 10.0),  # the later day counts
        ("b", EARLY, "CSAT delivery", 2.0, 5.0),
        ("b", EARLY, "CSAT product", 5.0, 5.0),
        ("c", EARLY, "NPS", 3.0, 11.0),  # another scale
        ("d", datetime(2023, 3, 1), "NPS", 1.0, 10.0),  # more than a year ago
        ("e", datetime(2024, 4, 1), "NPS", 1.0, 10.0),  # after the cut-off
        ("f", EARLY, "NPS", None, 10.0),
        ("g", EARLY, "NPS", float("nan"), 10.0),
    ]
    found = meaning.latest_answers(answers(*rows), CUT_OFF)
    assert found.rows() == [("a", False, None, False), ("b", None, True, True)]
    assert meaning.latest_answers(pl.DataFrame(), CUT_OFF).is_empty()


def test_the_complaint_that_costs_most():
    snapshot, ids = one_stratum()
    rows = [(one, EARLY, "service") for one in ids[:10]] + [
        (one, EARLY, "price") for one in ids[30:]
    ]
    clv = pl.DataFrame({"customer_id": ids, "clv": [100.0] * 39 + [1_000.0]})
    found = meaning.costs(snapshot, complaints(*rows), clv, AS_OF)
    # Of the 20 without any complaint 6 left: 6/10 - 6/20 and 0/10 - 6/20.
    assert found["category"].to_list() == ["service", "price"]
    assert found["difference"].to_list() == pytest.approx([0.3, -0.3])
    assert found["expected_value"].to_list() == [1_000, 1_900]
    assert found["cost"].to_list() == pytest.approx([300, -570])
    assert found["cost_low"][0] == pytest.approx(found["low"][0] * 1_000)
    assert (found["cost_low"] < found["cost_high"]).all()
    assert found["largest_share"][1] == pytest.approx(1_000 / 1_900)


def test_nothing_to_compare_says_so():
    snapshot, _ = one_stratum()
    opened = Snapshot(CUT_OFF, 90, snapshot.features, snapshot.btyd, True)
    clv = pl.DataFrame({"customer_id": ["00"], "clv": [1.0]})
    for one in (None, opened, snapshot):
        assert meaning.effects(one, complaints(), answers()).is_empty()
        costs = meaning.costs(one, complaints(), clv, AS_OF)
        assert service_words.costliest(costs) == [{"key": "service_page.no_costs"}]
    none = meaning.effects(None, complaints(), answers())
    assert service_words.effects(none) == [{"key": "service_page.no_effect"}]
    assert repr(service_figures.effects(none)) == label("service_page.no_effect")


def test_whom_to_call_back_first():
    rows = complaints(
        ("a", datetime(2024, 6, 10), None),
        ("a", LATE, "price"),
        ("b", LATE, "product", datetime(2024, 7, 2)),  # closed after as_of
        ("c", LATE, "service", datetime(2024, 6, 21)),  # closed
        ("d", LATE, "service"),  # never bought
        ("e", datetime(2024, 7, 1), "service"),  # after as_of
    )
    churn = pl.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "probability_no_purchase": [0.5, 0.9, 0.9],
            "value_at_stake": [10.0, 90.0, 900.0],
        }
    )
    clv = pl.DataFrame({"customer_id": ["a", "b", "c"], "clv": [20.0, 100.0, 1_000.0]})
    customers = pl.DataFrame({"customer_id": ["a", "b", "c"], "spend": [1.0, 2.0, 3.0]})
    before = churn.with_columns(probability_no_purchase=pl.lit(0.5))
    found = meaning.call_back(rows, churn, clv, customers, AS_OF, before)
    assert found.select(
        "customer_id", "oldest_open_days", "complaints_open", "category"
    ).rows() == [
        ("b", 10, 1, "product"),
        ("a", 20, 2, "price"),
        ("d", 10, 1, "service"),
    ]
    assert found["priority"].to_list() == [1, 2, 3]
    assert found["rising"].to_list() == [True, False, None]
    assert found["high_value"].to_list() == [False, False, None]
    assert found["value_at_stake"].to_list() == [90, 10, None]
    alone = meaning.call_back(rows, churn.clear(), clv.clear(), customers.clear(), AS_OF)
    assert alone["customer_id"].to_list() == ["a", "b", "d"]
    nobody = meaning.call_back(complaints(), churn, clv, customers, AS_OF)
    assert nobody.schema == found.schema and nobody.is_empty()
    assert service_words.called(nobody) == {"key": "service_page.nobody_to_call"}


def test_the_planted_effect_of_complaints_is_within_the_printed_interval(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    truth = shop_root / "data" / "raw" / "shop" / "truth"
    settings = load(paths.CHECKOUT / "config" / "shop.toml")

    def read(name: str) -> pl.DataFrame:
        return pl.read_parquet(folder / f"{name}.parquet")

    sources = Sources.of(read("occasions"), {name: read(name) for name in TABLES}, settings)
    snapshot = Snapshots(sources, AS_OF, 90).at(CUT_OFF)
    found = meaning.effects(snapshot, read("feedback"), read("surveys"))
    first = found.row(0, named=True)
    known = read("profiles").select("customer_id", known_as="person_id")
    made = pl.read_csv(truth / "purchases.csv", infer_schema=False)
    persons = pl.read_csv(truth / "persons.csv", infer_schema=False)
    planted = (
        made.filter(pl.col("origin") == "process")
        .join(known, on="customer_id")
        .join(persons.select("person_id", pl.col("rate", "dropout").cast(float)), on="person_id")
        .select(
            *("rate", "dropout"),
            customer_id="known_as",
            day=pl.col("ordered_on").str.to_date(),
            repeat=pl.col("repeat").cast(int),
            raised=pl.col("raised") == "true",
        )
        .sort("customer_id", "repeat")
    )
    oracle = aligned(snapshot, all_knowing(planted, CUT_OFF))
    effect = planted_effect(oracle, complainers(read("feedback"), CUT_OFF))
    assert first["low"] <= effect <= first["high"]
    assert first["difference"] == association(snapshot, read("feedback")).difference
    for one in service_words.effects(found):
        assert "{" not in repr(Prose(one.pop("key"), one, settings))
    costs = meaning.costs(snapshot, read("feedback"), read("clv"), AS_OF)
    assert set(costs["category"]) == {"service", "product", "price", "competitor", "other"}
