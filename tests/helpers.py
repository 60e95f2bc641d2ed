"""What tests share: roots to run months in, small shops, CDNOW read without our collector."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from analysis import tables
from analysis.clean.orders import clean_orders
from analysis.collect.sources import order_rows
from analysis.customers import purchase_occasions
from analysis.run import paths
from analysis.run.settings import Settings
from analysis.samples import cdnow
from analysis.tables import MONEY

SAMPLE_CONFIG = """
name = "tenth"
currency = "USD"
time_zone = "America/New_York"

[[sources]]
table = "orders"
path = "data/raw/tenth/*.txt"
separator = "whitespace"
headings = ["id", "customer", "date", "cds", "dollars"]
date_format = "%Y%m%d"
columns = { customer_id = "id", ordered_at = "date", quantity = "cds", amount = "dollars" }
"""

_built: dict[str, Path] = {}


def shared_data(name: str) -> Path:
    """A file of the data that lie beside the project; skips the test where they are absent."""
    path = paths.CHECKOUT.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} lies in ../shared/data, which is not here")
    return path


def command(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `analysis` below a root, as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "analysis", *words],
        env=os.environ | {"ANALYSIS_ROOT": str(root)} | environment,
        cwd=root,
        capture_output=True,
        check=False,
        text=True,
        timeout=900,
    )


def make_root(folder: Path) -> Path:
    """An empty project: the folders of a fresh clone."""
    for name in ("config", "data/raw", "data/processed", "reports"):
        (folder / name).mkdir(parents=True)
    return folder


def published_cdnow(factory) -> Path:
    """A root in which May and June 1998 of the full CDNOW data are published; built once."""
    if "cdnow" not in _built:
        root = make_root(factory.mktemp("cdnow"))
        shutil.copy(paths.CHECKOUT / "config" / "cdnow.toml", root / "config")
        assert command(root, "sample", "cdnow").returncode == 0
        done = command(root, "run", "--from", "1998-05", "--to", "1998-06")
        assert done.returncode == 0, done.stderr
        _built["cdnow"] = root
    return _built["cdnow"]


def read_cdnow(name: str) -> pl.DataFrame:
    """Purchase occasions of a CDNOW file, read without our own collector."""
    lines = [line.split() for line in cdnow.locate(name).read_text().splitlines()]
    lines = [line for line in lines if line and line[0].isdigit()]
    shift = len(lines[0]) - 4  # the sample has a second id
    rows = [(line[0], line[1 + shift], line[3 + shift]) for line in lines]
    orders = pl.DataFrame(rows, schema=["customer_id", "day", "amount"], orient="row").select(
        "customer_id",
        purchase_day=pl.col("day").str.to_date("%Y%m%d"),
        amount=pl.col("amount").cast(MONEY),
    )
    return purchase_occasions(orders.lazy()).collect()


def read_retail() -> tuple[Settings, pl.DataFrame]:
    """Settings and trusted order rows of the slice of Online Retail; skips where it is absent."""
    settings = Settings(
        name="retail",
        currency="GBP",
        time_zone="Europe/London",
        sources=[{"table": "order_lines", "path": str(shared_data("online_retail_slice.csv.gz"))}],
    )
    return settings, clean_orders(order_rows(settings).collect(), None)[0]


def settings_text(**changes: str) -> str:
    """A minimal settings file for `shop.csv`; keyword arguments replace or add top-level lines."""
    top = {"name": '"shop"', "currency": '"EUR"', "time_zone": '"Europe/Berlin"'} | changes
    lines = "\n".join(f"{name} = {value}" for name, value in top.items())
    return f'{lines}\n\n[[sources]]\ntable = "orders"\npath = "data/raw/shop/*.csv"\n'


def write_shop(root: Path, rows: str, config: str | None = None) -> str:
    """Put `shop.csv` and its settings below a root; returns the settings file's name."""
    folder = root / "data" / "raw" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.csv").write_text(rows, encoding="utf-8")
    (root / "config" / "shop.toml").write_text(config or settings_text(), encoding="utf-8")
    return "config/shop.toml"


def raw_table(table: str, *rows: dict) -> pl.DataFrame:
    """Rows as received; what is not named is missing."""
    empty = tables.empty(f"raw_{table}")
    base = {"file": "f", "system": "", "unreadable": "", "drop_repeats": False}
    base |= {"is_sale": True, "in_future": False} if table == "orders" else {}
    frame = pl.DataFrame(
        [base | {"row": n} | row for n, row in enumerate(rows, 1)], infer_schema_length=None
    )
    absent = [
        pl.lit(None, empty.schema[name]).alias(name)
        for name in empty.columns
        if name not in frame.columns
    ]
    return tables.conform(f"raw_{table}", frame.with_columns(absent))
