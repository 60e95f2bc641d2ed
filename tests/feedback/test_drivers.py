"""Importance and performance of touchpoints."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.feedback import satisfaction_figures, satisfaction_words
from analysis.feedback.drivers import QUADRANTS, drivers, relative_weights
from analysis.feedback.scales import item_scales
from analysis.labels import label
from analysis.report.show import Picture, Sentence

AS_OF = date(2024, 6, 30)


def table(answers: dict[str, np.ndarray]) -> pl.DataFrame:
    """A clean table of surveys: scores by item, one answer sheet per customer."""
    parts = [
        pl.DataFrame(
            {
                "response_id": [f"r{n:04}" for n in range(len(scores))],
                "customer_id": [f"c{n:04}" for n in range(len(scores))],
                "score": np.asarray(scores, dtype=float),
            }
        ).with_columns(
            item=pl.lit(item),
            scale_max=pl.lit(10.0 if item == "NPS" else 5.0),
            survey=pl.lit("S"),
            at=pl.lit(datetime(2024, 5, 13)),
        )
        for item, scores in answers.items()
    ]
    return pl.concat([tables.empty("surveys"), *parts], how="diagonal")


def made(size: int, weights: tuple, levels: tuple, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    names = ("Product quality", "After-sales", "Delivery")
    raw = rng.normal(0, 1, (size, 3))
    items = {
        name: np.clip(np.round(level + raw[:, place]), 1, 5)
        for place, (name, level) in enumerate(zip(names, levels, strict=True))
    }
    overall = 7 + raw @ np.array(weights) + rng.normal(0, 0.7, size)
    return table({"NPS": np.clip(np.round(overall), 0, 10), **items})


def found(surveys: pl.DataFrame):
    return drivers(surveys, item_scales(surveys), AS_OF)


def test_weights_of_uncorrelated_items_are_their_squared_correlations():
    plus = np.array([1, 1, -1, -1] * 10, dtype=float)
    minus = np.array([1, -1, 1, -1] * 10, dtype=float)
    weights = relative_weights(np.column_stack([plus, minus]), 2 * plus + minus)
    assert weights == pytest.approx([0.8, 0.2])


def test_weights_sum_to_r_squared_and_twins_share():
    rng = np.random.default_rng(1)
    first, third = rng.normal(size=(2, 300))
    scores = np.column_stack([first, first, third, np.ones(300)])
    target = first + 0.5 * third + rng.normal(size=300)
    weights = relative_weights(scores, target)
    design = np.column_stack([np.ones(300), first, third])
    left = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    assert weights.sum() == pytest.approx(1 - left.var() / target.var())
    assert weights[0] == pytest.approx(weights[1])
    assert weights[3] == 0


def test_what_is_important_and_poor_is_fixed_first():
    result = found(made(600, (0.2, 1.4, 0.2), (4.3, 3.0, 4.4)))
    first = result.items.row(0, named=True)
    assert (first["item"], first["touchpoint"]) == ("After-sales", "after_sales")
    assert (first["quadrant"], first["rank_low"], first["rank_high"]) == ("fix_first", 1, 1)
    assert first["certainty"] == 1
    assert result.items["importance"].sum() == pytest.approx(1)
    assert set(result.items["quadrant"][1:]) == {"possible_overkill"}
    said = [one["key"] for one in satisfaction_words.driven(result)]
    assert said == ["driver.basis", "driver.fix", "driver.rank_sure"]
    assert "After-sales" in repr(satisfaction_figures.quadrants(result))
    assert "fix first" in satisfaction_words.driver_rows(result)["quadrant"]
    for one in QUADRANTS:
        assert label(f"quadrant.{one}")


def test_the_same_seed_gives_the_same_numbers_in_any_order():
    surveys = made(120, (1, 1, 1), (4, 4, 4))
    assert found(surveys).items.equals(found(surveys.reverse()).items)


def test_without_enough_to_go_by_there_is_a_reason():
    enough = made(80, (1, 1, 1), (4, 4, 4))
    nps = pl.col("item") == "NPS"
    cases = {
        "no_recommendation": [enough.clear(), enough.filter(~nps)],
        "one_item": [enough.filter(nps), enough.filter(nps | (pl.col("item") == "Delivery"))],
        "too_few": [made(49, (1, 1, 1), (4, 4, 4))],
        "same_score": [
            enough.with_columns(score=pl.when(nps).then(9.0).otherwise("score")),
            enough.with_columns(score=pl.when(nps).then("score").otherwise(4.0)),
        ],
    }
    for reason, some in cases.items():
        for surveys in some:
            result = found(surveys)
            assert result.reason == reason
            assert result.items.is_empty()
            assert isinstance(satisfaction_figures.quadrants(result), Sentence)
            assert [one["key"] for one in satisfaction_words.driven(result)] == [f"driver.{reason}"]


def test_the_shop_plants_equal_importance(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    surveys = pl.read_parquet(folder / "surveys.parquet")
    result = drivers(surveys, item_scales(surveys, "心理"), AS_OF)
    assert result.items["touchpoint"].sort().to_list() == ["after_sales", "product", "shopping"]
    assert (result.items["importance_low"] < 1 / 3).all()
    assert (result.items["importance_high"] > 1 / 3).all()
    assert result.items["rank_high"].max() == 3
    assert isinstance(satisfaction_figures.quadrants(result), Picture)
