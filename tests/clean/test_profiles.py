"""Records of customers: one per id, every altered value marked, and lists of what to mend."""

from datetime import date, datetime

import polars as pl
import pytest
from helpers import raw_table as raw

from analysis import tables
from analysis.clean.profiles import (
    by_owner,
    clean_profiles,
    find_people,
    mend_list,
    problems_by_kind,
    summary,
)
from analysis.run.errors import UserError
from analysis.run.settings import Settings

AS_OF = date(2024, 1, 31)


def settings(**identity: object) -> Settings:
    source = {"table": "orders", "path": "p"}
    top = {"name": "s", "currency": "CNY", "time_zone": "Asia/Shanghai", "sources": [source]}
    return Settings(**top, identity=identity)


def cleaned(*rows: dict):
    return clean_profiles(raw("customers", *rows), AS_OF, settings())


def test_a_value_in_another_form_or_taken_out_is_marked_and_so_is_one_filled_in():
    found = cleaned(
        {"customer_id": "form", "phone": "138 1234 5678", "city": "苏州"},
        {"customer_id": "out", "phone": "000", "birthday": date(1900, 1, 1), "email": "x"},
        {"customer_id": "place", "address": "江苏省苏州市姑苏区人民路1号"},
        {"customer_id": "same", "phone": "+8613812345678", "email": "a@b.com"},
        {"customer_id": "unclear", "district": "朝阳区"},
    ).profiles
    marks = found.select("customer_id", "altered", "imputed").rows()
    assert marks == [
        ("form", "phone", "province"),
        ("out", "phone,email,birthday", ""),
        ("place", "", "province,city,district"),
        ("same", "", ""),
        ("unclear", "", ""),
    ]
    assert found["phone"].to_list() == ["+8613812345678", None, None, "+8613812345678", None]


def test_of_several_records_of_one_id_the_latest_is_kept():
    found = cleaned(
        {"customer_id": "a", "customer_name": "new", "updated_at": datetime(2024, 1, 9)},
        {"customer_id": "a", "customer_name": "old", "updated_at": datetime(2023, 1, 9)},
        {"customer_id": "a", "customer_name": "undated"},
    )
    assert found.profiles["customer_name"].to_list() == ["new"]
    assert found.aside.is_empty()


TWICE = (
    {"customer_id": "a", "customer_name": "王小明", "phone": "13812345678"},
    {"customer_id": "b", "customer_name": "王小明", "phone": "138-1234-5678"},
)


@pytest.mark.parametrize(("merge", "persons"), [(True, ["a", "a"]), (False, ["a", "b"])])
def test_where_ids_are_clean_merging_is_switched_off(merge, persons):
    people = find_people(cleaned(*TWICE), settings(merge=merge))
    assert people.people["person_id"].to_list() == persons
    assert people.merges.height == persons.count("a") - 1


def test_a_pair_to_keep_apart_is_never_merged(root):
    (root / "apart.csv").write_text("customer_id_a,customer_id_b\nb,a\n")
    people = find_people(cleaned(*TWICE), settings(keep_apart="apart.csv"))
    assert people.people["person_id"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("a,b\n1,2\n", "must have the columns customer_id_a")],
)
def test_a_bad_list_of_pairs_is_told(root, content, words):
    if content:
        (root / "apart.csv").write_text(content)
    with pytest.raises(UserError, match=words):
        find_people(cleaned(*TWICE), settings(keep_apart="apart.csv"))


@pytest.fixture
def mend() -> pl.DataFrame:
    """Two bad phones, of one owner under id and name; a bad row of feedback, of nobody."""
    records = cleaned(
        {"customer_id": "a", "phone": "000", "owner": "1001"},
        {"customer_id": "b", "phone": "000", "owner": "林晓雯"},
        {"customer_id": "c", "phone": "+8613812345678", "owner": "1002"},
    )
    feedback = raw("feedback", {"customer_id": None, "at": None, "kind": "complaint"})
    staff = raw("staff", {"staff_id": "1001", "name": "林晓雯"})
    row = ("feedback", "f", 1, "bad", "at_missing", None)
    quarantine = pl.DataFrame([row], schema=tables.empty("quarantine").schema, orient="row")
    assert dict(summary(records).rows()) == {"phone_invalid": 2}
    return mend_list(records, quarantine, {"feedback": feedback, "staff": staff})


def test_what_to_mend_names_owner_place_and_problem(mend):
    assert mend.rows() == [
        ("林晓雯", "customers", "f", 1, "a", "phone_invalid"),
        ("林晓雯", "customers", "f", 2, "b", "phone_invalid"),
        (None, "feedback", "f", 1, None, "at_missing"),
    ]


def test_each_owner_has_a_list_and_what_nobody_owns_has_one(mend):
    parts = by_owner(mend)
    assert {name: part.height for name, part in parts.items()} == {
        "all": 3,
        "林晓雯": 2,
        "no owner": 1,
    }
    assert parts["林晓雯"].columns == ["table", "file", "row", "customer_id", "problem"]


def test_problems_are_counted_with_those_who_can_mend_them(mend):
    assert problems_by_kind(mend).rows() == [
        ("customers", "phone_invalid", 2, 1, 0),
        ("feedback", "at_missing", 1, 0, 1),
    ]
