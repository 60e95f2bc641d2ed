"""Whole months read from a database: SQLite, and PostgreSQL where a server can be started."""

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import polars as pl
import pytest
from helpers import command, make_root
from postgres import PASSWORD, Server

from analysis.collect.arrivals import survey
from analysis.run import paths, pipeline
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.run.steps import STEPS

CONFIG = """
name = "till"
currency = "EUR"
time_zone = "Europe/Berlin"

[[sources]]
table = "orders"
url = "{url}"
query = "{query}"
sale_status = ["paid"]

[sources.columns]
order_id = "id"
customer_id = "buyer"
ordered_at = "paid_at"
amount = "total"
status = "state"
"""
# 92 days from October to December, 60 orders a day; each 40th is void, each 90th is the shop's own.
ORDERS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5520)
    INSERT INTO orders SELECT n, CASE WHEN n % 90 > 0 THEN 'c' || (n * 37 % 811) END, {day},
    (n * 61 % 997) / 10.0, CASE WHEN n % 40 > 0 THEN 'paid' ELSE 'void' END FROM numbers
"""
TABLE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer TEXT, paid_at {time}, {rest})"
REST = "total NUMERIC(10, 2), state TEXT"
VOID, NOBODY = 5520 // 40, 5520 // 90 - 5520 // 360  # what is void names no second reason


def run(root: Path, config: str, *words: str) -> subprocess.CompletedProcess:
    (root / "config" / "till.toml").write_text(config, encoding="utf-8")
    return command(root, "run", *words, "--config", "config/till.toml", SHOP_PASSWORD=PASSWORD)


def table(root: Path, month: str, name: str) -> pl.DataFrame:
    return pl.read_parquet(root / "data" / "processed" / "till" / month / f"{name}.parquet")


def write_sqlite(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute(TABLE.format(time="TEXT", rest=REST))
        day = "date('2023-10-01', '+' || ((n - 1) / 60) || ' days') || ' 10:00:00'"
        database.execute(ORDERS.format(day=day))
    database.close()


@pytest.fixture(scope="module")
def till(tmp_path_factory) -> Path:
    """A root whose December is published from a SQLite file."""
    root = make_root(tmp_path_factory.mktemp("till"))
    write_sqlite(root / "data" / "raw" / "till" / "shop.db")
    done = run(
        root, CONFIG.format(url="sqlite:///data/raw/till/shop.db", query="orders"), "2023-12"
    )
    assert done.returncode == 0, done.stderr
    return root


def assert_all_is_accounted_for(root: Path, label: str) -> None:
    """The ledger of December: October to December, nothing later, to the row and the cent."""
    account = table(root, "2023-12", "source_ledger").row(0, named=True)
    total = sum(n * 61 % 997 for n in range(1, 5521)) / 10
    assert (account["table"], account["file"]) == ("orders", label)
    assert (account["rows_read"], account["rows_later"]) == (5520, 0)
    assert account["rows_quarantined"] == VOID + NOBODY
    assert sum(account[f"rows_{one}"] for one in ("kept", "merged", "quarantined")) == 5520
    assert account["money_read"] == pytest.approx(total, abs=0.005)
    parts = sum(account[f"money_{one}"] for one in ("kept", "merged", "quarantined"))
    assert parts == pytest.approx(total, abs=0.005)
    reasons = dict(table(root, "2023-12", "quarantine")["reason"].value_counts().rows())
    assert reasons == {"not_a_sale": VOID, "no_customer": NOBODY}
    assert table(root, "2023-12", "customers").height == 811


def test_a_whole_month_comes_from_a_database(till):
    assert_all_is_accounted_for(till, "sqlite:///data/raw/till/shop.db#orders")
    page = (till / "reports" / "till" / "2023-12" / "01_collect.html").read_text(encoding="utf-8")
    assert "data/raw/till/shop.db#orders" in page


def test_a_database_without_change_leaves_the_month_up_to_date(till):
    config = CONFIG.format(url="sqlite:///data/raw/till/shop.db", query="orders")
    done = run(till, config, "2023-12")
    assert (done.returncode, "up to date" in done.stderr) == (0, True)


def test_a_database_that_goes_away_in_the_middle_leaves_the_published_month(till, tmp_path):
    root = shutil.copytree(till, tmp_path / "till")
    path = root / "data" / "raw" / "till" / "shop.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    before = contents(root)
    done = run(
        root, CONFIG.format(url="sqlite:///data/raw/till/shop.db", query="orders"), "2023-12"
    )
    assert done.returncode == 2
    assert_one_sentence(
        done.stderr, "shop.db#orders cannot be read: database disk image is malformed"
    )
    assert contents(root) == before


def contents(root: Path) -> dict[str, bytes]:
    files = [path for top in ("data/processed", "reports") for path in (root / top).rglob("*")]
    return {path.as_posix(): path.read_bytes() for path in files if path.is_file()}


def assert_one_sentence(told: str, words: str) -> None:
    """One message of one line, what is wrong first; neither a traceback nor the password."""
    assert told.count("\n") == 1
    assert told.startswith("error: ")
    assert words in told
    assert PASSWORD not in told
    assert "Traceback" not in told


def quick_notebooks(root: Path) -> None:
    """The real notebooks that see the database, and in place of the others ones that write nothing."""
    for step in STEPS:
        target = root / "notebooks" / f"{step.name}.ipynb"
        target.parent.mkdir(exist_ok=True)
        source = paths.CHECKOUT / "notebooks" / f"{step.name}.ipynb"
        notebook = json.loads(source.read_text(encoding="utf-8"))
        if step.name not in ("01_collect", "02_clean"):
            title, parameters, setup, *_ = notebook["cells"]
            finish = (
                "run.finish({name: analysis.tables.empty(name) for name in run.step.writes}, "
                "documents={name: {} for name in run.step.documents})"
            )
            lines = "".join(setup["source"]).split("\n\nfrom ")[0]
            setup = setup | {"source": f"import analysis\n{lines}\n{finish}"}
            notebook["cells"] = [title, parameters, setup]
        target.write_text(json.dumps(notebook), encoding="utf-8")


def test_a_postgresql_server_gives_the_same_month(server: Server, tmp_path):
    root = make_root(tmp_path / "till")
    quick_notebooks(root)
    server.execute(TABLE.format(time="TIMESTAMP", rest=REST))
    server.execute(ORDERS.format(day="DATE '2023-10-01' + (n - 1) / 60 + TIME '10:00'"))
    done = run(root, CONFIG.format(url=server.url, query="public.orders"), "2023-12")
    assert done.returncode == 0, done.stderr
    label = f"postgresql://127.0.0.1:{server.port}/postgres#public.orders"
    assert_all_is_accounted_for(root, label)
    assert PASSWORD not in json.dumps({name: str(text) for name, text in contents(root).items()})


def test_a_server_that_goes_away_in_the_middle_is_told_and_nothing_is_left(
    server: Server, tmp_path
):
    root = make_root(tmp_path / "till")
    gone = "CASE WHEN n = 60000 THEN pg_terminate_backend(pg_backend_pid()) END AS gone"
    rows = "'c' AS buyer, date '2023-12-31' AS paid_at, 1 AS total, 'paid' AS state"
    query = f"SELECT n AS id, {rows}, {gone} FROM generate_series(1, 120000) AS n"
    done = run(root, CONFIG.format(url=server.url, query=query), "2023-12")
    assert done.returncode == 2
    assert_one_sentence(done.stderr, "cannot be read: terminating connection due to administrator")
    assert contents(root) == {}


def test_all_months_of_a_range_see_the_database_as_of_one_moment(root, monkeypatch):
    write_sqlite(root / "data" / "raw" / "till" / "shop.db")
    config = CONFIG.format(url="sqlite:///data/raw/till/shop.db", query="orders")
    (root / "config" / "till.toml").write_text(config, encoding="utf-8")
    seen = []

    def note_what_is_seen(order: pipeline.Order) -> None:
        seen.append(survey(load(order.config), order.month, order.fetch).files["sha256"].item())
        with sqlite3.connect(root / "data" / "raw" / "till" / "shop.db") as database:
            database.execute("DELETE FROM orders WHERE id % 2 = 0")

    monkeypatch.setattr(pipeline, "run_month", note_what_is_seen)
    months = [Month(2023, 11), Month(2023, 12)]
    pipeline.run_range(pipeline.Order("config/till.toml", months[0]), months)
    assert len(seen) == 2
    assert seen[0] == seen[1]
