"""Customer summary of 4 million orders: ours, lifetimes', and a bare scan of the same file."""

import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from analysis.customers import purchase_occasions, summarise_customers
from analysis.tables import MONEY
from benchmarks.measure import in_process, print_cost

CUSTOMERS, ORDERS, DAYS = 1_000_000, 4_000_000, 730
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 12, 30)
SEED = 1


def write_orders(path: Path) -> None:
    """Orders with text ids and exact money, in the order in which they were placed."""
    random = np.random.default_rng(SEED)
    frame = pl.DataFrame(
        {
            "customer": random.integers(CUSTOMERS, size=ORDERS),
            "day": np.sort(random.integers(DAYS, size=ORDERS)),
            "cents": random.integers(100, 20_000, size=ORDERS),
        }
    )
    frame.select(
        customer_id=pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(7)),
        purchase_day=pl.lit(FIRST_DAY) + pl.duration(days="day"),
        amount=(pl.col("cents").cast(MONEY) / 100).cast(MONEY),
    ).write_parquet(path)


def ours(path: Path) -> pl.DataFrame:
    """Our summary, in exact money."""
    occasions = purchase_occasions(pl.scan_parquet(path))
    return summarise_customers(occasions, LAST_DAY).collect()


def theirs(path: Path):
    """lifetimes' summary, in floating point."""
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    frame = pl.read_parquet(path).with_columns(pl.col("amount").cast(pl.Float64)).to_pandas()
    frame["purchase_day"] = pd.to_datetime(frame["purchase_day"])
    return summary_data_from_transaction_data(
        frame,
        "customer_id",
        "purchase_day",
        monetary_value_col="amount",
        observation_period_end=pd.Timestamp(LAST_DAY),
    )


def bare_scan(path: Path) -> pl.DataFrame:
    """Every value of the file read once, nothing grouped."""
    lazy = pl.scan_parquet(path)
    longest = pl.col("customer_id").str.len_bytes().max()
    return lazy.select(longest, pl.col("purchase_day").max(), pl.col("amount").sum()).collect()


def check_equal(path: Path) -> None:
    """Both summaries agree for every customer, or the ratio means nothing."""
    mine = ours(path).sort("customer_id")
    other = theirs(path).sort_index()
    assert mine["customer_id"].to_list() == other.index.to_list()
    for name in ("frequency", "recency", "T"):
        assert np.array_equal(mine[name].to_numpy(), other[name].to_numpy()), name
    mean = mine["monetary_value"].fill_null(0).to_numpy()
    assert np.allclose(mean, other["monetary_value"].to_numpy(), atol=1e-6)


PREPARE = {"write": (write_orders, 1), "check": (check_equal, 1)}
WORK = {"ours": (ours, 3), "theirs": (theirs, 1), "scan": (bare_scan, 3)}


def report() -> list[str]:
    """Measure all three and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        # Each in a process of its own: a child's peak memory begins at its parent's.
        steps = (*PREPARE, *WORK)
        cost = {name: in_process("benchmarks.summary", name, str(path)) for name in steps}
    cost = {name: cost[name] for name in WORK}
    seconds = {name: one[0] for name, one in cost.items()}
    return [
        f"customer summary, {CUSTOMERS:,} customers, {ORDERS:,} orders, text ids, exact money",
        "  frequency, recency, T and mean value equal lifetimes' for every customer: checked",
        *(f"  {name:<7} {one[0]:6.2f} s  peak {one[1]:6,.0f} MB" for name, one in cost.items()),
        f"  lifetimes / ours  {seconds['theirs'] / seconds['ours']:5.1f}  (aim: 8 or more)",
        f"  ours / bare scan  {seconds['ours'] / seconds['scan']:5.1f}",
    ]


if __name__ == "__main__":
    function, rounds = (PREPARE | WORK)[sys.argv[1]]
    print_cost(lambda: function(Path(sys.argv[2])), rounds)
