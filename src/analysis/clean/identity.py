"""Which records are one person: sure keys first, then all fields weighed together by splink.

Weights follow Fellegi and Sunter (1969): how often a field agrees in records of one person (fixed
below, from how people and clerks err) against how often it agrees by chance (counted in the data).
"""

import itertools
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from analysis.clean import matching

MERGE_FROM, REVIEW_FROM = 0.99, 0.5
_SAME_NAME = 0.85  # similarity from which two spellings of a name count as one
_NOBODY = pl.DataFrame(
    schema={"a": pl.String, "b": pl.String, "probability": pl.Float64, "rule": pl.String}
)


@dataclass(frozen=True)
class Identity:
    """Records grouped into persons."""

    merges: (
        pl.DataFrame
    )  # customer_id, merged_into, rule, probability: one row per record merged away
    review: (
        pl.DataFrame
    )  # customer_id_a, customer_id_b, probability, why: one row per doubtful pair
    people: pl.DataFrame  # customer_id, person_id: one row per record


def find_same_people(
    records: pl.DataFrame, keep_apart: pl.DataFrame | None = None, seed: int = 1
) -> Identity:
    """Group the records that are one person.

    A pair is merged if phone or e-mail agree and nothing speaks against it, or if splink gives it a
    probability of at least 0.99; from 0.5 on it goes to the review list. A group never joins a pair that
    is kept apart: its weaker links are dropped.

    Args:
        records: one row per `customer_id`, with any of the fields in `matching.FIELDS` as text
            (`birthday` may be a date), and `created_at`.
        keep_apart: pairs `customer_id_a`, `customer_id_b` that are known to be two persons.
        seed: for the sample from which chance agreement is counted.

    Returns:
        The person's id is that of its earliest record, ties by id; the order of rows plays no part.
    """
    fields = matching.prepare(records)
    apart = _apart(keep_apart)
    sure, conflicts = _sure_pairs(fields)
    weighed = matching.weigh_pairs(fields, REVIEW_FROM, seed)
    likely = weighed.filter(pl.col("probability") >= MERGE_FROM).with_columns(rule=pl.lit("splink"))
    conflicting = set(conflicts.select("a", "b").rows())
    links = [
        link
        for link in pl.concat([sure, likely])
        .sort(["probability", "rule", "a", "b"], descending=[True, False, False, False])
        .rows()
        if link[:2] not in conflicting
    ]
    group, joined_by = _join(fields["customer_id"].to_list(), links, apart)
    people = _name_groups(records, group)
    doubtful = weighed.filter(pl.col("probability") < MERGE_FROM).select(
        "a", "b", "probability", why=pl.lit("fields_alike")
    )
    return Identity(
        _merges(people, joined_by),
        _review(pl.concat([conflicts, doubtful]), group, apart),
        people,
    )


def merges_by_rule(merges: pl.DataFrame) -> pl.DataFrame:
    """By which rule how many records were merged: `rule`, `records`."""
    counted = merges.group_by(pl.col("rule").cast(pl.String)).agg(records=pl.len().cast(pl.Int64))
    return counted.sort(["records", "rule"], descending=[True, False])


