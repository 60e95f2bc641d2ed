"""Computed sentences of `03_segment` on the standard and its axes, as arguments for `run.say`."""

import polars as pl

from analysis.labels import label
from analysis.run.settings import Settings
from analysis.segment import cluster_words
from analysis.segment.axes import AXES
from analysis.segment.classes import Classified
from analysis.segment.decide import Decision
from analysis.segment.standard import DEFINITE_MONTHS


def data_gate(found: Classified, settings: Settings) -> dict:
    """Whether there is enough data to fit a standard and to find clusters."""
    facts, standard = found.look.facts, found.decision.standard
    values = {"customers": facts.height, "days": int(facts["T"].max())}
    if standard.rfm is None:
        gate = settings.segment
        minimum = {
            "minimum_customers": gate.minimum_customers,
            "minimum_days": gate.minimum_days,
        }
        return {"key": "segment.too_little", **values, **minimum}
    if standard.cluster is None:
        return {"key": "segment.too_few_repeat", **values}
    return {"key": "segment.enough", **values}


def standard_state(decision: Decision) -> dict:
    """Whether the standard was kept, and whether it rests on a year of data."""
    log = decision.log.drop_nulls("fitted_in")
    fitted = log.filter(pl.col("happened").is_in(["first", "refitted"]))["part"].to_list()
    provisional = log.filter(pl.col("state") == "provisional")["part"].to_list()
    named = {name: label(f"part.{name}") for name in log["part"]}
    state = "standard_provisional" if provisional else "standard_definite"
    change = "standard_fitted" if fitted else "standard_kept"
    return {
        "key": "segment.standard",
        "change": label(f"segment.{change}", parts=", ".join(named[one] for one in fitted)),
        "state": label(
            f"segment.{state}",
            parts=", ".join(named[one] for one in provisional),
            months=DEFINITE_MONTHS,
        ),
    }


def missing_axes(segments: pl.DataFrame) -> pl.DataFrame:
    """The axes on which nobody can be classed, each with the reason: `axis`, `why`."""
    there = set(segments["axis"].unique())
    rows = [(axis, label(f"missing_axis.{axis}")) for axis in AXES if axis not in there]
    return pl.DataFrame(rows, schema={"axis": pl.String, "why": pl.String}, orient="row")


def by_hand(found: Classified, settings: Settings) -> dict:
    """How many classes were set by hand, and how many of the file's customers are not known."""
    if not settings.segment.overrides:
        return {"key": "segment.no_overrides"}
    known = found.segments.select("customer_id", "axis")
    lost = found.overrides.join(known, on=["customer_id", "axis"], how="anti").height
    return {"key": "segment.overrides", "set": int(found.segments["by_hand"].sum()), "lost": lost}


def events(decision: Decision) -> list[dict]:
    """What became of each cluster where they were fitted anew."""
    told = decision.cluster_events
    return [] if told is None else cluster_words.events(told)


def standard_sheet(segments: pl.DataFrame) -> pl.DataFrame:
    """The standard of classification as it was used, the axes in order, the largest class first.

    Returns:
        One row per axis and class: `standard_class` (axis and names), `rule`, `customers`.
    """
    counted = segments.group_by("axis", "class", "class_zh", "rule").agg(
        customers=pl.len().cast(pl.Int64)
    )
    place = {axis: position for position, axis in enumerate(AXES)}
    rows = counted.sort(pl.col("axis").replace_strict(place), -pl.col("customers"), "class")
    named = [
        f"{label(f'axis.{axis}')}: {cluster_words.class_word(name)}" + f" {zh}" * (zh != name)
        for axis, name, zh in rows.select("axis", "class", "class_zh").iter_rows()
    ]
    names = pl.Series("standard_class", named, dtype=pl.String)
    return rows.select(names, "rule", "customers")


def card_axis(cards: pl.DataFrame) -> str:
    """The axis whose cards are shown: that for which the company wrote most, else RFM."""
    own = (
        cards.filter("from_settings")["axis"].value_counts().sort("count", "axis", descending=True)
    )
    return own["axis"][0] if own.height else "rfm"
