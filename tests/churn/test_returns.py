"""Who comes back, and when: Kaplan-Meier against a library and by hand, and the return curve."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import CensoredData, ecdf

from analysis.churn.returns import MILESTONES, return_curve, suggested_window, time_to_next
from analysis.churn.snapshots import Snapshot

START = date(2024, 1, 1)


def occasions(days: dict[str, list[int]]) -> pl.DataFrame:
    rows = [
        (name, START + timedelta(days=one))
        for name, each in days.items()
        for one in sorted(set(each))
    ]
    schema = {"customer_id": pl.String, "purchase_day": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_a_hand_worked_curve():
    # Gaps: a 10 (came back), then 30 until the end; b 20 until the end; c 40 until the end.
    found = time_to_next(occasions({"a": [0, 10], "b": [20], "c": [0]}), START + timedelta(days=40))
    assert found["days"].to_list() == list(range(1, 41))
    assert found["returned"][8] == 0
    assert found["returned"][9] == pytest.approx(1 / 4)
    assert found["returned"][39] == pytest.approx(1 / 4)
    assert found.filter(days=30)["low"].item() is not None


@settings(max_examples=40, deadline=None)
@given(
    some.lists(some.lists(some.integers(0, 90), min_size=1, max_size=6), min_size=3, max_size=12)
)
def test_the_curve_is_that_of_scipy(lives):
    table = occasions({f"c{n}": days for n, days in enumerate(lives)})
    end = START + timedelta(days=100)
    found = time_to_next(table, end)
    ended, running = [], []
    for days in lives:
        ordered = sorted(set(days))
        ended += list(np.diff(ordered))
        running.append(100 - ordered[-1])
    theirs = ecdf(CensoredData(uncensored=ended, right=running)).cdf
    for day, returned in found.select("days", "returned").iter_rows():
        assert returned == pytest.approx(float(theirs.evaluate(day)), abs=1e-9)


def test_with_one_gap_each_the_interval_is_greenwoods():
    random = np.random.default_rng(0)
    lives = {
        f"c{n:03}": [0] if random.random() < 0.4 else [0, int(random.integers(1, 200))]
        for n in range(300)
    }
    found = time_to_next(occasions(lives), START + timedelta(days=250))
    ended = [days[1] for days in lives.values() if len(days) == 2]
    running = [250 - days[-1] for days in lives.values()]
    theirs = ecdf(CensoredData(uncensored=ended, right=running)).cdf
    limits = theirs.confidence_interval(method="log-log")
    row = found.filter(days=60).row(0, named=True)
    # Customers who came back have a second, running gap, so customers and gaps differ a little.
    assert row["low"] == pytest.approx(float(limits.low.evaluate(60)), abs=0.01)
    assert row["high"] == pytest.approx(float(limits.high.evaluate(60)), abs=0.01)


def test_gaps_of_one_customer_count_as_one_witness():
    """Lives that repeat themselves four times say little more than each said once."""
    random = np.random.default_rng(1)
    gaps = {f"c{n:02}": int(random.integers(5, 120)) for n in range(40)}
    once = {name: [0, gap] for name, gap in gaps.items()}
    often = {name: [0, gap, 2 * gap, 3 * gap, 4 * gap] for name, gap in gaps.items()}
    widths = []
    for lives in (once, often):
        row = time_to_next(occasions(lives), START + timedelta(days=500)).filter(days=60)
        widths.append(row["high"].item() - row["low"].item())
    assert widths[1] > 0.75 * widths[0]


def test_nobody_came_back():
    found = time_to_next(occasions({"a": [0], "b": [5]}), START + timedelta(days=50))
    assert (found["returned"] == 0).all()
    assert suggested_window(found) is None
    assert time_to_next(occasions({}), START).is_empty()
    assert suggested_window(time_to_next(occasions({}), START)) is None


def test_the_suggested_window_holds_nine_in_ten_of_those_seen_to_return():
    days = np.arange(1, 400)
    curve = pl.DataFrame({"days": days, "returned": np.minimum(days / 400, 0.5)})
    # 0.45 is reached on day 180.
    assert suggested_window(curve) == 180


def test_the_full_cdnow_file(cdnow_snapshots):
    found = time_to_next(cdnow_snapshots.sources.occasions, date(1998, 6, 30))
    at = {row["days"]: row for row in found.iter_rows(named=True)}
    assert [round(at[day]["returned"], 3) for day in MILESTONES[:4]] == [0.309, 0.429, 0.495, 0.598]
    assert all(at[day]["low"] < at[day]["returned"] < at[day]["high"] for day in MILESTONES)


def test_the_return_curve_counts_whom_it_shows():
    idle = [5.0] * 20 + [45.0] * 30 + [400.0] * 12 + [100.0] * 9
    came = [True] * 15 + [False] * 5 + [True] * 10 + [False] * 20 + [False] * 12 + [True] * 9
    table = pl.DataFrame({"customer_id": [str(n) for n in range(len(idle))], "idle_days": idle})
    found = return_curve(
        Snapshot(START, 90, table, np.zeros(len(idle)), True, no_purchase=~np.array(came))
    )
    assert found.select("silent", "customers", "returned").rows() == [
        ("0–30", 20, 0.75),
        ("31–60", 30, pytest.approx(1 / 3)),
        ("> 365", 12, 0.0),
    ]
