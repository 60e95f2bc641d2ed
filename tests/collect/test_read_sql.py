"""Reading databases: SQLite files and a real PostgreSQL server; nothing written, no password told."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal
from postgres import PASSWORD, Server

from analysis.collect import read_sql
from analysis.collect.inputs import ROW, Input
from analysis.collect.read_sql import describe, read_snapshot, snapshot, snapshot_path
from analysis.run.errors import UserError
from analysis.run.settings import Source

MANY_ROWS = 120_000


def source(url: str, query: str) -> Source:
    return Source(table="orders", url=url, query=query)


def read(one: Source, folder: Path) -> pl.DataFrame:
    return read_snapshot(Input(one, snapshot(one, folder))).collect()


def refusal(one: Source, folder: Path) -> str:
    """What is told of a source that cannot be read; nothing may be left behind, nor the password."""
    with pytest.raises(UserError) as told:
        snapshot(one, folder)
    assert not folder.exists() or list(folder.iterdir()) == []
    assert PASSWORD not in str(told.value)
    assert "Traceback" not in str(told.value)
    return str(told.value)


# ---- SQLite ------------------------------------------------------------------------------------


@pytest.fixture
def shop(root) -> Source:
    """The table `orders` of a SQLite file, in no order, with a key."""
    with sqlite3.connect(root / "data" / "raw" / "shop.db") as database:
        database.executescript("""
            CREATE TABLE orders (id TEXT PRIMARY KEY, amount NUMERIC, note TEXT, 名称 TEXT);
            INSERT INTO orders VALUES ('007', 19.9, '', '客'), ('001', 5, 'it''s 100%; :x', NULL);
            CREATE VIEW sold AS SELECT id FROM orders WHERE amount > 10;
            CREATE TABLE "Order Lines" (id INTEGER);
            CREATE TABLE files (id INTEGER, content BLOB);
            INSERT INTO files VALUES (1, x'00ff');
        """)
    database.close()
    return source("sqlite:///data/raw/shop.db", "orders")


def test_a_table_is_read_as_text_in_the_order_of_its_key(shop, tmp_path):
    expected = pl.DataFrame(
        {
            ROW: [1, 2],
            "id": ["001", "007"],
            "amount": ["5", "19.9"],
            "note": ["it's 100%; :x", None],
            "名称": [None, "客"],
        }
    )
    assert_frame_equal(read(shop, tmp_path / "q"), expected)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT id FROM orders ORDER BY amount DESC;", [("007",), ("001",)]),
        ("-- all\nselect id from orders where note like '%;%'", [("001",)]),
        ("WITH o AS (SELECT * FROM orders) SELECT count(*) AS n FROM o", [("2",)]),
        ("/* a */ SELECT id FROM sold", [("007",)]),
        ("SELECT 'insert into x; :y' AS text", [("insert into x; :y",)]),
        ("SELECT id FROM orders WHERE amount > 99", []),
        ("sold", [("007",)]),
        ("main.sold", [("007",)]),
        ('"Order Lines"', []),
    ],
)
def test_queries_and_names_of_tables_are_read(shop, tmp_path, query, rows):
    one = shop.model_copy(update={"query": query})
    assert read(one, tmp_path / "q").drop(ROW).rows() == rows


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "SELECT 1; DELETE FROM orders",
        "SELECT 1; VACUUM",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy FROM orders",
        "DROP TABLE orders",
        "-- SELECT\nUPDATE orders SET amount = 0",
        "/* SELECT */ PRAGMA user_version = 5",
        "SELECT /*! 1; */ 2",
        "SELECT * FROM orders FOR UPDATE",
        "EXPLAIN SELECT 1",
    ],
)
def test_whatever_is_not_one_select_is_refused(shop, tmp_path, query):
    assert "is refused" in refusal(shop.model_copy(update={"query": query}), tmp_path / "q")
    assert read(shop, tmp_path / "q").height == 2


def test_the_database_itself_refuses_to_be_written(shop, tmp_path, monkeypatch):
    """Even a statement that passed as a query changes nothing."""
    with monkeypatch.context() as passing:
        passing.setattr(read_sql, "_query", lambda one: one.query)
        one = shop.model_copy(update={"query": "DELETE FROM orders WHERE 1"})
        assert "readonly" in refusal(one, tmp_path / "q")
    assert read(shop, tmp_path / "q").height == 2


@pytest.mark.parametrize(
    ("url", "query", "words"),
    [
        ("sqlite:///data/raw/none.db", "orders", "There is no database file data/raw/none.db"),
        ("sqlite:///data/raw/shop.db", "order", "no such table.*files, orders, sold"),
        ("sqlite:///data/raw/shop.db", "SELECT x FROM orders", "no such column: x"),
        ("sqlite:///data/raw/shop.db", "files", 'column "content" holds bytes'),
        ("sqlite:///data/raw/shop.db", "SELECT 1 AS a, 2 AS a", "several columns of one name: a"),
        ("sqlite:///config/shop.txt", "orders", "file is not a database"),
        ("shop.db", "orders", "is no database URL"),
        (f"postgresql://me:{PASSWORD}@host/shop", "orders", "is no database URL"),
        ("postgresql://me:a@b@host/shop", "orders", "percent-encoded"),
        ("mysql://me:x@localhost/shop", "orders", "needs the Python package MySQLdb"),
        ("nosuch://me:x@localhost/shop", "orders", "cannot be read: .*nosuch"),
        ("postgresql://me:${NO_SUCH_WORD}@localhost/shop", "orders", "no variable NO_SUCH_WORD"),
        ("${NO_SUCH_URL}", "orders", "no variable NO_SUCH_URL"),
    ],
)
def test_what_cannot_be_read_is_told(shop, root, tmp_path, url, query, words):
    (root / "config" / "shop.txt").write_text("no database, though longer than its header " * 9)
    with pytest.raises(UserError, match=words):
        snapshot(source(url, query), tmp_path / "q")
    assert not list((tmp_path / "q").glob("*"))


def test_a_query_is_called_after_its_database_and_never_after_a_person(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    url = "postgresql://boss:${DB_PASSWORD}@db.example:5433/shop?password=other"
    assert describe(source(url, "sales.orders")) == "postgresql://db.example:5433/shop#sales.orders"
    long = "SELECT *\n  FROM sales.orders WHERE ordered_at >= '2024-01-01' AND shop = "
    one, other = (describe(source(url, long + number)) for number in "12")
    begin = "#SELECT * FROM sales.orders WHERE ordered_at >= '2024-01-01' … "
    assert begin in one
    assert one != other


def test_a_snapshot_is_known_by_database_and_query_but_not_by_password(tmp_path, monkeypatch):
    def path(url: str, query: str = "orders") -> Path:
        return snapshot_path(source(url, query), tmp_path)

    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    first = path("postgresql://me:${DB_PASSWORD}@host/shop")
    assert path("postgresql://me:other@host/shop?password=x") == first
    monkeypatch.delenv("DB_PASSWORD")
    assert path("postgresql://me:${DB_PASSWORD}@host/shop") == first
    assert path("postgresql://me:other@host/shop2") != first
    assert path("postgresql://me:other@host2/shop") != first
    assert path("postgresql://me:other@host/shop", "orders2") != first


def test_a_damaged_snapshot_is_told(shop, tmp_path):
    path = snapshot(shop, tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"cannot be read"):
        read_snapshot(Input(shop, path))


def test_a_folder_that_cannot_be_written_is_told(shop, tmp_path):
    (tmp_path / "q").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot be kept"):
        snapshot(shop, tmp_path / "q")


def test_months_side_by_side_do_not_write_into_each_others_snapshot(shop, tmp_path):
    many = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 60000) "
    one = shop.model_copy(update={"query": many + "SELECT id FROM n"})
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: snapshot(one, tmp_path / "q"), range(4)))
    assert list((tmp_path / "q").iterdir()) == [paths[0]]
    assert read_snapshot(Input(one, paths[0])).collect().height == 60_000


def test_an_earlier_snapshot_stays_when_a_later_one_fails(shop, root, tmp_path):
    path = snapshot(shop, tmp_path / "q")
    (root / "data" / "raw" / "shop.db").unlink()
    with pytest.raises(UserError):
        snapshot(shop, tmp_path / "q")
    assert list((tmp_path / "q").iterdir()) == [path]


# ---- PostgreSQL --------------------------------------------------------------------------------


def read_server(server: Server, query: str, folder: Path) -> pl.DataFrame:
    return read(source(server.url, query), folder)


def test_each_kind_of_column_is_exact_text(server, tmp_path):
    values = {
        "12345678901234567890.10::numeric": "12345678901234567890.10",
        "'NaN'::numeric": "NaN",
        "1e-10::numeric": "0.0000000001",
        "19.9::float8": "19.9",
        "13800138000::float8": "13800138000",
        "1e-7::float8": "0.0000001",
        "9223372036854775807::bigint": "9223372036854775807",
        "true": "true",
        "NULL::text": None,
        "''::text": None,
        "'007'": "007",
        "'100% :x'": "100% :x",
        "timestamptz '2024-01-05 10:00:00.5+08'": "2024-01-05 02:00:00.500000+00:00",
        "timestamp '2024-01-05 10:00:00'": "2024-01-05 10:00:00",
        "date '2024-01-05'": "2024-01-05",
        "time '10:30'": "10:30:00",
        "uuid 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        """'{"b": 1.50, "a": ["客"]}'::json""": '{"b": 1.50, "a": ["客"]}',
        """'{"b": 1.50}'::jsonb""": '{"b": 1.50}',
        "ARRAY['a', 'b']": "a,b",
    }
    columns = ", ".join(f"{value} AS c{at}" for at, value in enumerate(values))
    found = read_server(server, f"SELECT {columns}", tmp_path / "q").drop(ROW)
    assert found.row(0) == tuple(values.values())
    assert set(found.dtypes) == {pl.String}


def test_many_rows_come_in_batches_and_in_order(server, tmp_path):
    server.execute(
        "CREATE TABLE sold (line int, shop int, amount numeric(12, 2), PRIMARY KEY (shop, line));"
        f"INSERT INTO sold SELECT n, 1, n / 100.0 FROM generate_series({MANY_ROWS}, 1, -1) AS n"
    )
    one = source(server.url, "sold")
    path = snapshot(one, tmp_path / "q")
    groups = pq.ParquetFile(path).metadata
    assert [groups.row_group(at).num_rows for at in range(3)] == [50_000, 50_000, 20_000]
    expected = pl.select(
        pl.int_range(1, MANY_ROWS + 1).alias(ROW),
        line=pl.int_range(1, MANY_ROWS + 1).cast(pl.String),
        shop=pl.lit("1"),
    )
    found = read_snapshot(Input(one, path)).collect()
    assert_frame_equal(found.drop("amount"), expected)
    assert found["amount"].gather([0, 99, MANY_ROWS - 1]).to_list() == ["0.01", "1.00", "1200.00"]


def test_rows_wait_on_the_server_until_they_are_asked_for(server, tmp_path):
    found = read_server(server, "SELECT count(*) AS cursors FROM pg_cursors", tmp_path / "q")
    assert found["cursors"].to_list() == ["1"]


def test_names_of_tables_are_found_with_schema_and_in_either_case(server, tmp_path):
    server.execute('CREATE TABLE "Sold" AS SELECT 1 AS n; CREATE TABLE lower AS SELECT 2 AS n')
    for name, number in {"Sold": "1", '"Sold"': "1", "public.Sold": "1", "LOWER": "2"}.items():
        assert read_server(server, name, tmp_path / "q")["n"].to_list() == [number]
    assert "Its tables are: Sold, lower" in refusal(source(server.url, "sold2"), tmp_path / "r")


def test_a_server_that_goes_away_in_the_middle_leaves_nothing(server, tmp_path, monkeypatch):
    server.execute(f"CREATE TABLE sold AS SELECT n FROM generate_series(1, {MANY_ROWS}) AS n")
    monkeypatch.setattr(read_sql, "BATCH_ROWS", 10_000)
    convert, killed = read_sql._text, []

    def kill_first(value: object) -> object:
        if not killed:
            killed.append(True)
            server.kill()
        return convert(value)

    monkeypatch.setattr(read_sql, "_text", kill_first)
    try:
        said = refusal(source(server.url, "sold"), tmp_path / "q")
    finally:
        server.start()
    assert killed
    assert f"postgresql://127.0.0.1:{server.port}/postgres#sold cannot be read" in said
    assert read_server(server, "sold", tmp_path / "q").height == MANY_ROWS


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sold RETURNING n",
        "WITH gone AS (DELETE FROM sold RETURNING n) SELECT n FROM gone",
        "SELECT * INTO more FROM sold",
        "SELECT nextval('numbers')",
        "SELECT n FROM sold FOR UPDATE",
    ],
)
def test_the_server_itself_refuses_to_be_written(server, tmp_path, monkeypatch, statement):
    server.execute("CREATE TABLE sold AS SELECT 1 AS n; CREATE SEQUENCE numbers")
    monkeypatch.setattr(read_sql, "_query", lambda one: one.query)
    refusal(source(server.url, statement), tmp_path / "q")
    assert read_server(server, "sold", tmp_path / "q")["n"].to_list() == ["1"]


def test_a_wrong_password_a_closed_port_and_a_missing_database_are_told(server, tmp_path):
    wrong = server.url.replace("${SHOP_PASSWORD}", "wr0ng")
    said = refusal(source(wrong, "sold"), tmp_path / "q")
    assert "password authentication failed" in said
    assert "wr0ng" not in said
    elsewhere = server.url.replace(f":{server.port}", ":1")
    assert "Connection refused" in refusal(source(elsewhere, "sold"), tmp_path / "q")
    other = server.url.removesuffix("postgres") + "shop"
    assert 'database "shop" does not exist' in refusal(source(other, "sold"), tmp_path / "q")


def test_a_password_is_struck_out_even_where_the_server_repeats_it(server, tmp_path):
    query = f"SELECT 1 AS a_name_that_is_as_long_as_names_of_columns_can_be, '{PASSWORD}'::int AS n"
    said = refusal(source(server.url, query), tmp_path / "q")
    assert 'invalid input syntax for type integer: "***"' in said


def test_what_the_server_says_of_a_query_is_told(server, tmp_path):
    assert 'column "x" does not exist' in refusal(source(server.url, "SELECT x"), tmp_path / "q")
    assert "holds bytes" in refusal(source(server.url, "SELECT 'a'::bytea AS b"), tmp_path / "q")
    assert "division by zero" in refusal(
        source(
            server.url, f"SELECT 1 / (n - {MANY_ROWS}) FROM generate_series(1, {MANY_ROWS}) AS n"
        ),
        tmp_path / "q",
    )
