"""On which scale each survey item was answered, and what may be computed of it."""

import re
import tomllib
from functools import cache
from pathlib import Path

import polars as pl

EXPECTED_ONES = 5  # answers of 1, none of 0: chance (1/2)^5 = 3 % if 0 could be answered as easily
CSAT_HIGHEST = range(4, 8)  # an item that does not say what it asks is a CSAT on 1-4 to 1-7
CUSTOMARY = (5, 7, 10)  # highest scores of scales in use, for items that do not tell theirs
FEW = 30  # as many answers would have used the top of their scale
_RANGE = re.compile(r"(?<!\d)([01])\s*(?:[-–~～至到]|to)\s*(\d{1,2})(?!\d)")
SCHEMA = {
    "survey": pl.String,
    "item": pl.String,
    "kind": pl.String,
    "lowest": pl.Float64,
    "highest": pl.Float64,
    "answers": pl.Int64,
    "problem": pl.String,
}


def item_scales(surveys: pl.DataFrame, attitude_items: str | None = None) -> pl.DataFrame:
    """The scale of each item of each survey.

    Args:
        surveys: the table `surveys`.
        attitude_items: how the texts of items begin that ask for attitudes, not for satisfaction.

    Returns:
        One row per survey and item, sorted: `survey` (empty if it has no name), `item`, `kind` (`nps`
        on 0-10, `csat` on 1-4 to 1-10, else `other`), `lowest` and `highest` of the scale (null if not
        known), `answers` (with a score), `problem` (why nothing is computed of an item that could be
        meant for it; null without: `mixed_scales`, `beyond_scale`, `not_0_10`, `eleven_from_one`,
        `starts_at_one`, `starts_at_zero`, `below_zero`, `fractions`, `no_scores`).
    """
    found = (
        scored(surveys)
        .group_by("survey", "item")
        .agg(
            pl.col("scale_max").drop_nulls().unique().sort().alias("maxima"),
            least=pl.col("score").min(),
            most=pl.col("score").max(),
            answers=pl.col("score").count().cast(pl.Int64),
            zeros=(pl.col("score") == 0).sum(),
            ones=(pl.col("score") == 1).sum(),
            fractions=(pl.col("score") % 1 != 0).any(),
            reasons=pl.col("exit_reason").count(),
        )
        .sort("survey", "item")
    )
    rows = [_judged(row, attitude_items) for row in found.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def scored(surveys: pl.DataFrame) -> pl.DataFrame:
    """The table `surveys` with scores that are no number as null, and surveys without name as empty."""
    number = pl.col("score", "scale_max").cast(pl.Float64)
    return surveys.with_columns(
        pl.col("survey", "item").fill_null(""), pl.when(number.is_finite()).then(number).name.keep()
    )


def touchpoint(item: str) -> str | None:
    """The point of contact that an item is about, a key of `touchpoint`; None if no word tells."""
    return _first(item, "touchpoint")


def _first(item: str, table: str) -> str | None:
    low = item.casefold()
    return next(
        (name for name, some in _words()[table].items() if any(w in low for w in some)), None
    )


@cache
def _words() -> dict:
    return tomllib.loads(Path(__file__).with_name("touchpoints.toml").read_text(encoding="utf-8"))


def _judged(row: dict, attitude_items: str | None) -> tuple:
    item = row["item"]
    said = _RANGE.search(item)
    asks = _first(item, "asks") or (touchpoint(item) and "satisfaction")
    attitude = bool(attitude_items) and item.startswith(attitude_items)
    highest = _highest(row, said, asks)
    lowest = _lowest(row, said, highest, asks)
    kind, problem = "other", _impossible(row, highest)
    if attitude or (row["reasons"] and not row["answers"]):
        problem = None if problem == "no_scores" else problem
    elif problem is None:
        kind, problem = _kind(lowest, highest, asks)
    return row["survey"], item, kind, lowest, highest, row["answers"], problem


def _highest(row: dict, said: re.Match | None, asks: str | None) -> float | None:
    if row["maxima"]:
        return max(row["maxima"])
    if said:
        return float(said[2])
    most = row["most"]
    if most is None:
        return None
    # A question of recommendation is asked on 0-10; few answers may not have used the top of it.
    if (
        asks == "recommendation"
        and most <= 10
        and (most > max(CUSTOMARY[:-1]) or row["answers"] < FEW)
    ):
        return 10.0
    return float(next((top for top in CUSTOMARY if most <= top), most))


def _lowest(
    row: dict, said: re.Match | None, highest: float | None, asks: str | None
) -> float | None:
    if row["least"] is None:
        return None
    if row["least"] < 0 or row["zeros"]:
        return min(row["least"], 0.0)
    if said:
        return float(said[1])
    # Nobody need have answered 0; but where 1 is answered and 0 never, 1 is the lowest answer.
    from_zero = asks == "recommendation" and highest == 10 and row["ones"] < EXPECTED_ONES
    return 0.0 if from_zero else 1.0


def _impossible(row: dict, highest: float | None) -> str | None:
    if not row["answers"]:
        return "no_scores"
    if len(row["maxima"]) > 1:
        return "mixed_scales"
    if row["most"] > highest:
        return "beyond_scale"
    if row["least"] < 0:
        return "below_zero"
    return "fractions" if row["fractions"] else None


def _kind(lowest: float, highest: float, asks: str | None) -> tuple[str, str | None]:
    if asks != "satisfaction" and (lowest, highest) == (0, 10):
        return "nps", None
    if asks == "recommendation" or (asks is None and highest in (10, 11)):
        if lowest == 1 and highest in (10, 11):
            return "other", "eleven_from_one" if highest == 11 else "starts_at_one"
        return "other", "not_0_10"
    if asks == "satisfaction" and lowest == 0:
        return "other", "starts_at_zero"
    allowed = range(4, 11) if asks else CSAT_HIGHEST
    return ("csat" if lowest == 1 and highest in allowed else "other"), None
