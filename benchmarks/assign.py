"""One million customers planned and drawn into arms, as a ratio to the customer summary of as many."""

import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from analysis.actions import audiences, candidates
from analysis.actions.plan import plan
from analysis.run.months import Month
from analysis.run.settings import Settings
from benchmarks.measure import in_process, print_cost

CUSTOMERS, SEED, AS_OF = 1_000_000, 1, date(2024, 6, 30)
CLASSES = ["champions", "loyal", "potential_loyalist", "at_risk", "about_to_sleep", "lost"]
SETTINGS = Settings(
    name="bench",
    currency="CNY",
    time_zone="UTC",
    sources=[{"table": "orders", "path": "p"}],
    actions={"contact_capacity": CUSTOMERS},
)
NOBODY = pl.DataFrame(
    schema={"customer_id": pl.String, "at": pl.Datetime("us"), "inbound": pl.Boolean}
)


def possible(customers: int) -> pl.DataFrame:
    """Two candidates for each customer: one with a profit, one without."""
    random = np.random.default_rng(SEED)
    base = pl.DataFrame(
        {
            "customer_id": [f"C{number:07}" for number in range(customers)],
            "class": random.choice(CLASSES, customers),
            "expected_profit": random.normal(5, 4, customers).round(2),
        }
    ).with_columns(cost=pl.lit(1, pl.Decimal(38, 4)))
    action = (
        pl.when(pl.col("class") == "lost").then(pl.lit("win_back")).otherwise(pl.lit("retention"))
    )
    parts = [
        base.with_columns(action=action),
        base.drop("expected_profit").with_columns(action=pl.lit("strategy")),
    ]
    return pl.concat([candidates.empty(), *parts], how="diagonal").select(
        candidates.empty().columns
    )


def willing(customers: int) -> pl.DataFrame:
    """Records in which nine of ten agree."""
    ids = [f"C{number:07}" for number in range(customers)]
    agrees = np.random.default_rng(SEED + 1).random(customers) < 0.9
    return pl.DataFrame({"customer_id": ids, "person_id": ids, "consent_marketing": agrees})


def report() -> list[str]:
    """One process for each piece of work, and the summary of as many customers in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        in_process("benchmarks.summary", "write", path)
        summary, _ = in_process("benchmarks.summary", "ours", path)
    lines = [f"next actions of {CUSTOMERS:,} customers, in ratio to their summary"]
    for name, told in (("assign", "drawn into arms"), ("plan", "two candidates each, planned")):
        seconds, peak = in_process("benchmarks.assign", name)
        lines.append(
            f"  {told:<28} {seconds:5.1f} s  peak {peak:6,.0f} MB  "
            f"ratio to the summary {seconds / summary:4.1f}"
        )
    return lines


def main(what: str) -> None:
    """Print the cost of one piece of work."""
    rows, profiles = possible(CUSTOMERS), willing(CUSTOMERS)
    if what == "plan":
        print_cost(lambda: plan(rows, profiles, NOBODY, SETTINGS, AS_OF), rounds=1)
        return
    audience = rows.unique("customer_id", keep="first", maintain_order=True)
    month = audiences.campaign(Month.of(AS_OF))
    chosen = audience.with_row_index("rank", 1).with_columns(campaign=month)

    def work() -> None:
        assigned = audiences.assign(chosen, SETTINGS)
        audiences.assignments(assigned, SETTINGS, AS_OF)

    print_cost(work, rounds=2)


if __name__ == "__main__":
    main(sys.argv[1])
