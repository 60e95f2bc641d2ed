"""Birthdays and festivals: leap days, consent, the turn of the year; contact details for workbooks."""

from datetime import date

import polars as pl
import pytest

from analysis.feedback import care, service_words
from analysis.feedback.care import _days

SCHEMA = {"customer_id": pl.String, "person_id": pl.String, "birthday": pl.Date}
SCHEMA |= {"consent_marketing": pl.Boolean, "customer_name": pl.String, "phone": pl.String}
SCHEMA |= {"email": pl.String}


def records(*rows: tuple) -> pl.DataFrame:
    full = [row + (None,) * (len(SCHEMA) - len(row)) for row in rows]
    return pl.DataFrame(full, schema=SCHEMA, orient="row")


def buyers(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": list(ids)}, schema={"customer_id": pl.String})


PEOPLE = records(
    ("a", "a", date(1990, 7, 3), True),
    ("b", "b", date(1990, 7, 2), False),
    ("c", "c", date(1990, 7, 2), None),
    ("d", "d", date(1990, 8, 2), True),
    ("e", "e", None, True),
    ("f1", "f", date(1990, 7, 1), True),
    ("f2", "f", None, False),  # the same person said no elsewhere
    ("g1", "g", None, True),
    ("g2", "g", date(1990, 7, 31), None),
)


def test_birthdays_need_consent():
    found = care.birthdays(PEOPLE, date(2024, 6, 30))
    assert found.rows() == [("a", date(2024, 7, 3)), ("g", date(2024, 7, 31))]
    out = care.left_out(PEOPLE, buyers("a"), date(2024, 6, 30))
    assert (out["birthday_refused"], out["birthday_not_asked"], out["no_birthday"]) == (2, 1, 1)
    assert (out["festival_refused"], out["festival_not_asked"]) == (0, 0)  # no festival in July
    assert "phone" not in found.columns and "birthday" not in found.columns


@pytest.mark.parametrize(
    ("as_of", "on"),
    [
        (date(2024, 1, 31), date(2024, 2, 29)),
        (date(2023, 1, 31), date(2023, 2, 28)),
        (date(2024, 2, 29), None),
        (date(2023, 2, 28), None),
    ],
)
def test_leap_birthdays(as_of, on):
    leap = records(("a", "a", date(2000, 2, 29), True))
    assert care.birthdays(leap, as_of)["on"].to_list() == ([on] if on else [])


def test_the_turn_of_the_year_and_the_unborn():
    rows = records(("a", "a", date(1990, 1, 9), True), ("b", "b", date(2024, 1, 9), True))
    assert care.birthdays(rows, date(2023, 12, 31)).rows() == [("a", date(2024, 1, 9))]
    assert care.festivals(date(2023, 12, 31)).rows() == [("new_year", date(2024, 1, 1))]


def test_festivals_of_the_next_month():
    assert care.festivals(date(2025, 9, 30)).rows() == [
        ("national", date(2025, 10, 1)),
        ("mid_autumn", date(2025, 10, 6)),
    ]
    assert care.festivals(date(2024, 6, 30)).is_empty()
    assert care.festivals_known(date(2030, 11, 30))
    assert not care.festivals_known(date(2030, 12, 31))
    years = [[day.year for day in days] for days in _days().values()]
    assert years == [list(range(2022, 2031))] * 8
    for spring, lantern in zip(_days()["spring"], _days()["lantern"], strict=True):
        assert (lantern - spring).days == 14


def test_festival_greetings_go_to_buyers_who_agreed():
    as_of, who = date(2024, 8, 31), buyers("a", "b", "c", "g")
    found = care.festival_list(PEOPLE, who, as_of)
    day = date(2024, 9, 17)
    assert found.rows() == [("a", "mid_autumn", day), ("g", "mid_autumn", day)]
    out = care.left_out(PEOPLE, who, as_of)
    assert (out["festival_refused"], out["festival_not_asked"]) == (1, 1)
    assert service_words.cared(PEOPLE, who, as_of)[-1]["customers"] == 2
    assert service_words.cared(PEOPLE, who, date(2030, 12, 31))[-1] == {"key": "care.beyond"}


def test_details_come_from_the_records_of_the_person():
    rows = records(
        ("g1", "g", None, True, "Li", "1", None),
        ("g", "g", None, True, None, "2", None),
        ("g2", "g", None, True, "Wu", "3", "w@example.com"),
    )
    listed = pl.DataFrame({"customer_id": ["x", "g"], "on": [date(2024, 7, 1)] * 2})
    found = care.with_contact_details(listed, rows)
    assert found.columns == ["customer_id", "customer_name", "phone", "email", "on"]
    assert found.rows()[1][:4] == ("g", "Li", "2", "w@example.com")
    assert found.rows()[0][1:4] == (None, None, None)


@pytest.mark.parametrize(
    "profiles", [PEOPLE.clear(), PEOPLE.clear().select("customer_id"), pl.DataFrame()]
)
def test_no_records_give_empty_lists(profiles):
    as_of = date(2024, 8, 31)
    assert care.birthdays(profiles, as_of).is_empty()
    assert care.festival_list(profiles, buyers("a"), as_of).is_empty()
    assert set(care.left_out(profiles, buyers("a"), as_of).values()) == {0}


def test_nobody_without_consent_is_on_a_list_of_the_shop(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    profiles = pl.read_parquet(folder / "profiles.parquet")
    customers = pl.read_parquet(folder / "customers.parquet")
    agreed = profiles.filter("consent_marketing")["person_id"].implode()
    found = care.birthdays(profiles, date(2024, 6, 30))
    greeted = care.festival_list(profiles, customers, date(2024, 8, 31))
    for one in (found, greeted):
        assert one.height and one["customer_id"].is_in(agreed).all()
        assert one["customer_id"].is_unique().all()
