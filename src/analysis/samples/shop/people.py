"""The persons behind the customer records: what they are like, who they are, when they sign up."""

from datetime import date

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import (
    CLASSES,
    DAYS,
    PERSONS,
    PROSPECT_SHARE,
    SERVICE_CATEGORY,
    by_class,
    generator,
)
from analysis.samples.shop.words import pick, words

SYSTEMS = {"jiandaoyun": 0.40, "fxiaoke": 0.42, "zoho": 0.18}
CHANNELS = {"微信小程序": 0.35, "天猫旗舰店": 0.25, "京东": 0.15, "门店": 0.15, "官网": 0.10}
_LAST_FIRST_PURCHASE = DAYS - 30
_GIVEN_DOUBLED = 0.25  # share of given names that are made of two of the listed ones


def make_people(seed: int) -> pl.DataFrame:
    """Everybody who is in a customer record.

    Args:
        seed: of all random numbers.

    Returns:
        One row per person, `person` from 0: class, is_prospect; planted `rate` (purchases per day),
        `dropout` (chance per repeat purchase) and `nu` (of spend); `first` (time of the first purchase
        in days since the start, null for prospects), `signup` (day); name, gender and the like.
    """
    return pl.concat([_nature(seed), _identity(seed), _home(seed)], how="horizontal")


def _nature(seed: int) -> pl.DataFrame:
    rng = generator(seed, "nature")
    classes = pick(rng, [one.name for one in CLASSES], PERSONS, [one.share for one in CLASSES])
    prospect = rng.random(PERSONS) < PROSPECT_SHARE
    first = np.where(prospect, np.nan, _LAST_FIRST_PURCHASE * rng.beta(1.0, 1.5, PERSONS))
    start = np.where(prospect, DAYS * rng.random(PERSONS), first)
    waited = 1 + rng.exponential(14, PERSONS)
    return pl.DataFrame(
        {
            "person": np.arange(PERSONS),
            "person_id": [f"P{number:04d}" for number in range(1, PERSONS + 1)],
            "class": classes,
            "is_prospect": prospect,
            "rate": rng.gamma(by_class(classes, "r"), 1 / by_class(classes, "alpha_days")),
            "dropout": rng.beta(by_class(classes, "a"), by_class(classes, "b")),
            "nu": rng.gamma(by_class(classes, "q"), 1 / by_class(classes, "gamma")),
            "first": first,
            "signup": np.floor(start - waited).astype(int),
            "favourite": pick(rng, _goods(), PERSONS),
        },
        nan_to_null=True,
    )


def _goods() -> list[str]:
    return [category for category in words()["products"] if category != SERVICE_CATEGORY]


def _identity(seed: int) -> pl.DataFrame:
    rng = generator(seed, "identity")
    names = words()["names"]
    surnames = pick(rng, names["surnames"], PERSONS, [weight for *_, weight in names["surnames"]])
    female = rng.random(PERSONS) < 0.56
    given = [
        _given(is_female, double, first, second)
        for is_female, double, first, second in zip(
            female, rng.random(PERSONS), *rng.random((2, PERSONS)), strict=True
        )
    ]
    return pl.DataFrame(
        {
            "name": [surname[0] + one for surname, one in zip(surnames, given, strict=True)],
            "gender": np.where(female, "female", "male"),
            "birthday": _birthdays(rng),
            "phone": make_phones(rng, PERSONS),
            "email": [
                f"{surname[1]}{number}@{domain}"
                for surname, number, domain in zip(
                    surnames,
                    1_000 + 7 * np.arange(PERSONS),
                    pick(rng, names["domains"], PERSONS),
                    strict=True,
                )
            ],
        }
    )


def _given(is_female: bool, double: float, first: float, second: float) -> str:
    listed = words()["names"]["female" if is_female else "male"]
    one, two = listed[int(first * len(listed))], listed[int(second * len(listed))]
    short = len(one) == len(two) == 1
    return one + two if short and double < _GIVEN_DOUBLED else one


def _birthdays(rng: np.random.Generator) -> list[date]:
    years = np.clip(rng.normal(1986, 11, PERSONS), 1945, 2005).astype(int)
    months, days = rng.integers(1, 13, PERSONS), rng.integers(1, 29, PERSONS)
    return [date(*parts) for parts in zip(years, months, days, strict=True)]


def make_phones(rng: np.random.Generator, size: int) -> list[str]:
    """Mobile numbers of eleven digits, no two alike."""
    ends = rng.choice(10**8, size, replace=False)
    return [
        f"{prefix}{end:08d}"
        for prefix, end in zip(pick(rng, words()["names"]["prefixes"], size), ends, strict=True)
    ]


def _home(seed: int) -> pl.DataFrame:
    rng = generator(seed, "home")
    cities = words()["places"]["cities"]
    places = pick(rng, cities, PERSONS, [weight for _, _, _, weight, _ in cities])
    where = rng.random(PERSONS)
    return pl.DataFrame(
        {
            "province": [place[0] for place in places],
            "city": [place[1] for place in places],
            "latin": [place[2] for place in places],
            "district": [
                place[4][int(share * len(place[4]))]
                for place, share in zip(places, where, strict=True)
            ],
            "system": pick(rng, list(SYSTEMS), PERSONS, list(SYSTEMS.values())),
            "channel": pick(rng, list(CHANNELS), PERSONS, list(CHANNELS.values())),
            "owner": pick(rng, list(range(len(words()["staff"]["names"]))), PERSONS),
            "source": pick(rng, words()["names"]["sources"], PERSONS, [35, 25, 15, 5, 20]),
        }
    )
