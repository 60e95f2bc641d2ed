"""A month's classification: the standard, a class per customer and axis, and last month's beside it."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.labels import group
from analysis.run.session import Run
from analysis.run.settings import Settings
from analysis.run.steps import LATEST
from analysis.segment import axes, clusters
from analysis.segment.attitudes import attitude_features
from analysis.segment.axes import AXES, ONE_TIME, PROSPECT, TOO_LITTLE, UNKNOWN
from analysis.segment.compare import LONGEST_MONTH_DAYS, outcomes
from analysis.segment.decide import Bases, Decision, decide
from analysis.segment.evidence import Evidence
from analysis.segment.facts import customer_facts
from analysis.segment.overrides import apply_overrides, load_overrides
from analysis.segment.standard import ClusterPart, Standard

WINDOW_DAYS = 91  # after a cut-off: what the classes are tested on
_KEY = ["customer_id", "axis"]


@dataclass(frozen=True)
class Look:
    """The customers as they are seen from a day, with what was known up to a day."""

    facts: pl.DataFrame
    features: pl.DataFrame  # of repeat buyers, for the clusters
    attitudes: pl.DataFrame


@dataclass(frozen=True)
class Past:
    """The customers at a cut-off whose window has closed, and what they did in it."""

    cut_off: date
    look: Look
    before: Look  # a month before the cut-off
    outcomes: pl.DataFrame


@dataclass(frozen=True)
class Classified:
    """A month's classification, with what its checks need."""

    look: Look
    decision: Decision
    segments: pl.DataFrame  # the table
    chain: pl.DataFrame  # what brought each customer from last month's class to this month's
    past: Past | None
    past_classes: tuple[pl.DataFrame, pl.DataFrame] | None  # at the cut-off, and a month before it
    overrides: pl.DataFrame


def classify_month(run: Run, evidence: Evidence) -> Classified:
    """Class every customer on every axis that has evidence.

    Args:
        run: the month; gives last month's classes and standard, and the settings.
        evidence: the clean tables of the month.
    """
    settings, as_of = run.settings, run.as_of
    now = look(evidence, as_of, settings)
    past = _past(evidence, as_of, settings)
    document = run.read_earlier_document("standard")
    old = Standard.model_validate(document) if document else None
    bases = Bases(
        now.facts,
        now.features,
        now.attitudes,
        enough=enough_data(now.facts, settings),
        past=past and past.look.features,
        outcomes=past and past.outcomes,
    )
    decision = decide(old, bases, run.month, settings)
    overrides = load_overrides(settings)
    ruled = classify(now, decision.standard, settings, prospects(evidence))
    classes = apply_overrides(ruled, overrides)
    previous = run.read_earlier("segments", LATEST)
    segments = segments_table(classes, previous, decision.standard, settings)
    chain = _chain(segments, old or decision.standard, now, evidence, run)
    past_classes = past and tuple(
        classify(one, decision.standard, settings) for one in (past.look, past.before)
    )
    return Classified(now, decision, segments, chain, past, past_classes, overrides)


def look(evidence: Evidence, as_of: date, settings: Settings) -> Look:
    """The customers of some evidence, looked at from a day."""
    facts = customer_facts(evidence, as_of, settings)
    attitudes = attitude_features(evidence["surveys"], settings)
    return Look(facts, clusters.cluster_features(facts), attitudes)


def enough_data(facts: pl.DataFrame, settings: Settings) -> bool:
    """Whether there are customers and history enough to fit a standard at all."""
    gate = settings.segment
    return facts.height >= gate.minimum_customers and facts["T"].max() >= gate.minimum_days


def prospects(evidence: Evidence) -> pl.DataFrame:
    """Persons with a record and no purchase: `customer_id`."""
    persons = evidence["profiles"].select(customer_id="person_id").unique()
    bought = evidence.occasions.select("customer_id").unique()
    return persons.join(bought, on="customer_id", how="anti").sort("customer_id")


