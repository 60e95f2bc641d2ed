"""How real a clustering is: stable on resamples, apart from a shapeless cloud, useful afterwards.

All functions work on standardised points whose rows are in a fixed order, so that the seed alone
decides every draw.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

SILHOUETTE_ROWS = 2_000
BOOTSTRAPS = 20
# 99 draws without one that beats the data give p = .01, the level that `natural` asks for.
NULL_DRAWS, FIRST_DRAWS = 99, 19
STARTS, STARTS_OF_DRAWS = 10, 2


@dataclass(frozen=True)
class NullTest:
    """Silhouettes against those of one Gaussian; one entry per number of clusters."""

    silhouettes: np.ndarray
    null_means: np.ndarray
    p: np.ndarray  # corrected over all numbers of clusters
    draws: int


def k_means(points: np.ndarray, k: int, seed: int, starts: int = STARTS) -> np.ndarray:
    """Centres of k-means, shape (k, features).

    Where fewer points differ than there are clusters, centres repeat; such clusters are empty, and
    fail every check, so that the library's warning adds nothing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(k, n_init=starts, random_state=seed).fit(points).cluster_centers_


def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Position of the nearest centre of each point, the first of equals.

    Summed feature by feature and not as a matrix product, whose last digits may depend on where in
    the array a row stands.
    """
    best = np.zeros(len(points), dtype=np.int64)
    least = np.full(len(points), np.inf)
    for position, centre in enumerate(centres):
        distance = np.zeros(len(points))
        for feature, value in enumerate(centre):
            distance += (points[:, feature] - value) ** 2
        closer = distance < least
        best[closer] = position
        least[closer] = distance[closer]
    return best


def jaccard(first: np.ndarray, second: np.ndarray, k: int, k_second: int) -> np.ndarray:
    """Jaccard coefficient of every pair of classes of two labellings, shape (k, k_second)."""
    both = _in_both(first, second, k, k_second)
    either = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
    return both / np.maximum(either, 1)


def shares_within(first: np.ndarray, second: np.ndarray, k: int, k_second: int) -> np.ndarray:
    """Share of each class of the first labelling in each of the second, shape (k, k_second)."""
    both = _in_both(first, second, k, k_second)
    return both / np.maximum(both.sum(1, keepdims=True), 1)


def least_jaccard(points: np.ndarray, labels: np.ndarray, k: int, seed: int) -> float:
    """The stability of the least stable cluster, by the non-parametric bootstrap.

    Each resample is clustered anew; a cluster's score is its best Jaccard coefficient with a new
    cluster among the points drawn, averaged over the resamples (Hennig 2007, Computational
    Statistics and Data Analysis 52, as `fpc::clusterboot` does it).
    """
    random = np.random.default_rng([seed, k])
    total = np.zeros(k)
    for _ in range(BOOTSTRAPS):
        drawn = np.sort(random.integers(len(points), size=len(points)))
        centres = k_means(points[drawn], k, seed, STARTS_OF_DRAWS)
        once = np.unique(drawn)
        total += jaccard(labels[once], nearest(points[once], centres), k, k).max(axis=1)
    return float((total / BOOTSTRAPS).min())


def fixed_sample(rows: int, most: int, seed: int) -> np.ndarray:
    """Positions of a fixed random sample, in order; all of them where they are few."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def evenly(points: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spaced; sorted rows stay spread over all their values."""
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).round().astype(np.int64)]


def silhouettes(points: np.ndarray, labellings: list[np.ndarray]) -> np.ndarray:
    """Mean silhouette (Rousseeuw 1987) of each labelling, all from one matrix of distances.

    Args:
        points: shape (rows, features).
        labellings: one array of labels 0, 1, … per clustering; a cluster of one point scores 0.
    """
    distances = cdist(points, points)
    return np.array([_silhouette(distances, labels) for labels in labellings])


