"""Growth times size: what is compared, whose spend it is, when a class is a chance or a risk."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import t

from analysis import tables
from analysis.labels import label
from analysis.report.show import Picture, Prose, Sentence
from analysis.run.settings import Settings
from analysis.segment import profile_figures, profile_tables, profile_words
from analysis.segment.growth import comparison, growth

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
AS_OF = date(2024, 6, 30)
NOW, BEFORE, YEAR_AGO = (AS_OF - timedelta(days=back) for back in (30, 120, 394))


def said(words: dict) -> str:
    return repr(Prose(words.pop("key"), words, SHOP))


def bought(*rows: tuple[str, date, float]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["customer_id", "purchase_day", "amount"], orient="row")
    return frame.with_columns(pl.col("amount").cast(pl.Float64).cast(tables.MONEY))


def members(axis: str, **classes: list[str]) -> pl.DataFrame:
    rows = [(one, axis, name) for name, ids in classes.items() for one in ids]
    schema = dict.fromkeys(("customer_id", "axis", "class"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def base(per_customer: dict[str, tuple[float, float]], before: date = YEAR_AGO) -> pl.DataFrame:
    """Occasions of customers who spent so much before and so much now; the history is long enough."""
    rows = [("first", AS_OF - timedelta(days=454), 1.0)] if before == YEAR_AGO else []
    for one, (then, now) in per_customer.items():
        rows += [(one, before, then)] if then else []
        rows += [(one, NOW, now)] if now else []
    return bought(*rows)


def test_a_year_ago_is_compared_where_the_history_covers_it_whole():
    found = {}
    for days in (454, 453, 181, 180):
        against = comparison(bought(("a", AS_OF - timedelta(days=days), 1.0)), AS_OF)
        found[days] = against and (against.compared_with, against.days_back, against.months_back)
    year_ago, previous = ("year_ago", 364, 12), ("previous", 91, 3)
    assert found == {454: year_ago, 453: previous, 181: previous, 180: None}
    assert comparison(bought(("a", AS_OF, 1.0)).clear(), AS_OF) is None


def test_spend_is_counted_in_windows_of_91_days():
    rows = bought(
        ("a", AS_OF, 1),
        ("a", AS_OF - timedelta(days=90), 2),
        ("a", AS_OF - timedelta(days=91), 4),
        ("a", AS_OF - timedelta(days=364), 8),
        ("a", AS_OF - timedelta(days=365), 16),
        ("a", AS_OF - timedelta(days=454), 32),
        ("a", AS_OF - timedelta(days=455), 64),
        ("a", AS_OF + timedelta(days=1), 128),
    )
    found = growth(members("region", east_china=["a"]), rows, AS_OF)
    expected = pl.DataFrame(
        {
            "axis": ["all", "region"],
            "class": ["all", "east_china"],
            "customers": [1, 1],
            "spend_365": [15.0, 15.0],
            "spend_now": [3.0, 3.0],
            "spend_before": [56.0, 56.0],
            "change": [-53.0, -53.0],
            "growth": [3 / 56 - 1] * 2,
            "low": [None, None],  # one buyer says nothing about the class
            "high": [None, None],
            "compared_with": ["year_ago"] * 2,
            "members": ["present"] * 2,
            "outlook": ["unclear"] * 2,
        },
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    assert_frame_equal(found, expected)


def test_the_interval_is_that_of_a_ratio_of_two_sums():
    random = np.random.default_rng(1)
    then, now = random.lognormal(3, 1, (2, 60)).round(2)
    ids = [f"{place:02d}" for place in range(60)]
    rows = base(dict(zip(ids, zip(then, now, strict=True), strict=True)))
    found = growth(members("city_tier", tier_first=ids), rows, AS_OF)
    row = found.filter(pl.col("axis") == "city_tier").row(0, named=True)
    pull = now / now.sum() - then / then.sum()
    freedom = (pull**2).sum() ** 2 / (pull**4).sum()
    half = t.ppf(0.975, freedom) * (pull**2).sum() ** 0.5
    ratio = now.sum() / then.sum()
    assert row["growth"] == pytest.approx(ratio - 1)
    assert row["low"] == pytest.approx(ratio * np.exp(-half) - 1)
    assert row["high"] == pytest.approx(ratio * np.exp(half) - 1)


def regions(east: float, south: float, random) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two regions of 200 customers whose spend grew by these factors, and one of few."""
    spend = {}
    for name, factor in (("east", east), ("south", south), ("few", 9.0)):
        for place in range(200 if name != "few" else 20):
            then, now = random.lognormal(3, 0.8, 2).round(2)
            spend[f"{name}{place}"] = (then, round(now * factor, 2))
    by_region = {
        f"{name}_china": [one for one in spend if one.startswith(name)]
        for name in ("east", "south", "few")
    }
    return members("region", **by_region), base(spend)


def test_a_planted_growth_and_a_planted_fall_are_told_apart_from_chance():
    segments, rows = regions(1.8, 0.5, np.random.default_rng(2))
    found = growth(segments, rows, AS_OF)
    outlooks = dict(found.select("class", "outlook").iter_rows())
    assert outlooks["east_china"] == "opportunity"
    assert outlooks["south_china"] == "risk"
    assert outlooks["few_china"] == "unclear"
    assert found["change"].is_sorted(descending=True)
    assert "East China (region): +" in said(profile_words.largest(found, "opportunity"))
    assert "South China (region): -" in said(profile_words.largest(found, "risk"))
    picture = profile_figures.growth(found, "EUR")
    assert "Largest opportunity: East China" in picture.alt
    assert "Largest risk: South China" in picture.alt
    table = profile_tables.readable_growth(found, "region")
    assert table.filter(pl.col("class") == "few_china")["interval"].to_list() == [None]


