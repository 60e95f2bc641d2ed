"""Categories that a customer does not buy although customers who otherwise buy alike do."""

import numpy as np
import polars as pl

from analysis.actions.ranking import ROWS

LOOK_ALIKES = 50
REFERENCE = 2000  # customers among whom look-alikes are sought, drawn by a hash of their id
LEAST_BUYERS = 20  # customers of a category, below which it is no need of anybody
STEPS = 1e6  # likeness nearer than one part in a million is a tie
NEED = {"customer_id": pl.String, "category": pl.String, "share": pl.Float64}
NEED |= {"everybody": pl.Float64, "look_alikes": pl.Int64}


def category_gaps(
    lines: pl.DataFrame, of: pl.DataFrame, catalogue: pl.DataFrame, seed: int = 1
) -> pl.DataFrame:
    """For every category that a customer has not bought, what share of their look-alikes bought it.

    A customer is the logarithm of 1 + the baskets with each category. Look-alikes of a customer for a
    category are the 50 customers with the largest cosine over the other categories: with the category
    itself counted, those who lack it too would look most alike, and no gap would ever show.

    Args:
        lines: of everybody, as `baskets` returns them; look-alikes come from up to 2,000 of them.
        of: the lines of the customers in question.
        catalogue: as `baskets` returns it.
        seed: of the hash by which the 2,000 are drawn.

    Returns:
        One row per customer and category not bought, by customer, the largest share first:
        `customer_id`, `category`, `share` (of look-alikes who buy it), `everybody` (share of all who
        buy it), `look_alikes` (how many there were). Categories with fewer than 20 buyers are left out.
    """
    everybody, mine = (_baskets(one, catalogue) for one in (lines, of))
    buyers = everybody.group_by("category").agg(buyers=pl.len())
    known = buyers.filter(pl.col("buyers") >= LEAST_BUYERS).sort("category")
    categories = known["category"]
    if len(categories) < 2 or mine.is_empty():
        return pl.DataFrame(schema=NEED)
    people = everybody.select("customer_id").unique()
    drawn = people.sort(pl.col("customer_id").hash(seed), "customer_id").head(REFERENCE)
    reference = drawn["customer_id"].sort()
    who = mine["customer_id"].unique().sort()
    others = _vectors(everybody, reference, categories)
    place = pl.DataFrame({"customer_id": reference}).with_row_index("place")
    own = pl.DataFrame({"customer_id": who}).join(
        place, on="customer_id", how="left", maintain_order="left"
    )
    self_at = own["place"].cast(pl.Int64).fill_null(-1).to_numpy()
    shares = _shares(_vectors(mine, who, categories), others, self_at)
    rate = known.select(pl.col("buyers") / people.height).to_series()
    wide = pl.DataFrame(shares, schema=categories.to_list()).with_columns(customer_id=who)
    long = wide.unpivot(index="customer_id", variable_name="category", value_name="share")
    rates = pl.DataFrame({"category": categories, "everybody": rate})
    alike = min(LOOK_ALIKES, len(reference) - 1)
    return (
        long.filter(pl.col("share").is_not_nan())
        .join(rates, on="category", how="left")
        .with_columns(look_alikes=pl.lit(alike, pl.Int64))
        .select(*NEED)
        .sort("customer_id", -pl.col("share"), -pl.col("everybody"), "category")
    )


def _baskets(lines: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """One row per customer and category: `customer_id`, `category`, `weight`."""
    named = lines.join(catalogue.select("product_id", "category").drop_nulls(), on="product_id")
    days = named.group_by("customer_id", "category").agg(days=pl.col("day").n_unique())
    return days.select("customer_id", "category", weight=pl.col("days").cast(pl.Float64).log1p())


def _vectors(baskets: pl.DataFrame, who: pl.Series, categories: pl.Series) -> np.ndarray:
    """One row per customer and one column per category."""
    rows = pl.DataFrame({"customer_id": who}).with_row_index("row")
    columns = pl.DataFrame({"category": categories}).with_row_index("column")
    found = baskets.join(rows, on="customer_id").join(columns, on="category")
    vectors = np.zeros((len(who), len(categories)))
    vectors[found["row"].to_numpy(), found["column"].to_numpy()] = found["weight"].to_numpy()
    return vectors


def _shares(mine: np.ndarray, others: np.ndarray, self_at: np.ndarray) -> np.ndarray:
    """Of each customer and category the share of look-alikes who buy it; NaN where bought already."""
    shares = np.full(mine.shape, np.nan)
    count = min(LOOK_ALIKES, len(others) - 1)
    if count < 1:
        return shares
    squares = (others**2).sum(axis=1)
    tie = np.arange(len(others), 0, -1)
    for category in range(mine.shape[1]):
        rest = np.sqrt(np.maximum(squares - others[:, category] ** 2, 0))
        scale = np.where(rest > 0, 1 / np.maximum(rest, 1e-9), 0)
        buys = others[:, category] > 0
        lacking = np.flatnonzero(mine[:, category] == 0)
        for first in range(0, len(lacking), ROWS):
            rows = lacking[first : first + ROWS]
            # The customer has none of the category, so the product of both does not count it either.
            alike = (mine[rows] @ others.T) * scale
            length = np.maximum(np.linalg.norm(mine[rows], axis=1, keepdims=True), 1e-9)
            keys = np.rint(alike / length * STEPS).astype(np.int64) * (len(tie) + 1) + tie
            known = self_at[rows] >= 0
            keys[np.flatnonzero(known), self_at[rows][known]] = -1
            nearest = np.argpartition(keys, -count, axis=1)[:, -count:]
            shares[rows, category] = buys[nearest].mean(axis=1)
    return shares
