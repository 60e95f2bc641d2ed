"""The axes of the classification whose classes are rules: who belongs where, and the rule in words.

Every axis is one expression over the facts of a customer, so that a million customers are classed in one
pass; clusters and survey attitudes, which are nearest centres, join them in `classes`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from analysis.labels import group, label
from analysis.run.settings import Settings
from analysis.segment import rfm
from analysis.segment.cluster_words import centre_in_words
from analysis.segment.facts import YEAR_DAYS
from analysis.segment.standard import Standard

UNKNOWN, TOO_LITTLE, ONE_TIME, PROSPECT = "unknown", "too_little_data", "one_time", "prospect"
ONBOARDING_DAYS = (30, 60, 90)


@dataclass(frozen=True)
class Axis:
    """One way to class customers.

    `column` is the fact without which nobody can be classed; `classes` are those that a rule names, the
    best first (empty where they come from the data); `fitted` says that it needs the data gate open.
    """

    key: str
    column: str
    classify: Callable[[Standard, Settings], pl.Expr] | None = None
    classes: tuple[str, ...] = ()
    fitted: bool = False


def _rfm(standard: Standard, settings: Settings) -> pl.Expr:
    return rfm.class_of(standard.rfm.cuts)


def _by_revenue(standard: Standard, settings: Settings) -> pl.Expr:
    return _tiers("spend_365", standard.value.revenue, "value")


def _by_margin(standard: Standard, settings: Settings) -> pl.Expr:
    loss = pl.col("margin_365") < 0
    tiers = _tiers("margin_365", standard.value.margin or (0, 0), "margin")
    return pl.when(loss).then(pl.lit("loss_making")).otherwise(tiers)


def _tiers(column: str, edges: tuple[float, float], what: str) -> pl.Expr:
    middle, high = edges
    return (
        pl.when(pl.col(column) >= high)
        .then(pl.lit(f"high_{what}"))
        .when(pl.col(column) >= middle)
        .then(pl.lit(f"middle_{what}"))
        .otherwise(pl.lit(f"low_{what}"))
    )


def _life_cycle(standard: Standard, settings: Settings) -> pl.Expr:
    rule = settings.segment
    often = pl.col("purchases") >= rule.loyal_purchases
    return (
        pl.when(pl.col("purchases") == 1)
        .then(pl.lit("first_purchase"))
        .when(often & (pl.col("idle_days") <= rule.loyal_idle_days))
        .then(pl.lit("loyal"))
        .otherwise(pl.lit("repeat"))
    )


def _onboarding(standard: Standard, settings: Settings) -> pl.Expr:
    second, last = pl.col("days_to_second"), ONBOARDING_DAYS[-1]
    chain = pl.when(second <= ONBOARDING_DAYS[0]).then(pl.lit("second_within_30"))
    chain = chain.when(second <= ONBOARDING_DAYS[1]).then(pl.lit("second_within_60"))
    chain = chain.when(second <= last).then(pl.lit("second_within_90"))
    chain = chain.when(second > last).then(pl.lit("second_later"))
    chain = chain.when(pl.col("T") <= last).then(pl.lit("second_awaited"))
    return chain.otherwise(pl.lit("no_second"))


def _activity(standard: Standard, settings: Settings) -> pl.Expr:
    rule = settings.segment
    typical = standard.rhythm.typical_gap_days if standard.rhythm else None
    gap = pl.coalesce("own_gap_days", pl.lit(typical, pl.Float64)).clip(1)
    return (
        pl.when(pl.col("idle_days") <= rule.slowing_gaps * gap)
        .then(pl.lit("active"))
        .when(pl.col("idle_days") <= rule.silent_gaps * gap)
        .then(pl.lit("slowing"))
        .when(gap.is_not_null())
        .then(pl.lit("silent"))
    )


def _need(standard: Standard, settings: Settings) -> pl.Expr:
    rule = settings.segment
    return (
        pl.when(pl.col("lines") < rule.least_lines)
        .then(pl.lit("unclear"))
        .when(pl.col("service_share") >= rule.service_share)
        .then(pl.lit("service"))
        .when(pl.col("discount_share") >= rule.discount_share)
        .then(pl.lit("price_sensitive"))
        .otherwise(pl.lit("product"))
    )


def _age_band(standard: Standard, settings: Settings) -> pl.Expr:
    edges = settings.segment.age_bands
    bands = pl.when(pl.col("age") >= edges[-1]).then(pl.lit(f"{edges[-1]}+"))
    for low, high in reversed(list(pairwise(edges))):
        bands = bands.when(pl.col("age") >= low).then(pl.lit(f"{low}-{high - 1}"))
    return bands.when(pl.col("age").is_not_null()).then(pl.lit(f"under {edges[0]}"))


def _fact(column: str) -> Callable[[Standard, Settings], pl.Expr]:
    return lambda standard, settings: pl.col(column)


def _tier_of_city(standard: Standard, settings: Settings) -> pl.Expr:
    return "tier_" + pl.col("city_tier")


AXES: dict[str, Axis] = {
    axis.key: axis
    for axis in (
        Axis("rfm", "customer_id", _rfm, tuple(rfm.CELLS), fitted=True),
        Axis("cluster", "customer_id", fitted=True),
        Axis(
            "value_revenue",
            "spend_365",
            _by_revenue,
            ("high_value", "middle_value", "low_value"),
            fitted=True,
        ),
        Axis(
            "value_margin",
            "margin_365",
            _by_margin,
            ("high_margin", "middle_margin", "low_margin", "loss_making"),
            fitted=True,
        ),
        Axis(
            "life_cycle",
            "customer_id",
            _life_cycle,
            ("loyal", "repeat", "first_purchase", PROSPECT),
        ),
        Axis(
            "onboarding",
            "customer_id",
            _onboarding,
            (
                *("second_within_30", "second_within_60", "second_within_90"),
                *("second_later", "second_awaited", "no_second"),
            ),
        ),
        Axis("activity", "customer_id", _activity, ("active", "slowing", "silent")),
        Axis("need", "lines", _need, ("product", "service", "price_sensitive", "unclear")),
        Axis("region", "region", _fact("region")),
        Axis("city_tier", "city_tier", _tier_of_city),
        Axis("age_band", "age", _age_band),
        Axis("gender", "gender", _fact("gender")),
        Axis("income_band", "income_band", _fact("income_band")),
        Axis("industry", "industry", _fact("industry")),
        Axis("company_size", "company_size", _fact("company_size")),
        Axis("psychographic", "customer_id", fitted=True),
    )
}


def has_evidence(axis: Axis, facts: pl.DataFrame) -> bool:
    """Whether any customer can be classed on an axis at all."""
    if axis.key == "need":
        return facts["service_share"].count() + facts["discount_share"].count() > 0
    return facts[axis.column].count() > 0


def classify_by_rules(
    facts: pl.DataFrame, standard: Standard, settings: Settings
) -> dict[str, pl.DataFrame]:
    """Class every customer on every axis of rules that has evidence.

    Args:
        facts: one row per customer, as `customer_facts` returns them.
        standard: the standard to measure with.
        settings: thresholds of the rules.

    Returns:
        Axis = one row per customer: `customer_id`, `class`; who cannot be classed is `unknown`, and
        `too_little_data` where a fitted part of the standard is missing.
    """
    expressions = {}
    for axis in AXES.values():
        if axis.classify is None or not has_evidence(axis, facts):
            continue
        if axis.fitted and (standard.rfm is None or standard.value is None):
            expressions[axis.key] = pl.lit(TOO_LITTLE)
        else:
            expressions[axis.key] = axis.classify(standard, settings).fill_null(UNKNOWN)
    classed = facts.lazy().select("customer_id", **expressions).collect()
    return {key: classed.select("customer_id", pl.col(key).alias("class")) for key in expressions}


def rule_in_words(axis: str, name: str, standard: Standard, settings: Settings) -> str:
    """The rule of a class as the company's standard prints it."""
    words = group("rule")
    if name in words["any"]:
        return words["any"][name]
    if axis == "rfm":
        return label("rule.rfm", cells=rfm.CELLS[name])
    if axis in ("cluster", "psychographic"):
        return label(f"rule.{axis}", centre=centre_in_words(getattr(standard, axis).model, name))
    rule = words.get(axis)
    if isinstance(rule, str):
        known = group("class").get(name)
        return rule.format(name=known["en"] if known else name)
    return rule[name].format(**_values(standard, settings))


def _values(standard: Standard, settings: Settings) -> dict[str, str]:
    """What the rules' sentences are filled with."""
    rule, value = settings.segment, standard.value
    revenue = value.revenue if value else (0, 0)
    margin = (value.margin if value else None) or (0, 0)
    typical = standard.rhythm.typical_gap_days if standard.rhythm else 0
    return {
        "days": f"{YEAR_DAYS}",
        "currency": settings.currency,
        "middle_revenue": f"{revenue[0]:,.2f}",
        "high_revenue": f"{revenue[1]:,.2f}",
        "middle_margin": f"{margin[0]:,.2f}",
        "high_margin": f"{margin[1]:,.2f}",
        "typical_gap": f"{typical:,.0f}",
        **{name: str(getattr(rule, name)) for name in ("loyal_purchases", "loyal_idle_days")},
        **{name: f"{getattr(rule, name):g}" for name in ("slowing_gaps", "silent_gaps")},
        "least_lines": str(rule.least_lines),
        "service_share": f"{rule.service_share:.0%}",
        "discount_share": f"{rule.discount_share:.0%}",
    }
