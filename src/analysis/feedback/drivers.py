"""Which touchpoints go with recommending, how well each does, and so what to fix first.

Importance is association within the same answers, not effect: nobody was given a better delivery at
random.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from analysis.feedback.answers import YEAR, valid_answers
from analysis.feedback.scales import touchpoint
from analysis.intervals import CONFIDENCE, wilson

LEAST_RESPONSES = 50
RESAMPLES = 200
NEGLIGIBLE = 1e-10  # eigenvalue of a direction in which answers do not vary
QUADRANTS = ("fix_first", "keep_up", "possible_overkill", "low_priority")
SCHEMA = {
    "item": pl.String,
    "touchpoint": pl.String,
    "answers": pl.Int64,
    "mean": pl.Float64,
    "top_two": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "importance": pl.Float64,
    "importance_low": pl.Float64,
    "importance_high": pl.Float64,
    "rank": pl.Int64,
    "rank_low": pl.Int64,
    "rank_high": pl.Int64,
    "quadrant": pl.String,
    "certainty": pl.Float64,
}


@dataclass(frozen=True)
class Drivers:
    """What goes with recommending.

    Attributes:
        items: one row per touchpoint, the most important first: `item`, `touchpoint` (key of
            `touchpoint`, null if its words tell none), `answers`, `mean` (score), `top_two` with
            `low` and `high` (share of the two best answers, Wilson 95 %), `importance` with
            `importance_low` and `importance_high` (share of the explained variance; they sum to 1),
            `rank` with `rank_low` and `rank_high`, `quadrant`, `certainty` (share of the resamples in
            the same quadrant). Empty where `reason` is given.
        reason: why there are none: `no_recommendation`, `one_item`, `too_few`, `same_score`.
        responses: complete answers, one per customer.
        explained: R squared of the recommendation on all items.
    """

    items: pl.DataFrame
    reason: str | None
    responses: int
    explained: float | None


def drivers(
    surveys: pl.DataFrame, scales: pl.DataFrame, as_of: date, seed: int = 1, days: int = YEAR
) -> Drivers:
    """Importance and performance of the CSAT items, from answers that hold the NPS item too.

    Args:
        surveys: the table `surveys`.
        scales: as `scales.item_scales` returns it.
        as_of: last day that counts.
        seed: of the bootstrap, which draws customers.
        days: how far back.
    """
    answers = valid_answers(surveys, scales, as_of, days)
    asked = answers.filter(pl.col("measure") == "nps").group_by("item").len().sort("len", "item")
    if asked.is_empty():
        return _none("no_recommendation", 0)
    overall = asked["item"][-1]
    wide, items = _complete(answers, overall)
    if len(items) < 2:
        return _none("one_item", wide.height)
    if wide.height < LEAST_RESPONSES:
        return _none("too_few", wide.height)
    scores = wide.select(items).to_numpy().astype(float)
    target = wide[overall].to_numpy().astype(float)
    highest = dict(answers.select("item", "highest").unique().iter_rows())
    best = scores > np.array([highest[item] - 2 for item in items])
    weights = relative_weights(scores, target)
    if not weights.sum() > 0:
        return _none("same_score", wide.height)
    return Drivers(
        _rows(items, scores, best, target, seed), None, wide.height, float(weights.sum())
    )


def relative_weights(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The part of R squared that each of several correlated items stands for.

    Args:
        scores: answers x items.
        target: one value per answer.

    Returns:
        One weight per item, zero or more; together the R squared of the regression on all. Items that
        do not vary have weight zero. Source: Johnson (2000), Multivariate Behavioral Research 35.
    """
    weights = np.zeros(scores.shape[1])
    varies = scores.std(axis=0) > 0
    if not varies.any() or not target.std() > 0:
        return weights
    together = np.corrcoef(np.column_stack([scores[:, varies], target]), rowvar=False)
    values, vectors = np.linalg.eigh(together[:-1, :-1])
    roots = np.sqrt(np.maximum(values, 0))
    inverse = np.divide(1, roots, out=np.zeros_like(roots), where=values > NEGLIGIBLE)
    # Items stand in `loadings` to their closest uncorrelated twins, and these in `slopes` to the target.
    loadings = vectors * roots @ vectors.T
    slopes = vectors * inverse @ vectors.T @ together[:-1, -1]
    weights[varies] = loadings**2 @ slopes**2
    return weights


def _complete(answers: pl.DataFrame, overall: str) -> tuple[pl.DataFrame, list[str]]:
    """The latest complete answer of each customer, one column per item, and the CSAT items in it."""
    with_overall = answers.filter(pl.col("item") == overall).select("response").unique()
    said = answers.filter((pl.col("measure") == "csat") | (pl.col("item") == overall)).join(
        with_overall, on="response", how="semi", maintain_order="left"
    )
    counts = said.filter(pl.col("item") != overall).group_by("item").len()
    # An item of which half the others' answers lack would cost more answers than it is worth.
    most = counts["len"].max() or 0
    items = counts.filter(pl.col("len") >= most / 2)["item"].sort().to_list()
    said = said.filter(pl.col("item").is_in([overall, *items]))
    wide = said.pivot(
        "item", index=["customer_id", "response"], values="score", aggregate_function="last"
    )
    last = said.group_by("response").agg(pl.col("day").max())
    wide = wide.drop_nulls().join(last, on="response").sort("day", "response", "customer_id")
    wide = wide.unique("customer_id", keep="last", maintain_order=True).sort("customer_id")
    return wide, items


def _rows(
    items: list[str], scores: np.ndarray, best: np.ndarray, target: np.ndarray, seed: int
) -> pl.DataFrame:
    size = len(target)
    rng = np.random.default_rng(seed)
    importance, top = _importance(scores, target), best.mean(axis=0)
    quadrant = _quadrants(importance, top)
    drawn, ranks, agreed = [], [], []
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, size, size)
        one = _importance(scores[chosen], target[chosen])
        drawn.append(one)
        ranks.append(_ranks(one))
        agreed.append(_quadrants(one, best[chosen].mean(axis=0)) == quadrant)
    ends = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(drawn, ends, axis=0)
    first, last = np.percentile(ranks, ends, axis=0, method="nearest")
    top_low, top_high = wilson(top, np.full(len(items), float(size)))
    rank = _ranks(importance)
    return (
        pl.DataFrame(
            {
                "item": items,
                "touchpoint": [touchpoint(item) for item in items],
                "answers": [size] * len(items),
                "mean": scores.mean(axis=0),
                "top_two": top,
                "low": np.minimum(top_low, top),
                "high": np.maximum(top_high, top),
                "importance": importance,
                "importance_low": np.minimum(low, importance),
                "importance_high": np.maximum(high, importance),
                "rank": rank,
                "rank_low": np.minimum(first, rank),
                "rank_high": np.maximum(last, rank),
                "quadrant": [QUADRANTS[one] for one in quadrant],
                "certainty": np.mean(agreed, axis=0),
            },
        )
        .cast(SCHEMA)
        .sort("rank")
    )


def _importance(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    weights = relative_weights(scores, target)
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))


def _ranks(importance: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(importance), dtype=int)
    ranks[np.argsort(-importance, kind="stable")] = np.arange(1, len(importance) + 1)
    return ranks


def _quadrants(importance: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Places in `QUADRANTS`, parted at the mean importance and the mean performance."""
    important, good = importance >= 1 / len(importance), top >= top.mean()
    return np.where(important, np.where(good, 1, 0), np.where(good, 2, 3))


def _none(reason: str, responses: int) -> Drivers:
    return Drivers(pl.DataFrame(schema=SCHEMA), reason, responses, None)
