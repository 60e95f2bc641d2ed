"""Computed sentences about clusters, as arguments for `run.say`."""

import numpy as np
import polars as pl

from analysis.labels import group, label
from analysis.report.show import Share
from analysis.segment import drift
from analysis.segment.cluster_model import LEAST_JACCARD, MOST_BETWEEN, ClusterModel
from analysis.segment.cluster_names import DESCRIPTIONS, names_hold
from analysis.segment.clusters import TOO_LITTLE

ABOVE, FAR = 0.4, 1.0  # standard deviations
LEVELS = ["far_below", "below", "usual", "above", "far_above"]
ALIKE = 0.75  # adjusted Rand index from which two methods are said to agree
SIGNIFICANT = 0.05


def class_word(key: str) -> str:
    """A class in words; one that comes from the data stands for itself."""
    known = group("class").get(key)
    return known["en"] if known else key.replace("_", " ")


def feature_word(name: str) -> str:
    """A feature in words; an item of a survey stands for itself."""
    return group("clusters.feature").get(name, name.replace("_", " "))


def level(value: float) -> str:
    """How far a centre lies from the mean customer, as a key of `[clusters]`."""
    return LEVELS[int(np.searchsorted([-FAR, -ABOVE, ABOVE, FAR], value))]


def centre_in_words(model: ClusterModel, name: str) -> str:
    """What sets a cluster apart from the mean customer, feature by feature."""
    centre = model.centres[model.names.index(name)]
    told = [
        f"{feature_word(feature)} {label(f'clusters.{level(value)}')}"
        for feature, value in zip(model.features, centre, strict=True)
        if level(value) != "usual"
    ]
    return ", ".join(told) or label("clusters.usual")


def verdict(model: ClusterModel | None) -> dict:
    """Whether the clusters are natural, reproducible or constructed, and by which figures."""
    if model is None:
        return {"key": "clusters.too_little"}
    found, key = model.kept, f"clusters.{model.verdict}"
    if model.verdict == "reproducible":
        cloud = found.p <= SIGNIFICANT and found.between > MOST_BETWEEN
        key += "_above" if cloud else "_chance"
    return {
        "key": key,
        "k": found.k,
        "silhouette": f"{found.silhouette:.2f}",
        "null": f"{found.null_mean:.2f}",
        "p": f"{found.p:.2g}",
        "between": f"{found.between:.2g}",
        "jaccard": f"{found.least_jaccard:.2f}",
        "least": f"{LEAST_JACCARD:.2f}",
    }


def kept(model: ClusterModel | None) -> dict:
    """Why this number of clusters and no other."""
    if model is None:
        return {"key": "clusters.too_little"}
    passing = ", ".join(str(one.k) for one in model.tested if one.passes)
    if not passing:
        return {"key": "clusters.kept_least_bad", "k": model.kept.k}
    if model.kept.validity is None:
        key = "clusters.kept_natural" if model.verdict == "natural" else "clusters.kept_largest"
        return {"key": key, "passing": passing, "k": model.kept.k}
    return {
        "key": "clusters.kept_by_validity",
        "passing": passing,
        "k": model.kept.k,
        "validity": Share(max(model.kept.validity, 0)),
    }


def mixture(model: ClusterModel | None) -> dict:
    """Whether another method would have drawn the same lines."""
    if model is None:
        return {"key": "clusters.too_little"}
    alike = model.mixture_agreement >= ALIKE
    key = "clusters.mixture_agrees" if alike else "clusters.mixture_differs"
    return {"key": key, "agreement": f"{model.mixture_agreement:.2f}"}


def names(profile: pl.DataFrame) -> dict:
    """Whether the clusters' names say what is true of their medians.

    Args:
        profile: rows of `segment_profile` of the axis `cluster`.
    """
    if TOO_LITTLE in profile["class"]:
        return {"key": "clusters.too_little"}
    if not DESCRIPTIONS.keys() & set(profile["class"]):
        return {"key": "clusters.names_untested"}
    wrong = names_hold(profile)
    if not wrong:
        return {"key": "clusters.names_hold"}
    return {"key": "clusters.names_fail", "names": ", ".join(f"“{class_word(n)}”" for n in wrong)}


def trigger(decision: tuple[bool, str, dict[str, object]]) -> dict:
    """Why the clusters were kept or fitted anew.

    Args:
        decision: as `drift.needs_refit` returns it.
    """
    _, key, values = decision
    least = Share(drift.LEAST_CLASS) if key == "clusters.refit_emptied" else f"{LEAST_JACCARD:.2f}"
    return {"key": key, "least": least, "most": f"{drift.MOST_PSI:.2f}"} | {
        name: _worded(name, value) for name, value in values.items()
    }


def absent(moved: pl.DataFrame) -> dict:
    """Which features of the clusters are not known this month.

    Args:
        moved: as `drift.drift` returns it.
    """
    names = moved.filter(pl.col("psi").is_null())["feature"].to_list()
    if not names:
        return {"key": "clusters.all_known"}
    return {"key": "clusters.some_absent", "features": ", ".join(map(feature_word, names))}


def events(happened: pl.DataFrame) -> list[dict]:
    """What became of each cluster at a refit, one sentence for each row.

    Args:
        happened: as `drift.match` returns it.
    """
    sentences = []
    for row in happened.iter_rows(named=True):
        moved = row["event"] == "survived" and row["old"] != row["new"]
        key = "clusters.renamed" if moved else f"clusters.{row['event']}"
        words = {name: class_word(row[name]) for name in ("old", "new") if row[name] is not None}
        overlap = {} if row["overlap"] is None else {"overlap": Share(row["overlap"])}
        sentences.append({"key": key, **words, **overlap})
    return sentences


def _worded(name: str, value: object) -> object:
    if name == "class":
        return class_word(value)
    if name == "feature":
        return feature_word(value)
    if name == "share":
        return Share(value)
    if name in ("psi", "agreement"):
        return f"{value:.2f}"
    return value
