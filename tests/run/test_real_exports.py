"""Whole months of two real exports, from a settings file alone; totals as their publishers give them."""

import polars as pl
import pytest
from helpers import command, make_root, shared_data

RETAIL = """
name = "retail"
currency = "GBP"
time_zone = "Europe/London"

[[sources]]
table = "order_lines"
path = "{path}"
"""
CHINESE = """
name = "web"
currency = "CNY"
time_zone = "Asia/Shanghai"

[[sources]]
table = "orders"
path = "{path}"
sale_status = ["交易成功"]
"""


def month(factory, name: str, config: str, file: str, *words: str):
    """Run a month; returns a reader of its tables."""
    path = shared_data(file)
    root = make_root(factory.mktemp(name))
    (root / "config" / f"{name}.toml").write_text(config.format(path=path), encoding="utf-8")
    done = command(root, "run", *words, "--config", f"config/{name}.toml")
    assert done.returncode == 0, done.stderr
    folder = root / "data" / "processed" / name / words[0]
    return lambda table: pl.read_parquet(
        folder / f"{table}.parquet"
    ), root / "reports" / name / words[0]


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    file = "online_retail_slice.csv.gz"
    return month(tmp_path_factory, "retail", RETAIL, file, "2011-12", "--allow-partial")


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    return month(tmp_path_factory, "web", CHINESE, "orders_cn_gbk.csv", "2019-06")


def test_invoice_lines_give_the_published_totals(retail):
    read, _ = retail
    account = read("source_ledger").row(0, named=True)
    assert (account["rows_read"], account["rows_later"]) == (107_867, 0)
    assert account["money_read"] == pytest.approx(2_248_687.00, abs=0.005)
    parts = sum(account[f"rows_{one}"] for one in ("kept", "merged", "quarantined"))
    money = sum(account[f"money_{one}"] for one in ("kept", "merged", "quarantined"))
    assert parts == 107_867
    assert money == pytest.approx(2_248_687.00, abs=0.005)
    sales = read("orders").filter(pl.col("amount") > 0)
    assert (sales.height, sales["customer_id"].n_unique()) == (78_752, 857)
    assert float(sales["amount"].sum()) == pytest.approx(2_023_839.07, abs=0.005)
    reasons = dict(read("quarantine")["reason"].value_counts().rows())
    assert reasons["no_customer"] == 27_298


def test_refund_closed_orders_are_no_purchases(web):
    read, _ = web
    account = read("source_ledger").row(0, named=True)
    assert (account["rows_read"], account["rows_quarantined"]) == (28_833, 1_040)
    assert account["money_read"] == pytest.approx(3_640_644, abs=0.005)
    customers = read("customers")
    assert customers.height == 25_420
    assert (customers["purchases"] == 1).sum() == 23_669


def test_nicknames_are_never_shown(web):
    _, pages = web
    assert all("买家0" not in page.read_text(encoding="utf-8") for page in pages.glob("*.html"))
