"""When a kept model of clusters no longer fits, and how a new one takes over the old one's names."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from analysis.segment import cluster_tests
from analysis.segment.cluster_model import (
    LEAST_JACCARD,
    ClusterModel,
    Scale,
    positions,
    raw_features,
)
from analysis.segment.cluster_names import name_clusters
from analysis.segment.clusters import FITTED_ROWS, LEAST_ROWS, Namer

# Above .25 a population has shifted, by the usual reading of the index in credit scoring.
MOST_PSI = 0.25
LEAST_CLASS = 0.01  # share of repeat buyers below which a class says nothing any more
# MONIC (Spiliopoulou and others 2006): from which overlap on a class lives on, and a part counts.
SURVIVED, MERGED, PART = 0.5, 0.5, 0.3


def drift(model: ClusterModel, features: pl.DataFrame) -> pl.DataFrame:
    """How far each feature has moved since the fit, as the population stability index.

    The sum, over the reference's tenths, of (share now - share then) * log(share now / share then),
    with half a row added to each, so that an empty tenth counts as few rows and not as infinite.

    Args:
        features: this month's, as `cluster_features` returns them.

    Returns:
        One row per feature of the model: `feature`, `psi`; null where it is not known this month.
    """
    rows = []
    for name, column, edges, bins in zip(
        model.features,
        raw_features(model, features).T,
        model.reference.edges,
        model.reference.bins,
        strict=True,
    ):
        known = column[~np.isnan(column)]
        psi = _stability_index(known, edges, np.array(bins) * model.rows) if len(known) else None
        rows.append({"feature": name, "psi": psi})
    return pl.DataFrame(rows, schema={"feature": pl.String, "psi": pl.Float64})


def needs_refit(
    model: ClusterModel, features: pl.DataFrame, seed: int
) -> tuple[bool, str, dict[str, object]]:
    """Whether the kept model should give way to a new one.

    It should when a class has all but emptied; or when a feature has drifted and k-means with as
    many clusters, fitted to this month, would class this month's customers differently. Drift alone
    is no reason: where the classes would be the same, a refit only shakes the names.

    Args:
        features: this month's, as `cluster_features` returns them.

    Returns:
        The decision; the key of its sentence; the sentence's values.
    """
    if features.height < LEAST_ROWS:
        return False, "clusters.keep_few_rows", {"rows": features.height}
    kept = positions(model, features)
    shares = np.bincount(kept, minlength=len(model.names)) / len(kept)
    if shares.min() < LEAST_CLASS:
        name = model.names[int(shares.argmin())]
        return True, "clusters.refit_emptied", {"class": name, "share": float(shares.min())}
    moved = drift(model, features).drop_nulls().sort("psi", "feature", descending=True)
    if moved.is_empty():
        return False, "clusters.keep_unknown", {}
    found = moved.row(0, named=True)
    if found["psi"] <= MOST_PSI:
        return False, "clusters.keep_no_drift", found
    found["agreement"] = _agreement_with_refit(model, features, kept, seed)
    if found["agreement"] >= LEAST_JACCARD:
        return False, "clusters.keep_same_classes", found
    return True, "clusters.refit_drifted", found


def match(
    old: ClusterModel, new: ClusterModel, features: pl.DataFrame, namer: Namer = name_clusters
) -> tuple[ClusterModel, pl.DataFrame]:
    """Give the new clusters the names of the old ones whose members they share.

    Args:
        features: this month's; both models class them, and the overlap of members decides.
        namer: names the new clusters that match none, among the names that are left.

    Returns:
        The new model, renamed; and what became of the clusters, in the terms of MONIC
        (Spiliopoulou and others 2006): one row per `event`, `old`, `new`, `overlap`. `survived`:
        overlap is the Jaccard coefficient. `split` and `merged`: the share of the old cluster's
        members that are in the new one. `disappeared` has no new cluster, `emerged` no old one.
    """
    before, after = positions(old, features), positions(new, features)
    sizes = len(old.names), len(new.names)
    overlap = cluster_tests.jaccard(before, after, *sizes)
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    heir = {int(i): int(j) for i, j in pairs if overlap[i, j] >= SURVIVED}
    renamed = _renamed(old, new, heir, namer)
    shares = cluster_tests.shares_within(before, after, *sizes)
    events = pl.DataFrame(
        list(_events(old.names, renamed.names, heir, overlap, shares)),
        schema={
            "event": pl.String,
            "old": pl.String,
            "new": pl.String,
            "overlap": pl.Float64,
        },
        orient="row",
    )
    return renamed, events


def _stability_index(column: np.ndarray, edges: tuple[float, ...], then: np.ndarray) -> float:
    now = np.bincount(np.searchsorted(edges, column), minlength=len(then))
    expected, actual = ((one + 0.5) / (one + 0.5).sum() for one in (then, now))
    return float(((actual - expected) * np.log(actual / expected)).sum())


def _agreement_with_refit(
    model: ClusterModel, features: pl.DataFrame, kept: np.ndarray, seed: int
) -> float:
    """Least Jaccard coefficient of the kept classes with those that they match in a refit."""
    raw = raw_features(model, features)
    raw = np.where(np.isnan(raw), model.scale.means, raw)
    in_order = raw[np.lexsort(raw.T[::-1])]
    scale, k = Scale.of(in_order), len(model.names)
    fitted = cluster_tests.evenly(scale.standardised(in_order), FITTED_ROWS)
    centres = cluster_tests.k_means(fitted, k, seed)
    again = cluster_tests.nearest(scale.standardised(raw), centres)
    overlap = cluster_tests.jaccard(kept, again, k, k)
    return float(overlap[linear_sum_assignment(-overlap)].min())


def _renamed(
    old: ClusterModel, new: ClusterModel, heir: dict[int, int], namer: Namer
) -> ClusterModel:
    names = {j: old.names[i] for i, j in heir.items()}
    rest = [j for j in range(len(new.names)) if j not in names]
    if rest:
        centres = np.array(new.centres)[rest]
        names |= dict(zip(rest, namer(new.features, centres, tuple(names.values())), strict=True))
    return new.model_copy(update={"names": tuple(names[j] for j in range(len(new.names)))})


def _events(
    old: tuple[str, ...],
    new: tuple[str, ...],
    heir: dict[int, int],
    overlap: np.ndarray,
    shares: np.ndarray,
) -> Iterator[tuple]:
    """What became of each old cluster, then the new ones that came of none."""
    goes_to = {i: _destinations(i, heir, shares) for i in range(len(old))}
    parents = Counter([*heir.values(), *(j for parts in goes_to.values() for j in parts)])
    for i, name in enumerate(old):
        parts = goes_to[i]
        if i in heir:
            yield "survived", name, new[heir[i]], float(overlap[i, heir[i]])
        elif not parts:
            yield "disappeared", name, None, None
        elif len(parts) == 1 and parents[parts[0]] == 1:
            yield "survived", name, new[parts[0]], float(overlap[i, parts[0]])
            continue
        event = "merged" if i not in heir and len(parts) == 1 else "split"
        for j in parts:
            yield event, name, new[j], float(shares[i, j])
    for j, name in enumerate(new):
        if not parents[j]:
            yield "emerged", None, name, None


def _destinations(i: int, heir: dict[int, int], shares: np.ndarray) -> list[int]:
    """New clusters that hold a part of an old one, besides its heir, that is worth telling."""
    parts = [int(j) for j in np.argsort(-shares[i], kind="stable") if shares[i, j] >= PART]
    if i in heir:
        return [j for j in parts if j not in heir.values()]
    return parts if len(parts) > 1 or (parts and shares[i, parts[0]] >= MERGED) else []
