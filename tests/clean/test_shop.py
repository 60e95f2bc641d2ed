"""The simulated shop, collected and cleaned: what was planted is found, to the row and the cent."""

import json
import shutil
from collections import Counter
from decimal import Decimal
from types import SimpleNamespace

import polars as pl
import pytest
from helpers import make_root

from analysis import model
from analysis.clean import ledger, orders, others, profiles
from analysis.clean.orders import is_fee
from analysis.collect import arrivals, sources
from analysis.customers import purchase_occasions
from analysis.run import paths
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.samples import shop

MONTH = Month(2024, 6)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """Everything that notebooks 01 and 02 make of the shop's last month, and the planted truth."""
    root = make_root(tmp_path_factory.mktemp("shop"))
    shop.write(root / "data" / "raw" / "shop")
    shutil.copy(paths.CHECKOUT / "config" / "shop.toml", root / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(root))
        settings = load("config/shop.toml")
        files = arrivals.survey(settings, MONTH).files
        lazy = sources.raw_tables(settings, MONTH)
        received = dict(zip(lazy, pl.collect_all(lazy.values()), strict=True))
        raw = {table: received[f"raw_{table}"] for table in model.tables()}
        records = profiles.clean_profiles(raw["customers"], MONTH.last_day, settings)
        people = profiles.find_people(records, settings)
        trusted, aside = orders.clean_orders(raw["orders"], people.people)
        rest = others.clean_others(raw, trusted, people.people, settings)
    truth = root / "data" / "raw" / "shop" / "truth"
    return SimpleNamespace(
        files=files,
        raw=raw,
        records=records,
        people=people,
        orders=trusted,
        aside=aside,
        rest=rest,
        truth=json.loads((truth / "truth.json").read_text(encoding="utf-8")),
        table=lambda name: pl.read_csv(truth / f"{name}.csv", infer_schema=False),
    )


def test_each_reason_has_as_many_rows_as_were_planted(cleaned):
    planted = Counter()
    for reasons in cleaned.truth["orders"]["reasons"].values():
        planted.update(reasons)
    assert dict(cleaned.aside["reason"].value_counts().rows()) == dict(planted)


def test_every_purchase_is_worth_what_was_planted_to_the_cent(cleaned):
    occasions = purchase_occasions(cleaned.orders.lazy()).collect()
    assert occasions["amount"].sum() == cleaned.orders["amount"].sum()
    planted = cleaned.table("purchases")
    paid, refunded = (
        sum(Decimal(one or 0) for one in planted[name]) for name in ("amount", "refunded")
    )
    assert occasions["amount"].sum() == paid - refunded


def test_every_duplicate_is_merged_and_nobody_else(cleaned):
    person = dict(cleaned.people.people.select("customer_id", "person_id").rows())
    duplicates = cleaned.table("duplicates")
    assert duplicates.height == 120
    assert all(person[a] == person[b] for a, b in duplicates.select("first_id", "second_id").rows())
    true = dict(cleaned.table("customer_ids").select("customer_id", "person_id").rows())
    for one, into in cleaned.people.merges.select("customer_id", "merged_into").rows():
        assert true[one] == true[into]


def test_flags_count_what_was_planted(cleaned):
    planted = cleaned.truth["orders"]
    assert cleaned.orders["before_signup"].sum() == planted["before_signup"]
    assert cleaned.orders["is_outlier"].sum() == 1
    lines = cleaned.raw["order_lines"].with_columns(is_fee=is_fee())
    assert lines["is_fee"].sum() == sum(planted["fee_lines"].values())


def test_contacts_that_cannot_be_right_are_found(cleaned):
    found = dict(profiles.summary(cleaned.records).rows())
    planted = cleaned.truth["customers"]
    forms = cleaned.table("customer_ids").select(
        "customer_id", "phone_form", "email_form", "city_form"
    )
    raw = cleaned.raw["customers"].join(forms, on="customer_id")
    says_nothing = pl.col("phone").is_in(["无", "保密"])
    nothing = raw.filter((pl.col("phone_form") == "invalid") & says_nothing).height
    assert found["phone_invalid"] == planted["phone_form"]["invalid"] - nothing
    nothing = raw.filter((pl.col("email_form") == "invalid") & (pl.col("email") == "无")).height
    assert found["email_invalid"] == planted["email_form"]["invalid"] - nothing
    birthdays = planted["birthday_form"]
    assert found["birthday_invalid"] == birthdays["in_future"] + birthdays["year_1900"]
    problems = cleaned.records.problems.filter(pl.col("problem") == "ambiguous_place")
    flagged = set(problems["customer_id"])
    alone = set(forms.filter(pl.col("city_form") == "district_alone")["customer_id"])
    two_cities = raw.filter(pl.col("city").is_in(["FUZHOU", "SUZHOU"]))
    assert alone <= flagged
    assert flagged - alone <= set(two_cities["customer_id"])


def test_feedback_is_set_aside_for_the_planted_reasons(cleaned):
    aside = cleaned.rest.aside.filter(pl.col("table") == "feedback")
    assert dict(aside["reason"].value_counts().rows()) == cleaned.truth["feedback"]


def test_every_row_of_every_file_is_accounted_for(cleaned):
    fates = [
        ledger.order_fates("orders", cleaned.raw["orders"], cleaned.orders, cleaned.aside),
        ledger.record_fates(
            "customers", cleaned.raw["customers"], cleaned.records.profiles, cleaned.records.aside
        ),
        cleaned.rest.fates,
    ]
    account = ledger.source_ledger(cleaned.files, pl.concat(fates))
    assert account["rows_read"].sum() == sum(frame.height for frame in cleaned.raw.values())
    assert account.height == cleaned.files.height == 17
