"""Optional tables: what is set aside and why, what is merged, and how good the data are."""

from datetime import date, datetime

import polars as pl
import pytest

from analysis import tables
from analysis.clean.others import with_persons
from analysis.clean.quality import quality_checks, scores, trend
from analysis.clean.records import clean_records

AS_OF = date(2024, 1, 31)


def raw(table: str, *rows: dict) -> pl.DataFrame:
    """Rows as received; what is not named is missing."""
    empty = tables.empty(f"raw_{table}")
    base = {"file": "f", "system": "", "unreadable": "", "drop_repeats": False}
    frame = pl.DataFrame(
        [base | {"row": n} | row for n, row in enumerate(rows, 1)], infer_schema_length=None
    )
    absent = [
        pl.lit(None, empty.schema[name]).alias(name)
        for name in empty.columns
        if name not in frame.columns
    ]
    return tables.conform(f"raw_{table}", frame.with_columns(absent))


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


def test_the_trend_grows_by_a_month():
    names = ["table", "column", "check", "dimension", "rows", "failed"]
    checks = pl.DataFrame([("t", "c", "present", "completeness", 4, 1)], schema=names, orient="row")
    assert scores(checks)["score"].to_list() == [0.75]
    january = trend(checks, None, date(2024, 1, 1))
    february = trend(checks, january, date(2024, 2, 1))
    assert february["month"].to_list() == [date(2024, 1, 1), date(2024, 2, 1)]
    tables.conform("quality_trend", february)
