"""Whom it pays to contact, and what such lists caught where it is known by now."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from analysis import tables
from analysis.churn import check, hindsight, rates, verdicts, warning
from analysis.churn.profit import curve, expected_profit
from analysis.churn.snapshots import Snapshot
from analysis.run.settings import Settings


def shop(**churn) -> Settings:
    return Settings(
        name="s",
        currency="USD",
        time_zone="UTC",
        sources=[{"table": "orders", "path": "p"}],
        churn=churn,
    )


def test_expected_profit_of_a_hand_worked_case():
    settings = shop(contact_cost="2", offer_cost="10", save_share=0.3)
    # 0.3 * 0.5 * (200 - 10) - 0.5 * 10 - 2
    found = expected_profit(np.array([0.5]), np.array([200.0]), settings)
    assert found.tolist() == [pytest.approx(21.5)]
    # Nobody leaves: only costs.
    assert expected_profit(np.array([0.0]), np.array([200.0]), settings).tolist() == [-12.0]


@given(some.lists(some.floats(-100, 100), min_size=1, max_size=50), some.integers(1, 60))
def test_the_curve_is_highest_where_profits_end(profits, capacity):
    found = curve(np.array(profits), capacity)
    highest = max(0.0, found.total.max())
    reached = found.total[found.best - 1] if found.best else 0.0
    assert reached == pytest.approx(highest, abs=1e-9)
    assert found.contacted == min(found.best, capacity)


CUSTOMERS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "frequency": [3, 2, 0, 4],
        "recency": [90.0, 60.0, 0.0, 80.0],
        "last_purchase": [date(2024, 5, 1)] * 4,
        "purchases": [4, 3, 1, 5],
        "spend": [40.0, 30.0, 10.0, 50.0],
    }
)
CHURN = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "idle_days": [30] * 4,
        "probability_no_purchase": [0.5, 0.6, 0.9, 0.2],
        "value_at_stake": [50.0, 90.0, 900.0, 4.0],
        "expected_profit": [4.0, 8.0, 89.0, -0.6],
        "reason_1": ["rhythm", None, "spend", None],
        "reason_2": ["spend", None, None, None],
        "reason_3": pl.Series([None] * 4, dtype=pl.String),
    }
)
SEGMENTS = pl.DataFrame(
    {"customer_id": ["a", "b", "c", "d"], "axis": ["rfm"] * 4, "class": ["at_risk"] * 4}
)
PROFILE = pl.DataFrame(
    {"axis": ["rfm"], "class": ["at_risk"], "rank": [1], "customers": [4], "spend_365": [130.0]}
)
PROFILES = pl.DataFrame(
    {
        "person_id": ["a", "a", "b"],
        "owner": ["Li", "Wang", None],
        "file": ["f", "f", "f"],
        "row": [1, 2, 3],
    },
    schema_overrides={"owner": pl.String},
)
RISEN = pl.DataFrame({"customer_id": ["a"], "risen": ["rhythm"]})


def listed(previous: pl.DataFrame | None = None, **churn) -> pl.DataFrame:
    people = warning.warned(
        CHURN, CUSTOMERS, SEGMENTS, PROFILE, PROFILES, previous, RISEN, shop(**churn)
    )
    tables.conform("early_warning", people)
    return people


def test_the_list_holds_repeat_buyers_who_pay_by_profit_with_owner_and_action():
    people = listed()
    assert people["customer_id"].to_list() == ["b", "a"]
    assert people["rank"].to_list() == [1, 2]
    assert people["usual_gap"].to_list() == [30.0, 30.0]
    # The latest record names the owner; where none does, the card of the class.
    assert people["owner"].to_list()[1] == "Wang"
    assert people["owner"][0] not in (None, "Wang", "Li")
    assert people["action"].null_count() == 0
    assert people["chance_change"].null_count() == 2
    assert warning.readable(people, 1)["reasons"].to_list() == [None]
    assert warning.readable(people, 2)["reasons"].to_list() == [None, "Rhythm; Spend"]


def test_the_list_is_as_long_as_the_capacity_and_tells_the_change():
    before = pl.DataFrame({"customer_id": ["b"], "probability_no_purchase": [0.4]})
    people = listed(before, contact_capacity=1)
    assert people.height == 1
    assert people["chance_change"].to_list() == [pytest.approx(0.2)]


def test_last_months_list_is_looked_at_again():
    occasions = pl.DataFrame(
        {"customer_id": ["a", "b"], "purchase_day": [date(2024, 6, 3), date(2024, 5, 3)]}
    )
    last = pl.DataFrame({"customer_id": ["a", "b", "z"]})
    assert warning.bought_since(last, occasions, date(2024, 6, 1)) == (3, 1)
    assert warning.bought_since(None, occasions, date(2024, 6, 1)) is None


def window(contacts: int = 2) -> hindsight.Window:
    members = pl.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "idle_days": [10.0, 20.0, 30.0, 400.0],
            "profit": [9.0, 8.0, 1.0, 0.0],
            "left": [True, False, True, True],
            "spent": [100.0, 200.0, 50.0, 0.0],
            "lost": [100.0, 0.0, 50.0, 0.0],
        }
    )
    return hindsight.Window(date(2024, 3, 31), members, contacts)


def test_lists_of_a_hand_worked_window():
    found = hindsight.lists([window()])
    rows = found.select("list", "contacts", "left", "precision", "lost_caught", "lost_share").rows()
    assert rows == [
        ("profit", 2, 1.0, 0.5, 100.0, pytest.approx(2 / 3)),
        ("idle_time", 2, 2.0, 1.0, 50.0, pytest.approx(1 / 3)),
        ("recent_spend", 2, 1.0, 0.5, 100.0, pytest.approx(2 / 3)),
        ("random", 2, 1.5, 0.75, 75.0, 0.5),
    ]
    together = hindsight.together(hindsight.lists([window(), window()]))
    assert together["windows"].to_list() == [2, 2, 2, 2]
    assert together["lost_caught"].to_list() == [200.0, 200.0, 150.0, 100.0]
    assert hindsight.caught_more([window()], "idle_time")[0] == pytest.approx(1 / 3)
    assert hindsight.caught_more([window()], "random")[0] == pytest.approx(2 / 3 - 1 / 2)


def test_an_empty_list_and_a_window_without_loss_have_no_share():
    nobody = hindsight.lists([window(0)])
    assert nobody["precision"].null_count() == 4
    kept = window().members.with_columns(left=pl.lit(False), lost=pl.lit(0.0))
    lossless = hindsight.Window(date(2024, 3, 31), kept, 2)
    assert hindsight.lists([lossless])["lost_share"].null_count() == 4
    assert hindsight.together(hindsight.lists([lossless]))["lost_share"].null_count() == 4
    assert hindsight.caught_more([lossless], "idle_time") is None
    assert hindsight.caught_more([], "idle_time") is None


def test_over_six_months_of_cdnow_the_list_by_profit_beats_silence_and_chance(cdnow_snapshots):
    closed = hindsight.windows(cdnow_snapshots, shop())
    assert len(closed) == hindsight.MOST_WINDOWS
    for one in closed:
        total = one.members["spent"].filter(one.members["left"]).sum()
        assert one.members["lost"].sum() == pytest.approx(total)
    for rival in ("idle_time", "random"):
        share, low, high = hindsight.caught_more(closed, rival)
        assert 0 < low < share < high


@pytest.fixture(scope="module")
def made_check() -> check.Check:
    """A hundred customers, half of whom bought once; those stay away more than the score says."""
    features = pl.DataFrame(
        {
            "customer_id": [f"c{n:03}" for n in range(100)],
            "purchases": [1.0] * 50 + [3.0] * 50,
            "purchases_90": [0.0] * 50 + [3.0] * 50,
            "tenure_days": [200.0] * 100,
        }
    )
    left = np.array([True] * 45 + [False] * 5 + [True] * 10 + [False] * 40)
    snapshot = Snapshot(date(2024, 3, 31), 90, features, np.full(100, 0.5), True, no_purchase=left)
    return check.Check(snapshot, "logistic", {"logistic": np.repeat([0.6, 0.2], 50)})


def test_rates_by_class_say_where_the_score_was_off(made_check):
    regions = pl.DataFrame(
        {
            "customer_id": [f"c{n:03}" for n in range(100)],
            "axis": "region",
            "class": ["east_china"] * 85 + ["north_china"] * 15,
        }
    )
    clusters = regions.with_columns(axis=pl.lit("cluster"))
    found = rates.by_class(made_check, pl.concat([regions, clusters]))
    # Today's clusters know what came; too small classes tell nothing.
    assert found.select("axis", "class", "customers", "observed", "finding").rows() == [
        ("purchase_count", "bought_once", 50, 0.9, "more"),
        ("purchase_count", "bought_again", 50, 0.2, "as_predicted"),
        ("region", "east_china", 85, pytest.approx(55 / 85), "more"),
    ]
    known = rates.by_class(made_check, regions, clusters)
    assert set(known["axis"]) == {"purchase_count", "cluster"}
    assert rates.nobody().schema == found.schema


def test_signals_are_told_beside_those_who_do_not_show_them(made_check):
    found = rates.by_signal(made_check).row(0, named=True)
    assert (found["signal"], found["customers"]) == ("slower", 50)
    assert (found["with_it"], found["without_it"]) == (0.9, 0.2)
    assert found["predicted"] == pytest.approx(0.6)


def test_every_verdict_follows_from_its_interval(cdnow_snapshots):
    churn_fit = check.fit_table(check.last_closed(cdnow_snapshots), date(1998, 6, 30), 91)
    closed = hindsight.windows(cdnow_snapshots, shop())
    found = verdicts.measured(churn_fit, closed, None)
    assert found.null_count().sum_horizontal().item() == 0
    better = found.filter(verdict="better")["compared_with"].to_list()
    assert any("longest silent first: AUC" in one for one in better)
    assert any("drawn at random" in one for one in better)
    assert verdicts.measured(check.fit_table(None, date(2024, 1, 31), 90), [], None).is_empty()