def merge_effect(days: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """What merging does to the figures that repeat-purchase models rest on.

    Args:
        days: purchase days: `customer_id` as received, `purchase_day`.
        people: `customer_id`, `person_id`.

    Returns:
        Rows `before` and `after` in `when`: `customers`, `one_time_share`, `mean_purchases`.
    """
    merged = days.with_columns(
        pl.col("customer_id").replace(people["customer_id"], people["person_id"])
    ).unique()
    return pl.concat([_repeat_figures(days.unique(), "before"), _repeat_figures(merged, "after")])


def _repeat_figures(days: pl.DataFrame, when: str) -> pl.DataFrame:
    counts = days.group_by("customer_id").len("purchases")
    return counts.select(
        when=pl.lit(when),
        customers=pl.len().cast(pl.Int64),
        one_time_share=(pl.col("purchases") == 1).mean(),
        mean_purchases=pl.col("purchases").mean(),
    )


def _apart(pairs: pl.DataFrame | None) -> set[tuple[str, str]]:
    if pairs is None:
        return set()
    return {tuple(sorted(pair)) for pair in pairs.select("customer_id_a", "customer_id_b").rows()}


def _sure_pairs(fields: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs that share a phone or an e-mail: those to merge, and those whose other fields disagree."""
    sure, conflicts = [], []
    for key, rule in (("phone", "same_phone"), ("email", "same_email")):
        if key not in fields.columns:
            continue
        shared = fields.filter(pl.col(key).is_not_null() & pl.col(key).is_duplicated())
        for _, group in shared.group_by(key):
            rows = group.sort("customer_id").rows(named=True)
            for one, other in itertools.combinations(rows, 2):
                pair = (one["customer_id"], other["customer_id"])
                if _may_be_one(one, other):
                    sure.append((*pair, 1.0, rule))
                else:
                    conflicts.append((*pair, REVIEW_FROM, f"{rule}_other_person"))
    conflicts_of = {"a": pl.String, "b": pl.String, "probability": pl.Float64, "why": pl.String}
    return (
        pl.DataFrame(sure, schema=_NOBODY.schema, orient="row"),
        pl.DataFrame(conflicts, schema=conflicts_of, orient="row").unique(["a", "b"], keep="first"),
    )


def _may_be_one(one: dict, other: dict) -> bool:
    """Whether neither name nor birthday say that two records are two persons."""
    for name in matching.NAMES:
        if name in one and one[name] and other[name]:
            left, right = (" ".join(sorted(row[name].split())) for row in (one, other))
            if SequenceMatcher(None, left, right).ratio() < _SAME_NAME:
                return False
    born = one.get("birthday"), other.get("birthday")
    return None in born or SequenceMatcher(None, *born).ratio() >= _SAME_NAME


def _join(
    ids: list[str], links: list[tuple], apart: set[tuple[str, str]]
) -> tuple[dict[str, str], dict[str, tuple]]:
    """Join groups link by link, the surest first, never two that hold a pair to keep apart.

    Returns:
        Record = a name of its group; record = the surest link that it has within its group.
    """
    group, members, joined_by = {one: one for one in ids}, {one: [one] for one in ids}, {}
    for a, b, probability, rule in links:
        left, right = sorted((group[a], group[b]))
        crossing = (
            tuple(sorted(pair)) for pair in itertools.product(members[left], members[right])
        )
        if left != right and apart and not apart.isdisjoint(crossing):
            continue
        for one in (a, b):
            joined_by.setdefault(one, (rule, probability))
        if left != right:
            for one in members[right]:
                group[one] = left
            members[left] += members.pop(right)
    return group, joined_by


def _name_groups(records: pl.DataFrame, group: dict[str, str]) -> pl.DataFrame:
    """`customer_id`, `person_id`: each group under the id of its earliest record."""
    created = records["created_at"] if "created_at" in records.columns else None
    known = records.select("customer_id").with_columns(
        created_at=pl.lit(None, pl.Datetime("us")) if created is None else created
    )
    known = known.with_columns(group=pl.col("customer_id").replace_strict(group))
    first = pl.col("customer_id").sort_by("created_at", "customer_id", nulls_last=True).first()
    return known.select("customer_id", person_id=first.over("group")).sort("customer_id")


def _merges(people: pl.DataFrame, joined_by: dict[str, tuple]) -> pl.DataFrame:
    away = people.filter(pl.col("customer_id") != pl.col("person_id"))
    rows = [(one, into, *joined_by[one]) for one, into in away.rows()]
    names = {"customer_id": pl.String, "merged_into": pl.String, "rule": pl.String}
    return pl.DataFrame(rows, schema=names | {"probability": pl.Float64}, orient="row")


def _review(doubtful: pl.DataFrame, group: dict[str, str], apart: set) -> pl.DataFrame:
    """Doubtful pairs that did not end up in one group and are not settled already."""
    rows = [
        row
        for row in doubtful.unique(["a", "b"], keep="first").sort("a", "b").rows()
        if group[row[0]] != group[row[1]] and tuple(sorted(row[:2])) not in apart
    ]
    names = {"customer_id_a": pl.String, "customer_id_b": pl.String, "probability": pl.Float64}
    return pl.DataFrame(rows, schema=names | {"why": pl.String}, orient="row")
