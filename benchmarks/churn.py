"""Features and scores of leaving against the customer summary of the same file; growth to one million."""

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from analysis.churn.features import BTYD, Sources, feature_columns, features
from analysis.churn.logistic import Logistic, fit_logistic
from analysis.churn.snapshots import take
from analysis.customers import purchase_occasions, summarise_customers
from analysis.tables import MONEY
from benchmarks.measure import in_process, print_cost, print_seconds

SIZES = (250_000, 500_000, 1_000_000)
ORDERS_EACH, DAYS = 4, 730
REFUND_EACH = 30  # one order in so many
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 12, 30)
HORIZON_DAYS = 90
EARLIER = LAST_DAY - timedelta(days=HORIZON_DAYS)
SAMPLE = 100  # one customer in so many serves to fit
SEED = 1


def write_orders(path: Path, customers: int) -> None:
    """Orders at each customer's own gamma-mixed rate, and of few a part of the money given back."""
    random = np.random.default_rng(SEED)
    orders = customers * ORDERS_EACH
    shares = np.cumsum(random.gamma(1.5, 1, customers))
    # Everybody buys once, the rest goes by rates, so that the file has exactly so many customers.
    more = np.searchsorted(shares, random.random(orders - customers) * shares[-1])
    who = random.permutation(np.concatenate([np.arange(customers), more]))
    frame = pl.DataFrame(
        {
            "who": who,
            "minute": np.sort(random.integers(DAYS * 24 * 60, size=orders)),
            "cents": random.integers(100, 20_000, size=orders),
        }
    )
    at = pl.lit(FIRST_DAY).cast(pl.Datetime("us")) + pl.duration(minutes="minute")
    placed = frame.select(
        customer_id=pl.format("C{}", pl.col("who").cast(pl.String).str.zfill(7)),
        ordered_at=at,
        purchase_day=at.dt.date(),
        amount=(pl.col("cents").cast(MONEY) / 100).cast(MONEY),
    )
    back = placed.gather_every(REFUND_EACH).with_columns(
        ordered_at=pl.col("ordered_at") + timedelta(days=10),
        amount=(pl.col("amount") * pl.lit("-0.5").cast(MONEY)).cast(MONEY),
    )
    back = back.filter(pl.col("ordered_at").dt.date() <= LAST_DAY)
    pl.concat([placed, back]).sort("ordered_at", maintain_order=True).write_parquet(path)


def summary(path: Path) -> pl.DataFrame:
    """The customer summary of a file of orders."""
    return summarise_customers(purchase_occasions(pl.scan_parquet(path)), LAST_DAY).collect()


def sources(path: Path) -> Sources:
    """The file of orders as a source of features."""
    return _sources(pl.read_parquet(path))


def snapshot(path: Path) -> pl.DataFrame:
    """The features of every customer at the last day, from the file of orders."""
    known = sources(path)
    return features(known, known.purchases(LAST_DAY), LAST_DAY)


def fitted(path: Path, with_btyd: bool = False) -> Logistic:
    """A model learned on a sample of the customers at an earlier day whose window has closed."""
    sampled = pl.col("customer_id").str.slice(1).cast(pl.Int64) % SAMPLE == 0
    orders = pl.scan_parquet(path).filter(sampled).collect()
    known = take(_sources(orders), EARLIER, HORIZON_DAYS, LAST_DAY)
    names = set(known.features.columns) - (set() if with_btyd else {BTYD})
    return fit_logistic(known.features, known.no_purchase, feature_columns(names))


def summarised(path: Path) -> None:
    """Seconds of the summary."""
    print_cost(lambda: summary(path), rounds=3)


def scored(path: Path) -> None:
    """Seconds of one snapshot's features and every customer's chance; the model is there already."""
    model = fitted(path)
    print_cost(lambda: model.probability(snapshot(path)), rounds=3)


def taken(path: Path) -> None:
    """Seconds of the same with the term of the model of purchases, and the fit behind it."""
    model = fitted(path, with_btyd=True)

    def work() -> None:
        model.probability(take(sources(path), LAST_DAY, HORIZON_DAYS, LAST_DAY).features)

    print_cost(work, rounds=1)


def check(path: Path) -> None:
    """Everybody has a chance, and what both count agrees, or the ratio means nothing."""
    model, mine = fitted(path), summary(path).sort("customer_id")
    found = snapshot(path)
    assert found["customer_id"].equals(mine["customer_id"])
    assert np.array_equal(found["purchases"].to_numpy(), mine["purchases"].to_numpy())
    chance = model.probability(found)
    assert ((chance > 0) & (chance < 1)).all()
    print_seconds(0.0)


def _sources(orders: pl.DataFrame) -> Sources:
    return Sources(orders.clear(), orders=orders)


WORK = {"check": check, "summarised": summarised, "scored": scored, "taken": taken}


def report() -> list[str]:
    """Each piece of work in a process of its own, the largest file last."""
    lines = [
        f"features of one snapshot and chances by a fitted model, {ORDERS_EACH} orders a customer,"
        " from the file; same customers and purchases as the summary: checked"
    ]
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "orders.parquet")
            in_process("benchmarks.churn", "write", path, str(size))
            cost = {name: in_process("benchmarks.churn", name, path) for name in WORK}
        (base, base_peak), (seconds, peak) = cost["summarised"], cost["scored"]
        whole, whole_peak = cost["taken"]
        lines += [
            f"  {size:>9,}  summary {base:5.2f} s  features and scores {seconds:5.2f} s"
            f"  {size / seconds / 1e3:4.0f} thousand/s  features / summary {seconds / base:4.1f}"
            f"  (aim: 5 or less)  peaks {base_peak:,.0f} and {peak:,.0f} MB",
            f"             with the BTYD term and its fit {whole:5.2f} s"
            f"  ratio {whole / base:4.1f}  peak {whole_peak:,.0f} MB",
        ]
    return lines


if __name__ == "__main__":
    target = Path(sys.argv[2])
    if sys.argv[1] == "write":
        write_orders(target, int(sys.argv[3]))
        print_seconds(0.0)
    else:
        WORK[sys.argv[1]](target)
