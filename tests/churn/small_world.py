"""A hundred customers with every table that features may come from, and rows to alter it with."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from analysis.churn.features import Sources
from analysis.customers import purchase_occasions
from analysis.tables import MONEY

START, CUT_OFF, AS_OF = date(2023, 1, 1), date(2023, 9, 30), date(2023, 12, 31)
DAYS = (AS_OF - START).days
KNOWN_DAYS = (CUT_OFF - START).days
CATEGORIES, CHANNELS = ("bags", "shoes", "hats"), ("phone", "chat", "email")
TIERS = ("first", "second", "third", None)
NO_HISTORY = ("profiles", "products")  # tables that stand as on the day of the export
SCHEMAS = {
    "orders": {
        "customer_id": pl.String,
        "ordered_at": pl.Datetime("us"),
        "purchase_day": pl.Date,
        "amount": MONEY,
    },
    "order_lines": {
        "customer_id": pl.String,
        "ordered_at": pl.Datetime("us"),
        "unit_price": MONEY,
        "list_price": MONEY,
        "quantity": pl.Float64,
        "product_id": pl.String,
        "category": pl.String,
    },
    "feedback": {
        "customer_id": pl.String,
        "at": pl.Datetime("us"),
        "kind": pl.String,
        "closed_at": pl.Datetime("us"),
    },
    "interactions": {"customer_id": pl.String, "at": pl.Datetime("us"), "channel": pl.String},
    "surveys": {
        "customer_id": pl.String,
        "at": pl.Datetime("us"),
        "score": pl.Float64,
        "scale_max": pl.Float64,
    },
    "profiles": {"customer_id": pl.String, "city_tier": pl.String},
    "products": {"product_id": pl.String, "category": pl.String},
}


def instant(day: int, hour: int = 12) -> datetime:
    """Hours of a day counted from the first."""
    return datetime(START.year, START.month, START.day, hour) + timedelta(days=int(day))


def row(table: str, customer: str, day: int, number: int = 50) -> tuple:
    """A row of a table on a day, with `number` in whatever it says.

    After the cut-off, every third line is of a category, and contact through a channel, unknown before.
    """
    at = instant(day, number % 24)
    is_new = day > KNOWN_DAYS and number % 3 == 0
    category = "novelty" if is_new else CATEGORIES[number // 5 % 3]
    channel = "robot" if is_new else CHANNELS[number % 3]
    product = f"p{number % 5}"
    return {
        "orders": (customer, at, at.date(), number),
        "order_lines": (
            *(customer, at, number, number + 5, 1.0 + number % 3),
            *(product, category if number % 2 or is_new else None),
        ),
        "feedback": (
            customer,
            at,
            "complaint" if number % 2 else "praise",
            instant(day + number % 40),
        ),
        "interactions": (customer, at, channel),
        "surveys": (customer, at, float(number % 11), 10.0),
        "profiles": (customer, "new" if is_new else TIERS[number % 4]),
        "products": (f"{customer}-{day}-{number}", category),  # not yet in any line
    }[table]


def frame(table: str, rows: list[tuple]) -> pl.DataFrame:
    """Rows as a frame of that table."""
    return pl.DataFrame(rows, schema=SCHEMAS[table], orient="row")


def with_rows(sources: Sources, added: dict[str, list[tuple]]) -> Sources:
    """The same world with more rows; purchases follow the orders."""
    tables = {
        name: pl.concat([getattr(sources, name), frame(name, rows)]) for name, rows in added.items()
    }
    changed = replace(sources, **tables)
    return replace(changed, occasions=purchase_occasions(changed.orders.lazy()).collect())


def world(seed: int = 1) -> Sources:
    """Customers who buy at their own pace until they stop; the tables beside say little."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[tuple]] = {name: [] for name in SCHEMAS}
    for number in range(100):
        customer = f"c{number:03}"
        day, gap = int(random.integers(0, 200)), float(random.gamma(1.5, 40))
        while day <= DAYS:
            rows["orders"].append(row("orders", customer, day, int(random.integers(5, 99))))
            rows["order_lines"].append(
                row("order_lines", customer, day, int(random.integers(5, 99)))
            )
            if random.random() < 0.15:
                break
            day += 1 + int(random.exponential(gap))
        for name in ("feedback", "interactions", "surveys"):
            for one in random.integers(0, DAYS + 1, random.integers(0, 4)):
                rows[name].append(row(name, customer, int(one), int(random.integers(0, 99))))
        rows["profiles"].append(row("profiles", customer, 0, number))
    # Records of people who never bought count for nothing.
    rows["profiles"] += [row("profiles", f"n{number}", DAYS, 3) for number in range(30)]
    rows["products"] = [(f"p{number}", CATEGORIES[number % 3]) for number in range(5)]
    tables = {name: frame(name, found) for name, found in rows.items()}
    return Sources(purchase_occasions(tables["orders"].lazy()).collect(), **tables)
