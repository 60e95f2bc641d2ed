"""Why customers stay away: what goes with complaints, and which causes customers name themselves."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
import polars as pl

from analysis.churn.snapshots import Snapshot
from analysis.intervals import Z, wilson

# Last number of purchases of each band but the open one. In 120 simulated shops with a planted effect,
# 1 / 2-3 / 4-6 / 7+ told 0.017 too little of it and 84 to 89 % of intervals held it; these tell 0.010
# too little, and 93 to 94 % do.
BANDS = (1, 2, 3, 4, 6, 9, 14)
PARTS = 5  # of each band by idle days, of equal size
OTHER = "other"
CAUSES = ("service", "product", "price", "competitor", OTHER)
_SCHEMA = {
    "cause": pl.String,
    "complaints": pl.Int64,
    "exit_answers": pl.Int64,
    "customers": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True)
class Association:
    """How much more often customers with a complaint stayed away than others of the same rhythm.

    `difference`, `low` and `high` (95 %) are within strata, `raw_difference` is without them; all are
    differences of shares without purchase, positive where those with a complaint stayed away more.
    `strata` counts those that hold both kinds of customers; the others add nothing.
    """

    customers_with: int
    customers_without: int
    strata: int
    difference: float
    low: float
    high: float
    raw_difference: float


def association(snapshot: Snapshot, feedback: pl.DataFrame) -> Association | None:
    """Complaints and staying away in the window, among customers alike in frequency and recency.

    With a complaint is whoever wrote any up to the cut-off, however long ago, of whatever category,
    answered or not; praise, suggestions and inquiries do not count. Strata are the bands of purchases
    (`BANDS`) times fifths of the band's customers by idle days: fifths of the whole base would put
    most frequent customers into the first two. What customers differ in beyond that stays in
    the difference, so it is association, not cause.

    Args:
        snapshot: with a closed window.
        feedback: the table `feedback`, or its columns `customer_id`, `at`, `kind`.

    Returns:
        The Mantel-Haenszel risk difference with its interval; None where the window is open, nobody
        complained by then, or no stratum holds both kinds of customers.
    """
    complaints = feedback.filter((pl.col("kind") == "complaint") & _until(snapshot.cut_off))
    if snapshot.no_purchase is None or complaints.is_empty():
        return None
    who = complaints["customer_id"].unique().implode()
    rows = snapshot.features.select(
        _stratum().alias("stratum"),
        with_it=pl.col("customer_id").is_in(who),
        left=pl.Series(snapshot.no_purchase),
    )
    counts = _counts(rows)
    if counts.is_empty():
        return None
    difference, error = risk_difference(
        *(counts[name].to_numpy() for name in ("left_with", "n_with", "left_without", "n_without"))
    )
    means = {key[0]: part["left"].mean() for key, part in rows.group_by("with_it")}
    members = int(rows["with_it"].sum())
    return Association(
        members,
        rows.height - members,
        counts.height,
        difference,
        max(difference - Z * error, -1.0),
        min(difference + Z * error, 1.0),
        means[True] - means[False],
    )


def risk_difference(
    left_with: np.ndarray, n_with: np.ndarray, left_without: np.ndarray, n_without: np.ndarray
) -> tuple[float, float]:
    """The Mantel-Haenszel risk difference of 2x2 tables, and its standard error.

    The estimate weighs each stratum by n_with * n_without / n (Greenland and Robins 1985, Biometrics
    41). The error is that of Sato (1989), Biometrics 45, which holds for few large strata and for
    many small ones alike, where a stratum may hold one customer of a kind.

    Args:
        left_with, n_with: per stratum, how many of those with a complaint left, and of how many.
        left_without, n_without: the same of those without. Every n is at least 1.
    """
    a, m, b, n = (part.astype(float) for part in (left_with, n_with, left_without, n_without))
    total = m + n
    weight = (m * n / total).sum()
    difference = ((a * n - b * m) / total).sum() / weight
    p = ((m**2 * b - n**2 * a + m * n * (n - m) / 2) / total**2).sum()
    q = ((a * (n - b) + b * (m - a)) / (2 * total)).sum()
    return float(difference), float(np.sqrt(max(difference * p + q, 0)) / weight)


def stated_causes(
    feedback: pl.DataFrame, surveys: pl.DataFrame, until: date, since: date
) -> pl.DataFrame:
    """Which causes customers name: in the categories of complaints, and in the reasons for leaving.

    A text names each cause of which it holds a word (causes.toml), or else `other`; denials are not
    understood. Complaints without a category name none. A customer counts once per cause, however
    often it was named, so shares may sum to more than 1.

    Args:
        feedback: the table `feedback`; only complaints count.
        surveys: the table `surveys`; only answers with an `exit_reason` count.
        until, since: the last and the first day of what counts.

    Returns:
        One row per cause of `CAUSES`, most customers first, `other` last: `cause`, `complaints`,
        `exit_answers`, `customers`, `share` (of the customers who named any cause), `low`, `high`
        (95 % Wilson interval). Empty where nobody named any.
    """
    parts = [
        _named(feedback.filter(pl.col("kind") == "complaint"), "category", "complaints"),
        _named(surveys, "exit_reason", "exit_answers"),
    ]
    named = pl.concat(parts).filter(_until(until) & (pl.col("at").dt.date() >= since))
    if named.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    everybody = named["customer_id"].n_unique()
    source = pl.col("source")
    counts = named.group_by("cause").agg(
        complaints=(source == "complaints").sum().cast(pl.Int64),
        exit_answers=(source == "exit_answers").sum().cast(pl.Int64),
        customers=pl.col("customer_id").n_unique().cast(pl.Int64),
    )
    causes = pl.DataFrame({"cause": CAUSES}).with_row_index("place")
    table = causes.join(counts, on="cause", how="left").with_columns(
        pl.col("complaints", "exit_answers", "customers").fill_null(0)
    )
    table = table.with_columns(share=pl.col("customers") / everybody)
    low, high = wilson(table["share"].to_numpy(), np.full(table.height, everybody))
    return (
        table.with_columns(low=low.clip(0, 1), high=high.clip(0, 1))
        .sort(pl.col("cause") == OTHER, -pl.col("customers"), "place")
        .select(*_SCHEMA)
    )


def causes_of(text: str) -> tuple[str, ...]:
    """The causes of which a text holds a word, in the order of `CAUSES`; `other` where none."""
    rest, found = text.lower(), set()
    for word, cause in _words():
        if word in rest:
            found.add(cause)
            rest = rest.replace(word, " ")  # so that 质量 is not found in 服务质量 again
    return tuple(one for one in CAUSES if one in found) or (OTHER,)


def _named(table: pl.DataFrame, column: str, source: str) -> pl.DataFrame:
    """One row per row of a table and cause that it names: `customer_id`, `at`, `cause`, `source`."""
    schema = {"customer_id": pl.String, "at": pl.Datetime("us"), "cause": pl.String}
    schema |= {"source": pl.String}
    if column not in table.columns:
        return pl.DataFrame(schema=schema)
    said = table.select("customer_id", "at", text=pl.col(column).cast(pl.String))
    said = said.drop_nulls().filter(pl.col("text").str.strip_chars() != "")
    texts = said["text"].unique().to_list()
    meaning = pl.DataFrame(
        {"text": texts, "cause": [causes_of(one) for one in texts]},
        schema={"text": pl.String, "cause": pl.List(pl.String)},
    ).explode("cause")
    named = said.join(meaning, on="text").with_columns(source=pl.lit(source))
    return named.select(*schema).cast(schema)


def _until(day: date) -> pl.Expr:
    return pl.col("at").dt.date() <= day


def _stratum() -> pl.Expr:
    """Band of purchases, and fifth of the band by idle days; equal days share a fifth."""
    band = pl.sum_horizontal((pl.col("purchases") > most).cast(pl.Int64) for most in BANDS)
    rank = pl.col("idle_days").rank("min").over(band) - 1
    fifth = (rank * PARTS / pl.len().over(band)).floor().cast(pl.Int64)
    return band * PARTS + fifth


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    """Per stratum with both kinds: how many there are of each, and how many of them left."""
    with_it, left = pl.col("with_it"), pl.col("left")
    counts = rows.group_by("stratum").agg(
        left_with=(with_it & left).sum(),
        n_with=with_it.sum(),
        left_without=(~with_it & left).sum(),
        n_without=(~with_it).sum(),
    )
    both = (pl.col("n_with") > 0) & (pl.col("n_without") > 0)
    return counts.filter(both).sort("stratum")


@cache
def _words() -> tuple[tuple[str, str], ...]:
    """Every word with its cause, the longest first."""
    text = (files("analysis.churn") / "causes.toml").read_text(encoding="utf-8")
    pairs = [(word, cause) for cause, listed in tomllib.loads(text).items() for word in listed]
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])))
