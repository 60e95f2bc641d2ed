"""What is in an order: products whose prices add up to about what the order is meant to be worth."""

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DISCOUNTS, SERVICE_CATEGORY, by_class
from analysis.samples.shop.words import products

_MOST_LINES = 4
_LEAST_PER_LINE, _LEAST_ORDER = 2_000, 12  # fen, yuan
_MOST_PIECES = 6
_FAVOURITE_SHARE = 0.5  # of the goods lines that come from a customer's favourite category
FREIGHT, DIFFERENCE = ("SHIPPING", "运费"), ("FEE", "补差价")


def fill_baskets(
    targets: np.ndarray, classes: list[str], favourites: list[str], rng: np.random.Generator
) -> pl.DataFrame:
    """The lines of each order.

    Args:
        targets: what each order is meant to be worth, in yuan; its lines come near to it.
        classes: of the customer of each order.
        favourites: the category that this customer prefers.
        rng: random numbers.

    Returns:
        One row per line, no product twice in an order: `order` (place in `targets`), `product_id`,
        `product_name`, `category`, `quantity`, `unit_price` (fen).
    """
    left = np.maximum(targets, _LEAST_ORDER) * 100
    room = np.clip(left // _LEAST_PER_LINE, 1, _MOST_LINES).astype(int)
    counts = np.minimum(1 + rng.poisson(0.9, len(left)), room)
    classes, favourites = np.array(classes), np.array(favourites)
    parts = []
    for done in range(_MOST_LINES):
        order = np.flatnonzero((counts > done) & ((left >= _LEAST_PER_LINE) | (done == 0)))
        last = counts[order] == done + 1
        share = np.where(last, 1, rng.beta(3, 3 * np.maximum(counts[order] - done - 1, 1)))
        line = _lines(left[order] * share, classes[order], favourites[order], rng)
        left[order] -= line["quantity"].to_numpy() * line["unit_price"].to_numpy()
        parts.append(line.with_columns(order=order))
    lines = pl.concat(parts).sort("order", maintain_order=True)
    return lines.group_by("order", "product_id", maintain_order=True).agg(
        pl.col("product_name", "category").first(),
        pl.col("quantity").sum(),
        pl.col("unit_price").first(),
    )


def fees(orders: np.ndarray, fee: tuple[str, str], amounts: np.ndarray) -> pl.DataFrame:
    """Lines that are no product, e.g. freight, as `fill_baskets` has them."""
    return pl.DataFrame(
        {
            "order": orders,
            "product_id": [fee[0]] * len(orders),
            "product_name": [fee[1]] * len(orders),
            "category": [None] * len(orders),
            "quantity": [1] * len(orders),
            "unit_price": amounts,
        },
        schema_overrides={"category": pl.String, "quantity": pl.Int64},
    )


def _lines(
    values: np.ndarray, classes: np.ndarray, favourites: np.ndarray, rng: np.random.Generator
) -> pl.DataFrame:
    """One line for each value (fen)."""
    reduced = rng.random(len(values)) < by_class(classes, "discounted_lines")
    discount = np.where(reduced, rng.choice(DISCOUNTS, len(values)), 0)
    category = _categories(classes, favourites, rng)
    product, quantity = _nearest(category, values / (1 - discount))
    listed = products()[product]
    return listed.select(
        *("product_id", "product_name", "category"),
        quantity=pl.Series(quantity),
        unit_price=(pl.col("list_price") * (1 - pl.Series(discount))).round().cast(pl.Int64),
    )


def _categories(
    classes: np.ndarray, favourites: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    goods = [one for one in products()["category"].unique().sort() if one != SERVICE_CATEGORY]
    preferred = rng.random(len(classes)) < _FAVOURITE_SHARE
    category = np.where(preferred, favourites, rng.choice(goods, len(classes)))
    service = rng.random(len(classes)) < by_class(classes, "service_lines")
    return np.where(service, SERVICE_CATEGORY, category)


def _nearest(category: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A product of each category and a number of pieces that together cost about the value (fen)."""
    product = np.zeros(len(value), dtype=int)
    quantity = np.zeros(len(value), dtype=int)
    for (name,), listed in products().with_row_index("at").group_by("category"):
        pieces = np.tile(np.arange(1, _MOST_PIECES + 1), listed.height)
        which = np.repeat(listed["at"].to_numpy().astype(int), _MOST_PIECES)
        cost = np.repeat(listed["list_price"].to_numpy(), _MOST_PIECES) * pieces
        ordered = np.lexsort((pieces, cost))
        middle = (cost[ordered][1:] + cost[ordered][:-1]) / 2
        own = category == name
        at = ordered[np.searchsorted(middle, value[own])]
        product[own], quantity[own] = which[at], pieces[at]
    return product, quantity
