"""Small shops of which every purchase is known: orders, lines, products and lines as baskets."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from analysis import tables

FIRST = date(2024, 1, 1)
LINE = {"customer_id": pl.String, "day": pl.Date, "product_id": pl.String}
LINE |= {"quantity": pl.Float64, "price": pl.Float64}


def day(number: int) -> date:
    """A day by its number; 1 is the first of January 2024."""
    return FIRST + timedelta(days=number - 1)


def filled(table: str, rows: list[dict]) -> pl.DataFrame:
    """A table with what the rows name; the rest is missing."""
    schema = tables.empty(table).schema
    return pl.DataFrame(rows, schema=schema, orient="row") if rows else tables.empty(table)


def order(row: int, customer: str, at: int, amount: float, **more) -> dict:
    """A row of `orders`; its order id is O and its row."""
    base = {"file": "f", "row": row, "customer_id": customer, "customer_id_received": customer}
    base |= {"order_id": f"O{row}", "ordered_at": datetime.combine(day(at), datetime.min.time())}
    base |= {"purchase_day": day(at), "amount": amount, "merged": False, "is_fee": False}
    return base | {"is_outlier": False, "before_signup": False} | more


def line(row: int, order_id: str, product: str | None, quantity: float = 1, **more) -> dict:
    """A row of `order_lines`."""
    base = {"file": "l", "row": row, "system": "s", "order_id": order_id, "product_id": product}
    return base | {"quantity": quantity, "is_fee": False} | more


def orders(*rows: dict) -> pl.DataFrame:
    return filled("orders", list(rows))


def order_lines(*rows: dict) -> pl.DataFrame:
    return filled("order_lines", list(rows))


def products(*rows: tuple) -> pl.DataFrame:
    """`product_id`, `product_name`, `category`, `list_price`, `is_service` of each product."""
    names = ("product_id", "product_name", "category", "list_price", "is_service")
    base = {"file": "p", "system": "s"}
    listed = [
        base | {"row": at} | dict(zip(names, one, strict=False)) for at, one in enumerate(rows, 1)
    ]
    return filled("products", listed)


def lines(*rows: tuple) -> pl.DataFrame:
    """Lines as `baskets` returns them, of (customer, number of the day, products...)."""
    listed = [
        (customer, day(at), product, 1.0, 2.0) for customer, at, *some in rows for product in some
    ]
    return pl.DataFrame(listed, schema=LINE, orient="row").sort("customer_id", "day", "product_id")


def catalogue(bought: pl.DataFrame, **known: tuple) -> pl.DataFrame:
    """The catalogue of the products of some lines; product = (name, category, price) where known."""
    ids = bought["product_id"].unique().sort().to_list()
    rows = [(one, *known.get(one, (None, None, None))) for one in ids]
    names = ["product_id", "product_name", "category", "list_price"]
    types = [pl.String, pl.String, pl.String, pl.Float64]
    frame = pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")
    return frame.with_columns(tier=pl.lit(None, pl.String), is_service=pl.lit(None, pl.Boolean))


def tastes(customers: int = 400, baskets: int = 6, seed: int = 1) -> pl.DataFrame:
    """Orders of customers who buy their own ten of fifty products again and again, and of a taste.

    Products 0 to 24 are bought by customers of even number, the rest by those of odd number.
    """
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        own = random.choice(25, 10, replace=False) + 25 * (customer % 2)
        days = np.sort(random.choice(360, baskets, replace=False)) + 1
        rows += [
            order(0, f"c{customer:03}", int(at), 10.0, product_id=f"p{product:02}", quantity=1.0)
            for at in days
            for product in random.choice(own, 3, replace=False)
        ]
    return orders(*({**one, "row": at, "order_id": None} for at, one in enumerate(rows, 1)))