def classify(
    seen: Look, standard: Standard, settings: Settings, prospects: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Class the customers of a look by a standard.

    Returns:
        One row per customer and axis: `customer_id`, `axis`, `class`; prospects have a class on the
        axis `life_cycle` only.
    """
    found = axes.classify_by_rules(seen.facts, standard, settings)
    found["cluster"] = _clusters(seen, standard.cluster)
    if standard.psychographic:
        found["psychographic"] = _attitudes(seen, standard.psychographic)
    if prospects is not None:
        waiting = prospects.select("customer_id", pl.lit(PROSPECT).alias("class"))
        found["life_cycle"] = pl.concat([found["life_cycle"], waiting])
    ordered = [
        found[key].select("customer_id", pl.lit(key).alias("axis"), "class")
        for key in AXES
        if key in found
    ]
    return pl.concat(ordered)


def _clusters(seen: Look, part: ClusterPart | None) -> pl.DataFrame:
    """Clusters for repeat buyers, the rule's class for one-time buyers."""
    customers = seen.facts.select("customer_id", "frequency")
    if part is None:
        return customers.select("customer_id", pl.lit(TOO_LITTLE).alias("class"))
    members = clusters.predict(part.model, seen.features)
    joined = customers.join(members, on="customer_id", how="left")
    return joined.select("customer_id", pl.col("class").fill_null(ONE_TIME))


def _attitudes(seen: Look, part: ClusterPart) -> pl.DataFrame:
    answered = clusters.predict(part.model, seen.attitudes)
    joined = seen.facts.select("customer_id").join(answered, on="customer_id", how="left")
    return joined.with_columns(pl.col("class").fill_null(UNKNOWN))


def segments_table(
    classes: pl.DataFrame, previous: pl.DataFrame | None, standard: Standard, settings: Settings
) -> pl.DataFrame:
    """The table `segments`: the classes with their rule, and those of the month before beside them.

    Args:
        classes: one row per customer and axis: `customer_id`, `axis`, `class`, `by_hand`.
        previous: the table `segments` of the latest earlier month, if there is one.
    """
    if previous is None:
        joined = classes.with_columns(previous_class=pl.lit(None, dtype=pl.String))
    else:
        before = previous.select(*_KEY, pl.col("class").alias("previous_class"))
        joined = classes.join(before, on=_KEY, how="left", validate="1:1")
    known = classes.select("axis", "class").unique().sort("axis", "class")
    chinese, texts = [], group("class")
    for name in known["class"]:
        chinese.append(texts[name]["zh"] if name in texts else name)
    rules = [axes.rule_in_words(*pair, standard, settings) for pair in known.iter_rows()]
    words = known.with_columns(class_zh=pl.Series(chinese), rule=pl.Series(rules))
    told = joined.join(words, on=["axis", "class"], how="left")
    changed = (pl.col("class") != pl.col("previous_class")).fill_null(False)
    return told.with_columns(changed=changed)


def classes_before(evidence: Evidence, days_back: int, found: Classified, run: Run) -> pl.DataFrame:
    """The classes that customers had some days before the month's end, by the present standard.

    Returns:
        One row per customer known then and axis: `customer_id`, `axis`, `class`.
    """
    day = run.as_of - timedelta(days=days_back)
    seen = look(evidence.until(day), day, run.settings)
    return classify(seen, found.decision.standard, run.settings)


def ranks(profile: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """The order of the classes of each axis, the best first: as the rules name them, else by spend.

    Args:
        profile: the table `segment_profile`.
        moves: the table `migration`; a class that it names and nobody has now comes last.

    Returns:
        One row per axis and class: `axis`, `class`, `rank`.
    """
    promised = [
        (axis.key, name, place)
        for axis in AXES.values()
        for place, name in enumerate(axis.classes, 1)
    ]
    schema = {"axis": pl.String, "class": pl.String, "promised": pl.Int64}
    order = pl.DataFrame(promised, schema=schema, orient="row")
    gone = moves.select("axis", pl.col("previous_class").alias("class")).unique()
    seen = pl.concat([profile.select("axis", "class"), gone]).unique()
    known = seen.join(profile.select("axis", "class", "rank"), on=["axis", "class"], how="left")
    placed = known.join(order, on=["axis", "class"], how="left")
    last = pl.col("rank").max().over("axis") + 1
    return placed.select(
        "axis", "class", rank=pl.coalesce("promised", "rank", last).cast(pl.Int64)
    ).sort("axis", "rank", "class")


def _past(evidence: Evidence, as_of: date, settings: Settings) -> Past | None:
    """The customers one closed window ago; None where the history before it was too short."""
    cut_off = as_of - timedelta(days=WINDOW_DAYS)
    known = evidence.until(cut_off)
    if known.occasions.is_empty():
        return None
    seen = look(known, cut_off, settings)
    if not enough_data(seen.facts, settings):
        return None
    day = cut_off - timedelta(days=LONGEST_MONTH_DAYS)
    before = look(known.until(day), day, settings)
    after = outcomes(evidence.occasions, cut_off, WINDOW_DAYS, seen.facts)
    return Past(cut_off, seen, before, after)


def _chain(
    segments: pl.DataFrame, old: Standard, now: Look, evidence: Evidence, run: Run
) -> pl.DataFrame:
    """Step by step from last month's class to this month's: the clock, what customers did, the ruler.

    Returns:
        One row per customer and axis known in both months: `customer_id`, `axis`, `previous_class`,
        `aged_class` (known then, seen from now, old standard), `behaved_class` (known now, old
        standard), `class`, `spend_365`.
    """
    both = segments.filter(pl.col("previous_class").is_not_null())
    columns = [*_KEY, "previous_class", "class", "by_hand"]
    steps = both.select(columns)
    if run.latest_month is None or both.is_empty():
        empty = dict.fromkeys(("aged_class", "behaved_class"), pl.lit(None, pl.String))
        return _with_spend(steps.clear().with_columns(**empty), now)
    then = evidence.until(run.latest_month.last_day)
    aged = classify(look(then, run.as_of, run.settings), old, run.settings, prospects(then))
    behaved = classify(now, old, run.settings, prospects(evidence))
    for name, frame in (("aged_class", aged), ("behaved_class", behaved)):
        steps = steps.join(frame.rename({"class": name}), on=_KEY, how="left")
    fixed = pl.col("by_hand")
    steps = steps.with_columns(
        aged_class=pl.when(~fixed).then("aged_class").fill_null(pl.col("previous_class")),
    ).with_columns(
        behaved_class=pl.when(~fixed).then("behaved_class").fill_null(pl.col("aged_class")),
    )
    return _with_spend(steps, now)


def _with_spend(steps: pl.DataFrame, now: Look) -> pl.DataFrame:
    spend = now.facts.select("customer_id", "spend_365")
    joined = steps.drop("by_hand").join(spend, on="customer_id", how="left")
    return joined.with_columns(pl.col("spend_365").fill_null(0)).sort(_KEY)
