"""Clusters of repeat buyers by k-means; one-time buyers are a class of their own by rule.

Features are logs or shares, since counts, pauses and amounts are all skewed; on raw scales k-means
only finds a handful of outliers. A model is fitted once, kept, and applied month after month
(`segment.drift` says when to fit anew), so that a class means the same from month to month.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from analysis.segment import cluster_tests
from analysis.segment.cluster_model import (
    DIGITS,
    LEAST_SHARE,
    MOST_BETWEEN,
    Candidate,
    ClusterModel,
    Reference,
    Scale,
    positions,
)
from analysis.segment.cluster_names import name_clusters

ONE_TIME, TOO_LITTLE = "one_time", "too_little_data"
FEWEST, MOST = 2, 6  # clusters that are tried; more than six nobody tells apart
LEAST_ROWS, ROWS_PER_CLUSTER = 100, 25
LEAST_DISTINCT, DISTINCT_PER_CLUSTER = 12, 2
FITTED_ROWS, TESTED_ROWS = 100_000, 20_000
KNOWN_SHARE = 0.9
BASIC = ["log_purchases", "log_idle_days", "log_mean_spend"]

Namer = Callable[..., list[str]]


def cluster_features(facts: pl.DataFrame) -> pl.DataFrame:
    """What repeat buyers are clustered by, on scales on which distances mean something.

    Args:
        facts: one row per customer, with `frequency`, `purchases`, `idle_days`, `mean_spend`, and
            any of `main_category_share`, `discount_share`, `service_share`, `complaints_365`,
            `channel`.

    Returns:
        One row per customer with frequency above 0, sorted by the features, then id: `customer_id`,
        `log_purchases`, `log_idle_days`, `log_mean_spend` (logs of 1 + days or money), and, each
        where it is known of 90% of them and varies: the three shares, `log_complaints` (1 +
        complaints), `usual_channel` (1 where a customer's channel is the one that most use, else
        0). A value that is not known is its column's median, which draws to no side.
    """
    repeat = facts.filter(pl.col("frequency") > 0)
    columns = repeat.select(
        "customer_id",
        log_purchases=pl.col("purchases").log(),
        log_idle_days=pl.col("idle_days").log1p(),
        log_mean_spend=pl.col("mean_spend").clip(0).log1p(),
        **_optional(repeat),
    ).with_columns(pl.exclude("customer_id").cast(pl.Float64))
    names = BASIC + [name for name in columns.columns[4:] if _known_and_varies(columns[name])]
    filled = pl.col(names).fill_null(pl.col(names).median()).round(DIGITS)
    return columns.select("customer_id", filled).sort(*names, "customer_id")


def fit(
    features: pl.DataFrame,
    seed: int,
    outcomes: pl.DataFrame | None = None,
    namer: Namer = name_clusters,
    at_cut_off: pl.DataFrame | None = None,
) -> ClusterModel | None:
    """Fit k-means for each number of clusters, test each, keep one and name its clusters.

    Kept is, of the numbers that pass (`Candidate.passes`), the one whose classes tell most about the
    next period's revenue; without outcomes the greatest one, of the natural ones where there are
    any. Where none passes, it is the one whose least stable cluster is the most stable, and the
    verdict is `constructed`. `natural` and `reproducible` (stable, but cut out of a continuum) are
    the terms of Dolnicar, Grün and Leisch (2018), Market Segmentation Analysis, chapter 7.

    Args:
        features: one row per customer: `customer_id` and numeric columns, e.g. as
            `cluster_features` returns them; a null counts as its column's median.
        seed: decides every draw; neither the rows' order nor the ids do.
        outcomes: `customer_id`, `revenue` in the period after a cut-off; customers without a row
            do not count.
        namer: gives each cluster a key, from the features' names and the centres.
        at_cut_off: the features as they stood at the cut-off; `features` themselves, if absent.

    Returns:
        The model; None where rows are too few or too much alike for clusters to mean anything.
    """
    names = [name for name in features.columns if name != "customer_id"]
    numbers = _numbers(features.select(names))
    if not numbers:
        return None
    columns = features.select(pl.col(names).cast(pl.Float64))
    raw = columns.select(pl.all().fill_null(pl.all().median())).sort(names).to_numpy()
    scale = Scale.of(raw)
    points = scale.standardised(raw)
    fitted = cluster_tests.evenly(points, FITTED_ROWS)
    centres = {k: cluster_tests.k_means(fitted, k, seed).round(DIGITS) for k in numbers}
    known = _next_period(features if at_cut_off is None else at_cut_off, outcomes, names)
    tested = _tested(cluster_tests.evenly(points, TESTED_ROWS), centres, seed, scale, known)
    kept = _kept(tested)
    if kept is None:
        return None
    order, labels = _best_first(names, raw, cluster_tests.nearest(points, centres[kept.k]))
    ordered = centres[kept.k][order]
    return ClusterModel(
        features=names,
        scale=scale,
        centres=ordered.tolist(),
        names=namer(names, ordered),
        tested=tested,
        verdict=_verdict(kept),
        mixture_agreement=cluster_tests.mixture_agreement(points, labels, kept.k, seed),
        reference=_reference(raw, labels),
        rows=len(raw),
    )


def predict(model: ClusterModel, features: pl.DataFrame) -> pl.DataFrame:
    """The class of every row: the nearest centre, the first of equals.

    Args:
        features: `customer_id` and the model's features; one that is absent or null counts as the
            model's mean, other columns do not count.

    Returns:
        One row per row of `features`, in its order: `customer_id`, `class`.
    """
    keys = pl.Series("class", positions(model, features))
    names = pl.Series(model.names, dtype=pl.String)
    return features.select("customer_id", names.gather(keys).alias("class"))


def _optional(repeat: pl.DataFrame) -> dict[str, pl.Expr]:
    there = set(repeat.columns)
    shares = ["main_category_share", "discount_share", "service_share"]
    wanted = {name: pl.col(name) for name in shares if name in there}
    if "complaints_365" in there:
        wanted["log_complaints"] = pl.col("complaints_365").log1p()
    if "channel" in there:
        counts = repeat["channel"].drop_nulls().value_counts()
        usual = counts.sort(["count", "channel"], descending=[True, False])["channel"].head(1)
        wanted["usual_channel"] = pl.col("channel").is_in(usual.to_list())
    return wanted


def _known_and_varies(column: pl.Series) -> bool:
    known = len(column) - column.null_count()
    return known > 0 and known >= KNOWN_SHARE * len(column) and column.drop_nulls().n_unique() > 1


def _numbers(columns: pl.DataFrame) -> list[int]:
    """The numbers of clusters that so many rows, so different, can bear."""
    if columns.height < LEAST_ROWS or (distinct := columns.n_unique()) < LEAST_DISTINCT:
        return []
    most = min(MOST, columns.height // ROWS_PER_CLUSTER, distinct // DISTINCT_PER_CLUSTER)
    return list(range(FEWEST, most + 1))


def _next_period(
    features: pl.DataFrame, outcomes: pl.DataFrame | None, names: list[str]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Features at the cut-off, and the log of 1 + revenue after it; None if it cannot tell."""
    if outcomes is None:
        return None
    joined = features.join(outcomes.select("customer_id", "revenue"), on="customer_id")
    absent = {name: pl.lit(None, pl.Float64) for name in names if name not in features.columns}
    columns = joined.with_columns(**absent).select(pl.col(*names, "revenue").cast(pl.Float64))
    columns = columns.sort(*names, "revenue").fill_null(float("nan"))
    if columns.height < LEAST_ROWS or columns["revenue"].n_unique() < 2:
        return None
    revenue = columns["revenue"].clip(0).log1p().to_numpy()
    return columns.select(names).to_numpy(), revenue


