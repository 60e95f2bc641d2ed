"""Customers classed on every axis, against one k-means fit of the same rows; growth to five million."""

import sys

import numpy as np
import polars as pl
from sklearn.cluster import KMeans

from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.segment import classes, clusters
from analysis.segment.decide import Bases, decide
from analysis.segment.standard import Standard
from benchmarks.measure import in_process, print_cost

SIZES = (1_000_000, 2_000_000, 5_000_000)
SEED = 1
SETTINGS = Settings(
    name="bench",
    currency="CNY",
    time_zone="UTC",
    sources=[{"table": "orders", "path": "p"}],
)
TIERS = ["first", "new_first", "second", "third"]
REGIONS = ["east_china", "north_china", "south_china", "southwest_china"]


def facts(customers: int) -> pl.DataFrame:
    """Customers of every kind, with every fact that an axis of rules looks at."""
    random = np.random.default_rng(SEED)
    purchases = random.geometric(0.35, customers)
    age = random.integers(1, 900, customers).astype(float)
    recency = np.where(purchases > 1, age * random.random(customers), 0).round()
    spend = (purchases * random.gamma(2, 60, customers)).round(2)
    frame = pl.DataFrame(
        {
            "purchases": purchases,
            "T": age,
            "recency": recency,
            "spend": spend,
            "spend_365": (spend * random.random(customers)).round(2),
            "lines": purchases * 2,
            "discount_share": random.random(customers).round(3),
            "service_share": (random.random(customers) ** 3).round(3),
            "main_category_share": random.random(customers).round(3),
            "complaints_365": random.poisson(0.1, customers),
            "age": random.integers(16, 80, customers),
            "city_tier": random.choice(TIERS, customers),
            "region": random.choice(REGIONS, customers),
            "gender": random.choice(["female", "male"], customers),
        }
    )
    return frame.with_columns(
        customer_id=pl.format("C{}", pl.int_range(customers)),
        frequency=pl.col("purchases") - 1,
        idle_days=pl.col("T") - pl.col("recency"),
        mean_spend=pl.col("spend") / pl.col("purchases"),
        margin_365=pl.col("spend_365") * 0.4 - 10,
        own_gap_days=pl.when(pl.col("purchases") > 1).then(
            pl.col("recency") / (pl.col("purchases") - 1)
        ),
        days_to_second=pl.when(pl.col("purchases") > 1).then(pl.col("recency").cast(pl.Int64)),
        first_purchase=pl.lit(Month(2024, 6).last_day) - pl.duration(days="T"),
        channel=pl.lit("web"),
        **dict.fromkeys(("income_band", "industry", "company_size"), pl.lit("x")),
    )


def standard(customers: pl.DataFrame) -> Standard:
    """A standard fitted on a tenth of the rows, as an earlier month left it."""
    some = customers.gather_every(max(customers.height // 100_000, 1))
    nobody = pl.DataFrame(schema={"customer_id": pl.String})
    bases = Bases(some, clusters.cluster_features(some), nobody)
    return decide(None, bases, Month(2024, 5), SETTINGS).standard


def report() -> list[str]:
    """One process for each size; the k-means fit in the same run."""
    lines = ["customers classed on every axis by the standard in force"]
    for size in SIZES:
        seconds, peak = in_process("benchmarks.classify", "ours", str(size))
        fit, _ = in_process("benchmarks.classify", "k_means", str(size))
        lines.append(
            f"  {size:>9,}  {seconds:5.1f} s  {size / seconds / 1e6:4.2f} million/s"
            f"  peak {peak:5,.0f} MB  ours / one k-means fit {seconds / fit:4.2f}"
        )
    return lines


def main(what: str, customers: int) -> None:
    """Print the cost of one piece of work."""
    base = facts(customers)
    if what == "k_means":
        points = clusters.cluster_features(base).drop("customer_id").to_numpy()
        points = (points - points.mean(axis=0)) / points.std(axis=0)
        print_cost(lambda: KMeans(4, n_init=1, random_state=SEED).fit(points), rounds=1)
        return
    rules = standard(base)

    def work() -> None:
        seen = classes.Look(
            base, clusters.cluster_features(base), base.select("customer_id").clear()
        )
        classes.classify(seen, rules, SETTINGS)

    print_cost(work, rounds=1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
