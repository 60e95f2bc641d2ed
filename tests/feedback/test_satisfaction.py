"""NPS and CSAT by hand, on published answers, and against what is planted in the shop."""

from datetime import date, datetime
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from helpers import shared_data
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from analysis import tables
from analysis.feedback import satisfaction_figures, satisfaction_words
from analysis.feedback.satisfaction import (
    net_interval,
    response_rates,
    satisfaction,
    weighted_satisfaction,
)
from analysis.feedback.scales import item_scales
from analysis.report.show import Picture, Sentence
from analysis.samples.shop.surveys import _NPS_LEVEL, COMPLAINT_COSTS

AS_OF = date(2024, 6, 30)
SEGMENTS = {"customer_id": pl.String, "axis": pl.String, "class": pl.String}
NOBODY = pl.DataFrame(schema=SEGMENTS)
CUSTOMERS = pl.DataFrame(schema={"customer_id": pl.String, "frequency": pl.Int64})


def asked(rows: list[tuple], item: str = "NPS", scale_max: float = 10) -> pl.DataFrame:
    """A clean table of surveys of rows (customer, score or None, day)."""
    frame = pl.DataFrame(
        rows,
        schema={"customer_id": pl.String, "score": pl.Float64, "at": pl.Datetime("us")},
        orient="row",
    ).with_columns(
        item=pl.lit(item),
        scale_max=pl.lit(float(scale_max)),
        survey=pl.lit("S"),
        mode=pl.lit("phone"),
    )
    empty = tables.empty("surveys")
    known = [pl.col(name).cast(empty.schema[name]) for name in frame.columns]
    return pl.concat([empty, frame.select(known)], how="diagonal")


def scores(values: list, **options) -> pl.DataFrame:
    day = datetime(2024, 5, 13)
    return asked([(f"c{n:05}", one, day) for n, one in enumerate(values)], **options)


def measured(surveys: pl.DataFrame, segments: pl.DataFrame = NOBODY) -> pl.DataFrame:
    return satisfaction(surveys, item_scales(surveys), segments, AS_OF)


def total(surveys: pl.DataFrame) -> dict:
    return measured(surveys).row(by_predicate=pl.col("by") == "all", named=True)


def test_nps_and_its_interval_by_hand():
    row = total(scores([10] * 20 + [8] * 20 + [0] * 10))
    assert row["value"] == pytest.approx(20)
    # Bonett and Price: (21 - 11) / 52 -+ 1.96 sqrt((32/52 - (10/52)^2) / 52)
    half = 1.959964 * np.sqrt((32 / 52 - (10 / 52) ** 2) / 52)
    assert row["low"] == pytest.approx(100 * (10 / 52 - half), abs=1e-3)
    assert row["high"] == pytest.approx(100 * (10 / 52 + half), abs=1e-3)
    assert row["headline"]


def test_csat_counts_the_two_best_answers_with_a_wilson_interval():
    row = total(scores([5, 4, 4, 3, 1, 5, 2, 4, 5, 3], item="CSAT", scale_max=5))
    assert row["value"] == pytest.approx(60)
    assert (row["low"], row["high"]) == pytest.approx(
        (31.267, 83.182), abs=0.01
    )  # Wilson of 6 / 10
    assert not row["headline"]


def test_the_latest_answer_of_the_year_counts_and_months_keep_earlier_ones():
    days = [datetime(2023, 5, 1), datetime(2024, 1, 5), datetime(2024, 5, 5), datetime(2024, 7, 1)]
    surveys = asked([("a", score, day) for score, day in zip([0, 0, 10, 5], days, strict=True)])
    rows = measured(surveys)
    assert rows.filter(pl.col("by") == "all").select("answers", "value").row(0) == (1, 100)
    months = rows.filter(pl.col("by") == "month").select("class", "value").rows()
    assert months == [("2023-05", -100), ("2024-01", -100), ("2024-05", 100)]