def _tested(
    points: np.ndarray, centres: dict[int, np.ndarray], seed: int, scale: Scale, known
) -> list[Candidate]:
    labels = {k: cluster_tests.nearest(points, one) for k, one in centres.items()}
    between = [cluster_tests.between(points, labels[k], one) for k, one in centres.items()]
    apart = [one <= MOST_BETWEEN for one in between]
    null = cluster_tests.against_null(points, labels, seed, apart)
    rows = []
    for position, (k, one) in enumerate(labels.items()):
        useful = None
        if known is not None:
            then = cluster_tests.nearest(scale.standardised(known[0]), centres[k])
            useful = cluster_tests.validity(then, known[1])
        found = {
            "silhouette": null.silhouettes[position],
            "null_mean": null.null_means[position],
            "p": null.p[position],
            "between": between[position],
            "least_jaccard": cluster_tests.least_jaccard(points, one, k, seed),
            "smallest_share": np.bincount(one, minlength=k).min() / len(one),
            "validity": useful,
        }
        rounded = {name: v if v is None else round(float(v), DIGITS) for name, v in found.items()}
        rows.append(Candidate(k=k, draws=null.draws, **rounded))
    return rows


def _kept(tested: list[Candidate]) -> Candidate | None:
    passing = [one for one in tested if one.passes]
    natural = [one for one in passing if one.natural]
    if not passing:
        large = [one for one in tested if one.smallest_share >= LEAST_SHARE]
        return max(large, key=lambda one: (one.least_jaccard, -one.k), default=None)
    if passing[0].validity is not None:
        return max(passing, key=lambda one: (one.validity, -one.k))
    # One more cut goes through a natural cluster: it may just pass, but tells nothing.
    return natural[-1] if natural else passing[-1]


def _verdict(kept: Candidate) -> str:
    if kept.natural:
        return "natural"
    return "reproducible" if kept.passes else "constructed"


def _best_first(
    names: list[str], raw: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters by mean spend per customer, or by size where spend is not among the features."""
    sizes = np.bincount(labels)
    worth = sizes.astype(float)
    if {"log_purchases", "log_mean_spend"} <= set(names):
        purchases, mean_spend = (raw[:, names.index(one)] for one in (BASIC[0], BASIC[2]))
        spend = np.exp(purchases) * np.expm1(mean_spend)
        worth = np.bincount(labels, weights=spend) / sizes
    order = np.argsort(-worth, kind="stable")
    return order, np.argsort(order)[labels]


def _reference(raw: np.ndarray, labels: np.ndarray) -> Reference:
    edges, bins = [], []
    for column in raw.T:
        inner = np.unique(np.quantile(column, np.arange(0.1, 0.95, 0.1)).round(DIGITS))
        counts = np.bincount(np.searchsorted(inner, column), minlength=len(inner) + 1)
        edges.append(tuple(inner.tolist()))
        bins.append(tuple((counts / len(column)).round(DIGITS).tolist()))
    shares = (np.bincount(labels) / len(labels)).round(DIGITS)
    return Reference(edges=tuple(edges), bins=tuple(bins), classes=tuple(shares.tolist()))
