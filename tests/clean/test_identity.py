"""Which records are one person: published benchmarks, sure keys, doubtful pairs, undoing."""

import itertools
from datetime import date, datetime

import polars as pl
import pytest
from helpers import shared_data

from analysis import tables
from analysis.clean.identity import find_same_people, merge_effect
from analysis.clean.matching import LARGEST_BLOCK, MOST_SHARING, prepare, weigh_pairs


def febrl(number: int) -> pl.DataFrame:
    raw = pl.read_csv(shared_data(f"febrl_dataset{number}.csv"), infer_schema=False)
    text = raw.rename({name: name.strip() for name in raw.columns}).select(
        pl.all().str.strip_chars()
    )
    text = text.select(pl.when(pl.all() != "").then(pl.all()))
    return text.select(
        "given_name",
        "surname",
        "postcode",
        customer_id="rec_id",
        birthday="date_of_birth",
        city="suburb",
        province="state",
        address=pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True),
    )


def pairs(groups: pl.DataFrame) -> set[tuple[str, str]]:
    """All pairs of ids within the groups of a frame `customer_id`, `group`."""
    found = set()
    for _, members in groups.group_by("group"):
        found |= set(itertools.combinations(sorted(members["customer_id"]), 2))
    return found


@pytest.mark.parametrize(("number", "least_f1"), [(1, 0.99), (2, 0.985)])
def test_febrl_is_resolved_without_its_social_security_field(number, least_f1):
    records = febrl(number)
    people = find_same_people(records).people
    merged = pairs(people.rename({"person_id": "group"}))
    true = pairs(
        records.select("customer_id", group=pl.col("customer_id").str.extract(r"rec-(\d+)"))
    )
    assert len(true) == {1: 500, 2: 1934}[number]
    precision, recall = len(merged & true) / len(merged), len(merged & true) / len(true)
    assert precision >= 0.999
    assert 2 * precision * recall / (precision + recall) >= least_f1


def test_the_order_of_the_records_plays_no_part():
    records = febrl(1)
    first, again = find_same_people(records), find_same_people(records.reverse())
    assert first.people.equals(again.people)
    assert first.merges.equals(again.merges)
    assert first.review.equals(again.review)


def crowd(*rows: dict) -> pl.DataFrame:
    """Some records among a hundred strangers, so that chance agreement can be counted."""
    strangers = [
        {
            "customer_id": f"s{number:03}",
            "customer_name": f"{chr(0x4E00 + number * 7)}{chr(0x5E00 + number * 11)}",
            "phone": f"+8613{number:09}",
            "birthday": date(1960 + number % 40, 1 + number % 12, 1 + number % 28),
            "city": ["杭州", "成都", "上海"][number % 3],
        }
        for number in range(100)
    ]
    names = {"customer_id": pl.String, "customer_name": pl.String, "phone": pl.String}
    names |= {
        "email": pl.String,
        "birthday": pl.Date,
        "city": pl.String,
        "created_at": pl.Datetime("us"),
    }
    return pl.DataFrame([*strangers, *rows], schema=names)


ONE = {"customer_id": "a", "customer_name": "王小明", "phone": "+8613900000001", "city": "杭州"}
ONE |= {"birthday": date(1990, 5, 6), "created_at": datetime(2023, 1, 1)}


def test_the_same_phone_and_name_are_one_person_under_the_earlier_record():
    other = {"customer_id": "b", "customer_name": "王小明", "phone": ONE["phone"]}
    found = find_same_people(crowd(ONE, other | {"created_at": datetime(2022, 1, 1)}))
    assert found.merges.rows() == [("a", "b", "same_phone", 1.0)]
    tables.conform("identity_merges", found.merges)


@pytest.mark.parametrize(
    "other",
    [
        {"customer_name": "李娜"},  # a couple with one phone
        {"customer_name": "王小明", "birthday": date(1961, 12, 30)},  # a namesake in the family
    ],
)
def test_the_same_phone_of_somebody_else_is_for_review(other):
    found = find_same_people(crowd(ONE, {"customer_id": "b", "phone": ONE["phone"]} | other))
    assert found.merges.is_empty()
    assert found.review.rows() == [("a", "b", 0.5, "same_phone_other_person")]
    tables.conform("identity_review", found.review)


