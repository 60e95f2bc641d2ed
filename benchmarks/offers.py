"""Lists of offers for 100,000 customers and 5,000 products against the customer summary of the file."""

import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from analysis import tables
from analysis.actions import offers_backtest as backtest
from analysis.actions.baskets import Baskets, baskets
from analysis.actions.offers import recommend
from analysis.actions.pairs import product_pairs
from analysis.customers import purchase_occasions, summarise_customers
from analysis.tables import MONEY
from benchmarks.measure import in_process, print_cost

CUSTOMERS, PRODUCTS, BASKETS, LINES = 100_000, 5_000, 5, 3
TASTES, OWN_TASTE = 50, 0.6  # of the lines that come from the products of the customer's taste
FIRST_DAY, LAST_DAY, DAYS = date(2023, 1, 1), date(2024, 12, 30), 730
LENGTH, SEED = 10, 1
BOTH = {backtest.DUE_AGAIN, backtest.TRY_NEXT}


def write_orders(path: Path) -> None:
    """Rows of orders that name a product: popular ones and those of each customer's taste more often."""
    random = np.random.default_rng(SEED)
    # Everybody has as many baskets on average; who has few and who many is drawn.
    who = random.choice(CUSTOMERS, CUSTOMERS * BASKETS, p=random.dirichlet(np.full(CUSTOMERS, 2.0)))
    who = np.concatenate([np.arange(CUSTOMERS), who])
    day = random.integers(DAYS, size=len(who))
    weight = 1 / np.arange(1, PRODUCTS + 1) ** 0.8
    by_taste = random.permutation(PRODUCTS).reshape(TASTES, -1)
    any_product = random.choice(PRODUCTS, (len(who), LINES), p=weight / weight.sum())
    place = (random.random((len(who), LINES)) ** 2 * by_taste.shape[1]).astype(int)
    of_taste = by_taste[who % TASTES][np.arange(len(who))[:, np.newaxis], place]
    product = np.where(random.random(any_product.shape) < OWN_TASTE, of_taste, any_product)
    frame = pl.DataFrame(
        {
            "customer": np.repeat(who, LINES),
            "day": np.repeat(day, LINES),
            "product": product.ravel(),
            "cents": random.integers(100, 20_000, size=product.size),
        }
    ).sort("day", maintain_order=True)
    bought = pl.lit(FIRST_DAY) + pl.duration(days="day")
    numbered = frame.with_row_index("row", offset=1)
    rows = numbered.select(
        file=pl.lit("orders.csv"),
        row=pl.col("row").cast(pl.Int64),
        customer_id=pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(6)),
        order_id=pl.lit(None, pl.String),
        ordered_at=bought.cast(pl.Datetime("us")),
        purchase_day=bought,
        amount=(pl.col("cents").cast(MONEY) / 100).cast(MONEY),
        quantity=pl.lit(1.0),
        product_id=pl.format("P{}", pl.col("product").cast(pl.String).str.zfill(4)),
        is_fee=pl.lit(False),
        merged=pl.lit(False),
    )
    rows.write_parquet(path)


def summary(path: Path) -> pl.DataFrame:
    """The customer summary of the file."""
    return summarise_customers(purchase_occasions(pl.scan_parquet(path)), LAST_DAY).collect()


def bought(path: Path) -> Baskets:
    """The products that customers bought, from the file."""
    none = {name: tables.empty(name) for name in ("order_lines", "products")}
    return baskets(pl.read_parquet(path), **none, as_of=LAST_DAY)


def lists(path: Path) -> pl.DataFrame:
    """Both lists of every customer, from the file."""
    return recommend(bought(path), LAST_DAY, BOTH, LENGTH)


def tried(path: Path) -> pl.DataFrame:
    """The lists tried on last baskets, from the file."""
    return backtest.summary(backtest.outcomes(bought(path), LAST_DAY, LENGTH))


def paired(path: Path) -> pl.DataFrame:
    """The pairs of products, from the file."""
    found = bought(path)
    return product_pairs(found.lines, found.catalogue)


def check(path: Path) -> None:
    """Everybody has both lists, whole and without what they must not hold, or the ratio means nothing."""
    found, people = lists(path), summary(path)
    places = found.group_by("customer_id", "list").len()
    assert places.height == 2 * people.height == 2 * CUSTOMERS
    assert (places["len"] == LENGTH).all()
    new = found.filter(pl.col("list") == backtest.TRY_NEXT)
    assert (new["times"] == 0).all()
    assert not found.select("customer_id", "list", "product_id").is_duplicated().any()


WORK = {"summary": (summary, 3), "lists": (lists, 1), "tried": (tried, 1), "paired": (paired, 1)}


def report() -> list[str]:
    """Each piece of work in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        in_process("benchmarks.offers", "write", path)
        in_process("benchmarks.offers", "check", path)
        cost = {name: in_process("benchmarks.offers", name, path) for name in WORK}
    base, base_peak = cost["summary"]
    lines = [
        f"offers, {CUSTOMERS:,} customers, {PRODUCTS:,} products,"
        f" {CUSTOMERS * (BASKETS + 1) * LINES / 1e6:.1f} million lines, from the file",
        "  everybody has 10 products due again and 10 to try next that are new: checked",
        f"  customer summary             {base:6.2f} s  peak {base_peak:6,.0f} MB",
    ]
    named = {"lists": "both lists", "tried": "tried on 5,000 last baskets", "paired": "pairs"}
    for name, words in named.items():
        seconds, peak = cost[name]
        ratio = f"  / summary {seconds / base:6.1f}"
        lines.append(f"  {words:<27}  {seconds:6.2f} s  peak {peak:6,.0f} MB{ratio}")
    return lines


if __name__ == "__main__":
    PREPARE = {"write": (write_orders, 1), "check": (check, 1)}
    function, rounds = (PREPARE | WORK)[sys.argv[1]]
    print_cost(lambda: function(Path(sys.argv[2])), rounds)
