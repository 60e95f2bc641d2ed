"""Cleaning rules, each with its rows; refunds; nothing is lost."""

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import tables
from analysis.clean.ledger import order_fates, reasons, source_ledger, waterfall, with_table
from analysis.clean.orders import clean_orders
from analysis.clean.rules import check_budget, check_purchases, exact_repeats
from analysis.customers import purchase_occasions
from analysis.run.errors import UserError
from analysis.run.settings import Settings

JANUARY = datetime(2024, 1, 5, 10)


def raw(*rows: dict) -> pl.DataFrame:
    base = {
        "file": "f.csv",
        "system": "",
        "customer_id": "a",
        "ordered_at": JANUARY,
        "amount": Decimal("1"),
        "is_sale": True,
        "drop_repeats": False,
        "in_future": False,
        "unreadable": "",
    }
    columns = tables.CONTRACTS["raw_orders"].column_names()
    base = dict.fromkeys(columns) | base
    numbered = [base | {"row": number} | row for number, row in enumerate(rows, 1)]
    return tables.conform("raw_orders", pl.DataFrame(numbered, infer_schema_length=None))


RULE_CASES = [
    ({"is_sale": False}, "not_a_sale", "not_usable"),
    ({"customer_id": None}, "no_customer", "not_usable"),
    ({"ordered_at": None}, "date_missing", "bad"),
    ({"ordered_at": None, "unreadable": "ordered_at"}, "date_unreadable", "bad"),
    ({"ordered_at": datetime(1900, 1, 1)}, "date_impossible", "bad"),
    ({"ordered_at": datetime(1970, 1, 1, 8)}, "date_impossible", "bad"),  # the clock's zero
    ({"amount": None}, "amount_missing", "bad"),
    ({"amount": None, "unreadable": "quantity,amount"}, "amount_unreadable", "bad"),
    ({"customer_id": "1.38E+10"}, "id_lost_digits", "bad"),
    ({"customer_id": "1.38001e10"}, "id_lost_digits", "bad"),
    ({"in_future": True}, "date_in_future", "bad"),
    ({"amount": Decimal("-1"), "refund_amount": Decimal("2")}, "refund_beyond_purchase", "bad"),
    ({"amount": Decimal("-1"), "customer_id": "nobody"}, "refund_without_purchase", "bad"),
    ({"amount": Decimal("-9")}, "refund_beyond_purchase", "bad"),
]


@pytest.mark.parametrize(("row", "reason", "kind"), RULE_CASES)
def test_each_rule_sets_its_row_aside_with_its_reason(row, reason, kind):
    orders, aside = clean_orders(raw({}, row, {"customer_id": "b"}))
    assert orders["row"].to_list() == [1, 3]
    assert aside.select("row", "reason", "kind").rows() == [(2, reason, kind)]


@pytest.mark.parametrize("code", ["1E5", "3e10", "7F+2", "E+5"])
def test_a_code_that_holds_an_e_keeps_all_its_digits(code):
    assert clean_orders(raw({"customer_id": code}))[0]["customer_id"].to_list() == [code]


def test_a_refund_belongs_to_the_sale_with_its_order_id():
    orders, _ = clean_orders(
        raw(
            {"order_id": "x", "amount": Decimal("50")},
            {"order_id": "y", "amount": Decimal("30"), "ordered_at": datetime(2024, 1, 9)},
            {"order_id": "x", "amount": Decimal("-20"), "ordered_at": datetime(2024, 1, 20)},
        )
    )
    assert orders.filter(pl.col("amount") < 0)["purchase_day"][0] == JANUARY.date()


def test_a_refund_without_order_id_belongs_to_the_last_purchase_before_it():
    orders, _ = clean_orders(
        raw(
            {"amount": Decimal("50")},
            {"amount": Decimal("30"), "ordered_at": datetime(2024, 1, 9)},
            {"amount": Decimal("-20"), "ordered_at": datetime(2024, 1, 20)},
        )
    )
    assert orders.filter(pl.col("amount") < 0)["purchase_day"][0].day == 9


