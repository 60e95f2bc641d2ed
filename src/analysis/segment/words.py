"""Computed sentences of `03_segment`, as arguments for `run.say`."""

import polars as pl

from analysis.labels import label
from analysis.run.settings import Settings
from analysis.segment.classes import Classification, change_among_silent
from analysis.segment.clusters import TOO_LITTLE, names_hold

LEAST_STABILITY, LEAST_SILHOUETTE = 0.75, 0.5


def data_gate(found: Classification, customers: pl.DataFrame, settings: Settings) -> dict:
    """Whether there is enough data to name classes."""
    values = {"customers": customers.height, "days": int(customers["T"].max())}
    if found.scores is None:
        gate = settings.segment.model_dump()
        return {"key": "segment.too_little", **values, **gate}
    if found.clustering is None:
        return {"key": "segment.too_few_repeat"}
    return {"key": "segment.enough", **values}


def names(profile: pl.DataFrame) -> dict:
    """Whether the clusters' names say what is true of them."""
    clusters = profile.filter(pl.col("axis") == "cluster")
    if TOO_LITTLE in clusters["class"]:
        return {"key": "segment.too_few_repeat"}
    holds = names_hold(clusters)
    return {"key": "segment.names_hold" if holds else "segment.names_fail"}


def rfm_names(found: Classification, profile: pl.DataFrame) -> dict:
    """A reminder of what a name means on this base, by the class whose name promises the most youth."""
    if found.scores is None:
        return {"key": "segment.nothing_to_draw"}
    young = profile.filter((pl.col("axis") == "rfm") & (pl.col("class") == "new"))
    shown = young if young.height else profile.filter(pl.col("axis") == "rfm").head(1)
    row = shown.row(0, named=True)
    return {
        "key": "segment.names_relative",
        "name": label(f"class.{row['class']}.en"),
        "days": f"{row['median_idle_days']:,.0f}",
    }


def stability(found: Classification) -> dict:
    """How reproducible and how distinct the clusters are."""
    if found.clustering is None:
        return {"key": "segment.too_few_repeat"}
    clustering = found.clustering
    if clustering.stability < LEAST_STABILITY:
        verdict = "unstable"
    else:
        verdict = "separate" if clustering.silhouette >= LEAST_SILHOUETTE else "constructed"
    return {
        "key": "segment.stable",
        "stability": f"{clustering.stability:.2f}",
        "silhouette": f"{clustering.silhouette:.2f}",
        "verdict": label(f"segment.verdict_{verdict}"),
    }


def movement(segments: pl.DataFrame, customers: pl.DataFrame, first_day, axis: str) -> dict:
    """How many changed class on an axis, and how many of them did nothing."""
    known = segments.filter(pl.col("previous_class").is_not_null() & (pl.col("axis") == axis))
    if known.is_empty():
        return {"key": "segment.first_month"}
    silent = change_among_silent(known, customers, first_day)
    return {
        "key": "segment.moved",
        "axis": axis,
        "changed": int(known["changed"].sum()),
        "known": known.height,
        "silent": int(silent["silent"].sum()),
        "silent_changed": int(silent["changed"].sum()),
    }
