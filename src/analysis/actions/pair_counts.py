"""How often two products are together, and how often chance would put them together.

Who buys much has bought more of every product, so that any two products seem to go together. Chance is
therefore counted among baskets, or customers, with about equally many products.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from scipy.stats import pearson3

from analysis.actions.ranking import matrix, positions
from analysis.segment.traits import BREADTH

LEAST_TOGETHER = 5  # baskets or customers with both
LEAST_DISTANCE = 2.0  # standard deviations above chance; nearer pairs cannot pass a guard
COLUMNS = 512  # products whose pairs are dense at a time


@dataclass(frozen=True)
class Units:
    """Baskets or customers as rows of a matrix, in strata of about equally many products.

    has: one row per unit and one column per product.
    counts: units with each product (rows) in each stratum (columns).
    sizes: units of each stratum.
    columns: the column of each product, as `positions` returns it.
    """

    has: sparse.csr_array
    counts: np.ndarray
    sizes: np.ndarray
    columns: pl.DataFrame

    @classmethod
    def of(cls, half: pl.DataFrame, catalogue: pl.DataFrame, level: str) -> "Units":
        """The units of some lines."""
        columns = positions(catalogue)
        unit = "customer_id" if level == "customer" else pl.format("{} {}", "customer_id", "day")
        pairs = half.select("product_id", customer_id=unit).unique()
        has = matrix(pairs, pairs["customer_id"].unique().sort(), columns)
        width = np.asarray(has.sum(axis=1)).ravel()
        breadth = np.floor(np.log(np.maximum(width, 1)) / np.log(BREADTH)).astype(int)
        strata, stratum = np.unique(breadth, return_inverse=True)
        shape = (len(stratum), max(len(strata), 1))
        member = sparse.csr_array((np.ones(shape[0]), (np.arange(shape[0]), stratum)), shape=shape)
        sizes = np.maximum(np.bincount(stratum, minlength=shape[1]), 1)  # 1 where nothing was sold
        return cls(has, (has.T @ member).toarray(), sizes, columns)

    @property
    def buyers(self) -> np.ndarray:
        """Units with each product."""
        return self.counts.sum(axis=1)

    def measured(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Pairs with `together` and what chance would do: counts, `by_chance`, `p`."""
        known = dict(self.columns.iter_rows())
        a, b = (
            pairs[end].replace_strict(known, return_dtype=pl.Int64).to_numpy()
            for end in ("antecedent", "consequent")
        )
        expected, p = chance(
            pairs["together"].to_numpy(), self.counts[a], self.counts[b], self.sizes
        )
        return pairs.with_columns(
            with_antecedent=pl.Series(self.buyers[a]).cast(pl.Int64),
            with_consequent=pl.Series(self.buyers[b]).cast(pl.Int64),
            total=pl.lit(self.has.shape[0], pl.Int64),
            by_chance=pl.Series(expected),
            p=pl.Series(p),
        )


def together(units: Units) -> pl.DataFrame:
    """Pairs of products in the same unit, the rarer one first: `antecedent`, `consequent`, `together`."""
    buyers, by_product = units.buyers, units.has.tocsc()
    found = [pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64, "together": pl.Int64})]
    for first in range(0, len(buyers), COLUMNS):
        part = sparse.coo_array(by_product[:, first : first + COLUMNS].T @ units.has)
        row, b = part.coords
        a = row + first
        expected = (units.counts[first : first + COLUMNS] / units.sizes) @ units.counts.T
        by_chance = expected[row, b]
        far = part.data >= np.maximum(
            LEAST_TOGETHER, by_chance + LEAST_DISTANCE * np.sqrt(by_chance)
        )
        rarer = (buyers[a] < buyers[b]) | ((buyers[a] == buyers[b]) & (a < b))
        keep = far & rarer & (a != b)
        counts = {"a": a[keep], "b": b[keep], "together": part.data[keep]}
        found.append(pl.DataFrame(counts).cast(pl.Int64))
    ids, pairs = units.columns["product_id"], pl.concat(found)
    ends = {"antecedent": ids.gather(pairs["a"]), "consequent": ids.gather(pairs["b"])}
    return pairs.select(**ends, together="together")


def chance(
    together: np.ndarray, first: np.ndarray, second: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many units chance puts together, and the p of as many as there are, or more.

    Args:
        together: of each pair.
        first, second: units with either product in each stratum, one row per pair.
        sizes: units of each stratum.
    """
    expected = (first * second / sizes).sum(axis=1)
    total = np.maximum(sizes, 3)  # smaller strata scatter nothing that shows
    spread = first * second * (sizes - first) * (sizes - second) / (sizes**2 * (total - 1))
    skew = (sizes - 2 * first) * (sizes - 2 * second) / (sizes * np.maximum(total - 2, 1))
    variance, third = spread.sum(axis=1), (spread * skew).sum(axis=1)
    scale = np.sqrt(np.where(variance > 0, variance, 1))
    tail = pearson3.sf((together - expected - 0.5) / scale, third / scale**3)
    return expected, np.where(variance > 0, np.clip(tail, 0, 1), 1.0)
