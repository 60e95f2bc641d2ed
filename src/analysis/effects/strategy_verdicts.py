"""Which class strategy to keep, change or stop: only measured effects with their interval decide."""

from collections.abc import Sequence

import polars as pl

from analysis.effects.scorecard_rows import judged
from analysis.intervals import Z
from analysis.tables import empty

CLASS = ("axis", "class")
UNMEASURED = "none"
LEAST_OF_CLASS = 20  # customers of a class in a campaign from which on it was for that class
SCHEMA = {
    **dict.fromkeys((*CLASS, "action"), pl.String),
    "owner": pl.String,
    **dict.fromkeys(("customers", "campaigns"), pl.Int64),
    "own_class": pl.Boolean,
    **dict.fromkeys(("difference", "low", "high", "break_even"), pl.Float64),
    **dict.fromkeys(("verdict", "reason"), pl.String),
    **dict.fromkeys(("rate", "rate_low", "rate_high", "left_class"), pl.Float64),
}


def strategy_verdicts(
    cards: pl.DataFrame,
    effects: pl.DataFrame,
    targets: pl.DataFrame,
    class_rates: pl.DataFrame,
    migration: pl.DataFrame,
) -> pl.DataFrame:
    """For each class strategy what its measured effects allow to say.

    Effects on one class and action are joined by fixed-effect weights (inverse variance), each less its
    break-even. `keep`: the interval of the effect lies wholly above break-even. `stop`: wholly below,
    and not above zero either. `change`: wholly below break-even but wholly above zero, so that the
    action does something, only not enough for its cost. Everything else: `cannot_tell`. What a class
    did without a control (`rate`, `left_class`) stands beside it and never decides.

    Args:
        cards: as `segment.strategies.cards` returns it.
        effects: as `of_spend` returns it, or any frame of one measure with `campaign`, `action`,
            `difference`, `low`, `high` (95 %; null: not measurable), `break_even` (null: no cost
            is known, so nothing can be kept), and `axis` and `class` where measured within a class.
        targets: `campaign`, `axis`, `class`: whom a campaign was for. An effect without a class counts
            for each of these, marked by `own_class` false: it is assumed to be alike in all of them.
        class_rates: the table `class_rates`; empty without one.
        migration: the table `migration`; empty without one.

    Returns:
        One row per card and measured action, in the order of the cards: `axis`, `class`, `action`
        (`none` where nothing was measured), `owner`, `customers`, `campaigns` (measured), `own_class`,
        `difference` with `low`, `high`, `break_even`, `verdict`, `reason` (`above`, `below`, `small`,
        `overlaps`, `no_cost`, `not_measurable`, `nothing_measured`), `rate` with limits (bought in the
        last closed window), `left_class` (share who moved to another class since the month before).
    """
    pooled = _pooled(_of_classes(effects, targets))
    context = cards.select(*CLASS, "owner", "customers").with_row_index("place")
    context = context.join(_rates(class_rates), on=CLASS, how="left")
    context = context.join(_leavers(migration), on=CLASS, how="left")
    joined = context.join(pooled, on=CLASS, how="left").sort("place", "action")
    filled = joined.with_columns(
        pl.col("action").fill_null(UNMEASURED), pl.col("campaigns").fill_null(0)
    )
    said = [_verdict(row) for row in filled.to_dicts()]
    words = pl.DataFrame(said, schema=dict.fromkeys(("verdict", "reason"), pl.String), orient="row")
    return pl.concat([filled, words], how="horizontal").select(*SCHEMA).cast(SCHEMA)


def of_spend(effects: pl.DataFrame, payoff: pl.DataFrame) -> pl.DataFrame:
    """The effects on spend of all campaigns, with what would pay.

    Args:
        effects: the table `effects`.
        payoff: the table `effects_payoff`.

    Returns:
        One row per campaign: `campaign`, `action` (`none` where its list names none), `difference`,
        `low`, `high` (null: not measurable, or not yet), `break_even`.
    """
    spend = effects.filter(pl.col("measure") == "spend")
    least = payoff.select("campaign", "break_even")
    return (
        spend.join(least, on="campaign", how="left")
        .sort("campaign")
        .select(
            "campaign",
            pl.col("action").cast(pl.String).fill_null(UNMEASURED),
            *("difference", "low", "high", "break_even"),
        )
    )


