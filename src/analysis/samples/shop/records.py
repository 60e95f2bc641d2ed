"""Customer records: one or two for each person, with their ids, and a few of nobody (test accounts)."""

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DAYS, generator
from analysis.samples.shop.people import SYSTEMS
from analysis.samples.shop.words import pick

# What the two records of a person have in common; the first two are equal once their writing is.
SHARED = {
    "phone": 30,
    "email": 30,
    "name_birthday_city": 20,
    "name_birthday_phone": 20,
    "name_city_phone": 20,
}
DETERMINISTIC = ("phone", "email")
EARLY_BUYERS = 20  # persons whose record was created after their first order
TEST_NAMES = {
    "测试客户": "jiandaoyun",
    "test": "jiandaoyun",
    "测试账号": "jiandaoyun",
    "测试001": "fxiaoke",
    "Test User": "fxiaoke",
    "test02": "zoho",
}
_WITH_BIRTHDAY = ("jiandaoyun", "fxiaoke")  # Zoho's contacts hold none
_LATEST_FIRST, _AFTER_FIRST, _BEFORE_END = DAYS - 200, 20, 60
_SECOND_SHARE = 0.5  # of what a person does under the second id, once there is one


def make_records(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Which records there are.

    Returns:
        One row per record: `customer_id`, `person` (null for test accounts), `system`, `place` (1 or
        2), `created` (day), `shared` (what a person's two records share, null for persons with one),
        `early` (created after the first order), `test_name` (null for persons).
    """
    rng = generator(seed, "records")
    shared = _shared(people, rng)
    firsts = people.select("person", "system", "first", "signup").with_columns(
        place=pl.lit(1), shared=pl.Series(shared, dtype=pl.String), early=pl.lit(False)
    )
    early = _early(firsts, rng)
    late = np.floor(firsts["first"].fill_null(0).to_numpy()).astype(int)
    late = late + 1 + rng.integers(0, 10, firsts.height)
    firsts = firsts.with_columns(
        created=np.where(early, late, firsts["signup"]), early=pl.Series(early)
    )
    both = pl.concat([firsts, _seconds(firsts, rng)], how="diagonal")
    both = pl.concat(
        [both.with_columns(test_name=pl.lit(None, pl.String)), _tests()], how="diagonal"
    )
    return _numbered(both, rng).select(
        "customer_id", "person", "system", "place", "created", "shared", "early", "test_name"
    )


def ids_of(
    events: pl.DataFrame, records: pl.DataFrame, rng: np.random.Generator
) -> tuple[pl.Series, pl.Series]:
    """The customer id, and its system, under which each event of a person is recorded.

    Args:
        events: with `person` and `day`.
        records: as `make_records`.
        rng: decides between two ids where a person has them by that day.
    """
    own = records.filter(pl.col("person").is_not_null())
    first = own.filter(pl.col("place") == 1).select("person", "customer_id", "system")
    second = own.filter(pl.col("place") == 2).select(
        "person", "created", second_id="customer_id", second_system="system"
    )
    known = events.select("person", "day", coin=rng.random(events.height))
    known = known.join(first, on="person", how="left", maintain_order="left")
    known = known.join(second, on="person", how="left", maintain_order="left")
    later = (pl.col("day") > pl.col("created")) & (pl.col("coin") < _SECOND_SHARE)
    found = known.select(
        customer_id=pl.when(later).then("second_id").otherwise("customer_id"),
        system=pl.when(later).then("second_system").otherwise("system"),
    )
    return found["customer_id"], found["system"]


def single_buyers(people: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
    """Persons who buy and have one record, created in time."""
    plain = records.filter(pl.col("shared").is_null() & ~pl.col("early"))
    return people.filter(~pl.col("is_prospect")).join(plain, on="person", how="semi")["person"]


def _shared(people: pl.DataFrame, rng: np.random.Generator) -> list[str | None]:
    """For each person what their two records will share; null for one record."""
    able = (people["first"] < _LATEST_FIRST).fill_null(False).to_numpy()
    with_birthday = people["system"].is_in(_WITH_BIRTHDAY).to_numpy()
    shared: list[str | None] = [None] * people.height
    for kind, count in sorted(SHARED.items(), key=lambda one: "birthday" not in one[0]):
        open_still = able & np.array([one is None for one in shared])
        if "birthday" in kind:
            open_still &= with_birthday
        for person in rng.choice(np.flatnonzero(open_still), count, replace=False):
            shared[person] = kind
    return shared


def _early(firsts: pl.DataFrame, rng: np.random.Generator) -> np.ndarray:
    able = (firsts["first"] < _LATEST_FIRST).fill_null(False) & firsts["shared"].is_null()
    early = np.zeros(firsts.height, dtype=bool)
    early[rng.choice(np.flatnonzero(able.to_numpy()), EARLY_BUYERS, replace=False)] = True
    return early


def _seconds(firsts: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    twice = firsts.filter(pl.col("shared").is_not_null())
    anywhere = pl.Series(pick(rng, list(SYSTEMS), twice.height))
    with_birthday = pl.Series(pick(rng, list(_WITH_BIRTHDAY), twice.height))
    begins = twice["first"].to_numpy() + _AFTER_FIRST
    created = begins + rng.random(twice.height) * (DAYS - _BEFORE_END - begins)
    return twice.with_columns(
        place=pl.lit(2),
        created=pl.Series(np.floor(created).astype(int)),
        system=pl.when(pl.col("shared").str.contains("birthday"))
        .then(with_birthday)
        .otherwise(anywhere),
    )


def _tests() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "test_name": list(TEST_NAMES),
            "system": list(TEST_NAMES.values()),
            "place": [1] * len(TEST_NAMES),
            "created": [5 + 11 * number for number in range(len(TEST_NAMES))],
            "early": [False] * len(TEST_NAMES),
        },
        schema_overrides={"place": pl.Int32},
    )


def _numbered(records: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Ids as each system gives them, counting up with time."""
    ordered = records.sort("system", "created", "person", "place", "test_name")
    ordered = ordered.with_columns(
        number=pl.int_range(1, pl.len() + 1).over("system"),
        steps=pl.Series(rng.integers(3, 900, ordered.height)).cum_sum(),
    )
    texts = {
        "jiandaoyun": pl.format("{}", pl.col("number").cast(pl.String).str.zfill(6)),
        "fxiaoke": pl.format("KH{}", pl.col("number").cast(pl.String).str.zfill(5)),
        "zoho": pl.format("zcrm_{}", 4_876_500_000 + pl.col("steps")),
    }
    chosen = [
        pl.when(pl.col("system") == system).then(text.alias("text"))
        for system, text in texts.items()
    ]
    return ordered.with_columns(customer_id=pl.coalesce(chosen))
