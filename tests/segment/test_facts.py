"""What is known of a customer, cut at a day: hand-made shops of a few rows."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.customers import purchase_occasions
from analysis.run.settings import Settings
from analysis.segment.evidence import TABLES, TIMED, Evidence
from analysis.segment.facts import customer_facts, region

AS_OF = date(2024, 6, 30)


def settings(**more) -> Settings:
    sources = [{"table": "orders", "path": "p"}, {"table": "order_lines", "path": "q"}]
    base = {"name": "s", "currency": "CNY", "time_zone": "Asia/Shanghai", "sources": sources}
    return Settings.model_validate(base | more)


def orders(*rows: tuple) -> pl.DataFrame:
    """Rows of (customer, order, day, amount); a refund is dated to the purchase it reduces."""
    frame = pl.DataFrame(
        [
            {
                "file": "f",
                "row": position,
                "customer_id": customer,
                "customer_id_received": customer,
                "order_id": order,
                "ordered_at": datetime.fromisoformat(day),
                "purchase_day": date.fromisoformat(bought or day[:10]),
                "amount": amount,
                "quantity": None,
                "product_id": None,
                "channel": "web" if position % 3 else "shop",
                "store": None,
                "is_fee": False,
                "is_outlier": False,
                "before_signup": False,
                "merged": False,
            }
            for position, (customer, order, day, amount, bought) in enumerate(
                [(*row, None)[:5] for row in rows], 1
            )
        ]
    )
    return tables.conform("orders", frame)


def table(name: str, *rows: dict) -> pl.DataFrame:
    empty = tables.empty(name)
    if not rows:
        return empty
    full = [
        {"file": name, "row": number, "system": "", **row} for number, row in enumerate(rows, 1)
    ]
    frame = pl.DataFrame(full, infer_schema_length=None)
    missing = {one: pl.lit(None) for one in empty.columns if one not in frame.columns}
    return tables.conform(name, frame.with_columns(**missing))


def evidence(sold: pl.DataFrame, **more: pl.DataFrame) -> Evidence:
    found = {name: more.get(name, table(name)) for name in (*TABLES, *TIMED)} | {"orders": sold}
    occasions = purchase_occasions(sold.lazy()).collect().sort("customer_id", "purchase_day")
    return Evidence(occasions, found)


SOLD = orders(
    ("a", "1", "2023-01-10", 100),
    ("a", "2", "2024-03-10", 50),
    ("a", "2r", "2024-05-20", -20, "2024-03-10"),
    ("b", "3", "2024-06-30T23:00:00", 30),
)


def test_orders_alone_give_spend_of_a_year_gaps_and_the_second_purchase():
    facts = customer_facts(evidence(SOLD), AS_OF, settings())
    shown = facts.select(
        "customer_id", "purchases", "idle_days", "spend", "spend_365", "mean_spend",
        "own_gap_days", "days_to_second", "lines", "channel",
    )  # fmt: skip
    expected = pl.DataFrame(
        {
            "customer_id": ["a", "b"],
            "purchases": [2, 1],
            "idle_days": [112.0, 0.0],
            "spend": [130.0, 30.0],
            "spend_365": [30.0, 30.0],
            "mean_spend": [65.0, 30.0],
            "own_gap_days": [425.0, None],
            "days_to_second": [425, None],
            "lines": [0, 0],
            "channel": ["web", "web"],
        }
    )
    assert_frame_equal(shown, expected)
    unknown = ("discount_share", "margin_365", "complaints_365", "contacts_365", "region", "age")
    assert facts.select(unknown).null_count().row(0) == (2,) * len(unknown)


def test_a_refund_that_came_after_the_day_is_not_known_on_it():
    known = evidence(SOLD).until(date(2024, 4, 30))
    facts = customer_facts(known, date(2024, 4, 30), settings())
    assert facts.select("customer_id", "spend").rows() == [("a", 150.0)]


def test_nothing_after_the_day_changes_what_is_known_on_it():
    day = date(2024, 4, 30)
    before = customer_facts(evidence(SOLD).until(day), day, settings())
    later = orders(
        ("a", "1", "2023-01-10", 100),
        ("a", "2", "2024-03-10", 50),
        ("c", "9", "2024-05-01", 999),
    )
    assert_frame_equal(customer_facts(evidence(later).until(day), day, settings()), before)


def test_lines_tell_discounts_services_and_the_commonest_category():
    lines = table(
        "order_lines",
        {"order_id": "1", "product_id": "p", "unit_price": 8, "quantity": 1, "is_fee": False},
        {"order_id": "1", "product_id": "s", "unit_price": 5, "quantity": 2, "is_fee": False},
        {"order_id": "2", "product_id": "p", "unit_price": 10, "quantity": 1, "is_fee": False},
        {"order_id": "2", "product_id": "p", "unit_price": 10, "quantity": -1, "is_fee": False},
        {"order_id": "2", "product_id": "post", "unit_price": 1, "quantity": 1, "is_fee": True},
        {"order_id": "no", "product_id": "p", "unit_price": 10, "quantity": 1, "is_fee": False},
    )
    products = table(
        "products",
        {"product_id": "p", "list_price": 10, "category": "tea", "is_service": False},
        {"product_id": "s", "list_price": 5, "category": "repair", "is_service": True},
    )
    found = evidence(SOLD, order_lines=lines, products=products)
    row = customer_facts(found, AS_OF, settings()).row(0, named=True)
    assert (row["lines"], row["discount_share"], row["service_share"]) == (3, 1 / 3, 1 / 3)
    assert (row["main_category"], row["main_category_share"]) == ("tea", 2 / 3)


def test_margin_is_revenue_less_goods_less_own_and_common_costs():
    lines = table(
        "order_lines",
        {
            "order_id": "2",
            "product_id": "p",
            "line_amount": 20,
            "quantity": 2,
            "unit_cost": 6,
            "is_fee": False,
        },
    )
    month = date(2024, 6, 1)
    costs = table(
        "costs",
        {"customer_id": "a", "month": month, "kind": "service", "amount": 4},
        {"customer_id": "*", "month": month, "kind": "campaign", "amount": 6},
        {"customer_id": "a", "month": date(2023, 1, 1), "kind": "service", "amount": 99},
    )
    found = evidence(SOLD, order_lines=lines, costs=costs)
    margin = customer_facts(found, AS_OF, settings(clv={"gross_margin": 0.5}))["margin_365"]
    # a: 30 spent, 20 of it with a known cost of 12; the other 10 at half; less 4, less half of 6.
    # b: 30 at half, less the other half of 6.
    assert margin.to_list() == [20 - 12 + 5 - 4 - 3, 15 - 3]


def test_complaints_and_contacts_of_the_year_are_counted_once_there_is_a_table():
    spoken = [
        {"customer_id": "a", "at": datetime(2024, 6, 1), "kind": "complaint"},
        {"customer_id": "a", "at": datetime(2024, 6, 2), "kind": "praise"},
        {"customer_id": "a", "at": datetime(2022, 6, 1), "kind": "complaint"},
    ]
    facts = customer_facts(evidence(SOLD, feedback=table("feedback", *spoken)), AS_OF, settings())
    assert facts["complaints_365"].to_list() == [1, 0]
    assert facts["contacts_365"].to_list() == [None, None]


def test_a_person_takes_each_field_from_the_own_record_first():
    records = [
        {"customer_id": "a", "person_id": "a", "province": "四川", "altered": "", "imputed": ""},
        {
            "customer_id": "a2",
            "person_id": "a",
            "province": "北京",
            "gender": "male",
            "altered": "",
            "imputed": "",
        },
        {
            "customer_id": "b",
            "person_id": "b",
            "birthday": date(1990, 7, 1),
            "altered": "",
            "imputed": "",
        },
    ]
    facts = customer_facts(evidence(SOLD, profiles=table("profiles", *records)), AS_OF, settings())
    told = facts.select("customer_id", "region", "gender", "age").rows()
    assert told == [("a", "southwest_china", "male", None), ("b", None, None, 33)]


@pytest.mark.parametrize(
    ("province", "country", "expected"),
    [
        ("上海", None, "east_china"),
        ("Kent", "UK", "UK"),
        ("Kent", None, "Kent"),
        (None, None, None),
    ],
)
def test_a_region_is_one_of_seven_in_china_and_the_country_elsewhere(province, country, expected):
    frame = pl.DataFrame(
        {"province": [province], "country": [country]},
        schema={"province": pl.String, "country": pl.String},
    )
    assert frame.select(region()).item() == expected


def test_the_order_of_rows_changes_nothing():
    shuffled = evidence(SOLD.sample(fraction=1, shuffle=True, seed=3))
    expected = customer_facts(evidence(SOLD), AS_OF, settings())
    assert_frame_equal(customer_facts(shuffled, AS_OF, settings()), expected)


def test_the_year_reaches_back_365_days():
    sold = orders(("a", "1", "2023-07-01", 1), ("a", "2", "2023-07-02", 2))
    facts = customer_facts(evidence(sold), AS_OF, settings())
    assert AS_OF - timedelta(days=365) == date(2023, 7, 1)
    assert facts["spend_365"].to_list() == [2.0]