def test_a_double_refund_is_applied_once_and_set_aside_once():
    twice = [{"amount": Decimal("-50"), "ordered_at": datetime(2024, 1, day)} for day in (6, 7)]
    orders, aside = clean_orders(raw({"amount": Decimal("50")}, *twice))
    assert orders["row"].to_list() == [1, 2]
    assert aside["reason"].to_list() == ["refund_beyond_purchase"]
    assert purchase_occasions(orders.lazy()).collect().is_empty()


def test_rows_of_one_day_are_merged_into_the_first_sale():
    orders, _ = clean_orders(raw({}, {"ordered_at": datetime(2024, 1, 5, 8)}, {}))
    assert orders["merged"].to_list() == [True, False, True]


def test_exact_repeats_are_counted_and_kept():
    frame = raw({}, {}, {"amount": Decimal("2")})
    assert exact_repeats(frame) == 1
    assert clean_orders(frame)[0].height == 3


rows_of_any_kind = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(["a", "b", None]),
            "order_id": st.sampled_from(["x", "y", None]),
            "ordered_at": st.one_of(
                st.none(), st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 9))
            ),
            "amount": st.one_of(
                st.none(), st.integers(-3000, 3000).map(lambda cents: Decimal(cents) / 100)
            ),
            "is_sale": st.booleans(),
            "file": st.sampled_from(["f.csv", "g.csv"]),
        }
    ),
    min_size=1,
    max_size=30,
)


@given(rows_of_any_kind)
@settings(max_examples=100, deadline=None)
def test_every_row_and_every_cent_is_accounted_for(rows):
    frame = raw(*rows)
    orders, aside = clean_orders(frame)
    files = pl.DataFrame({"file": frame["file"].unique().sort()}).with_columns(
        table=pl.lit("orders"), sha256=pl.lit("0" * 64), rows_later=pl.lit(0, dtype=pl.Int64)
    )
    ledger = tables.conform(
        "source_ledger", source_ledger(files, order_fates("orders", frame, orders, aside))
    )
    assert ledger["rows_read"].sum() == len(rows)
    read, kept, merged, quarantined = (
        round(100 * ledger[f"money_{part}"].sum())
        for part in ("read", "kept", "merged", "quarantined")
    )
    assert read == kept + merged + quarantined
    occasions = purchase_occasions(orders.lazy()).collect()
    assert occasions["amount"].sum() == orders["amount"].sum()
    assert occasions.filter(pl.col("amount") < 0).is_empty()
    stages = waterfall(ledger, aside)
    assert stages[:-1]["rows"].sum() == stages[-1]["rows"].item()


def test_where_lines_are_numbered_a_repeated_line_is_set_aside():
    frame = raw({"line_id": "1", "drop_repeats": True}, {"line_id": "1", "drop_repeats": True}, {})
    orders, aside = clean_orders(frame)
    assert orders["row"].to_list() == [1, 3]
    assert aside.select("row", "reason", "kind").rows() == [(2, "repeated_row", "bad")]


def test_orders_of_merged_records_are_of_one_person_and_those_of_test_accounts_set_aside():
    people = pl.DataFrame(
        {
            "customer_id": ["a", "b", "t"],
            "person_id": ["a", "a", "t"],
            "created_at": [datetime(2024, 1, 7), None, None],
            "is_test": [False, False, True],
        }
    )
    frame = raw({}, {"customer_id": "b"}, {"customer_id": "t"}, {"customer_id": "new"})
    orders, aside = clean_orders(frame, people)
    assert orders["customer_id"].to_list() == ["a", "a", "new"]
    assert orders["customer_id_received"].to_list() == ["a", "b", "new"]
    assert orders["before_signup"].to_list() == [True, False, False]
    assert aside.select("row", "reason", "kind").rows() == [(3, "test_account", "not_usable")]


