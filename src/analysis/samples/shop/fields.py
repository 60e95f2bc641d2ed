"""How each customer record is filled in: the same facts written in the many ways of people and tills."""

from datetime import date

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DAYS, START, generator
from analysis.samples.shop.people import make_phones
from analysis.samples.shop.words import pick, some_of, words

INVALID_PHONES, MISSING_PHONES, INVALID_EMAILS = 40, 150, 15
BIRTHDAYS_1900, BIRTHDAYS_IN_FUTURE, DISTRICT_ALONE = 18, 7, 25
BELOW_ANOTHER, OPTED_OUT = 12, 0.12
PHONE_FORMS = {
    "plain": "{0}{1}{2}",
    "blanks": "{0} {1} {2}",
    "hyphens": "{0}-{1}-{2}",
    "plus_86": "+86-{0}{1}{2}",
    "zeros_86": "0086 {0}{1}{2}",
    "outer_blanks": " {0}{1}{2} ",
    "full_width": "{0}{1}{2}",
}
_FORM_WEIGHTS = [55, 10, 8, 9, 8, 5, 5]
_NO_PHONES = ("00000000000", "12345", "1380013", "无", "保密", "99999999999", "138001380001")
_NO_EMAILS = ("无", "wang#example.com", "未提供", "li@", "@example.com")
_FUTURE = (date(2035, 6, 1), date(2999, 12, 31), date(2099, 1, 1))
_GENDERS = {
    "female": ["女", "女", "女", "女士", "F", "female"],
    "male": ["男", "男", "男", "先生", "M", "male"],
}
CITY_FORMS = {"full": 55, "short": 30, "latin": 8, "missing": 7}
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def fill_in(records: pl.DataFrame, people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The fields of each record as they are written.

    Returns:
        The records with `name`, `phone`, `email`, `gender`, `birthday`, `province`, `city`,
        `district` as text, null where a field is empty, and what was done to them: `phone_form`,
        `birthday_form`, `city_form`, `email_form`; also `created_at`, `updated_at`, `opted_out`,
        `parent`.
    """
    rng = generator(seed, "fields")
    facts = records.join(
        people.drop("system", "signup", "first"), on="person", how="left", maintain_order="left"
    )
    plain = (facts["shared"].is_null() & facts["person"].is_not_null()).to_numpy()
    columns: dict[str, list] = {}
    columns["phone"], columns["phone_form"] = _phones(facts, plain, rng)
    columns["email"], columns["email_form"] = _emails(facts, plain, rng)
    columns["birthday"], columns["birthday_form"] = _birthdays(facts, plain, rng)
    columns |= _places(facts, plain, rng)
    columns["name"] = _names(facts)
    columns["gender"] = [
        known and words_[at]
        for known, words_, at in zip(
            facts["gender"],
            [_GENDERS.get(one) for one in facts["gender"]],
            rng.integers(0, 6, facts.height),
            strict=True,
        )
    ]
    facts = facts.with_columns(
        pl.Series(name, values, dtype=pl.String) for name, values in columns.items()
    )
    return _with_history(facts, rng)


def _with_history(facts: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add `created_at`, `updated_at`, `opted_out`, and the account above it, `parent`, for a few."""
    size = facts.height
    of_fxiaoke = facts.filter(pl.col("system") == "fxiaoke")["customer_id"]
    parents = pl.Series(pick(rng, of_fxiaoke.to_list(), size))
    below = some_of((facts["system"] == "fxiaoke").to_numpy(), BELOW_ANOTHER, rng)
    created = pl.lit(START).cast(pl.Datetime("us")) + pl.duration(
        days="created", seconds=pl.Series(rng.integers(9 * 3_600, 21 * 3_600, size))
    )
    kept = pl.Series(rng.random(size) ** 2) * (DAYS - 1 - pl.col("created")) * 86_400
    own = parents != pl.col("customer_id")
    return facts.with_columns(
        created_at=created,
        opted_out=pl.Series(rng.random(size) < OPTED_OUT),
        parent=pl.when(pl.Series(below) & own).then(parents),
    ).with_columns(updated_at=pl.col("created_at") + pl.duration(seconds=kept.cast(pl.Int64)))


def write_phone(digits: str, form: str) -> str:
    """A mobile number in one of `PHONE_FORMS`."""
    text = PHONE_FORMS[form].format(digits[:3], digits[3:7], digits[7:])
    return text.translate(_FULL_WIDTH) if form == "full_width" else text


def mistype(digits: str, at: int, swap: bool) -> str:
    """A number with one mistake in its last eight digits: two neighbours swapped, or one changed."""
    one, two = digits[at], digits[at + 1]
    wrong = two + one if swap and one != two else f"{(int(one) + 3) % 10}{two}"
    return digits[:at] + wrong + digits[at + 2 :]


def _phones(facts: pl.DataFrame, plain: np.ndarray, rng: np.random.Generator) -> tuple[list, list]:
    size = facts.height
    forms = pick(rng, list(PHONE_FORMS), size, _FORM_WEIGHTS)
    other_forms = pick(rng, list(PHONE_FORMS)[1:], size)
    others, places = make_phones(rng, size), rng.integers(4, 10, size)
    taken = set(facts["phone"].drop_nulls())
    no_phones = pick(rng, list(_NO_PHONES), size)
    invalid = some_of(plain, INVALID_PHONES, rng)
    missing = some_of(plain & ~invalid, MISSING_PHONES, rng)
    texts, written = [], []
    for row, (digits, shared, place) in enumerate(facts.select("phone", "shared", "place").rows()):
        form, own = forms[row], digits
        if shared is not None:
            form = other_forms[row] if place == 2 else "plain"
        if digits is None or missing[row]:
            form = "missing"
        elif invalid[row]:
            form = "invalid"
        elif place == 2 and shared in ("name_birthday_phone", "name_city_phone"):
            own = mistype(digits, places[row], swap=shared == "name_city_phone")
        elif place == 2 and shared == "name_birthday_city":
            form = "missing"
        elif place == 2 and shared == "email":
            own = others[row]
            form = "missing" if row % 2 or own in taken else form
        known = {"missing": None, "invalid": no_phones[row]}
        texts.append(known[form] if form in known else write_phone(own, form))
        written.append(form)
    return texts, written


def _emails(facts: pl.DataFrame, plain: np.ndarray, rng: np.random.Generator) -> tuple[list, list]:
    invalid = some_of(plain, INVALID_EMAILS, rng)
    no_emails = pick(rng, list(_NO_EMAILS), facts.height)
    forms = pick(rng, ["plain", "upper", "missing"], facts.height, [65, 8, 27])
    texts, written = [], []
    for row, (email, shared, place) in enumerate(facts.select("email", "shared", "place").rows()):
        form = "invalid" if invalid[row] else forms[row]
        if shared == "email":
            form = "upper" if place == 2 else "plain"
        elif email is None or place == 2:
            form = "missing"
        known = {"missing": None, "invalid": no_emails[row], "upper": email and email.upper()}
        texts.append(known.get(form, email))
        written.append(form)
    return texts, written


def _birthdays(
    facts: pl.DataFrame, plain: np.ndarray, rng: np.random.Generator
) -> tuple[list, list]:
    has = plain & (facts["system"] != "zoho").to_numpy()
    old = some_of(has, BIRTHDAYS_1900, rng)
    future = some_of(has & ~old, BIRTHDAYS_IN_FUTURE, rng)
    forms = pick(rng, ["dashes", "slashes", "chinese", "missing"], facts.height, [60, 12, 10, 18])
    texts, written = [], []
    rows = facts.select("birthday", "shared", "place", "system").rows()
    for row, (birthday, shared, place, system) in enumerate(rows):
        form = forms[row]
        if shared is not None and "birthday" in shared:
            form = "dashes" if form == "missing" else form
        elif birthday is None or system == "zoho" or (shared == "name_city_phone" and place == 2):
            form = "missing"
        if old[row] or future[row]:
            form = "year_1900" if old[row] else "in_future"
        wrong = {"year_1900": date(1900, 1, 1), "in_future": _FUTURE[row % len(_FUTURE)]}
        texts.append(_write_day(wrong.get(form, birthday), form))
        written.append(form)
    return texts, written


def _write_day(day: date, form: str) -> str | None:
    if form == "missing":
        return None
    if form == "slashes":
        return f"{day.year}/{day.month}/{day.day}"
    return f"{day.year}年{day.month}月{day.day}日" if form == "chinese" else day.isoformat()


def _places(facts: pl.DataFrame, plain: np.ndarray, rng: np.random.Generator) -> dict[str, list]:
    several = facts["district"].is_in(list(_ambiguous_districts())).fill_null(False)
    alone = plain & several.to_numpy() & (facts["system"] != "zoho").to_numpy()
    alone = some_of(alone, DISTRICT_ALONE, rng)
    forms = pick(rng, list(CITY_FORMS), facts.height, list(CITY_FORMS.values()))
    columns: dict[str, list] = {name: [] for name in ("province", "city", "district", "city_form")}
    rows = facts.select("province", "city", "latin", "district", "shared").rows()
    for row, (province, city, latin, district, shared) in enumerate(rows):
        form = forms[row]
        if shared is not None and "city" in shared and form == "missing":
            form = "full"
        form = "district_alone" if alone[row] else "missing" if city is None else form
        written = {"full": (province, city), "latin": (None, latin)}
        short = (_short(province), _short(city)) if form == "short" else (None, None)
        columns["province"].append(written.get(form, short)[0])
        columns["city"].append(written.get(form, short)[1])
        columns["district"].append(None if form == "missing" else district)
        columns["city_form"].append(form)
    return columns


def _short(place: str) -> str:
    for ending in ("壮族自治区", "白族自治州", "自治区", "省", "市"):
        if place.endswith(ending):
            return place.removesuffix(ending)
    return place


def _ambiguous_districts() -> set[str]:
    """Districts whose name more than one city has."""
    districts = [one for *_, listed in words()["places"]["cities"] for one in listed]
    return {one for one in districts if districts.count(one) > 1}


def _names(facts: pl.DataFrame) -> list[str]:
    alike = {one: two for pair in words()["names"]["alike"] for one, two in (pair, pair[::-1])}
    names = []
    for name, test, shared, place in facts.select("name", "test_name", "shared", "place").rows():
        mistyped = place == 2 and shared == "name_birthday_phone"
        names.append(name[:-1] + alike.get(name[-1], name[-1]) if mistyped else test or name)
    return names
