"""What to offer to whom next month: due again, try next, latent needs, pairs; each only where it won."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy import sparse

from analysis.actions import due_again, latent_needs, try_next
from analysis.actions import offers_backtest as backtest
from analysis.actions.baskets import Baskets, baskets
from analysis.actions.pairs import product_pairs
from analysis.actions.ranking import NONE, Popularity, best, matrix, popularity, positions
from analysis.intervals import wilson

CUSTOMERS = 10_000  # whose scores lie in memory at a time
MOST_NEEDS = 2  # a customer
_OFFER = {"customer_id": pl.String, "list": pl.String, "rank": pl.Int64, "product_id": pl.String}
_OFFER |= {"product_name": pl.String, "category": pl.String, "times": pl.Int64, "due": pl.Float64}
_OFFER |= {"last_price": pl.Decimal(38, 4), "score": pl.Float64, "why": pl.String}
_OFFER |= {"because": pl.String}
DIGITS = 6


@dataclass(frozen=True)
class Offers:
    """Everything about offers of a month.

    baskets: what customers bought, and which lines do not count.
    offers, backtest, pairs, needs: the tables `offers`, `offer_backtest`, `product_pairs`,
        `latent_needs`.
    """

    baskets: Baskets
    offers: pl.DataFrame
    backtest: pl.DataFrame
    pairs: pl.DataFrame
    needs: pl.DataFrame


def offers(
    orders: pl.DataFrame,
    order_lines: pl.DataFrame,
    products: pl.DataFrame,
    as_of: date,
    money_table: str = "orders",
    length: int = backtest.LENGTH,
    seed: int = 1,
) -> Offers:
    """Lists of products for every customer, tried on the last baskets before they are shown.

    Args:
        orders, order_lines, products: the clean tables; the last two may be without rows.
        as_of: last day that is known.
        money_table: `orders`, or `order_lines` where the rows of `orders` are lines themselves.
        length: products on each list.
        seed: of the draws of customers to test and of look-alikes.
    """
    found = baskets(orders, order_lines, products, as_of, money_table)
    tested = backtest.summary(backtest.outcomes(found, as_of, length, seed=seed))
    shown = set(tested.filter(pl.col("shown"))["method"])
    listed = recommend(found, as_of, shown, length)
    pairs = product_pairs(found.lines, found.catalogue)
    return Offers(found, listed, tested, pairs, needs(found, shown, seed))


def recommend(found: Baskets, as_of: date, methods: set[str], length: int) -> pl.DataFrame:
    """The lists of every customer who bought a product.

    Args:
        found: as `baskets` returns it.
        as_of: last day that is known.
        methods: what makes the lists: `due_again` or `due_again_by_due`, `try_next`; a list whose
            method is not among them is not made.
        length: products on each list.

    Returns:
        One row per customer, list and rank (1 is best), in that order: `customer_id`, `list`
        (due_again, try_next), `rank`, `product_id`, `product_name`, `category`, `times` (baskets with
        it), `due` (days since the last purchase as a share of the usual gap; null if not known),
        `last_price` (that the customer paid per piece), `score` (times bought, or the sum of
        similarities), `why` (own, similar, or popular: fills the list), `because` (of a similar
        product: the customer's own that speaks most for it).
    """
    columns = positions(found.catalogue)
    popular = popularity(found.lines, columns, as_of + timedelta(days=1))
    who = found.lines["customer_id"].unique().sort()
    own = due_again.owned(found.lines, due_again.usual_gaps(found.lines), as_of)
    parts = [_places(np.empty((0, 0)), np.empty((0, 0)))]
    order = methods & {backtest.DUE_AGAIN, backtest.BY_DUE}
    if order and len(who):
        score = due_again.by_due() if backtest.BY_DUE in order else pl.col("times")
        scores = matrix(own.with_columns(score=score), who, columns, "score")
        parts.append(_places(*best(scores, popular, length)))
    if backtest.TRY_NEXT in methods and len(who):
        parts += _try_next(found.catalogue, matrix(own, who, columns), popular, length)
    return _described(pl.concat(parts), own, who, found.catalogue, columns)


def needs(found: Baskets, methods: set[str], seed: int = 1) -> pl.DataFrame:
    """Categories that customers lack although their look-alikes buy them more than all customers do.

    Args:
        found: as `baskets` returns it.
        methods: empty unless it holds `latent_need`: where the guess did not win, nothing is shown.
        seed: of the draw of customers among whom look-alikes are sought.

    Returns:
        One row per customer and rank, at most two a customer: `customer_id`, `rank`, `category`,
        `share` (of look-alikes who buy it), `low`, `high` (95 %, Wilson), `everybody` (share of all who
        buy it), `look_alikes`. Only where the whole interval lies above the share of all.
    """
    gaps = pl.DataFrame(schema=latent_needs.NEED)
    if backtest.LATENT_NEED in methods:
        gaps = latent_needs.category_gaps(found.lines, found.lines, found.catalogue, seed)
    counts = gaps["look_alikes"].to_numpy()
    low, high = wilson(gaps["share"].to_numpy(), counts)
    limits = {"low": pl.Series(low), "high": pl.Series(high)}
    some = gaps.with_columns(**{name: one.clip(0, 1) for name, one in limits.items()})
    ranked = some.filter(pl.col("low") > pl.col("everybody")).with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("customer_id")
    )
    names = ("customer_id", "rank", "category", "share", "low", "high", "everybody", "look_alikes")
    return ranked.filter(pl.col("rank") <= MOST_NEEDS).select(names)


def _try_next(
    catalogue: pl.DataFrame, bought: sparse.csr_array, popular: Popularity, length: int
) -> list[pl.DataFrame]:
    """The lists of products not bought yet, some customers at a time."""
    similar = try_next.similar(bought, catalogue)
    parts = []
    for first in range(0, bought.shape[0], CUSTOMERS):
        some = bought[first : first + CUSTOMERS]
        scores, off = try_next.scores(some, similar)
        listed, worth = best(scores, popular, length, off)
        because = try_next.because(some, similar, np.where(worth > 0, listed, NONE))
        parts.append(_places(listed, worth, because, first))
    return parts


def _places(
    listed: np.ndarray, worth: np.ndarray, because: np.ndarray | None = None, first: int = 0
) -> pl.DataFrame:
    """Lists in rows, one per place that is taken, products and customers by their number.

    Args:
        listed, worth: as `best` returns them.
        because: as `try_next.because` returns it; none for the list of own products.
        first: number of the first customer.
    """
    customers, length = listed.shape
    new = because is not None
    places = pl.DataFrame(
        {
            "row": np.repeat(np.arange(first, first + customers, dtype=np.int64), length),
            "new": np.full(listed.size, new),
            "rank": np.tile(np.arange(1, length + 1, dtype=np.int64), customers),
            "column": listed.ravel().astype(np.int64),
            "score": worth.ravel(),
            "because": (because if new else np.full(listed.shape, NONE)).ravel().astype(np.int64),
        }
    )
    return places.filter(pl.col("column") >= 0)


def _described(
    places: pl.DataFrame,
    own: pl.DataFrame,
    who: pl.Series,
    catalogue: pl.DataFrame,
    columns: pl.DataFrame,
) -> pl.DataFrame:
    """The lists with what is known of the products and of the customer's own purchases of them."""
    numbers = pl.DataFrame({"customer_id": who}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    bought = own.join(numbers, on="customer_id").join(columns, on="product_id")
    paid = bought.select("row", "column", "times", "due", "last_price")
    ids = columns["product_id"]
    known = columns.join(catalogue, on="product_id", how="left", maintain_order="left")
    table = (
        places.join(paid, on=["row", "column"], how="left")
        .sort("row", "new", "rank")
        .with_columns(because=pl.when(pl.col("because") >= 0).then("because"))
    )
    by_score = pl.when("new").then(pl.lit("similar")).otherwise(pl.lit("own"))
    return table.select(
        customer_id=who.gather(table["row"]),
        list=pl.when("new").then(pl.lit(backtest.TRY_NEXT)).otherwise(pl.lit(backtest.DUE_AGAIN)),
        rank="rank",
        product_id=ids.gather(table["column"]),
        product_name=known["product_name"].gather(table["column"]),
        category=known["category"].gather(table["column"]),
        times=pl.col("times").fill_null(0),
        due=pl.col("due").round(DIGITS),
        last_price=pl.col("last_price"),
        score=pl.col("score").round(DIGITS),
        why=pl.when(pl.col("score") > 0).then(by_score).otherwise(pl.lit("popular")),
        because=ids.gather(table["because"]),
    ).cast(_OFFER)
