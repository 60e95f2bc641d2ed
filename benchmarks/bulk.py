"""Up to 20 million order lines collected and cleaned: ours, pandas, and a bare scan of the file."""

import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from analysis.run.paths import CHECKOUT
from analysis.run.session import STAGING
from analysis.run.session import WORK as WORKING
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
    config = path.with_name(f"{path.name}.toml")
    config.write_text(SETTINGS.format(path=path), encoding="utf-8")
    _folder(path, step).mkdir(exist_ok=True)
    os.environ["ANALYSIS_ROOT"] = str(path.parent)
    os.environ[STAGING] = str(_folder(path, "collect"))
    os.environ[WORKING] = str(_folder(path, step))
    source = CHECKOUT / "notebooks" / f"{NOTEBOOKS[step]}.ipynb"
    names = {}
    for cell in json.loads(source.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            names |= {"config": str(config), "month": MONTH}


def _folder(path: Path, step: str) -> Path:
    """Where a step writes; the second reads what the first has written."""
    return path.with_name(f"{path.name}.{step}")


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


def bare_scan(path: Path) -> list[pl.DataFrame]:
    """Every value of the file read once, and the money of each customer added up."""
    parquet = path.suffix == ".parquet"
    lazy = pl.scan_parquet(path) if parquet else pl.scan_csv(path, infer_schema=False)
    money = pl.col("amount").cast(pl.Float64, strict=False).sum()
    of_customers = lazy.group_by("customer_id").agg(money)
    return pl.collect_all([of_customers, lazy.select(pl.all().max())], engine="streaming")


def check_equal(path: Path) -> None:
    """Our customers are pandas' customers, or the ratio means nothing."""
    for step in NOTEBOOKS:
        ours(path, step)
    mine = pl.read_parquet(_folder(path, "clean") / "tables" / "customers.parquet")
    other = pl.from_pandas(theirs(path)).select(mine.columns).cast(mine.schema)
    assert_frame_equal(mine, other.sort("customer_id"), abs_tol=1e-9)


WORK = {
    "collect": partial(ours, step="collect"),
    "clean": partial(ours, step="clean"),
    "pandas": theirs,
    "scan": bare_scan,
}


def report() -> list[str]:
    """Measure every size in both formats, and compare."""
    lines = [
        "order lines as notebooks 01 and 02 collect and clean them, with all that they write, "
        "against pandas and a bare scan",
        "  the table customers equals pandas' for every customer: checked in both formats",
    ]
    for form in FORMATS:
        costs = {rows: _measure(form, rows) for rows in SIZES}
        lines += [_line(form, rows, cost) for rows, cost in costs.items()]
        speed = {rows: rows / _ours(cost)[0] for rows, cost in costs.items()}
        peak = max(_ours(cost)[1] for cost in costs.values())
        lines += [
            f"    rows per second: {', '.join(f'{one:,.0f}' for one in speed.values())}; "
            f"slowest / fastest size {min(speed.values()) / max(speed.values()):4.2f}  (aim: flat)",
            f"    peak {peak:,.0f} MB  (aim: under 6,000)",
        ]
    return lines


def _measure(form: str, rows: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory of each piece of work on a file of so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"orders.{form}")
        in_process("benchmarks.bulk", "write", path, str(rows))
        if rows == min(SIZES):
            in_process("benchmarks.bulk", "check", path)
        return {name: in_process("benchmarks.bulk", name, path) for name in WORK}


def _ours(cost: dict[str, tuple[float, float]]) -> tuple[float, float]:
    return cost["collect"][0] + cost["clean"][0], max(cost["collect"][1], cost["clean"][1])


def _line(form: str, rows: int, cost: dict[str, tuple[float, float]]) -> str:
    seconds, peak = _ours(cost)
    pandas, scan = cost["pandas"], cost["scan"]
    return (
        f"  {form:<7} {rows:>10,} rows: ours {seconds:6.1f} s ({cost['collect'][0]:.1f} + "
        f"{cost['clean'][0]:.1f})  peak {peak:5,.0f} MB;  pandas {pandas[0]:6.1f} s  peak "
        f"{pandas[1]:5,.0f} MB;  pandas / ours {pandas[0] / seconds:4.2f};  ours / bare scan "
        f"{seconds / scan[0]:4.1f}"
    )


def _run(name: str, path: Path, *words: str) -> None:
    """One piece of work in this process; what is measured was done once on a small file before."""
    small = path.with_name(f"small-{path.name}")
    if name == "write":
        write_orders(small, WARM_UP_ROWS)
        print_cost(lambda: write_orders(path, int(words[0])), 1)
    elif name == "check":
        print_cost(lambda: check_equal(path), 1)
    else:
        WORK[name](small)
        print_cost(lambda: WORK[name](path), 1)


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
