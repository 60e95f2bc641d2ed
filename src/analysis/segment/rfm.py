"""RFM: recency, frequency and monetary scores from 1 to 5, and the eleven names of the field.

Scores depend on a customer's own values and fixed edges only, so equal customers always score
alike, however the rows are ordered.
"""

from dataclasses import dataclass

import polars as pl

QUANTILES = (0.2, 0.4, 0.6, 0.8)
# Purchases that earn 2, 3, 4 and 5. Fixed, since quantiles of so few distinct counts collapse.
FREQUENCY_EDGES = (2, 3, 4, 7)

# Cells (recency, frequency, monetary) of each name: the published map of Squeezely's RFM page
# (squeezely.atlassian.net), which covers all 125 cells once.
CELLS: dict[str, str] = {
    "champions": "555 554 544 545 454 455 445",
    "loyal": "543 444 435 355 354 345 344 335",
    "potential_loyalist": "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 "
    "352 351 342 341 333 323",
    "new": "512 511 422 421 412 411 311",
    "promising": "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
    "need_attention": "535 534 443 434 343 334 325 324",
    "about_to_sleep": "331 321 312 221 213 231 241 251",
    "at_risk": "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 "
    "125 124",
    "cannot_lose": "155 154 144 214 215 115 114 113",
    "hibernating": "332 322 233 232 223 222 132 123 122 212 211",
    "lost": "111 112 121 131 141 151",
}
NAME_OF_CELL = {int(cell): name for name, cells in CELLS.items() for cell in cells.split()}


@dataclass(frozen=True)
class CutPoints:
    """Upper edges of the scores: idle days (fewer is better), purchases, spend."""

    idle_days: tuple[float, ...]
    purchases: tuple[float, ...]
    spend: tuple[float, ...]


def fit_cut_points(customers: pl.DataFrame) -> CutPoints:
    """Quintile edges of idle days and spend over the base; the frequency edges are fixed."""

    def edges(values: pl.Series) -> tuple[float, ...]:
        return tuple(float(values.quantile(q, "nearest")) for q in QUANTILES)

    idle = customers["T"] - customers["recency"]
    return CutPoints(edges(idle), FREQUENCY_EDGES, edges(customers["spend"]))


def score(customers: pl.DataFrame, cuts: CutPoints) -> pl.DataFrame:
    """Score and name every customer.

    Args:
        customers: the table `customers`.
        cuts: as `fit_cut_points` returns them.

    Returns:
        One row per customer: `customer_id`, `recency_score`, `frequency_score`, `monetary_score`
        (1 to 5, 5 best), `class` (one of the eleven names).
    """
    return customers.select("customer_id", *_scores(cuts), class_of(cuts).alias("class"))


def class_of(cuts: CutPoints) -> pl.Expr:
    """The RFM name of a customer, from `T`, `recency`, `purchases` and `spend`."""
    recency, frequency, monetary = _scores(cuts)
    return (100 * recency + 10 * frequency + monetary).replace_strict(NAME_OF_CELL)


def _scores(cuts: CutPoints) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    idle = pl.col("T") - pl.col("recency")
    return (
        (5 - _count(idle > edge for edge in cuts.idle_days)).alias("recency_score"),
        (1 + _count(pl.col("purchases") >= edge for edge in cuts.purchases)).alias(
            "frequency_score"
        ),
        (1 + _count(pl.col("spend") > edge for edge in cuts.spend)).alias("monetary_score"),
    )


def _count(conditions) -> pl.Expr:
    return pl.sum_horizontal(condition.cast(pl.Int64) for condition in conditions)
