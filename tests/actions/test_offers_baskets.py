"""What counts as bought: products in hand, without fees, services and returns, and as it looked then."""

from datetime import datetime

import polars as pl
from actions.offers_small import day, line, order, order_lines, orders, products
from helpers import read_retail

from analysis import tables
from analysis.actions.baskets import baskets

AS_OF = day(100)
GOODS = products(
    ("a", "Apple", "fruit", 2, False),
    ("s", "Repair", "service", 9, True),
    ("b", "Bread", "food", 3),
)


def counts(found) -> dict:
    return dict(found.left_out.iter_rows())


def test_lines_of_one_day_are_one_basket_and_know_their_price():
    found = baskets(
        orders(order(1, "x", 1, 10), order(2, "x", 1, 4)),
        order_lines(
            line(1, "O1", "a", 2, line_amount=6),
            line(2, "O2", "a", 1, unit_price=4),
            line(3, "O2", "b", 1),
        ),
        GOODS,
        AS_OF,
    )
    assert found.lines.rows() == [("x", day(1), "a", 3.0, 4.0), ("x", day(1), "b", 1.0, None)]
    assert found.left_out.is_empty()
    assert found.catalogue.select(
        "product_id", "product_name", "category", "list_price"
    ).rows() == [
        ("a", "Apple", "fruit", 2.0),
        ("b", "Bread", "food", 3.0),
    ]


def test_fees_services_and_lines_without_a_trusted_order_do_not_count_and_are_told():
    found = baskets(
        orders(order(1, "x", 1, 10)),
        order_lines(
            line(1, "O1", "a"),
            line(2, "O1", "s"),
            line(3, "O1", "POST", is_fee=True),
            line(4, "O1", None),
            line(5, "O9", "a"),
            line(6, "O1", "b", is_service=True),
        ),
        GOODS,
        AS_OF,
    )
    assert found.lines["product_id"].to_list() == ["a"]
    assert counts(found) == {"no_product": 1, "no_order": 1, "fee": 1, "service": 2}


def test_what_came_back_is_not_bought_but_looked_so_until_then():
    found = baskets(
        orders(
            order(1, "x", 1, 10),
            order(2, "x", 9, -4, order_id="O1", purchase_day=day(1), merged=True),
            order(3, "y", 2, 0),  # paid back in full on its own row
        ),
        order_lines(
            line(1, "O1", "a", 2, line_amount=4),
            line(2, "O1", "b", 3, line_amount=6),
            line(
                3,
                "O1",
                "a",
                -2,
                line_amount=-4,
                ordered_at=datetime.combine(day(9), datetime.min.time()),
            ),
            line(4, "O3", "a", 1, unit_price=4),
        ),
        GOODS,
        AS_OF,
    )
    assert found.lines.rows() == [("x", day(1), "b", 3.0, 2.0)]
    assert found.returned.select("product_id", "returned_day").rows() == [("a", day(9))]
    assert counts(found) == {"returned": 3}
    assert found.before(day(9))["product_id"].to_list() == ["a", "b"]
    assert found.before(day(10))["product_id"].to_list() == ["b"]
    until = pl.DataFrame({"customer_id": ["x"], "until": [day(5)]})
    assert found.before(until)["product_id"].to_list() == ["a", "b"]


def test_an_order_that_came_back_whole_looked_bought_until_then():
    back = datetime.combine(day(9), datetime.min.time())
    found = baskets(
        orders(
            order(1, "x", 1, 4),
            order(2, "x", 9, -4, order_id="O1", purchase_day=day(1), merged=True),
        ),
        order_lines(
            line(1, "O1", "a", 2, line_amount=4),
            line(2, "O1", "a", -2, line_amount=-4, ordered_at=back),
        ),
        GOODS,
        AS_OF,
    )
    assert found.lines.is_empty()
    assert found.before(day(9))["product_id"].to_list() == ["a"]
    assert found.before(day(10)).is_empty()
    assert counts(found) == {"returned": 2}


def test_a_part_that_came_back_leaves_the_rest():
    rows = (
        order(1, "x", 1, 10, product_id="a", quantity=5.0),
        order(2, "x", 3, -4, product_id="a", quantity=-2.0, purchase_day=day(1), merged=True),
    )
    found = baskets(orders(*rows), tables.empty("order_lines"), GOODS, AS_OF)
    assert found.lines.rows() == [("x", day(1), "a", 3.0, 2.0)]
    assert counts(found) == {"returned": 1}


def test_without_lines_the_products_of_orders_serve_and_names_come_from_what_there_is():
    rows = (order(1, "x", 1, 10, product_id="a"), order(2, "x", 2, 3))
    no_lines, no_products = tables.empty("order_lines"), tables.empty("products")
    found = baskets(orders(*rows), no_lines, no_products, AS_OF)
    assert found.lines["product_id"].to_list() == ["a"]
    assert counts(found) == {"no_product": 1}
    assert not found.has_categories
    said = order_lines({**line(1, "O1", "a", product_name="Apple"), "file": "f"})
    named = baskets(orders(*rows), said, no_products, AS_OF, "order_lines")
    assert named.catalogue["product_name"].to_list() == ["Apple"]


def test_nothing_after_the_month_counts():
    rows = (order(1, "x", 1, 10, product_id="a"), order(2, "x", 101, 3, product_id="a"))
    found = baskets(orders(*rows), tables.empty("order_lines"), GOODS, AS_OF)
    assert found.lines["day"].to_list() == [day(1)]
    assert counts(found) == {"later": 1}


def test_every_code_that_counts_in_online_retail_begins_with_five_digits():
    settings, orders_of_retail = read_retail()
    found = baskets(
        orders_of_retail,
        tables.empty("order_lines"),
        tables.empty("products"),
        orders_of_retail["purchase_day"].max(),
        settings.money_table,
    )
    assert found.lines["product_id"].str.contains(r"^\d{5}").all()
    assert counts(found)["fee"] > 300
    assert counts(found)["returned"] > 2000
    assert found.lines.height + sum(counts(found).values()) <= orders_of_retail.height