def test_the_published_bank_answers_give_the_published_score():
    bank = pl.read_csv(shared_data("nps_retail_bank.csv"))
    days = bank["Survey date"].str.to_datetime("%d/%m/%y", time_unit="us")
    people = bank["ID"].cast(pl.String)
    surveys = asked(list(zip(people, bank["NPS"].cast(float), days, strict=True)))
    surveys = surveys.with_columns(scale_max=pl.lit(None, pl.Float64))
    rows = satisfaction(surveys, item_scales(surveys), NOBODY, date(2021, 12, 31))
    row = rows.row(by_predicate=pl.col("by") == "all", named=True)
    assert row["answers"] == 5000
    assert row["value"] == pytest.approx(11.8)
    assert (row["low"], row["high"]) == pytest.approx((9.33, 14.26), abs=0.01)


@pytest.mark.parametrize("values", [[], [None, None], [9], [7], [10] * 40, [0] * 40, [8] * 40])
def test_few_same_or_no_answers_break_nothing(values):
    surveys = scores(values)
    scales = item_scales(surveys)
    rows = measured(surveys)
    assert rows.filter(
        (pl.col("low") > pl.col("value")) | (pl.col("high") < pl.col("value"))
    ).is_empty()
    if rows.height:
        assert (rows["low"] < rows["high"]).all()
    else:
        assert satisfaction_words.levels(rows) == [{"key": "satisfaction.no_answers"}]
    weights = weighted_satisfaction(surveys, scales, NOBODY, CUSTOMERS, AS_OF)
    assert satisfaction_words.reweighted(weights) == [{"key": "satisfaction.not_weighted"}]
    rates = set(response_rates(surveys, NOBODY, AS_OF)["rate"].drop_nulls())
    assert rates == ({0.0} if None in values else set())
    drawn = satisfaction_figures.trend(rows, "nps")
    assert isinstance(drawn, Picture if rows.height else Sentence)
    assert isinstance(satisfaction_figures.by_class(rows, "csat"), Sentence)


def test_few_answers_are_no_headline():
    (said,) = satisfaction_words.levels(measured(scores([9] * 29)))
    assert said["key"] == "satisfaction.few_nps"
    (said,) = satisfaction_words.levels(measured(scores([9] * 30)))
    assert said["key"] == "satisfaction.nps"


def test_a_refused_or_mixed_scale_gives_no_figure():
    assert measured(scores([1, 6, 11], scale_max=11)).is_empty()
    mixed = pl.concat(
        [scores([4, 5], item="CSAT", scale_max=5), scores([6], item="CSAT", scale_max=7)]
    )
    assert measured(mixed).is_empty()


def test_an_item_that_changed_its_scale_counts_on_the_latest():
    old = asked([("a", 7, datetime(2023, 9, 1)), ("b", 1, datetime(2023, 9, 1))], "CSAT", 7)
    new = asked([("c", 5, datetime(2024, 5, 1))], "CSAT", 5).with_columns(survey=pl.lit("T"))
    row = total(pl.concat([old, new]))
    assert (row["answers"], row["value"]) == (1, 100)


def test_response_rates_count_silent_invitations():
    rates = response_rates(scores([10, 9, None, None, None]), NOBODY, AS_OF)
    row = rates.row(by_predicate=pl.col("by") == "all", named=True)
    assert (row["invited"], row["answered"], row["rate"]) == (5, 2, 0.4)
    assert row["low"] < 0.4 < row["high"]
    unasked = scores([10, None]).with_columns(invited=pl.col("score").is_null())
    assert response_rates(unasked, NOBODY, AS_OF)["invited"].unique().to_list() == [1]


def test_weighting_gives_each_class_its_share_of_those_asked():
    # Asked: 60 happy and 60 unhappy; answered: 40 happy and 20 unhappy.
    surveys = scores([10] * 40 + [None] * 20 + [0] * 20 + [None] * 40)
    people = surveys["customer_id"]
    kinds = ["happy"] * 60 + ["unhappy"] * 60
    segments = pl.DataFrame({"customer_id": people, "axis": "cluster", "class": kinds})
    found = weighted_satisfaction(surveys, item_scales(surveys), segments, CUSTOMERS, AS_OF)
    row = found.row(0, named=True)
    assert row["unweighted"] == pytest.approx(100 / 3)
    assert row["weighted"] == pytest.approx(0, abs=1e-9)
    assert row["effect_low"] < row["effect"] < row["effect_high"] < 0
    again = weighted_satisfaction(
        surveys.reverse(), item_scales(surveys), segments.reverse(), CUSTOMERS, AS_OF
    )
    assert again.equals(found)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=80))
