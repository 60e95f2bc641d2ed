"""The clusters of a month as plain JSON: how a customer is classed, and how real the classes are."""

from typing import Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from analysis.segment import cluster_tests

LEAST_SHARE, LEAST_JACCARD = 0.03, 0.75
# On a large base any departure from a Gaussian is significant, plain skewness too. Clusters are called
# natural only if there are also gaps between them: at most so many customers midway between two
# clusters for one about the emptier centre.
NATURAL_P, MOST_BETWEEN = 0.01, 0.5
TAIL = 0.01  # of the rows on either side; values beyond count as the value there
PREDICTED_ROWS = 1_000_000
DIGITS = 9


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Candidate(_Plain):
    """One number of clusters, and what was found for it."""

    k: int
    silhouette: float
    null_mean: float  # mean silhouette of clusters cut out of one Gaussian
    p: float  # of a silhouette as high from one Gaussian, corrected over all k
    draws: int  # of that Gaussian; p cannot be less than 1 / (draws + 1)
    between: float  # customers midway between two clusters for one about the emptier centre
    least_jaccard: float
    smallest_share: float
    validity: float | None  # share of next-period variance between classes; None without outcomes

    @property
    def passes(self) -> bool:
        """Whether the clusters are stable, large enough, and further apart than a Gaussian's."""
        return (
            self.least_jaccard >= LEAST_JACCARD
            and self.smallest_share >= LEAST_SHARE
            and self.silhouette > self.null_mean
        )

    @property
    def natural(self) -> bool:
        """Whether the clusters stand apart by more than chance, with gaps between them."""
        return self.passes and self.p <= NATURAL_P and self.between <= MOST_BETWEEN


class Scale(_Plain):
    """How features are brought to one scale: bounds, then mean 0 and standard deviation 1."""

    lowest: tuple[float, ...]  # values beyond these bounds count as the bounds
    highest: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, raw: np.ndarray) -> "Scale":
        """The scale of an array of features, shape (rows, features).

        A feature of two values counts half: it is a ready-made split, which would otherwise pass
        for a cluster (Hennig and Liao 2013, Journal of the Royal Statistical Society C 62, q = 1/2).
        """
        lowest, highest = np.quantile(raw, [TAIL, 1 - TAIL], axis=0).round(DIGITS)
        bounded = raw.clip(lowest, highest)
        two_values = [len(np.unique(column)) == 2 for column in bounded.T]
        deviations = (bounded.std(axis=0) * np.where(two_values, np.sqrt(2), 1)).round(DIGITS)
        deviations[deviations == 0] = 1.0
        parts = (lowest, highest, bounded.mean(axis=0).round(DIGITS), deviations)
        return cls(
            **dict(zip(cls.model_fields, (tuple(one.tolist()) for one in parts), strict=True))
        )

    def standardised(self, raw: np.ndarray) -> np.ndarray:
        """The features in standard deviations; a missing value is the mean, 0."""
        bounded = raw.clip(self.lowest, self.highest)
        return np.nan_to_num((bounded - np.array(self.means)) / np.array(self.deviations), nan=0.0)


class Reference(_Plain):
    """The base at the fit, against which drift is measured."""

    edges: tuple[tuple[float, ...], ...]  # per feature: the inner deciles, each once
    bins: tuple[tuple[float, ...], ...]  # per feature: share of rows up to each edge, and beyond
    classes: tuple[float, ...]  # per class: share of rows


class ClusterModel(_Plain):
    """All that classing a customer takes; lists follow the order of `features` or of `names`."""

    features: tuple[str, ...]
    scale: Scale
    centres: tuple[tuple[float, ...], ...]  # in standard deviations
    names: tuple[str, ...]  # most spend per customer first
    tested: tuple[Candidate, ...]
    verdict: Literal["natural", "reproducible", "constructed"]
    mixture_agreement: float  # adjusted Rand index with a Gaussian mixture of the same k
    reference: Reference
    rows: int

    @property
    def kept(self) -> Candidate:
        """What was found for the number of clusters that was kept."""
        return next(one for one in self.tested if one.k == len(self.names))


def raw_features(model: ClusterModel, features: pl.DataFrame) -> np.ndarray:
    """The model's features as an array, shape (rows, features), NaN where one is absent or null."""
    known = [
        pl.col(name).cast(pl.Float64) if name in features.columns else pl.lit(None, pl.Float64)
        for name in model.features
    ]
    columns = features.select(
        made.fill_null(float("nan")).alias(name)
        for name, made in zip(model.features, known, strict=True)
    )
    return columns.to_numpy()


def positions(model: ClusterModel, features: pl.DataFrame) -> np.ndarray:
    """Position of each row's class in `model.names`, block by block to spare memory."""
    centres = np.array(model.centres)
    blocks = [
        cluster_tests.nearest(model.scale.standardised(raw_features(model, block)), centres)
        for block in features.iter_slices(PREDICTED_ROWS)
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)
