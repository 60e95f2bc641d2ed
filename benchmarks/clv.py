"""Fits and values: ours against lifetimes' on one million customers; growth to five million."""

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from analysis.clv import fit, value
from analysis.clv.fit import HISTORY
from analysis.clv.likelihood import Rows, log_likelihood
from analysis.clv.models import Models
from analysis.customers import summarise_customers
from analysis.run.settings import Settings
from analysis.tables import MONEY
from benchmarks.measure import in_process, print_cost, print_seconds

CUSTOMERS = 1_000_000
SIZES = (100_000, 1_000_000, 5_000_000)
FIRST_DAY, LAST_DAY, DAYS = date(2023, 1, 1), date(2024, 12, 30), 730
R, ALPHA, A, B = 0.5, 60.0, 0.8, 2.5  # what the base is drawn from, in days
MOST = 60  # purchases that a customer can make here
SEED = 1
THIRTY_DAYS, MONTHS, MONTHLY_RATE = 30, 12, 0.01  # lifetimes' convention of months
SETTINGS = Settings(
    name="bench",
    currency="USD",
    time_zone="UTC",
    sources=[{"table": "orders", "path": "p"}],
    clv={
        "horizon_days": THIRTY_DAYS * MONTHS,
        "discount_rate_annual": (1 + MONTHLY_RATE) ** MONTHS - 1,
    },
)


def write_occasions(path: Path, customers: int) -> None:
    """Purchases of a BG/NBD base whose customers come evenly over two years; gamma-mixed spend."""
    random = np.random.default_rng(SEED)
    rate = random.gamma(R, 1 / ALPHA, customers)
    dropout = random.beta(A, B, customers)
    start = random.integers(0, DAYS - 1, customers).astype(float)
    mean = 30 * random.gamma(4, 0.25, customers)
    ids = np.arange(customers)
    days, buyers, at, alive = [start], [ids], start, np.ones(customers, dtype=bool)
    for _ in range(MOST):
        at = at + random.exponential(1 / np.maximum(rate, 1e-9))
        alive = alive & (at < DAYS)
        days.append(at[alive])
        buyers.append(ids[alive])
        alive = alive & (random.random(customers) > dropout)
    who = np.concatenate(buyers)
    cents = (100 * mean[who] * random.gamma(4, 0.25, len(who))).round().clip(1)
    frame = pl.DataFrame({"who": who, "day": np.concatenate(days).astype(int), "cents": cents})
    frame.select(
        customer_id=pl.format("C{}", pl.col("who")),
        purchase_day=pl.lit(FIRST_DAY) + pl.duration(days="day"),
        amount=(pl.col("cents").cast(MONEY) / 100).cast(MONEY),
    ).group_by("customer_id", "purchase_day").agg(pl.col("amount").sum()).write_parquet(path)


def summary(path: Path) -> pl.DataFrame:
    """The customer summary of a file of purchases."""
    return summarise_customers(pl.scan_parquet(path), LAST_DAY).collect()


def fit_ours(path: Path) -> None:
    """Seconds of our BG/NBD fit."""
    customers = summary(path)
    print_cost(lambda: fit.fit_purchases(customers, "bg_nbd"), rounds=1)


def fit_theirs(path: Path) -> None:
    """Seconds of lifetimes' plain BG/NBD fit; its likelihood must be ours."""
    from lifetimes import BetaGeoFitter

    customers = summary(path)
    columns = [customers[name].to_numpy().astype(float) for name in HISTORY]
    fitter = BetaGeoFitter(penalizer_coef=0.0)
    started = time.perf_counter()
    fitter.fit(*columns)
    seconds = time.perf_counter() - started
    ours = fit.fit_purchases(customers, "bg_nbd")
    rows = Rows(*columns, np.ones(customers.height))
    theirs = float(log_likelihood("bg_nbd", rows, fitter.params_.to_numpy()).sum())
    assert ours.log_likelihood >= theirs - 1e-6 * abs(theirs), (ours.log_likelihood, theirs)
    print_seconds(seconds)