@tries(deadline=None, max_examples=60)
def test_nps_stays_within_its_bounds(values):
    up, down = sum(one >= 9 for one in values), sum(one <= 6 for one in values)
    low, high = net_interval(np.array([up]), np.array([down]), np.array([len(values)]))
    value = (up - down) / len(values)
    assert -1 <= low[0] <= value + 1e-12
    assert value - 1e-12 <= high[0] <= 1
    row = total(scores([*values]) if 0 in values or 1 not in values else scores([*values, 0]))
    assert -100 <= row["low"] <= row["value"] <= row["high"] <= 100


@pytest.fixture(scope="module")
def shop(shop_root) -> dict[str, pl.DataFrame]:
    """Tables of the shop, and `planted`: what each customer would say on average in May 2024."""
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    names = ("surveys", "segments", "customers")
    found = {name: pl.read_parquet(folder / f"{name}.parquet") for name in names}
    return found | {"planted": planted(shop_root / "data" / "raw" / "shop" / "truth")}


def planted(truth) -> pl.DataFrame:
    """Per customer id the expected verdict in percent, by the formulas of samples/shop/surveys.py."""
    persons = pl.read_csv(truth / "persons.csv", infer_schema_length=None, try_parse_dates=True)
    ids = pl.read_csv(truth / "customer_ids.csv", infer_schema=False)
    sent = date(2024, 5, 13)
    complained = (pl.col("complained_on") < sent).fill_null(False).cast(pl.Float64)
    rows = persons.select(
        "person_id", pl.col("class").replace_strict(_NPS_LEVEL).alias("level"), fall=complained
    )
    levels, falls = rows["level"].to_numpy(), COMPLAINT_COSTS * rows["fall"].to_numpy()
    unit = NormalDist()
    nps = [
        1 - unit.cdf((8.5 - mean) / 2**0.5) - unit.cdf((6.5 - mean) / 2**0.5)
        for mean in levels - falls
    ]
    spread = (0.45**2 + 0.5**2) ** 0.5
    csat = [1 - unit.cdf((3.5 - mean) / spread) for mean in 4.1 - 0.45 * falls]
    rows = rows.select("person_id", nps=100 * pl.Series(nps), csat=100 * pl.Series(csat))
    return ids.select("customer_id", "person_id").join(rows, on="person_id")


def of_class(shop: dict, by: str) -> pl.DataFrame:
    """Mean planted levels of those asked in May 2024, by class."""
    sent = shop["surveys"].filter(pl.col("survey").str.starts_with("2024"))
    people = sent.select("customer_id", "mode").unique().join(shop["planted"], on="customer_id")
    classes = shop["segments"].filter(pl.col("axis") == by).select("customer_id", "class")
    if by == "all":
        people = people.with_columns(pl.lit("all").alias("class"))
    else:
        people = people.join(classes, on="customer_id")
    return people.group_by("class").agg(pl.col("nps", "csat").mean())


@pytest.mark.parametrize("by", ["all", "cluster", "rfm"])
def test_planted_levels_lie_within_the_printed_intervals(shop, by):
    surveys = shop["surveys"]
    rows = satisfaction(surveys, item_scales(surveys, "心理"), shop["segments"], AS_OF)
    rows = rows.filter(pl.col("by") == by).join(of_class(shop, by), on="class")
    truth = pl.when(pl.col("measure") == "nps").then("nps").otherwise("csat")
    held = rows.select(truth.is_between("low", "high"))["nps"]
    # The three CSAT items of a class fall together, so more than one in twenty may miss by chance.
    assert held.mean() >= (1 if by == "all" else 0.85), rows.filter(~held)


def test_weighting_does_not_push_the_planted_level_out_of_the_interval(shop):
    surveys = shop["surveys"]
    found = weighted_satisfaction(
        surveys, item_scales(surveys, "心理"), shop["segments"], shop["customers"], AS_OF
    )
    levels = of_class(shop, "all").row(0, named=True)
    assert found.height == 4
    for row in found.iter_rows(named=True):
        assert row["low"] <= levels[row["measure"]] <= row["high"], row