def between(points: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> float:
    """How thickly the space between clusters is peopled, for the pair with the least of a gap.

    The points of two clusters are projected on the line through their centres; counted are those
    in the middle third between the centres, and those within a sixth of either centre. Returned is
    the greatest ratio of the first to the lesser of the second: near 0 where gaps part all
    clusters, about 1 or more where they were cut out of one cloud, skewed or not.
    """
    greatest = 0.0
    for first, second in combinations(range(len(centres)), 2):
        line = centres[second] - centres[first]
        pair = points[(labels == first) | (labels == second)] - centres[first]
        along = pair @ line / max(line @ line, np.finfo(float).tiny)
        middle = (np.abs(along - 1 / 2) <= 1 / 6).sum()
        about = min((np.abs(along - centre) <= 1 / 6).sum() for centre in (0, 1))
        greatest = max(greatest, middle / max(about, 1))
    return float(greatest)


def against_null(
    points: np.ndarray, labellings: dict[int, np.ndarray], seed: int, apart: Sequence[bool]
) -> NullTest:
    """Whether the clusters stand further apart than those cut out of one Gaussian.

    The null has the points' own mean and covariance. Its silhouettes are standardised for each k,
    and each k of the data is compared with the greatest of each draw (Westfall and Young 1993), so
    that p holds for whichever k is kept. The draws stop as soon as no k can be called natural any
    more, since gaps do not part its clusters, or a draw has beaten it, so that p cannot be .01.

    Args:
        labellings: k = the labels of all points.
        apart: for each k, whether gaps part the clusters.
    """
    sample = fixed_sample(len(points), SILHOUETTE_ROWS, seed)
    seen = [silhouettes(points[sample], [labels[sample] for labels in labellings.values()])]
    random = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(points.T)))
    spread = vectors * np.sqrt(np.maximum(values, 0))
    for drawn in range(1, NULL_DRAWS + 1):
        cloud = random.standard_normal((len(sample), points.shape[1])) @ spread.T
        found = [nearest(cloud, k_means(cloud, k, seed, STARTS_OF_DRAWS)) for k in labellings]
        seen.append(silhouettes(cloud, found))
        unbeaten = _corrected_p(np.array(seen)) <= 1 / (drawn + 1)
        if drawn >= FIRST_DRAWS and not (unbeaten & apart).any():
            break
    every = np.array(seen)
    return NullTest(every[0], every[1:].mean(axis=0), _corrected_p(every), drawn)


def validity(labels: np.ndarray, outcome: np.ndarray) -> float:
    """Share of the outcome's variance that lies between classes, corrected for their number.

    Eta squared grows with every further class, so the adjusted form is taken (epsilon squared,
    Kelley 1935).
    """
    classes, sizes = np.unique(labels, return_counts=True)
    degrees = len(outcome) - len(classes)
    total = ((outcome - outcome.mean()) ** 2).sum()
    if degrees <= 0 or total == 0:
        return 0.0
    means = np.array([outcome[labels == one].mean() for one in classes])
    within = total - (sizes * (means - outcome.mean()) ** 2).sum()
    return float(1 - within / degrees / (total / (len(outcome) - 1)))


def mixture_agreement(points: np.ndarray, labels: np.ndarray, k: int, seed: int) -> float:
    """Adjusted Rand index of the labels with those of a Gaussian mixture of the same k.

    The ridge on the covariances keeps a component from shrinking to the many customers who share
    one value (two purchases).
    """
    sample = fixed_sample(len(points), SILHOUETTE_ROWS, seed)
    mixture = GaussianMixture(k, n_init=2, reg_covar=1e-2, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as far as it came will do to compare
        mixture.fit(points[sample])
    return float(adjusted_rand_score(labels[sample], mixture.predict(points[sample])))


def _in_both(first: np.ndarray, second: np.ndarray, k: int, k_second: int) -> np.ndarray:
    pairs = np.bincount(first * k_second + second, minlength=k * k_second)
    return pairs.reshape(k, k_second)


def _silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    member = np.eye(labels.max() + 1)[labels]
    sizes = member.sum(axis=0)
    rows = np.arange(len(labels))
    to_clusters = distances @ member
    own = to_clusters[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    to_clusters = np.where(sizes > 0, to_clusters / np.maximum(sizes, 1), np.inf)
    to_clusters[rows, labels] = np.inf
    other = to_clusters.min(axis=1)
    apart = np.maximum(own, other)
    scores = np.divide(other - own, apart, out=np.zeros_like(own), where=apart > 0)
    return float(np.where(sizes[labels] > 1, scores, 0).mean())


def _corrected_p(seen: np.ndarray) -> np.ndarray:
    deviations = seen.std(axis=0)
    scores = (seen - seen.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    greatest = scores[1:].max(axis=1)
    return (1 + (greatest[:, None] >= scores[0]).sum(axis=0)) / len(seen)
