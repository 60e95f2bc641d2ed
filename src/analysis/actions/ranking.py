"""Customers and products as sparse matrices, and the best products of each row of scores."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy import sparse

POPULAR_DAYS = 365  # a product that nobody bought for a year is not offered
ROWS = 512  # rows of scores that are dense at a time, so that memory stays bounded
STEPS = 1e6  # scores nearer than one part in a million are ties
NONE = -1


@dataclass(frozen=True)
class Popularity:
    """How many customers bought each product in the last year, and the order that this gives.

    buyers: customers per product, in the order of the products.
    points: the higher the more popular, each number once; 0 where nobody bought it.
    """

    buyers: np.ndarray
    points: np.ndarray


def positions(products: pl.DataFrame) -> pl.DataFrame:
    """The column of each product: `product_id`, `column`; by id, so that it never depends on order."""
    ids = products.select("product_id").unique().sort("product_id")
    return ids.with_row_index("column").select("product_id", pl.col("column").cast(pl.Int64))


def popularity(lines: pl.DataFrame, columns: pl.DataFrame, day: date) -> Popularity:
    """How popular each product was in the year before a day.

    Args:
        lines: as `baskets` returns them.
        columns: as `positions` returns them.
        day: the first day that is not known.
    """
    recent = (pl.col("day") < day) & (pl.col("day") >= day - timedelta(days=POPULAR_DAYS))
    counted = (
        lines.filter(recent).group_by("product_id").agg(buyers=pl.col("customer_id").n_unique())
    )
    ranked = columns.join(counted, on="product_id", how="left", maintain_order="left")
    buyers = ranked["buyers"].fill_null(0).to_numpy().astype(np.int64)
    order = np.lexsort((np.arange(len(buyers)), -buyers))
    points = np.empty(len(buyers), dtype=np.int64)
    points[order] = np.arange(len(buyers), 0, -1)
    return Popularity(buyers, np.where(buyers > 0, points, 0))


def matrix(
    frame: pl.DataFrame, customers: pl.Series, columns: pl.DataFrame, value: str | None = None
) -> sparse.csr_array:
    """A frame of one row per customer and product as a sparse matrix.

    Args:
        frame: `customer_id`, `product_id` and `value`; rows of other customers are left out.
        customers: whose rows, in this order, each once.
        columns: as `positions` returns them.
        value: the column of values; ones if absent.
    """
    rows = pl.DataFrame({"customer_id": customers}).with_row_index("row")
    found = frame.join(rows, on="customer_id").join(columns, on="product_id")
    found = found.sort("row", "column")
    data = np.ones(found.height) if value is None else found[value].cast(pl.Float64).to_numpy()
    place = (found["row"].to_numpy(), found["column"].to_numpy())
    return sparse.csr_array((data, place), shape=(len(customers), columns.height))


def best(
    scores: sparse.csr_array,
    popular: Popularity,
    length: int,
    without: sparse.csr_array | None = None,
    fill: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """The best products of each customer: by score, then popularity.

    Args:
        scores: 0 or more, one row per customer and one column per product.
        popular: breaks ties and fills the list where scores do not; what is not sold any more is
            never listed.
        length: products a customer at most.
        without: what must not be listed, e.g. what the customer has already.
        fill: whether products without a score may fill the list.

    Returns:
        Columns of the products and their scores, each of one row per customer and `length` places,
        best first; the column is -1 where the list ends. Memory grows with the lists only.
    """
    products = scores.shape[1]
    length = min(length, products)
    listed = np.full((scores.shape[0], length), NONE, dtype=np.int32)
    worth = np.zeros((scores.shape[0], length))
    for first in range(0, scores.shape[0], ROWS):
        part = scores[first : first + ROWS]
        off = None if without is None else without[first : first + ROWS]
        keys = _keys(part, popular.points, off, fill)
        columns = np.argpartition(keys, products - length, axis=1)[:, products - length :]
        chosen = np.take_along_axis(keys, columns, axis=1)
        order = np.argsort(-chosen, axis=1)
        columns, chosen = (np.take_along_axis(one, order, axis=1) for one in (columns, chosen))
        listed[first : first + ROWS] = np.where(chosen > 0, columns, NONE)
        worth[first : first + ROWS] = chosen // (products + 1) / STEPS
    return listed, worth


def values_at(found: sparse.csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The values at some places of a matrix; scipy gives no plain array where there are no places."""
    return np.asarray(found[rows, columns]).ravel() if len(rows) else np.zeros(0)


def _keys(
    scores: sparse.csr_array, points: np.ndarray, without: sparse.csr_array | None, fill: bool
) -> np.ndarray:
    """One whole number per customer and product that orders by score, then popularity; 0 is out.

    Whole numbers differ for any two products, so that the choice never depends on how ties fall.
    """
    base = points if fill else np.zeros_like(points)
    keys = np.repeat(base[np.newaxis], scores.shape[0], axis=0)
    rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    steps = np.rint(scores.data * STEPS).astype(np.int64)
    own = steps * (len(points) + 1) + points[scores.indices]
    keys[rows, scores.indices] = np.where(points[scores.indices] > 0, own, 0)
    if without is not None:
        out = np.repeat(np.arange(without.shape[0]), np.diff(without.indptr))
        keys[out, without.indices] = 0
    return keys