def _models(customers: pl.DataFrame) -> Models:
    both = fit.fit_purchases(customers, "bg_nbd"), fit.fit_gamma_gamma(customers)
    return Models.of(customers, *both)


def _clv_ours(customers: pl.DataFrame, models: Models) -> np.ndarray:
    purchases = value.discounted_purchases(customers, models, SETTINGS, THIRTY_DAYS)
    return purchases * models.expected_spend(customers)


def clv_ours(path: Path) -> None:
    """Seconds of our CLV over twelve months of thirty days."""
    customers = summary(path)
    models = _models(customers)
    print_cost(lambda: _clv_ours(customers, models), rounds=1)


def clv_theirs(path: Path) -> None:
    """Seconds of lifetimes' CLV with the same parameters; every customer's must be ours."""
    import pandas as pd
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import _customer_lifetime_value

    customers = summary(path)
    models = _models(customers)
    fitter = BetaGeoFitter(penalizer_coef=0.0)
    fitter.params_ = pd.Series(models.purchases.parameters)
    fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    columns = [pd.Series(customers[name].to_numpy().astype(float)) for name in HISTORY]
    spend = pd.Series(models.expected_spend(customers))
    started = time.perf_counter()
    theirs = _customer_lifetime_value(fitter, *columns, spend, MONTHS, MONTHLY_RATE, freq="D")
    seconds = time.perf_counter() - started
    ours = _clv_ours(customers, models)
    known = np.isfinite(theirs.to_numpy())
    assert known.mean() > 0.999
    assert np.allclose(ours[known], theirs.to_numpy()[known], rtol=1e-6, atol=1e-9)
    print_seconds(seconds)


def whole(path: Path) -> None:
    """Summary, both fits, and every customer's value with its interval."""

    def work() -> None:
        customers = summary(path)
        recent = customers.select("customer_id", "spend")
        value.customer_values(customers, recent, _models(customers), SETTINGS)

    print_cost(work, rounds=1)


WORK = {
    "fit_ours": fit_ours,
    "fit_theirs": fit_theirs,
    "clv_ours": clv_ours,
    "clv_theirs": clv_theirs,
    "whole": whole,
}


def report() -> list[str]:
    """Each piece of work in a process of its own."""
    lines = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "occasions.parquet")
            in_process("benchmarks.clv", "write", path, str(size))
            if size == CUSTOMERS:
                lines = _against_lifetimes(path) + lines
            seconds, peak = in_process("benchmarks.clv", "whole", path)
        lines.append(
            f"  {size:>9,}  {seconds:6.1f} s  {size / seconds / 1e3:6.0f} thousand/s"
            f"  peak {peak:6,.0f} MB"
        )
    at = next(
        place for place, line in enumerate(lines) if line.startswith("  ") and "thousand" in line
    )
    return [*lines[:at], "summary, fits and values with intervals, by customers", *lines[at:]]


def _against_lifetimes(path: str) -> list[str]:
    cost = {name: in_process("benchmarks.clv", name, path) for name in WORK if name != "whole"}
    lines = [
        f"BG/NBD fit and 12-month CLV, {CUSTOMERS:,} customers; results equal to 1e-6: checked"
    ]
    for name in ("fit", "clv"):
        (ours, peak), (theirs, their_peak) = cost[f"{name}_ours"], cost[f"{name}_theirs"]
        lines.append(
            f"  {name}  ours {ours:6.2f} s  lifetimes {theirs:6.2f} s  lifetimes / ours "
            f"{theirs / ours:5.1f}  (aim: 10 or more)  peaks {peak:,.0f} and {their_peak:,.0f} MB"
        )
    return lines


if __name__ == "__main__":
    target = Path(sys.argv[2])
    if sys.argv[1] == "write":
        write_occasions(target, int(sys.argv[3]))
        print_seconds(0.0)
    else:
        WORK[sys.argv[1]](target)