def test_where_nothing_changed_hardly_a_month_sees_a_chance_or_a_risk():
    random, loud = np.random.default_rng(3), 0
    for _ in range(200):
        segments, rows = regions(1, 1, random)
        judged = growth(segments, rows, AS_OF).filter(pl.col("axis") == "region")
        loud += (judged["outlook"] != "unclear").any()
    assert loud <= 18  # 10 expected at 5 %; more than 18 once in 100 such tests


def test_one_customer_does_not_make_a_class_grow():
    ids = [f"{place:03d}" for place in range(200)]
    spend = dict.fromkeys(ids, (10.0, 10.0)) | {"000": (10.0, 50_000.0)}
    found = growth(members("region", east_china=ids), base(spend), AS_OF)
    row = found.filter(pl.col("axis") == "region").row(0, named=True)
    assert row["growth"] > 20
    assert row["outlook"] == "unclear"


def test_classes_by_recent_buying_are_not_judged_by_their_present_members():
    active = {f"a{place:03d}": (0.0, 20.0) for place in range(60)}
    silent = {f"s{place:03d}": (20.0, 0.0) for place in range(60)}
    both = {f"b{place:03d}": (20.0, 20.0) for place in range(120)}
    rows = base(active | silent | both)
    half = list(both)
    now = members("cluster", loyal=[*active, *half[:60]], quiet=[*silent, *half[60:]])
    then = members("cluster", loyal=[*silent, *half[:60]], quiet=half[60:])
    present = growth(now, rows, AS_OF).filter(pl.col("axis") == "cluster")
    assert present.select("class", "growth", "outlook", "members").rows() == [
        ("loyal", 1.0, "unclear", "present"),
        ("quiet", -0.5, "unclear", "present"),
    ]
    assert "are shown and not judged" in said(profile_words.growth_members(present))
    known = growth(now, rows, AS_OF, earlier=then).filter(pl.col("axis") == "cluster")
    assert known.select("class", "spend_now", "spend_before", "members").rows() == [
        ("loyal", 2400.0, 2400.0, "of_the_time"),
        ("quiet", 1200.0, 1200.0, "of_the_time"),
    ]
    assert known["customers"].to_list() == [120, 120]
    assert "who were in them at the time" in said(profile_words.growth_members(known))


def test_a_class_that_is_empty_now_is_still_a_loss():
    gone = {f"g{place:03d}": (20.0, 0.0) for place in range(60)}
    rows = base(gone)
    found = growth(members("region"), rows, AS_OF, members("cluster", loyal=list(gone)))
    row = found.filter(pl.col("class") == "loyal").row(0, named=True)
    assert (row["customers"], row["spend_before"], row["change"]) == (0, 1200.0, -1200.0)
    assert row["outlook"] == "unclear"


def test_customers_of_no_known_class_are_left_out():
    ids = [f"{place:03d}" for place in range(60)]
    segments = members("region", unknown=ids, east_china=ids[:1])
    found = growth(segments, base(dict.fromkeys(ids, (1.0, 1.0))), AS_OF)
    assert set(found["class"]) == {"all", "east_china"}


def test_a_short_history_has_no_growth_and_says_so():
    ids = [f"{place:03d}" for place in range(60)]
    rows = bought(*((one, NOW, 5.0) for one in ids))
    found = growth(members("region", east_china=ids), rows, AS_OF)
    assert found.select("spend_now", "growth", "compared_with").unique().rows() == [
        (300.0, None, None)
    ]
    assert said(profile_words.growth_compared(found)) == label("profile.growth_no_history")
    assert repr(profile_figures.growth(found, "EUR")) == label("profile.growth_no_history")
    assert said(profile_words.growth_members(found)) == label("profile.growth_places")


def test_the_window_before_is_compared_where_there_is_no_year():
    ids = [f"{place:03d}" for place in range(60)]
    rows = base(dict.fromkeys(ids, (10.0, 15.0)), BEFORE)
    rows = pl.concat([rows, bought(("000", AS_OF - timedelta(days=181), 10.0))])
    found = growth(members("region", east_china=ids), rows, AS_OF)
    sentence = said(profile_words.growth_compared(found))
    assert sentence.startswith(
        "Spend of the last 91 days is compared with the 91 days before, so the season is part of "
        "the change. Among all customers it changed by +47.5%"
    )


def test_the_figure_bears_intervals_without_end_and_classes_without_any():
    rows = growth(*regions(1, 1, np.random.default_rng(4)), AS_OF)
    wild = rows.with_columns(
        low=pl.when(pl.col("class") == "few_china").then(-1.0).otherwise("low"),
        high=pl.when(pl.col("class") == "few_china").then(1e40).otherwise("high"),
    )
    picture = profile_figures.growth(wild, "EUR")
    assert isinstance(picture, Picture)
    least, most = picture.figure.axes[0].get_xlim()
    assert least > 0
    assert most < 12
    table = profile_tables.readable_growth(wild, "region")
    few = table.filter(pl.col("class") == "few_china").row(0, named=True)
    assert few["interval"] == "-100% to +900%…"
    assert isinstance(profile_figures.growth(wild.clear(), "EUR"), Sentence)


def test_rows_and_ids_may_come_in_any_order():
    segments, rows = regions(1.2, 0.9, np.random.default_rng(5))
    found = growth(segments, rows, AS_OF)
    renamed = pl.col("customer_id").str.reverse()
    mixed = [
        one.with_columns(renamed).sample(fraction=1, shuffle=True, seed=4)
        for one in (segments, rows)
    ]
    assert_frame_equal(growth(*mixed, AS_OF), found)
