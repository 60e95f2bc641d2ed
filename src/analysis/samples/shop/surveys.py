"""Surveys: how satisfied customers say they are, what they value, and why those who left did."""

from datetime import date

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DAYS, START, generator
from analysis.samples.shop.purchases import dropouts
from analysis.samples.shop.records import ids_of
from analysis.samples.shop.service import CATEGORIES, COMPLAINT_CATEGORIES
from analysis.samples.shop.words import pick, words

WAVES = {"2023年满意度调查": date(2023, 5, 15), "2024年满意度调查": date(2024, 5, 13)}
INVITED, ANSWERED = 0.36, 0.6
NPS, EXIT, EXIT_SURVEY = "NPS推荐意愿", "流失原因", "流失回访"
EXIT_CALLS = 90
MODES = {"在线": 70, "电话": 20, "邮件": 10}
COMPLAINT_COSTS = 2.5  # points of the NPS item that a complaint costs
_NPS_LEVEL = {"price_sensitive": 7.6, "service": 8.9, "product": 8.5}
# What each class says to the items of words.toml `psychographic`, on average.
_VALUES = {
    "price_sensitive": [4.4, 3.0, 3.0, 2.6],
    "service": [2.6, 3.1, 3.7, 4.5],
    "product": [2.9, 3.6, 4.3, 3.0],
}


def make_surveys(
    people: pl.DataFrame, purchases: pl.DataFrame, records: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Answers in the long form.

    Returns:
        One row per answered item, or per invitation without answer (score null): `response`,
        `person`, `customer_id`, `day`, `survey`, `mode`, `item`, `score`, `scale_max`, `text`,
        `exit_reason`.
    """
    rng = generator(seed, "surveys")
    parts = [_wave(survey, day, people, purchases, rng) for survey, day in WAVES.items()]
    parts.append(_exits(people, purchases, rng))
    answers = pl.concat(parts, how="diagonal").with_columns(
        response=pl.struct("survey", "person").rank("dense")
    )
    responses = answers.select("response", "person", "day").unique().sort("response")
    customer_id, _ = ids_of(responses, records, rng)
    named = responses.select("response").with_columns(customer_id=customer_id)
    return answers.join(named, on="response", maintain_order="left")


def _wave(
    survey: str,
    sent_on: date,
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    rng: np.random.Generator,
) -> pl.DataFrame:
    sent = (sent_on - START).days
    before = purchases.filter(pl.col("day") < sent)
    asked = (
        before.group_by("person")
        .agg(complained=(pl.col("complained_on") < sent).fill_null(False).any())
        .sort("person")
        .join(people.select("person", "class"), on="person", maintain_order="left")
    )
    asked = asked.filter(pl.Series(rng.random(asked.height) < INVITED))
    size = asked.height
    asked = asked.with_columns(
        day=sent + pl.Series(rng.integers(0, 14, size)),
        mode=pl.Series(pick(rng, list(MODES), size, list(MODES.values()))),
        text=pl.Series(pick(rng, words()["surveys"]["texts"], size)),
        answers=pl.Series(rng.random(size) < ANSWERED),
    )
    silent = asked.filter(~pl.col("answers")).with_columns(
        item=pl.lit(NPS),
        score=pl.lit(None, pl.Int64),
        scale_max=pl.lit(10),
        text=pl.lit(None, pl.String),
    )
    items = [silent, *_items(asked.filter("answers"), rng)]
    return pl.concat(items, how="diagonal").select(
        *("person", "day", "mode", "item", "score", "scale_max", "text"), survey=pl.lit(survey)
    )


def _items(asked: pl.DataFrame, rng: np.random.Generator) -> list[pl.DataFrame]:
    complained = asked["complained"].to_numpy()
    level = np.array([_NPS_LEVEL[name] for name in asked["class"]])
    mood = rng.normal(0, 1, asked.height) - complained * COMPLAINT_COSTS
    parts = [_item(asked, NPS, level + mood + rng.normal(0, 1, asked.height), 0, 10)]
    for item in words()["surveys"]["csat"]:
        answer = 4.1 + 0.45 * mood + rng.normal(0, 0.5, asked.height)
        parts.append(_item(asked.drop("text"), item, answer, 1, 5))
    for place, item in enumerate(words()["surveys"]["psychographic"]):
        level = np.array([_VALUES[name][place] for name in asked["class"]])
        answer = level + rng.normal(0, 0.8, asked.height)
        parts.append(_item(asked.drop("text"), item, answer, 1, 5))
    return parts


def _item(
    asked: pl.DataFrame, item: str, answer: np.ndarray, lowest: int, highest: int
) -> pl.DataFrame:
    score = np.clip(np.round(answer), lowest, highest).astype(int)
    return asked.with_columns(item=pl.lit(item), score=pl.Series(score), scale_max=pl.lit(highest))


def _exits(people: pl.DataFrame, purchases: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Calls to customers who left, some months later."""
    able = dropouts(purchases).filter(pl.col("left_on") < DAYS - 130)
    chosen = able[np.sort(rng.choice(able.height, EXIT_CALLS, replace=False))].join(
        people.select("person", "class"), on="person", maintain_order="left"
    )
    reasons = [
        pick(rng, list(CATEGORIES.values()), 1, COMPLAINT_CATEGORIES[name])[0]
        for name in chosen["class"]
    ]
    return chosen.select(
        "person",
        day=pl.col("left_on") + pl.Series(rng.integers(60, 121, EXIT_CALLS)),
        survey=pl.lit(EXIT_SURVEY),
        mode=pl.lit("电话"),
        item=pl.lit(EXIT),
        score=pl.lit(None, pl.Int64),
        exit_reason=pl.Series(reasons),
    )