@pytest.mark.parametrize(("sharing", "merged"), [(MOST_SHARING, 1), (MOST_SHARING + 1, 0)])
def test_a_phone_that_many_share_is_the_shops_and_joins_nobody(sharing, merged):
    names = [
        "王小明",
        "王小明",
        *(f"{sign}{sign}" for sign in "赵钱孙李周吴郑冯陈褚卫蒋沈韩杨朱秦尤许"),
    ]
    rows = [
        {"customer_id": f"r{number}", "customer_name": name, "phone": "+862162888888"}
        for number, name in enumerate(names[:sharing])
    ]
    found = find_same_people(crowd(*rows))
    assert found.merges.filter(rule="same_phone").height == merged
    assert found.review.is_empty() is (not merged)


def test_what_most_records_agree_on_makes_no_pairs():
    nobody = [
        {"customer_id": f"r{n:03}", "customer_name": "匿名"} for n in range(LARGEST_BLOCK + 1)
    ]
    fields = prepare(crowd(*nobody, ONE, ONE | {"customer_id": "b"}))
    pairs = weigh_pairs(fields, least=0.0, seed=1)
    assert "b" in pairs["b"].to_list()
    assert not pairs.filter(
        pl.col("a").str.starts_with("r") & pl.col("b").str.starts_with("r")
    ).height


def test_the_same_mail_is_one_person_whatever_the_order_of_the_names():
    one = ONE | {"email": "ann@example.com", "customer_name": "Ann Lee", "phone": None}
    found = find_same_people(crowd(one, one | {"customer_id": "b", "customer_name": "Lee Ann"}))
    assert found.merges.select("customer_id", "rule").rows() == [("b", "same_email")]


def test_a_typing_error_in_a_name_is_bridged_by_the_other_fields():
    found = find_same_people(
        crowd(ONE, ONE | {"customer_id": "b", "customer_name": "王晓明", "phone": "+8613900000011"})
    )
    together = {tuple(row[:2]) for row in found.merges.rows()} | {
        tuple(row[:2]) for row in found.review.rows()
    }
    assert together & {("a", "b"), ("b", "a")}


def test_a_pair_to_keep_apart_is_never_joined_not_even_through_a_third():
    twins = [ONE | {"customer_id": name} for name in ("a", "b", "c")]
    apart = pl.DataFrame({"customer_id_a": ["c"], "customer_id_b": ["a"]})
    people = dict(find_same_people(crowd(*twins), apart).people.rows())
    assert people["a"] != people["c"]
    assert people["b"] in (people["a"], people["c"])
    assert len({people[name] for name in "abc"}) == 2


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_handful_of_records_without_fields_stays_as_it_is(count):
    records = pl.DataFrame({"customer_id": [str(number) for number in range(count)]})
    found = find_same_people(records.with_columns(customer_name=pl.lit(None, pl.String)))
    assert found.merges.is_empty()
    assert found.people["person_id"].to_list() == records["customer_id"].to_list()


def test_nothing_is_printed(capfd):
    find_same_people(crowd(ONE))
    assert capfd.readouterr() == ("", "")


def test_merging_makes_one_time_buyers_fewer():
    days = pl.DataFrame(
        {
            "customer_id": ["a", "b", "b", "c"],
            "purchase_day": [date(2024, 1, day) for day in (1, 2, 2, 3)],
        }
    )
    people = pl.DataFrame({"customer_id": ["a", "b", "c"], "person_id": ["a", "a", "c"]})
    effect = merge_effect(days, people)
    assert effect["customers"].to_list() == [3, 2]
    assert effect["one_time_share"].to_list() == [1.0, 0.5]
    assert effect["mean_purchases"].to_list() == [1.0, 1.5]
