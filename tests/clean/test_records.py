"""Optional tables: what is set aside and why, what is merged, and how good the data are."""

from datetime import date, datetime

import polars as pl
import pytest
from helpers import raw_table as raw

from analysis import tables
from analysis.clean.others import with_persons
from analysis.clean.quality import quality_checks, scores, trend, unread_values, weakest
from analysis.clean.records import clean_records
from analysis.clean.words import clashes

AS_OF = date(2024, 1, 31)


def complaint(**changes: object) -> dict:
    return {"customer_id": "a", "at": datetime(2024, 1, 5), "kind": "complaint"} | changes


CASES = [
    ({"customer_id": None}, "no_customer", "not_usable"),
    ({"customer_id": "stranger"}, "unknown_customer", "not_usable"),
    ({"customer_id": "1.38E+10"}, "id_lost_digits", "bad"),
    ({"at": None}, "at_missing", "bad"),
    ({"at": None, "unreadable": "at"}, "at_unreadable", "bad"),
    ({"at": datetime(1900, 1, 1)}, "date_impossible", "bad"),
    ({"kind": None, "unreadable": "category,kind"}, "kind_unreadable", "bad"),
]


@pytest.mark.parametrize(("row", "reason", "kind"), CASES)
def test_each_rule_sets_its_row_aside_with_its_reason(row, reason, kind):
    frame = raw("feedback", complaint(), complaint(**row), complaint(customer_id="b"))
    clean, aside = clean_records("feedback", frame, pl.Series(["a", "b", "1.38E+10"]))
    assert clean["row"].to_list() == [1, 3]
    assert aside.select("row", "reason", "kind").rows() == [(2, reason, kind)]


def test_without_records_of_customers_nobody_is_unknown():
    clean, _ = clean_records("feedback", raw("feedback", complaint(customer_id="stranger")))
    assert clean.height == 1


def test_an_equal_row_with_its_own_number_is_a_repeat():
    twice = [complaint(feedback_id="1"), complaint(feedback_id="1"), complaint(), complaint()]
    clean, aside = clean_records("feedback", raw("feedback", *twice))
    assert clean["row"].to_list() == [1, 3, 4]
    assert aside.select("row", "reason").rows() == [(2, "repeated_row")]


def test_a_cost_of_everybody_needs_no_record():
    cost = {"customer_id": "*", "month": date(2024, 1, 1), "kind": "service", "amount": 1}
    clean, _ = clean_records("costs", raw("costs", cost), pl.Series(["a"]))
    assert clean.height == 1


def test_ids_of_merged_records_become_that_of_the_person():
    people = pl.DataFrame({"customer_id": ["a", "b"], "person_id": ["a", "a"]})
    relations = pl.DataFrame({"from_id": ["b", "c"], "to_id": ["a", "b"]})
    assert with_persons(relations, people).rows() == [("a", "a"), ("c", "a")]


def test_quality_counts_each_dimension():
    records = raw(
        "customers",
        {"customer_id": "007", "email": "x", "updated_at": datetime(2024, 1, 1)},
        {"customer_id": "007", "updated_at": datetime(2020, 1, 1)},
    )
    feedback = raw("feedback", complaint(customer_id="7"), complaint(customer_id="007", kind=None))
    orders = tables.empty("raw_orders")
    received = {"orders": orders, "customers": records, "feedback": feedback}
    checks = quality_checks(received, AS_OF, "orders")
    failed = {row[:3]: row[3] for row in checks.select("table", "column", "check", "failed").rows()}
    assert failed["customers", "email", "present"] == 1
    assert failed["customers", "customer_id", "unique"] == 1
    assert failed["customers", "updated_at", "fresh"] == 1
    assert failed["feedback", "kind", "present"] == 1
    assert failed["feedback", "customer_id", "has_record"] == 1
    assert failed["feedback", "customer_id", "zeros_kept"] == 1
    assert ("customers", "phone", "present") not in failed  # no export has it


def test_ids_of_orders_products_and_campaigns_are_compared_with_their_tables_too():
    received = {
        "orders": raw("orders", {"order_id": "0071"}, {"order_id": "0072"}),
        "feedback": raw("feedback", complaint(order_id="71"), complaint(order_id="other")),
        "order_lines": raw("order_lines", {"order_id": "0071", "product_id": "8"}),
        "products": raw("products", {"product_id": "008"}),
        "campaigns": raw("campaigns", {"campaign_id": "01"}),
        "responses": raw("responses", {"campaign_id": "01"}, {"campaign_id": "1"}),
    }
    checks = quality_checks(received, AS_OF, "orders").filter(check="zeros_kept")
    assert checks.select("table", "column", "rows", "failed").sort("table", "column").rows() == [
        ("feedback", "order_id", 2, 1),
        ("order_lines", "order_id", 1, 0),
        ("order_lines", "product_id", 1, 1),
        ("responses", "campaign_id", 2, 1),
    ]


