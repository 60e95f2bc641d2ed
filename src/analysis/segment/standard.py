"""The standard in force: cut points, typical rhythm, cluster centres and names, kept from month to month.

A month takes the standard of the latest earlier month that was published and fits a part of it anew only
when the part is missing or the base has drifted away from it; so a class means the same from month to
month, and a month is a pure function of its data and that one document.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.segment import clusters, rfm
from analysis.segment.clusters import ClusterModel
from analysis.segment.rfm import CutPoints

DEFINITE_MONTHS = 12  # a standard fitted on less is provisional
MOST_DRIFT = 0.25  # population stability index; the customary bound for "has changed"
MOST_GAP_CHANGE = 0.25  # of the logarithm of the typical gap


class Part(BaseModel):
    """A part of the standard, and since when it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    fitted_in: str  # YYYY-MM
    months_seen: int  # calendar months with data when it was fitted
    confirmed_in: str | None = None  # the month in which a year of data confirmed it

    @property
    def provisional(self) -> bool:
        """Whether it rests on less than a year of data, and no year has confirmed it."""
        return self.months_seen < DEFINITE_MONTHS and self.confirmed_in is None


class RfmPart(Part):
    """Cut points of the RFM scores, and how many customers had each score when they were fitted."""

    cuts: CutPoints
    recency_shares: tuple[float, ...]
    monetary_shares: tuple[float, ...]


class ValuePart(Part):
    """Lowest revenue and margin of a year for the high and the middle tier."""

    revenue: tuple[float, float]
    margin: tuple[float, float] | None
    shares: tuple[float, ...]  # of customers in the low, middle and high tier by revenue


class RhythmPart(Part):
    """The gap between purchases that one-time buyers are measured with."""

    typical_gap_days: float


class ClusterPart(Part):
    """Clusters with all that was measured when they were fitted."""

    model: ClusterModel


class Standard(BaseModel):
    """All that classes are measured with; a part is None where the data never sufficed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rfm: RfmPart | None = None
    value: ValuePart | None = None
    rhythm: RhythmPart | None = None
    cluster: ClusterPart | None = None
    psychographic: ClusterPart | None = None


@dataclass(frozen=True)
class Decision:
    """The month's standard, and what became of each part and why."""

    standard: Standard
    log: pl.DataFrame  # part, fitted_in, months_seen, state, drift, allowed, happened
    events: pl.DataFrame  # as clusters.match: what became of each cluster at a refit


@dataclass(frozen=True)
class Bases:
    """What the parts are fitted on; `past` and `outcomes` test predictive validity if there are any."""

    facts: pl.DataFrame
    features: pl.DataFrame  # as clusters.cluster_features
    attitudes: pl.DataFrame  # as attitudes.attitude_features
    enough: bool = True  # whether the gate is open: else nothing but the rhythm is fitted
    past: pl.DataFrame | None = None
    outcomes: pl.DataFrame | None = None


def decide(previous: Standard | None, bases: Bases, month: Month, settings: Settings) -> Decision:
    """The standard of a month: each part kept, confirmed, fitted for the first time, or anew.

    Args:
        previous: of the latest earlier month; None where there is none.
        bases: the customers of the month.
        month: the month.
        settings: shares of the value tiers, seed.
    """
    old = previous or Standard()
    origin = {"fitted_in": str(month), "months_seen": months_seen(bases.facts, month)}
    seed = settings.seed
    parts, lines, events = {}, [], []

    def settle(name: str, fit: Callable, drift: Callable) -> None:
        allowed = bases.enough or name == "rhythm"
        part, line = _settle(getattr(old, name), fit if allowed else lambda: None, drift, origin)
        parts[name] = part
        lines.append({"part": name, **line})

    settle("rfm", lambda: _fit_rfm(bases.facts, origin), lambda p: _rfm_drift(p, bases.facts))
    settle(
        "value",
        lambda: _fit_value(bases.facts, origin, settings),
        lambda p: _value_drift(p, bases.facts),
    )
    settle(
        "rhythm", lambda: _fit_rhythm(bases.facts, origin), lambda p: _gap_change(p, bases.facts)
    )
    for name, features, namer in (
        ("cluster", bases.features, clusters.name_clusters),
        ("psychographic", bases.attitudes, clusters.name_attitudes),
    ):
        tested = (bases.past, bases.outcomes) if name == "cluster" else (None, None)

        def fit(features=features, namer=namer, tested=tested) -> ClusterPart | None:
            model = clusters.fit(features, seed, *tested, namer=namer)
            return model and ClusterPart(model=model, **origin)

        settle(name, fit, lambda p, f=features: clusters.needs_refit(p.model, f, seed))
        before, after = getattr(old, name), parts[name]
        if before and after and after.fitted_in == str(month) != before.fitted_in:
            model, told = clusters.match(before.model, after.model, features)
            parts[name] = after.model_copy(update={"model": model})
            events.append(told.with_columns(part=pl.lit(name)))
    log = pl.DataFrame(lines, schema=_LOG)
    return Decision(Standard(**parts), log, pl.concat(events) if events else _no_events())


