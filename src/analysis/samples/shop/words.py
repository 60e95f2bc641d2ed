"""The words of the simulated retailer, and picking among them."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import SERVICE_CATEGORY


@cache
def words() -> dict[str, Any]:
    """Everything in words.toml."""
    text = (files("analysis.samples.shop") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def pick(
    rng: np.random.Generator, options: list, size: int, weights: list[float] | None = None
) -> list:
    """`size` of the options at random, with replacement."""
    chance = None if weights is None else np.array(weights) / np.sum(weights)
    return [options[at] for at in rng.choice(len(options), size, p=chance)]


def some_of(mask: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the places where the mask is true, as a mask."""
    chosen = np.zeros(len(mask), dtype=bool)
    chosen[rng.choice(np.flatnonzero(mask), count, replace=False)] = True
    return chosen


@cache
def products() -> pl.DataFrame:
    """One row per product: id, name, category, tier, list_price and unit_cost in fen, is_service."""
    rows = []
    for number, (category, listed) in enumerate(words()["products"].items(), start=1):
        for place, (name, price) in enumerate(listed):
            service = category == SERVICE_CATEGORY
            tier = ("入门", "中端", "高端")[place * 3 // len(listed)]
            cost = round(price * 100 * (0.35 if service else 0.48 + 0.015 * place))
            product = f"{number:02d}{place + 1:03d}"
            rows.append((product, name, category, tier, round(price * 100), cost, service))
    columns = ["product_id", "product_name", "category", "tier", "list_price", "unit_cost"]
    return pl.DataFrame(rows, schema=[*columns, "is_service"], orient="row")
