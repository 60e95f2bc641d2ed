"""The probability that two records are one person, from all their fields together: splink's model."""

import contextlib
import itertools
import logging
import warnings
from collections.abc import Iterator

import polars as pl

NAMES = ("customer_name", "given_name", "surname")
# Field = how alike two values must be for each level below equality (Jaro-Winkler similarity, or edits),
# and the share of pairs of one person at each level, equality first, disagreement last.
ALIKE = {
    "customer_name": ([0.9, 0.75], [0.84, 0.08, 0.05, 0.03]),
    "given_name": ([0.9, 0.75], [0.78, 0.10, 0.05, 0.07]),
    "surname": ([0.9, 0.75], [0.80, 0.10, 0.05, 0.05]),
    "city": ([0.9, 0.8], [0.80, 0.12, 0.04, 0.04]),
    "address": ([0.9, 0.75], [0.66, 0.18, 0.10, 0.06]),
    "email": ([0.95, 0.9], [0.70, 0.08, 0.04, 0.18]),
}
EDITS = {
    "birthday": ([1, 2], [0.86, 0.08, 0.02, 0.04]),
    "postcode": ([1, 2], [0.84, 0.10, 0.02, 0.04]),
    "phone": ([1, 2], [0.75, 0.08, 0.02, 0.15]),
}
EQUAL = {"province": [0.90, 0.10], "district": [0.85, 0.15]}
FIELDS = (*ALIKE, *EDITS, *EQUAL)
_RARE_COUNTS_MORE = ("customer_name", "given_name", "surname", "city")
MOST_SHARING = 20  # records with one phone or e-mail; what more share is a shop's, not a person's
LARGEST_BLOCK = (
    200  # records that agree; what more agree on (匿名) says nothing and makes endless pairs
)
# Pairs are looked at only if they agree on all fields of one of these.
_BLOCKS = (
    ("birthday",),
    ("phone",),
    ("email",),
    ("address",),
    ("customer_name",),
    ("given_name", "surname"),
    ("postcode", "surname"),
    ("postcode", "given_name"),
    ("city", "surname"),
    ("city", "given_name"),
    ("postcode", "province", "city"),
)
_TELLING = 2  # fields that must agree for a pair to count as one person when the prior is guessed
_FOUND_SHARE = 0.6  # of all pairs of one person, those that agree exactly on some such fields
_LARGEST_PRIOR = 0.05
_SAMPLE_PAIRS = 1e6
LEAST_RECORDS = 2


def prepare(records: pl.DataFrame) -> pl.DataFrame:
    """The fields that can be compared, as folded text, sorted by id; empty ones are left out.

    A phone or an e-mail that more than MOST_SHARING records share counts as none.
    """
    columns = {}
    for name in FIELDS:
        if name in records.columns and records[name].null_count() < records.height:
            text = pl.col(name).cast(pl.String).str.normalize("NFKC").str.to_lowercase()
            text = text.str.replace_all(r"[-/]", "") if name == "birthday" else text
            folded = text.str.strip_chars().str.replace_all(r"\s+", " ")
            columns[name] = pl.when(folded != "").then(folded)
    fields = records.select("customer_id", **columns).sort("customer_id")
    own = [
        pl.when(pl.len().over(name) <= MOST_SHARING).then(name).alias(name)
        for name in ("phone", "email")
        if name in columns
    ]
    shown = fields.with_columns(own)
    return shown.select(one for one in shown if one.null_count() < shown.height)


def weigh_pairs(fields: pl.DataFrame, least: float, seed: int) -> pl.DataFrame:
    """Pairs that may be one person.

    Args:
        fields: as `prepare` returns them.
        least: the least probability of a pair to return.
        seed: for the sample from which chance agreement is counted.

    Returns:
        One row per pair: `a`, `b` (ids, a before b), `probability`.
    """
    names = [name for name in FIELDS if name in fields.columns]
    blocks = [block for block in _BLOCKS if set(block) <= set(names)]
    empty = pl.DataFrame(schema={"a": pl.String, "b": pl.String, "probability": pl.Float64})
    prior = _prior(fields, names)
    if fields.height < LEAST_RECORDS or len(names) < _TELLING or not blocks or prior is None:
        return empty
    from splink import SettingsCreator, block_on

    keys = {f"block_{number}": _block(block) for number, block in enumerate(blocks)}
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="customer_id",
        comparisons=[_comparison(name) for name in names],
        blocking_rules_to_generate_predictions=[block_on(key) for key in keys],
        probability_two_random_records_match=prior,
    )
    with _in_silence():
        found = _predict(fields.with_columns(**keys), settings, least, seed)
    if found.empty:
        return empty
    pairs = pl.from_pandas(found[["customer_id_l", "customer_id_r", "match_probability"]])
    left, right = pl.col("customer_id_l"), pl.col("customer_id_r")
    return pairs.select(
        a=pl.min_horizontal(left, right),
        b=pl.max_horizontal(left, right),
        probability=pl.col("match_probability").round(6),
    ).sort("a", "b")


def _block(names: tuple[str, ...]) -> pl.Expr:
    """What records of a block agree on; null where a field is missing, or the block is too large."""
    key = pl.concat_str(names, separator="\x1f")
    return pl.when(pl.len().over(names) <= LARGEST_BLOCK).then(key)


def _predict(fields: pl.DataFrame, settings: object, least: float, seed: int):
    """splink's pairs as a pandas frame; one thread, so that the sample is the same each time."""
    import duckdb
    from splink import Linker
    from splink.internals.duckdb.database_api import DuckDBAPI

    database = DuckDBAPI(connection=duckdb.connect(config={"threads": 1}))
    linker = Linker(database.register(fields.to_pandas()), settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=_SAMPLE_PAIRS, seed=seed)
    return linker.inference.predict(threshold_match_probability=least).as_pandas_dataframe()


@contextlib.contextmanager
def _in_silence() -> Iterator[None]:
    """Keep splink's progress off the reports."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _comparison(name: str):
    from splink import comparison_library as library

    rare = {"term_frequency_adjustments": True} if name in _RARE_COUNTS_MORE else {}
    if name in ALIKE:
        levels, shares = ALIKE[name]
        return library.JaroWinklerAtThresholds(name, levels).configure(
            m_probabilities=shares, **rare
        )
    if name in EDITS:
        levels, shares = EDITS[name]
        return library.DamerauLevenshteinAtThresholds(name, levels).configure(
            m_probabilities=shares
        )
    return library.ExactMatch(name).configure(m_probabilities=EQUAL[name])


def _prior(fields: pl.DataFrame, names: list[str]) -> float | None:
    """The chance that two records drawn at random are one person; None where nothing agrees."""
    telling = [name for name in names if name not in EQUAL and name != "city"]
    counts = [
        fields.drop_nulls(pair)
        .group_by(pair)
        .len()
        .select((pl.col("len") * (pl.col("len") - 1) / 2).sum())
        .item()
        for pair in itertools.combinations(telling, _TELLING)
    ]
    agreeing = max(counts, default=0) or 0
    everyone = fields.height * (fields.height - 1) / 2
    if not everyone:
        return None
    return min(max(agreeing / _FOUND_SHARE, 1) / everyone, _LARGEST_PRIOR)