_LOG = {
    "part": pl.String,
    "fitted_in": pl.String,
    "months_seen": pl.Int64,
    "state": pl.String,
    "drift": pl.Float64,
    "allowed": pl.Float64,
    "happened": pl.String,
}


def _no_events() -> pl.DataFrame:
    text = dict.fromkeys(("event", "old", "new"), pl.String)
    return pl.DataFrame(schema={**text, "overlap": pl.Float64, "part": pl.String})


def _settle(old: Part | None, fit: Callable, drift: Callable, origin: dict) -> tuple:
    """One part of the month's standard, with what became of it."""
    measured, allowed, refit = drift(old) if old else (None, None, True)
    fitted = fit() if refit else None
    if fitted is not None:
        part, happened = fitted, "refitted" if old else "first"
    elif old is None:
        return None, {"happened": "too_little"}
    elif refit:
        part, happened = old, "kept_for_want_of_data"
    elif old.provisional and origin["months_seen"] >= DEFINITE_MONTHS:
        part = old.model_copy(update={"confirmed_in": origin["fitted_in"]})
        happened = "confirmed"
    else:
        part, happened = old, "kept"
    line = {
        "fitted_in": part.fitted_in,
        "months_seen": part.months_seen,
        "state": "provisional" if part.provisional else "definite",
        "drift": measured,
        "allowed": allowed,
        "happened": happened,
    }
    return part, line


def months_seen(facts: pl.DataFrame, month: Month) -> int:
    """Calendar months from the first purchase to the month, both counted."""
    if facts.is_empty():
        return 0
    first = facts["first_purchase"].min()
    return 12 * (month.year - first.year) + month.number - first.month + 1


def stability_index(reference: tuple[float, ...], now: tuple[float, ...]) -> float:
    """Population stability index of two distributions over the same bins.

    sum((now - reference) * ln(now / reference)), empty bins taken as one in ten thousand.
    """
    before, after = (np.maximum(np.array(one, float), 1e-4) for one in (reference, now))
    return round(float(((after - before) * np.log(after / before)).sum()), 6)


def _shares(values: pl.Series, classes: range) -> tuple[float, ...]:
    counts = [int((values == one).sum()) for one in classes]
    return tuple(round(count / max(len(values), 1), 9) for count in counts)


def _fit_rfm(facts: pl.DataFrame, origin: dict) -> RfmPart:
    cuts = rfm.fit_cut_points(facts)
    scores = rfm.score(facts, cuts)
    return RfmPart(
        cuts=cuts,
        recency_shares=_shares(scores["recency_score"], range(1, 6)),
        monetary_shares=_shares(scores["monetary_score"], range(1, 6)),
        **origin,
    )


def _rfm_drift(part: RfmPart, facts: pl.DataFrame) -> tuple[float, float, bool]:
    scores = rfm.score(facts, part.cuts)
    drift = max(
        stability_index(part.recency_shares, _shares(scores["recency_score"], range(1, 6))),
        stability_index(part.monetary_shares, _shares(scores["monetary_score"], range(1, 6))),
    )
    return drift, MOST_DRIFT, drift > MOST_DRIFT


def _fit_value(facts: pl.DataFrame, origin: dict, settings: Settings) -> ValuePart:
    margin = facts["margin_365"]
    revenue = _tier_edges(facts["spend_365"], settings)
    return ValuePart(
        revenue=revenue,
        margin=None if margin.null_count() == len(margin) else _tier_edges(margin, settings),
        shares=_shares(_tier(facts, revenue), range(3)),
        **origin,
    )


def _tier_edges(values: pl.Series, settings: Settings) -> tuple[float, float]:
    """The least value of the middle and of the high tier; nobody without value is above low."""
    shares = settings.segment
    high = 1 - shares.high_value_share
    least = [values.quantile(q, "nearest") for q in (high - shares.middle_value_share, high)]
    cent = float(settings.cent)
    return tuple(max(round(float(one), 4), cent) for one in least)


def _tier(facts: pl.DataFrame, edges: tuple[float, float]) -> pl.Series:
    above = [(pl.col("spend_365") >= edge).cast(pl.Int64) for edge in edges]
    return facts.select(tier=pl.sum_horizontal(above))["tier"]


def _value_drift(part: ValuePart, facts: pl.DataFrame) -> tuple[float, float, bool]:
    drift = stability_index(part.shares, _shares(_tier(facts, part.revenue), range(3)))
    return drift, MOST_DRIFT, drift > MOST_DRIFT


def _fit_rhythm(facts: pl.DataFrame, origin: dict) -> RhythmPart | None:
    gap = facts["own_gap_days"].median()
    return None if gap is None else RhythmPart(typical_gap_days=float(gap), **origin)


def _gap_change(part: RhythmPart, facts: pl.DataFrame) -> tuple[float | None, float, bool]:
    gap = facts["own_gap_days"].median()
    if gap is None:
        return None, MOST_GAP_CHANGE, False
    change = round(abs(float(np.log(gap / part.typical_gap_days))), 6)
    return change, MOST_GAP_CHANGE, change > MOST_GAP_CHANGE
