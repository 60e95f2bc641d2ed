"""Up to 20 million order lines collected and cleaned: ours, pandas, and a bare scan of the file."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from benchmarks.measure import in_process, print_cost

SIZES, FORMATS = (1_000_000, 5_000_000, 20_000_000), ("parquet", "csv")
MONTH, FIRST_DAY, LAST_DAY, DAYS = "2024-12", "2023-01-02", "2024-12-31", 730
NOTEBOOKS = {"collect": "01_collect", "clean": "02_clean"}
SALES = ["paid", "shipped"]
SEED, GIVEN_BACK_AFTER, WARM_UP_ROWS = 1, 5_000, 20_000
SETTINGS = """
name = "bulk"
currency = "EUR"
time_zone = "Europe/Berlin"

[[sources]]
table = "orders"
path = "{path}"
sale_status = ["paid", "shipped"]
drop_exact_repeats = true
"""


def report() -> list[str]:
    """Each size and format, every piece of work in a process of its own."""
    lines = ["order lines collected and cleaned as notebooks 01 and 02 do, everything written"]
    with tempfile.TemporaryDirectory() as folder:
        for ending in FORMATS:
            rates = {}
            for rows in SIZES:
                path = Path(folder) / f"{rows}.{ending}"
                command = [sys.executable, "-m", "benchmarks.bulk"]
                subprocess.run([*command, "write", str(path), str(rows)], check=True)
                if rows == SIZES[0]:
                    subprocess.run([*command, "check", str(path)], check=True)
                told, rates[rows] = _measured(path, rows)
                lines.append(told)
            flat = rates[SIZES[-1]] / rates[SIZES[0]]
            lines.append(f"  {ending}: rows per second at most / at least rows {flat:4.2f}")
    return lines


def _measured(path: Path, rows: int) -> tuple[str, float]:
    """One line of the report, and our rows per second."""
    cost = {
        work: in_process("benchmarks.bulk", work, str(path))
        for work in ("collect", "clean", "scan", "pandas")
    }
    seconds = cost["collect"][0] + cost["clean"][0]
    peak = max(cost[work][1] for work in ("collect", "clean"))
    told = (
        f"  {rows:>10,} {path.suffix[1:]:<7} {seconds:6.1f} s  {rows / seconds / 1e6:4.2f} million/s"
        f"  peak {peak:6,.0f} MB (aim: 6,000)  ours / scan {seconds / cost['scan'][0]:5.1f}"
        f"  pandas / ours {cost['pandas'][0] / seconds:4.2f} (peak {cost['pandas'][1]:6,.0f} MB)"
    )
    return told, rows / seconds


def write_orders(path: Path, rows: int) -> None:
    """An export in the order of time: typed in Parquet, text in CSV.

    Of 1,000 rows 10 give back a line sold before, 2 repeat the row before them, 3 lack customer,
    time or a readable amount, 30 are no sale. A customer buys 13 lines on average, some far more.
    """
    random = np.random.default_rng(SEED)
    order = np.arange(rows) * 2 // 5
    buyers = (random.random(order[-1] + 1) ** 2 * (rows * 3 // 40)).astype(np.int64)
    seconds = np.sort(random.integers(DAYS * 86_400, size=order[-1] + 1))
    lines = pl.DataFrame(
        {
            "order": order,
            "customer": buyers[order],
            "second": seconds[order],
            "product": random.integers(5_000, size=rows),
            "quantity": random.integers(1, 4, size=rows),
            "cents": random.integers(100, 20_000, size=rows),
            "lot": random.integers(1_000, size=rows),  # decides what becomes of a row
        }
    )
    frame = _typed(_with_repeats(_with_refunds(lines)))
    if path.suffix == ".parquet":
        frame.write_parquet(path)
        return
    frame.with_columns(
        amount=pl.col("amount").cast(pl.Decimal(12, 2)).cast(pl.String).fill_null("unknown")
    ).write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")


def _with_refunds(lines: pl.DataFrame) -> pl.DataFrame:
    sold = pl.col("lot").is_between(50, 999).shift(GIVEN_BACK_AFTER, fill_value=False)
    given_back = pl.exclude("second", "lot").shift(GIVEN_BACK_AFTER)
    refund = (pl.col("lot") < 10) & sold
    return lines.with_columns(
        pl.when(refund).then(given_back).otherwise(pl.exclude("second", "lot"))
    ).with_columns(cents=pl.when(refund).then(-pl.col("cents")).otherwise("cents"))


def _with_repeats(lines: pl.DataFrame) -> pl.DataFrame:
    repeat = pl.col("lot").is_in([10, 11]) & (pl.col("lot").shift(1) >= 50)
    return lines.with_columns(pl.when(repeat).then(pl.all().shift(1)).otherwise(pl.all()))


def _typed(lines: pl.DataFrame) -> pl.DataFrame:
    lot, product = pl.col("lot"), pl.col("product").cast(pl.String).str.zfill(4)
    time = pl.lit(FIRST_DAY).str.to_datetime(time_unit="us") + pl.duration(seconds="second")
    status = (
        pl.when(pl.col("cents") < 0)
        .then(pl.lit("refunded"))
        .when(lot.is_between(20, 49))
        .then(pl.lit("cancelled"))
        .otherwise(pl.when(lot < 300).then(pl.lit("paid")).otherwise(pl.lit("shipped")))
    )
    return lines.select(
        order_id=pl.format("SO{}", (pl.col("order") + 202_300_000_000_000).cast(pl.String)),
        customer_id=pl.when(lot != 12).then(
            pl.format("C{}", pl.col("customer").cast(pl.String).str.zfill(8))
        ),
        ordered_at=pl.when(lot != 13).then(time),
        product_id=pl.format("P-{}", product),
        product_name=pl.format("Article {} of the range", product),
        quantity="quantity",
        amount=pl.when(lot != 14).then(pl.col("cents") / 100),
        status=status,
        channel=pl.when(lot % 3 == 0).then(pl.lit("web")).otherwise(pl.lit("store")),
    )


def ours(path: Path, step: str) -> None:
    """The code cells of a monthly notebook, with everything that it writes."""
    folder = path.parent
    environment = {"ANALYSIS_ROOT": folder, "ANALYSIS_STAGING": folder / f"{path.name}.month"}
    work = folder / f"{path.name}.month" if step == "collect" else folder / f"{path.name}.clean"
    environment["ANALYSIS_WORK"] = work
    work.mkdir(exist_ok=True)
    os.environ |= {name: str(value) for name, value in environment.items()}
    config = folder / f"{path.name}.toml"
    config.write_text(SETTINGS.format(path=path), encoding="utf-8")
    from analysis.run.paths import CHECKOUT

    notebook = json.loads((CHECKOUT / "notebooks" / f"{NOTEBOOKS[step]}.ipynb").read_text())
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            names |= {"config": str(config), "month": MONTH}


def theirs(path: Path):
    """The table `customers` the way one would write it in pandas; nothing is proved or written."""
    import pandas as pd

    parquet = path.suffix == ".parquet"
    rows = pd.read_parquet(path) if parquet else pd.read_csv(path, dtype=str)
    rows = rows.drop_duplicates()
    rows["amount"] = (pd.to_numeric(rows["amount"], errors="coerce") * 100).round()
    rows["day"] = pd.to_datetime(rows["ordered_at"]).dt.normalize()
    rows = rows.dropna(subset=["customer_id", "day", "amount"]).astype({"amount": "int64"})
    rows = rows[rows["status"].isin(SALES) | (rows["amount"] < 0)]
    sales, refunds = rows[rows["amount"] >= 0], rows[rows["amount"] < 0]
    sold = sales.groupby(["customer_id", "order_id"], as_index=False)["day"].min()
    refunds = refunds.drop(columns="day").merge(sold, on=["customer_id", "order_id"])
    days = pd.concat([sales, refunds]).groupby(["customer_id", "day"], as_index=False)
    days = days.agg(amount=("amount", "sum"), lowest=("amount", "min"))
    days = days[(days["amount"] != 0) | (days["lowest"] >= 0)]
    found = days.groupby("customer_id", as_index=False).agg(
        first_purchase=("day", "min"),
        last_purchase=("day", "max"),
        first_amount=("amount", "first"),
        purchases=("day", "size"),
        spend=("amount", "sum"),
    )
    found["frequency"] = found["purchases"] - 1
    found["recency"] = (found["last_purchase"] - found["first_purchase"]).dt.days
    found["T"] = (pd.Timestamp(LAST_DAY) - found["first_purchase"]).dt.days
    repeat = (found["spend"] - found.pop("first_amount")) / 100
    found["monetary_value"] = repeat / found["frequency"].where(found["frequency"] > 0)
    found["spend"] = found["spend"] / 100
    return found


def bare_scan(path: Path) -> pl.DataFrame:
    """Every value of the file read once, and the money of each customer added up."""
    parquet = path.suffix == ".parquet"
    lazy = pl.scan_parquet(path) if parquet else pl.scan_csv(path, infer_schema=False)
    money = pl.col("amount").cast(pl.Float64, strict=False).sum()
    others = pl.exclude("customer_id", "amount").last()
    return lazy.group_by("customer_id").agg(money, others).collect(engine="streaming")


def check_equal(path: Path) -> None:
    """Our customers are pandas' customers, or the ratio means nothing."""
    for step in NOTEBOOKS:
        ours(path, step)
    mine = pl.read_parquet(path.parent / f"{path.name}.clean" / "tables" / "customers.parquet")
    other = pl.from_pandas(theirs(path)).select(mine.columns).cast(mine.schema)
    assert_frame_equal(mine, other.sort("customer_id"), abs_tol=1e-9)


def _warm(work, path: Path) -> None:
    """Do the work once on a small file, so that imports are not counted."""
    work(path.with_name(f"warm-{path.name}"))


if __name__ == "__main__":
    name, path = sys.argv[1], Path(sys.argv[2])
    if name == "write":
        write_orders(path, int(sys.argv[3]))
        write_orders(path.with_name(f"warm-{path.name}"), WARM_UP_ROWS)
    elif name == "check":
        check_equal(path)
    else:
        work = {"scan": bare_scan, "pandas": theirs}.get(name, lambda p: ours(p, name))
        _warm(work, path)
        print_cost(lambda: work(path), 1)
