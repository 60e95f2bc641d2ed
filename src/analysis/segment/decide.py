"""The standard in force from month to month: when a part is fitted, kept, confirmed, or fitted anew.

A month takes the standard of the latest earlier month that was published and fits a part of it anew only
when the part is missing or the base has drifted away from it; so a class means the same from month to
month, and a month is a pure function of its data and that one document.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.segment import cluster_names, clusters, rfm
from analysis.segment import drift as drifts
from analysis.segment.standard import (
    DEFINITE_MONTHS,
    ClusterPart,
    Part,
    RfmPart,
    RhythmPart,
    Standard,
    ValuePart,
)

_NAMERS = {
    "cluster": cluster_names.name_clusters,
    "psychographic": cluster_names.name_attitudes,
}
MOST_DRIFT = 0.25  # population stability index; the customary bound for "has changed"
MOST_GAP_CHANGE = 0.25  # of the logarithm of the typical gap


@dataclass(frozen=True)
class Decision:
    """The month's standard, and what became of each part and why."""

    standard: Standard
    log: pl.DataFrame  # part, fitted_in, months_seen, state, drift, allowed, happened
    cluster_trigger: tuple | None  # as drift.needs_refit; None where there was nothing to keep
    cluster_events: pl.DataFrame | None  # as drift.match; None where the clusters were not refitted


@dataclass(frozen=True)
class Drift:
    """How far the base has moved away from a part, and whether that asks for a refit."""

    measured: float | None
    allowed: float | None
    refit: bool
    told: tuple | None = None


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
    fits = _fits(bases, origin, settings)
    parts, lines, triggers = {}, [], {}
    for name, (fit, drift) in fits.items():
        part = getattr(old, name)
        found = drift(part) if part else Drift(None, None, True)
        parts[name], line = _settle(part, fit, found, origin)
        lines.append({"part": name, **line})
        triggers[name] = found.told
    events = {}
    for name, features in (("cluster", bases.features), ("psychographic", bases.attitudes)):
        before, after = getattr(old, name), parts[name]
        if before and after.model != before.model:
            namer = _NAMERS[name]
            model, events[name] = drifts.match(before.model, after.model, features, namer)
            parts[name] = after.model_copy(update={"model": model})
    log = pl.DataFrame(lines, schema=_LOG)
    return Decision(Standard(**parts), log, triggers["cluster"], events.get("cluster"))


def _fits(bases: Bases, origin: dict, settings: Settings) -> dict[str, tuple[Callable, Callable]]:
    """How each part is fitted, and how its drift is measured."""
    facts, seed, enough = bases.facts, settings.seed, bases.enough

    def cluster() -> ClusterPart | None:
        model = clusters.fit(bases.features, seed, bases.outcomes, at_cut_off=bases.past)
        return model and ClusterPart(model=model, **origin)

    def psychographic() -> ClusterPart | None:
        model = clusters.fit(bases.attitudes, seed, namer=_NAMERS["psychographic"])
        return model and ClusterPart(model=model, **origin)

    return {
        "rfm": (
            lambda: _fit_rfm(facts, origin) if enough else None,
            lambda p: _rfm_drift(p, facts),
        ),
        "value": (
            lambda: _fit_value(facts, origin, settings) if enough else None,
            lambda p: _value_drift(p, facts),
        ),
        "rhythm": (lambda: _fit_rhythm(facts, origin), lambda p: _gap_change(p, facts)),
        "cluster": (
            lambda: cluster() if enough else None,
            lambda p: _cluster_drift(p, bases.features, seed),
        ),
        "psychographic": (
            lambda: psychographic() if enough else None,
            lambda p: _cluster_drift(p, bases.attitudes, seed),
        ),
    }


def _cluster_drift(part: ClusterPart, features: pl.DataFrame, seed: int) -> Drift:
    refit, key, values = drifts.needs_refit(part.model, features, seed)
    return Drift(values.get("psi"), drifts.MOST_PSI, refit, (refit, key, values))


_LOG = {
    "part": pl.String,
    "fitted_in": pl.String,
    "months_seen": pl.Int64,
    "state": pl.String,
    "drift": pl.Float64,
    "allowed": pl.Float64,
    "happened": pl.String,
}


def _settle(old: Part | None, fit: Callable, drift: Drift, origin: dict) -> tuple:
    """One part of the month's standard, with what became of it."""
    fitted = fit() if drift.refit else None
    if fitted is not None:
        part, happened = fitted, "refitted" if old else "first"
    elif old is None:
        return None, {"happened": "too_little"}
    elif drift.refit:
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
        "drift": drift.measured,
        "allowed": drift.allowed,
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


def _rfm_drift(part: RfmPart, facts: pl.DataFrame) -> Drift:
    scores = rfm.score(facts, part.cuts)
    drift = max(
        stability_index(part.recency_shares, _shares(scores["recency_score"], range(1, 6))),
        stability_index(part.monetary_shares, _shares(scores["monetary_score"], range(1, 6))),
    )
    return Drift(drift, MOST_DRIFT, drift > MOST_DRIFT)


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


def _value_drift(part: ValuePart, facts: pl.DataFrame) -> Drift:
    drift = stability_index(part.shares, _shares(_tier(facts, part.revenue), range(3)))
    return Drift(drift, MOST_DRIFT, drift > MOST_DRIFT)


def _fit_rhythm(facts: pl.DataFrame, origin: dict) -> RhythmPart | None:
    gap = facts["own_gap_days"].median()
    return None if gap is None else RhythmPart(typical_gap_days=float(gap), **origin)


def _gap_change(part: RhythmPart, facts: pl.DataFrame) -> Drift:
    gap = facts["own_gap_days"].median()
    if gap is None:
        return Drift(None, MOST_GAP_CHANGE, False)
    change = round(abs(float(np.log(gap / part.typical_gap_days))), 6)
    return Drift(change, MOST_GAP_CHANGE, change > MOST_GAP_CHANGE)