def test_a_refund_belongs_to_the_last_purchase_of_its_product():
    orders, _ = clean_orders(
        raw(
            {"product_id": "cup", "amount": Decimal("5")},
            {"product_id": "jug", "amount": Decimal("9"), "ordered_at": datetime(2024, 1, 9)},
            {"product_id": "cup", "amount": Decimal("-5"), "ordered_at": datetime(2024, 1, 20)},
        )
    )
    assert orders.filter(pl.col("amount") < 0)["purchase_day"][0] == JANUARY.date()


@pytest.mark.parametrize(
    ("row", "is_fee"),
    [
        ({"product_id": "POST"}, True),
        ({"product_id": "M"}, True),
        ({"product_id": "85123A"}, False),
        ({"product_id": "DOTCOM7"}, False),
        ({"product_name": "补差价专用链接"}, True),
        ({"product_name": "运费"}, True),
        ({"product_name": "emmanuel mug"}, False),
    ],
)
def test_fees_are_flagged_by_their_code_or_name_and_kept(row, is_fee):
    assert clean_orders(raw(row))[0]["is_fee"].to_list() == [is_fee]


def test_an_amount_far_from_all_others_is_flagged_and_kept():
    amounts = [Decimal(10 + number % 7) for number in range(50)] + [Decimal(900_000)]
    orders, _ = clean_orders(raw(*({"amount": amount} for amount in amounts)))
    assert orders.filter("is_outlier")["amount"].to_list() == [Decimal(900_000)]


def test_a_month_without_any_purchase_is_told_with_the_commonest_reasons():
    kept, aside = clean_orders(raw({"is_sale": False}, {"is_sale": False}, {"customer_id": None}))
    nothing = purchase_occasions(kept.lazy()).collect()
    with pytest.raises(
        UserError,
        match=r"No row is a purchase: not a sale \(2 rows, first row 1 of f.csv\), no customer",
    ):
        check_purchases(nothing, aside)


def test_reasons_are_counted_with_their_money_to_the_cent():
    frame = raw(
        {}, {"is_sale": False, "amount": Decimal("2.35")}, {"ordered_at": None}, {"amount": None}
    )
    aside = with_table(clean_orders(frame)[1], "orders")
    other = {"table": "feedback", "file": "g", "row": 1, "kind": "bad", "reason": "at_missing"}
    other = pl.DataFrame(other | {"amount": None}, schema=aside.schema)
    assert reasons(pl.concat([aside, other])).rows() == [
        ("feedback", "at_missing", 1, None, "bad"),
        ("orders", "amount_missing", 1, None, "bad"),
        ("orders", "date_missing", 1, 1.0, "bad"),
        ("orders", "not_a_sale", 1, 2.35, "not_usable"),
    ]


def test_too_many_bad_rows_stop_the_month_with_the_worst_reasons():
    shop = Settings(
        name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
    )
    frame = raw({}, {"amount": None}, {"customer_id": None})
    aside = with_table(clean_orders(frame)[1], "orders")
    check_budget({"orders": pl.concat([frame] * 2)}, aside, shop)
    with pytest.raises(
        UserError,
        match=r"33\.3% of the rows of orders are bad, more than max_quarantined_share = 20%: "
        r"amount missing \(1 rows, first row 2 of f\.csv\)\. Mend the export",
    ):
        check_budget({"orders": frame}, aside, shop)


def test_the_budget_holds_for_every_table_by_itself():
    sources = [{"table": "order_lines", "path": "p"}]
    shop = Settings(name="s", currency="EUR", time_zone="UTC", sources=sources)
    frame = raw({}, {}, {}, {"amount": None})
    bad = pl.DataFrame({"file": "g.csv", "row": [1], "kind": "bad", "reason": "at_missing"})
    bad = bad.with_columns(amount=pl.lit(None, pl.Float64))
    lines = with_table(clean_orders(frame)[1], "order_lines")
    raw_tables = {"orders": pl.concat([frame] * 2), "feedback": frame[:2]}
    check_budget(raw_tables, lines, shop)
    with pytest.raises(
        UserError, match=r"50\.0% of the rows of feedback .*: time missing \(1 rows"
    ):
        check_budget(raw_tables, pl.concat([lines, with_table(bad, "feedback")]), shop)