def test_without_records_of_customers_their_orders_tell_of_lost_zeros():
    received = {
        "orders": raw("orders", {"customer_id": "007"}),
        "feedback": raw("feedback", complaint(customer_id="7"), complaint(customer_id="new")),
    }
    checks = quality_checks(received, AS_OF, "orders").filter(dimension="consistency")
    assert checks.select("table", "column", "check", "rows", "failed").rows() == [
        ("feedback", "customer_id", "zeros_kept", 2, 1)
    ]


def test_what_may_be_empty_is_not_incomplete():
    rows = [{"customer_id": "a", "assigned_group": "treat", "sent_at": datetime(2024, 1, 1)}, {}]
    received = {"orders": tables.empty("raw_orders"), "responses": raw("responses", *rows)}
    checks = quality_checks(received, AS_OF, "orders").filter(dimension="completeness")
    assert checks.select("column", "failed").rows() == [
        ("campaign_id", 2),
        ("customer_id", 1),
        ("assigned_group", 1),
    ]


def test_a_column_is_only_missed_in_the_files_that_have_it():
    people = raw(
        "customers",
        {"customer_id": "a", "email": "x@y.zz", "file": "with"},
        {"customer_id": "b", "file": "with"},
        {"customer_id": "c", "file": "without"},
    )
    received = {"orders": tables.empty("raw_orders"), "customers": people}
    checks = quality_checks(received, AS_OF, "orders").filter(check="present")
    assert checks.select("column", "rows", "failed").rows() == [
        ("customer_id", 3, 0),
        ("email", 2, 1),
    ]


def test_an_id_of_two_people_in_two_systems_is_a_warning():
    people = raw(
        "customers",
        {"customer_id": "1", "customer_name": "Ann", "system": "till"},
        {"customer_id": "1", "customer_name": "Bob", "system": "web"},
        {"customer_id": "2", "customer_name": "Eve", "system": "till"},
        {"customer_id": "2", "customer_name": "Eve", "system": "web"},
        {"customer_id": "3", "customer_name": "Old", "system": "web"},
        {"customer_id": "3", "customer_name": "New", "system": "web"},
    )
    received = {"orders": tables.empty("raw_orders"), "customers": people}
    checks = quality_checks(received, AS_OF, "orders")
    assert checks.filter(check="one_person").select("rows", "failed").rows() == [(3, 1)]
    assert clashes(checks) == {"key": "clean.ids_clash", "ids": 1}
    assert clashes(checks.clear()) == {"key": "clean.ids_apart"}


def test_the_weakest_columns_come_first_and_those_without_fault_not_at_all():
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    rows = [
        ("t", "a", "present", "completeness", 4, 1),
        ("t", "b", "readable", "validity", 4, 0),
        ("u", "c", "unique", "uniqueness", 4, 3),
    ]
    found = weakest(pl.DataFrame(rows, schema=names, orient="row"))
    assert found.select("table", "column", "check", "passing").rows() == [
        ("u", "c", "unique", 0.25),
        ("t", "a", "present", 0.75),
    ]
    assert weakest(pl.DataFrame(rows, schema=names, orient="row"), most=1).height == 1


def test_values_that_cannot_be_read_are_counted_with_the_place_of_the_first():
    feedback = raw(
        "feedback",
        complaint(),
        complaint(unreadable="kind,at", file="g"),
        complaint(unreadable="kind"),
    )
    found = unread_values({"orders": raw("orders", {}), "feedback": feedback}, "orders")
    assert found.sort("column").rows() == [
        ("feedback", "at", 3, 1, "g", 2),
        ("feedback", "kind", 3, 2, "f", 3),
    ]
    assert unread_values({"orders": raw("orders", {})}, "orders").is_empty()


def test_unread_values_of_order_lines_that_carry_the_money_are_counted_once():
    lines = raw("order_lines", {"order_id": "1", "unreadable": "unit_price"})
    received = {"orders": raw("orders", {"unreadable": "amount"}), "order_lines": lines}
    found = unread_values(received, "order_lines")
    assert found.select("table", "column").rows() == [("order_lines", "amount")]


def test_the_trend_grows_by_a_month():
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    checks = pl.DataFrame([("t", "c", "present", "completeness", 4, 1)], schema=names, orient="row")
    assert scores(checks)["score"].to_list() == [0.75]
    january = trend(checks, None, date(2024, 1, 1))
    february = trend(checks, january, date(2024, 2, 1))
    assert february["month"].to_list() == [date(2024, 1, 1), date(2024, 2, 1)]
    tables.conform("quality_trend", february)