def targets_of(plans: Sequence[pl.DataFrame | None]) -> pl.DataFrame:
    """Whom each campaign was for: the classes with at least 20 of its customers.

    Args:
        plans: the tables `action_plan` of earlier months; None where a month has none.

    Returns:
        One row per campaign and class: `campaign`, `axis` (`rfm`), `class`.
    """
    planned = [empty("action_plan"), *(plan for plan in plans if plan is not None)]
    names = ("campaign", "class")
    rows = pl.concat([plan.select(pl.col(names).cast(pl.String)) for plan in planned])
    sizes = rows.drop_nulls("class").group_by("campaign", "class").agg(size=pl.len())
    large = sizes.filter(pl.col("size") >= LEAST_OF_CLASS).sort("campaign", "class")
    return large.select("campaign", pl.lit("rfm").alias("axis"), "class")


def _of_classes(effects: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Effects by class: measured within it, or of a campaign that was for it."""
    types = {"campaign": pl.String, "action": pl.String, **dict.fromkeys(CLASS, pl.String)}
    types |= dict.fromkeys(("difference", "low", "high", "break_even"), pl.Float64)
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in types.items()
        if name not in effects.columns
    ]
    known = effects.with_columns(absent).select(*types).cast(types)
    known = known.with_columns(pl.col("action").fill_null(UNMEASURED))
    within = known.filter(pl.col("class").is_not_null()).with_columns(own_class=pl.lit(True))
    whole = known.filter(pl.col("class").is_null()).drop(CLASS)
    classes = targets.select("campaign", *CLASS).unique()
    spread = whole.join(classes, on="campaign").with_columns(own_class=pl.lit(False))
    seen = within.select("campaign", *CLASS).unique()  # the class's own effect is the better one
    spread = spread.join(seen, on=["campaign", *CLASS], how="anti")
    return pl.concat([within, spread.select(within.columns)])


def _pooled(effects: pl.DataFrame) -> pl.DataFrame:
    """Fixed-effect means by class and action; null limits where no campaign could be measured."""
    error = (pl.col("high") - pl.col("low")) / (2 * Z)
    weighted = effects.sort("campaign").with_columns(weight=pl.when(error > 0).then(error**-2))
    share = pl.col("weight") / pl.col("weight").sum()
    any_weight, weighed = pl.col("weight").count() > 0, pl.col("weight").is_not_null()
    costs_known = pl.col("break_even").filter(weighed).null_count() == 0
    mean = {
        name: (share * pl.col(name)).filter(weighed).sum() for name in ("difference", "break_even")
    }
    pooled = weighted.group_by(*CLASS, "action", maintain_order=True).agg(
        difference=pl.when(any_weight).then(mean["difference"]),
        break_even=pl.when(any_weight & costs_known).then(mean["break_even"]),
        half=Z * pl.col("weight").sum() ** -0.5,
        campaigns=pl.col("weight").count().cast(pl.Int64),
        tried=pl.len(),
        own_class=pl.col("own_class").all(),
    )
    limits = {"low": pl.col("difference") - pl.col("half")}
    limits["high"] = pl.col("difference") + pl.col("half")
    return pooled.with_columns(**limits).drop("half")


def _verdict(row: dict) -> tuple[str, str]:
    if row["tried"] is None:
        return "cannot_tell", "nothing_measured"
    if row["low"] is None:
        return "cannot_tell", "not_measurable"
    least = row["break_even"]
    if least is None:  # whatever it cost, an action that lowers spend does not pay
        lower = judged(row["low"], row["high"]) == "worse"
        return ("stop", "below") if lower else ("cannot_tell", "no_cost")
    paid = judged(row["low"] - least, row["high"] - least)
    if paid == "better":
        return "keep", "above"
    if paid == "worse":
        works = judged(row["low"], row["high"]) == "better"
        return ("change", "small") if works else ("stop", "below")
    return "cannot_tell", "overlaps"


def _rates(class_rates: pl.DataFrame) -> pl.DataFrame:
    return class_rates.select(*CLASS, "rate", rate_low="low", rate_high="high")


def _leavers(migration: pl.DataFrame) -> pl.DataFrame:
    """The share of each earlier class's customers who are in another one now."""
    gone = pl.col("customers").filter(pl.col("class") != pl.col("previous_class")).sum()
    total = pl.col("customers").sum()
    shares = migration.group_by("axis", "previous_class").agg(
        left_class=pl.when(total > 0).then(gone / total)
    )
    return shares.rename({"previous_class": "class"})
