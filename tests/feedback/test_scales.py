"""The scale of each survey item: told, inferred, refused."""

from datetime import datetime

import polars as pl
import pytest

from analysis import tables
from analysis.feedback.satisfaction_words import no_table, refused, scale_rows
from analysis.feedback.scales import item_scales, touchpoint
from analysis.labels import label
from analysis.report.show import Prose
from analysis.run.settings import Settings

SETTINGS = Settings(
    name="shop",
    currency="EUR",
    time_zone="Europe/Berlin",
    sources=[{"table": "order_lines", "path": "x"}],
)


def answered(item: str, scores: list, scale_max: float | None = None, **others) -> pl.DataFrame:
    """A clean table of surveys, one customer per score."""
    size = len(scores)
    base = {"at": datetime(2024, 5, 13), "item": item, "scale_max": scale_max, "survey": "S"}
    rows = pl.DataFrame(
        {
            "customer_id": [f"c{n:04}" for n in range(size)],
            "score": pl.Series(scores, dtype=pl.Float64),
            "response_id": [f"r{n:04}" for n in range(size)],
        }
    ).with_columns(pl.lit(value).alias(name) for name, value in (base | others).items())
    empty = tables.empty("surveys")
    known = [pl.col(name).cast(empty.schema[name]) for name in rows.columns]
    return pl.concat([empty, rows.select(known)], how="diagonal")


def only(surveys: pl.DataFrame) -> dict:
    return item_scales(surveys, "心理").row(0, named=True)


@pytest.mark.parametrize(
    ("item", "scores", "scale_max", "kind", "lowest", "highest", "problem"),
    [
        ("NPS", [0, 5, 10], 10, "nps", 0, 10, None),
        ("推荐意愿", [8, 9, 10], 10, "nps", 0, 10, None),
        ("How likely to recommend?", [3, 9], None, "nps", 0, 10, None),
        ("NPS", [1] * 5 + [9] * 5, 10, "other", 1, 10, "starts_at_one"),
        ("NPS (1-10)", [9, 10], 10, "other", 1, 10, "starts_at_one"),
        ("NPS", [1, 6, 11], 11, "other", 1, 11, "eleven_from_one"),
        ("NPS", [1, 6, 11], None, "other", 1, 11, "eleven_from_one"),
        ("question", [1, 6, 11], 11, "other", 1, 11, "eleven_from_one"),
        ("NPS", [1, 3, 5], 5, "other", 1, 5, "not_0_10"),
        ("NPS", [1, 3, 5] * 20, None, "other", 1, 5, "not_0_10"),
        ("NPS", [0, 50, 100], 100, "other", 0, 100, "not_0_10"),
        ("CSAT产品质量", [4, 5], 5, "csat", 1, 5, None),
        ("满意度", [1, 7], 7, "csat", 1, 7, None),
        ("Satisfaction", [1, 4], 4, "csat", 1, 4, None),
        ("Satisfaction", [1, 4], None, "csat", 1, 5, None),
        ("Satisfaction", [0, 4], 5, "other", 0, 5, "starts_at_zero"),
        ("心理：价格优先", [1, 5], 5, "other", 1, 5, None),
        ("CSAT", [4, 7], 5, "other", 1, 5, "beyond_scale"),
        ("CSAT", [-1, 4], 5, "other", -1, 5, "below_zero"),
        ("CSAT", [3.5, 4], 5, "other", 1, 5, "fractions"),
        ("CSAT", [None, None], 5, "other", None, 5, "no_scores"),
        ("CSAT", [float("nan")], 5, "other", None, 5, "no_scores"),
    ],
)
def test_each_scale_is_told(item, scores, scale_max, kind, lowest, highest, problem):
    row = only(answered(item, scores, scale_max))
    found = [row[name] for name in ("kind", "lowest", "highest", "problem")]
    assert found == [kind, lowest, highest, problem]


def test_two_scales_of_one_item_in_one_survey_are_a_problem_in_two_surveys_none():
    first, second = answered("CSAT", [4, 5], 5.0), answered("CSAT", [6, 7], 7.0)
    assert only(pl.concat([first, second]))["problem"] == "mixed_scales"
    apart = item_scales(pl.concat([first, second.with_columns(survey=pl.lit("T"))]))
    assert apart["kind"].to_list() == ["csat", "csat"]
    assert apart["highest"].to_list() == [5, 7]


def test_reasons_of_leaving_are_no_problem_and_an_empty_table_gives_no_rows():
    assert only(answered("流失原因", [None], exit_reason="价格"))["problem"] is None
    assert item_scales(tables.empty("surveys")).is_empty()
    assert no_table(tables.empty("surveys"))[0]["key"] == "satisfaction.no_table"
    assert no_table(answered("NPS", [None]))[0]["key"] == "satisfaction.no_scores"
    assert no_table(answered("NPS", [1])) == []


def test_a_refused_scale_is_said_with_its_reason():
    scales = item_scales(answered("NPS", [1, 6, 11], 11))
    (said,) = refused(scales)
    reason = "an NPS needs a scale from 0 to 10, this one goes from 1 to 11"
    assert reason in repr(Prose(said.pop("key"), said, SETTINGS))
    assert scale_rows(scales)["problem"].to_list() == [reason]


def test_touchpoints_are_known_in_both_languages():
    words = ("CSAT售后服务", "Delivery speed", "购物体验", "Product quality", "客服态度", "性价比")
    found = [touchpoint(one) for one in words]
    assert found == ["after_sales", "delivery", "shopping", "product", "staff", "price"]
    assert touchpoint("?") is None
    for one in found:
        assert label(f"touchpoint.{one}")
