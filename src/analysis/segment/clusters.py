"""Clusters of repeat buyers by k-means; one-time buyers are a class of their own by rule.

Features are logs, since counts, pauses and amounts are all skewed; on raw scales k-means only
finds a handful of outliers.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

# What each name stands for, as (purchases, idle days, mean spend) in standard deviations from the
# mean repeat buyer. Clusters take the names whose descriptions they fit best, one each, so that a
# name means the same kind of customer every month.
DESCRIPTIONS: dict[str, tuple[float, float, float]] = {
    "loyal": (1.5, -1.2, 0.3),
    "occasional": (0.2, -0.6, -0.2),
    "quiet_large": (-0.5, 0.5, 1.1),
    "quiet_small": (-0.5, 0.5, -0.8),
}
ONE_TIME, TOO_LITTLE = "one_time", "too_little_data"
LEAST_REPEAT_BUYERS = 25 * len(DESCRIPTIONS)
SILHOUETTE_ROWS, BOOTSTRAPS = 2_000, 10
FEATURES = ["log_purchases", "log_idle_days", "log_mean_spend"]


@dataclass(frozen=True)
class Clustering:
    """Repeat buyers with their standardised features and class."""

    members: pl.DataFrame  # customer_id, the features, class
    centres: pl.DataFrame  # one row per class, mean of each standardised feature
    silhouette: float
    stability: float  # mean adjusted Rand index over bootstrap refits


def repeat_buyer_features(customers: pl.DataFrame) -> pl.DataFrame:
    """Standardised log features of the repeat buyers, sorted by feature and id.

    Returns:
        One row per customer with frequency above 0: `customer_id` and the three features, each
        with mean 0 and standard deviation 1 (0 throughout where it does not vary).
    """
    logs = customers.filter(pl.col("frequency") > 0).select(
        "customer_id",
        log_purchases=pl.col("purchases").log(),
        log_idle_days=(pl.col("T") - pl.col("recency")).log1p(),
        log_mean_spend=(pl.col("spend") / pl.col("purchases")).log1p(),
    )
    logs = logs.sort(*FEATURES, "customer_id")
    standard = [
        ((pl.col(name) - pl.col(name).mean()) / pl.col(name).std()).fill_nan(0).round(9)
        for name in FEATURES
    ]
    return logs.with_columns(standard)


def can_cluster(features: pl.DataFrame) -> bool:
    """Whether there are enough different repeat buyers for the named clusters."""
    distinct = features.select(FEATURES).n_unique()
    return features.height >= LEAST_REPEAT_BUYERS and distinct >= 2 * len(DESCRIPTIONS)


def cluster(features: pl.DataFrame, seed: int) -> Clustering:
    """Fit k-means, name the clusters, and measure how distinct and how reproducible they are.

    Args:
        features: as `repeat_buyer_features` returns them.
        seed: for the starts, the silhouette's sample and the bootstrap.
    """
    points = features.select(FEATURES).to_numpy()
    model = KMeans(len(DESCRIPTIONS), n_init=10, random_state=seed).fit(points)
    name_of = name_clusters(model.cluster_centers_)
    members = features.with_columns(pl.Series("class", [name_of[one] for one in model.labels_]))
    centres = pl.DataFrame(model.cluster_centers_, schema=FEATURES, orient="row").with_columns(
        pl.Series("class", [name_of[one] for one in range(len(DESCRIPTIONS))])
    )
    rows = min(SILHOUETTE_ROWS, len(points))
    silhouette = silhouette_score(points, model.labels_, sample_size=rows, random_state=seed)
    stability = _bootstrap_stability(points, model.labels_, seed)
    return Clustering(members, centres, float(silhouette), stability)


def name_clusters(centres: np.ndarray) -> dict[int, str]:
    """Give each cluster the name whose description it fits best, every name once.

    Args:
        centres: shape (number of names, 3), in standard deviations.
    """
    described = np.array(list(DESCRIPTIONS.values()))
    distance = ((centres[:, None, :] - described[None, :, :]) ** 2).sum(axis=2)
    rows, columns = linear_sum_assignment(distance)
    names = list(DESCRIPTIONS)
    return {int(row): names[column] for row, column in zip(rows, columns, strict=True)}


def names_hold(profile: pl.DataFrame) -> bool:
    """Whether the names say what is true of the medians: loyal buy most, quiet ones are silent longest.

    Args:
        profile: rows of `segment_profile` of the axis `cluster`.
    """
    of = {row["class"]: row for row in profile.iter_rows(named=True)}
    if not set(DESCRIPTIONS) <= of.keys():
        return False
    idle = {name: of[name]["median_idle_days"] for name in DESCRIPTIONS}
    most = max(DESCRIPTIONS, key=lambda name: of[name]["median_purchases"])
    quietest_active = max(idle["loyal"], idle["occasional"])
    spend = {name: of[name]["median_spend"] for name in ("quiet_large", "quiet_small")}
    return (
        most == "loyal"
        and min(idle["quiet_large"], idle["quiet_small"]) > quietest_active
        and spend["quiet_large"] > spend["quiet_small"]
    )


def _bootstrap_stability(points: np.ndarray, labels: np.ndarray, seed: int) -> float:
    random = np.random.default_rng(seed)
    scores = []
    for _ in range(BOOTSTRAPS):
        sample = points[random.integers(len(points), size=len(points))]
        refit = KMeans(len(DESCRIPTIONS), n_init=3, random_state=seed).fit(sample)
        scores.append(adjusted_rand_score(labels, refit.predict(points)))
    return float(np.mean(scores))
