"""How satisfied customers are: NPS and CSAT with their intervals, response rates, and non-response.

All figures are on a scale of 100: NPS in points from -100 to 100, CSAT in percent of answers.
"""

from datetime import date

import numpy as np
import polars as pl

from analysis.feedback.answers import (
    ALL,
    AXES,
    UNKNOWN,
    YEAR,
    cells,
    invitations,
    latest,
    valid_answers,
    with_classes,
)
from analysis.intervals import CONFIDENCE, Z, wilson

FEW = 30  # answers; with fewer a figure is shown with its interval, but is no headline
LEAST_IN_CELL = 10  # answers that a weighting cell needs
RESAMPLES = 400
BY = (*AXES, "mode")
SCHEMA = {
    "measure": pl.String,
    "item": pl.String,
    "by": pl.String,
    "class": pl.String,
    "answers": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "headline": pl.Boolean,
}
_RATES = {
    "survey": pl.String,
    "by": pl.String,
    "class": pl.String,
    "invited": pl.Int64,
    "answered": pl.Int64,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
_EFFECTS = ("unweighted", "weighted", "low", "high", "effect", "effect_low", "effect_high")
_WEIGHTED = {
    **{name: SCHEMA[name] for name in ("measure", "item", "answers")},
    **dict.fromkeys(("invited", "cells"), pl.Int64),
    **dict.fromkeys(_EFFECTS, pl.Float64),
    "headline": pl.Boolean,
}


def satisfaction(
    surveys: pl.DataFrame, scales: pl.DataFrame, segments: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """NPS and CSAT of each item, for all customers and by class.

    The latest answer of each customer to each item within the year up to `as_of` counts. Rows by
    month reach back to the first survey, and count the latest answer of each customer in the month.

    Args:
        surveys: the table `surveys`.
        scales: as `scales.item_scales` returns it.
        segments: the table `segments`.
        as_of: last day that counts.

    Returns:
        One row per item and group, sorted, none without a valid answer: `measure` (`nps`: promoters,
        9-10, less detractors, 0-6, in points; `csat`: the two best answers in percent), `item`, `by`
        (`all`, `cluster`, `rfm`, `region`, `mode`, `month`), `class`, `answers`, `value`, `low`,
        `high` (95 %), `headline` (false for fewer than 30 answers).
    """
    ever = valid_answers(surveys, scales, as_of, None)
    year = with_classes(latest(valid_answers(surveys, scales, as_of)), segments)
    monthly = with_classes(latest(ever, "month"), segments)
    year = year.with_columns(pl.lit(ALL).alias(ALL))
    parts = [_counted(year, by) for by in (ALL, *BY)] + [_counted(monthly, "month")]
    counts = _told_apart(pl.concat(parts)).sort("measure", "item", "by", "class")
    n, up, down = (counts[name].to_numpy().astype(float) for name in ("answers", "up", "down"))
    is_nps = (counts["measure"] == "nps").to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        nps_low, nps_high = net_interval(up, down, n)
        top_low, top_high = wilson(up / n, n)
        value = (up - down) / n
    return counts.select(
        *("measure", "item", "by", "class", "answers"),
        value=pl.Series(100 * value, dtype=pl.Float64),
        low=pl.Series(100 * np.minimum(np.where(is_nps, nps_low, top_low), value)),
        high=pl.Series(100 * np.maximum(np.where(is_nps, nps_high, top_high), value)),
        headline=pl.col("answers") >= FEW,
    ).cast(SCHEMA)


def net_interval(up: np.ndarray, down: np.ndarray, count: np.ndarray) -> tuple:
    """The interval of the difference of two shares of one multinomial sample.

    Args:
        up, down: how many answers count for and against.
        count: of how many.

    Returns:
        Lower and upper limits within -1 and 1. One is added to both counts, which holds the nominal
        level for small samples and does not collapse where all answers are the same. Source: Bonett
        and Price (2012), Journal of Educational and Behavioral Statistics 37.
    """
    more, less = (up + 1) / (count + 2), (down + 1) / (count + 2)
    half = Z * np.sqrt((more + less - (more - less) ** 2) / (count + 2))
    return np.maximum(more - less - half, -1), np.minimum(more - less + half, 1)


def response_rates(
    surveys: pl.DataFrame, segments: pl.DataFrame, as_of: date, days: int = YEAR
) -> pl.DataFrame:
    """How many of those asked answered, by survey, and within each by mode, month and class.

    Args:
        surveys: the table `surveys`; a row without score, text or reason is an invitation without
            answer.
        segments: the table `segments`.
        as_of: last day that counts.
        days: how far back.

    Returns:
        One row per survey and group: `survey`, `by`, `class`, `invited`, `answered`, `rate`, `low`,
        `high` (shares, Wilson 95 %; null for a survey whose table holds answers only, since who kept
        silent is then not known).
    """
    asked = with_classes(invitations(surveys, as_of, days), segments)
    asked = asked.with_columns(pl.lit(ALL).alias(ALL))
    parts = [
        asked.group_by("survey", pl.col(by).alias("class")).agg(
            by=pl.lit(by), invited=pl.len().cast(pl.Int64), answered=pl.col("answered").sum()
        )
        for by in (ALL, *BY, "month")
    ]
    counts = _told_apart(pl.concat(parts)).sort("survey", "by", "class")
    invited = counts["invited"].to_numpy().astype(float)
    rate = counts["answered"].to_numpy() / invited
    low, high = wilson(rate, invited)
    silent = (pl.col("invited") - pl.col("answered")).filter(pl.col("by") == ALL).sum()
    known = silent.over("survey") > 0
    return counts.with_columns(
        pl.when(known).then(values).alias(name)
        for name, values in (
            *(("rate", pl.Series(rate)), ("low", pl.Series(np.clip(low, 0, rate)))),
            ("high", pl.Series(np.maximum(high, rate))),
        )
    ).select(pl.col(name).cast(kind) for name, kind in _RATES.items())


def weighted_satisfaction(
    surveys: pl.DataFrame,
    scales: pl.DataFrame,
    segments: pl.DataFrame,
    customers: pl.DataFrame,
    as_of: date,
    seed: int = 1,
) -> pl.DataFrame:
    """NPS and CSAT if those who answered were made up like those who were asked.

    Post-stratification by class and frequency of purchase, cells of fewer than 10 answers pooled:
    each cell counts by its share of the invited (Holt and Smith 1979, JRSS A 142). It corrects only
    for what the cells tell apart.

    Args:
        surveys, segments, customers: the tables of these names.
        scales: as `scales.item_scales` returns it.
        as_of: last day that counts; the year up to it does.
        seed: of the resamples.

    Returns:
        One row per item of which some invited are known to be silent: `measure`, `item`, `answers`,
        `invited`, `cells`, `unweighted`, `weighted` with `low` and `high`, `effect` (weighted less
        unweighted) with `effect_low` and `effect_high` (95 %, bootstrap over the invited),
        `headline`. Points or percent.
    """
    answers = latest(valid_answers(surveys, scales, as_of))
    asked = invitations(surveys, as_of)
    rows = []
    for measure, item in answers.select("measure", "item").unique().sort("measure", "item").rows():
        given = answers.filter(pl.col("item") == item)
        sent = asked.filter(pl.col("survey").is_in(given["survey"].unique().implode()))
        people = sent.select("customer_id").unique().sort("customer_id")
        people = people.join(
            given.select("customer_id", "verdict"),
            on="customer_id",
            how="left",
            maintain_order="left",
        ).with_columns(answered=pl.col("verdict").is_not_null())
        number, silent = people["answered"].sum(), (~people["answered"]).sum()
        if not number or not silent:
            continue
        cell = cells(people, segments, customers, LEAST_IN_CELL)
        effects = _reweighted(people["verdict"], cell, seed)
        rows.append(
            (measure, item, number, people.height, cell.n_unique(), *effects, number >= FEW)
        )
    return pl.DataFrame(rows, schema=_WEIGHTED, orient="row")


def _told_apart(counts: pl.DataFrame) -> pl.DataFrame:
    """Without the axes on which no customer has a class."""
    return counts.filter((pl.col("class") != UNKNOWN).any().over("by"))


def _counted(answers: pl.DataFrame, by: str) -> pl.DataFrame:
    return answers.group_by("measure", "item", pl.col(by).alias("class")).agg(
        by=pl.lit(by),
        answers=pl.len().cast(pl.Int64),
        up=(pl.col("verdict") > 0).sum(),
        down=(pl.col("verdict") < 0).sum(),
    )


def _reweighted(verdict: pl.Series, cell: pl.Series, seed: int) -> list[float]:
    codes = cell.rank("dense").to_numpy().astype(int) - 1
    answered = verdict.is_not_null().to_numpy().astype(float)
    values = verdict.fill_null(0).to_numpy().astype(float)
    rng = np.random.default_rng(seed)
    plain, weighted = _two_means(codes, answered, values)
    size = len(codes)
    draws = [
        _two_means(codes[chosen], answered[chosen], values[chosen])
        for chosen in (rng.integers(0, size, size) for _ in range(RESAMPLES))
    ]
    drawn = np.array([draw for draw in draws if np.isfinite(draw).all()] or [(plain, weighted)])
    ends = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(drawn[:, 1], ends)
    effect = weighted - plain
    effect_low, effect_high = np.percentile(drawn[:, 1] - drawn[:, 0], ends)
    limits = (min(low, weighted), max(high, weighted), effect)
    found = (plain, weighted, *limits, min(effect_low, effect), max(effect_high, effect))
    return [100 * float(one) for one in found]


def _two_means(codes: np.ndarray, answered: np.ndarray, values: np.ndarray) -> tuple:
    """The plain mean and the mean weighted by the invited of each cell with an answer."""
    invited = np.bincount(codes).astype(float)
    number, total = (np.bincount(codes, one) for one in (answered, values))
    known = number > 0
    if not known.any():
        return np.nan, np.nan
    weighted = (invited[known] * total[known] / number[known]).sum() / invited[known].sum()
    return total.sum() / number.sum(), weighted
