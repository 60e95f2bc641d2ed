"""Products not bought yet that go with those bought: item similarity, without substitutes."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from analysis.actions.ranking import values_at

LEAST_SUPPORT = 5  # customers who bought both products, below which they count as unrelated
NEIGHBOURS = 50  # most similar products kept of each
STEM_LIFT = 2.0  # bought together so often, variants of one product complement each other
RARE_LIFT = 0.5  # bought together less than half as often as chance: instead of each other
LEAST_EXPECTED = 5  # customers by chance, below which rarity shows nothing
COLUMNS = 512  # products whose pairs are dense at a time
# What parts variants of one product: colours, sizes and quantities, in both languages.
_COLOURS = "red|blue|green|pink|white|black|ivory|cream|yellow|orange|purple|grey|gray|brown|silver"
_COLOURS += "|gold|turquoise|lilac|mint"
_SIZES = "small|medium|large|mini|big|xs|xl|xxl|s|m|l"
_VARIANT = rf"\b(?:{_COLOURS}|{_SIZES})\b"
_CHINESE = r"[红蓝绿粉白黑黄橙紫灰棕银金]色|[大中小]号|[大中小]包?装"
_UNITS = r"(?:ml|l|g|kg|cm|mm|m|pcs)\b|毫升|升|克|千克|斤|厘米|米|片|只|个|袋|包|瓶"
_AMOUNT = rf"\d+(?:\.\d+)?\s*(?:{_UNITS})?"


@dataclass(frozen=True)
class Similar:
    """How alike products are in who buys them.

    likeness: cosine of two products' sets of buyers, one row and column per product.
    instead: true where the column's product is bought instead of the row's.
    """

    likeness: sparse.csr_array
    instead: sparse.csr_array


def similar(
    bought: sparse.csr_array, catalogue: pl.DataFrame, least_support: int = LEAST_SUPPORT
) -> Similar:
    """Similarity of products by the customers who bought both, and which replace each other.

    The cosine is (customers of both) / sqrt(customers of one x customers of the other), as in Sarwar,
    Karypis, Konstan and Riedl (2001), WWW 10, for yes and no. Two products are substitutes where
    (a) their names are equal but for colour, size and quantity, unless customers buy both at least
    twice as often as chance would have it (then they are collected, not chosen between); or
    (b) they are of one category, chance would have at least 5 customers buy both, and fewer than half
    as many did.

    Args:
        bought: one row per customer and one column per product, 1 where bought.
        catalogue: `product_name` and `category` of the products, in the order of the columns.
        least_support: customers who must have bought both.

    Returns:
        `Similar`; of each product the 50 most similar.
    """
    customers = bought.shape[0]
    by_product = bought.tocsc()
    buyers = np.asarray(bought.sum(axis=0)).ravel()
    stems, categories = (_groups(one) for one in (_stems(catalogue), catalogue["category"]))
    alike, instead = [], []
    for first in range(0, bought.shape[1], COLUMNS):
        last = min(first + COLUMNS, bought.shape[1])
        both = (by_product[:, first:last].T @ bought).toarray()
        own = np.arange(first, last)
        both[own - first, own] = 0
        alike.append(_cosines(both, buyers, own, least_support))
        chance = np.outer(buyers[first:last], buyers) / max(customers, 1)
        instead.append(sparse.csr_array(_substitutes(both, chance, stems, categories, own)))
    if not alike:
        empty = sparse.csr_array((0, 0))
        return Similar(empty, empty)
    return Similar(sparse.vstack(alike, format="csr"), sparse.vstack(instead, format="csr"))


def scores(bought: sparse.csr_array, similar: Similar) -> tuple[sparse.csr_array, sparse.csr_array]:
    """How much speaks for each product, and what must not be offered.

    Args:
        bought: of the customers to score: 1 where bought.
        similar: as `similar` returns it.

    Returns:
        The sum of the similarities to what the customer bought; and a matrix with entries where the
        customer bought the product or a substitute of it.
    """
    off = (bought @ similar.instead + bought).tocsr()
    return (bought @ similar.likeness).tocsr(), off


def because(bought: sparse.csr_array, similar: Similar, listed: np.ndarray) -> np.ndarray:
    """Of each listed product, the customer's own product that speaks most for it; -1 for none.

    Args:
        bought: one row per customer, 1 where bought.
        similar: as `similar` returns it.
        listed: columns of products, one row per customer, -1 where a list ends.
    """
    reason = np.full(listed.shape, -1, dtype=np.int32)
    rows = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
    has = np.diff(bought.indptr) > 0
    starts = bought.indptr[:-1][has]
    for place in range(listed.shape[1] if len(starts) else 0):
        target = listed[rows, place]
        known = target >= 0
        value = np.zeros(len(rows))
        value[known] = values_at(similar.likeness, bought.indices[known], target[known])
        highest = np.zeros(bought.shape[0])
        highest[has] = np.maximum.reduceat(value, starts)
        at = np.flatnonzero((value > 0) & (value == highest[rows]))
        first = at[np.diff(rows[at], prepend=-1) > 0]  # of equals, the product that comes first
        reason[rows[first], place] = bought.indices[first]
    return reason


def _cosines(
    both: np.ndarray, buyers: np.ndarray, own: np.ndarray, least_support: int
) -> sparse.csr_array:
    """Cosines of some products with all, the most similar kept."""
    scale = np.sqrt(np.maximum(np.outer(buyers[own], buyers), 1))
    cosine = np.where(both >= least_support, both / scale, 0)
    if cosine.shape[1] > NEIGHBOURS:
        least = np.partition(cosine, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS][:, np.newaxis]
        cosine[cosine < least] = 0
    return sparse.csr_array(cosine)


def _substitutes(
    both: np.ndarray, chance: np.ndarray, stems: np.ndarray, categories: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Which of all products is a substitute of which of some."""
    same_stem = (stems[own][:, np.newaxis] == stems) & (stems >= 0)
    same_category = (categories[own][:, np.newaxis] == categories) & (categories >= 0)
    rare = same_category & (chance >= LEAST_EXPECTED) & (both < RARE_LIFT * chance)
    found = (same_stem & (both < STEM_LIFT * chance)) | rare
    found[np.arange(len(own)), own] = False
    return found


def _stems(catalogue: pl.DataFrame) -> pl.Series:
    """Names without what parts variants of one product; null where nothing else is left."""
    name = pl.col("product_name").str.to_lowercase()
    for pattern in (_AMOUNT, _CHINESE, _VARIANT, r"[^\p{L}]+"):
        name = name.str.replace_all(pattern, " ")
    stem = name.str.strip_chars()
    return catalogue.select(pl.when(stem != "").then(stem)).to_series()


def _groups(values: pl.Series) -> np.ndarray:
    """A number for each value that stands more than once; -1 for the others and for none."""
    ranks = values.cast(pl.String).rank("dense").cast(pl.Int64)
    repeated = values.is_duplicated() & values.is_not_null()
    return pl.select(pl.when(repeated).then(ranks).otherwise(-1)).to_series().to_numpy()
