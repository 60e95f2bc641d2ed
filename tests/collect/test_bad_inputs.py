"""A corpus of bad inputs: each is a clear error, a row set aside with its reason, or read right."""

import gzip
import io
import json
import sqlite3
import zipfile
from decimal import Decimal

import polars as pl
import pytest
import xlsxwriter
from helpers import settings_text

from analysis.clean.orders import clean_orders
from analysis.clean.quality import quality_checks
from analysis.collect import sources
from analysis.collect.arrivals import survey
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import load

JANUARY = Month(2024, 1)
HEAD = "customer_id,ordered_at,amount\n"
GOOD = "good,2024-01-05,1\n"


def text(rows: str, encoding: str = "utf-8") -> bytes:
    return (HEAD + GOOD + rows).encode(encoding)


def book(*rows: list, merge: str | None = None, formula: str | None = None) -> bytes:
    """A workbook of one sheet; `merge` is a range of cells, `formula` stands in D1 downwards."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("orders")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if merge:
            sheet.merge_range(merge, "merged")
        if formula:
            sheet.write_formula("C2", formula, None, 7)
    return buffer.getvalue()


def sheets(**rows: list[list]) -> bytes:
    """A workbook of several sheets."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        for name, lines in rows.items():
            sheet = workbook.add_worksheet(name)
            for number, line in enumerate(lines):
                sheet.write_row(number, 0, line)
    return buffer.getvalue()


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def locked(archive: bytes) -> bytes:
    """An archive whose only member says that it is encrypted."""
    marked = bytearray(archive)
    marked[6] |= 1
    marked[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(marked)


COLUMNS = ["customer_id", "ordered_at", "amount"]
SHEET = (COLUMNS, ["good", "2024-01-05", 1])  # the first rows of a workbook
SCRIPT, HUGE = "<script>alert(1)</script>", "x" * 10_000_000
A, B = ("a", 2), ("b", 3)
ERRORS = {
    "empty file": ("a.csv", b"", "empty (0 bytes)"),
    "heading only": ("a.csv", HEAD.encode(), "no data row"),
    "blanks only": ("a.csv", b"\n \n\n", "no column is mapped"),
    "torn gzip": ("a.csv.gz", gzip.compress(text(GOOD * 999))[:-40], "cut or damaged"),
    "gzip of nothing": ("a.csv.gz", gzip.compress(b""), "cannot be read"),
    "zero bytes": ("a.csv", text("a\0b,2024-01-05,1\n"), "byte 50 is zero"),
    "two encodings": (
        "a.csv",
        text("客户甲,2024-01-05,1\n") + "买家昵称很长很长,2024-01-05,1\n".encode("gbk"),
        "two encodings in one file",
    ),
    "latin text": ("a.csv", text("Müller,2024-01-05,1\n", "cp1252"), "name its `encoding`"),
    "text lost before": ("a.csv", text("\ufffd\ufffd,2024-01-05,1\n"), "replacement character"),
    "utf-16 without its mark": ("a.csv", text("a,2024-01-05,1\n", "utf-16-be"), "byte 1 is zero"),
    "open quote": (
        "a.csv",
        text('"a,2024-01-05,1\nb,2024-01-05,1\n'),
        "line 3 cannot be read: a quo",
    ),
    "quote within a quoted value": (
        "a.csv",
        text('"a, b",2024-01-05,1\n"12" pan",2024-01-05,1\n'),
        "line 4 cannot be read: a quotation mark",
    ),
    "row too long": (
        "a.csv",
        text("a,2024-01-05,1,2,3\n"),
        "line 3 cannot be read: 5 fields, but 3",
    ),
    "a title above the headings": ("a.csv", b"Orders of 2024\n" + text(""), "Set `header_row`"),
    "cut in a row": ("a.csv", text("a,2024-01-05"), "cut in the middle"),
    "cut in a date": ("a.csv", b"customer_id,amount,ordered_at\na,1,2024-01-05\nb,1,20", "cut in"),
    "doubled heading": (
        "a.csv",
        b"customer_id,ordered_at,amount,amount\na,2024-01-05,1,1\n",
        "two columns",
    ),
    "two heading rows": (
        "a.csv",
        b"who,when,much\n" + HEAD.encode() + GOOD.encode(),
        "no column is mapped",
    ),
    "no customer column": ("a.csv", b"ordered_at,amount\n2024-01-05,1\n", "customer_id"),
    "no amount column": ("a.csv", b"customer_id,ordered_at\na,2024-01-05\n", "amount (or quantity"),
    "two amounts": (
        "a.csv",
        "customer_id,ordered_at,订单金额,实付金额\na,2024-01-05,1,1\n".encode(),
        "both claim",
    ),
    "day or month": (
        "a.csv",
        (HEAD + "a,03/04/2024,1\nb,05/06/2024,1\n").encode(),
        "no value settles it",
    ),
    "mixed day orders": (
        "a.csv",
        (HEAD + "a,31/01/2024,1\nb,01/31/2024,1\n").encode(),
        "in others the month",
    ),
    "day or year first": ("a.csv", (HEAD + "a,24-01-05,1\n").encode(), "day or with the year"),
    "no date readable": ("a.csv", (HEAD + "a,yesterday,1\n").encode(), "no date could be read"),
    "only later orders": ("a.csv", (HEAD + "a,2030-01-05,1\n").encode(), "before the first order"),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 9 is zero"),
    "a workbook called csv": ("a.csv", book(COLUMNS, ["a", "2024-01-05", 1]), "is zero"),
    "no workbook": ("a.xlsx", b"customer_id,ordered_at\n", "a.xlsx"),
    "torn workbook": ("a.xlsx", book(COLUMNS, ["a", "2024-01-05", 1])[:-200], "a.xlsx"),
    "empty workbook": ("a.xlsx", book(), "a.xlsx"),
    "zip bomb as a workbook": (
        "a.xlsx",
        zipped(("xl/worksheets/sheet1.xml", b"0" * 300_000_000)),
        "a.xlsx",
    ),
    "a bomb as packed text": ("a.csv.gz", gzip.compress(text(GOOD * 7_000_000)), "made to do harm"),
    "a sheet of notes": ("a.xlsx", sheets(orders=SHEET, notes=[["read", "me"]]), "`sheets`"),
    "workbook of the old kind": ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old kind"),
    "web page as a workbook": ("a.xls", b"<html><table></table></html>", "a web page"),
    "no archive": ("a.zip", b"PK", "no whole zip archive"),
    "archive without tables": ("a.zip", zipped(("readme.md", b"x")), "holds no file"),
    "archive with a password": ("a.zip", locked(zipped(("a.csv", text("")))), "without a password"),
    "broken json": ("a.json", b'[{"customer_id": "a", ]', "a.json"),
    "torn json": ("a.json", json.dumps([{"customer_id": "a"}] * 9).encode()[:-9], "a.json"),
    "refused by the api": ("a.json", b'{"errorCode": 20016, "errorMessage": "token"}', "20016"),
    "json without rows": ("a.json", b"[]", "a.json"),
    "json in gbk": ("a.json", '[{"customer_id": "客户"}]'.encode("gbk"), "byte"),
    "no parquet": ("a.parquet", b"PAR1", "a.parquet"),
}
ASIDE = {
    "id as a power of ten": ("a.csv", text("1.38E+10,2024-01-05,1\n"), "id_lost_digits"),
    "the same without a plus": ("a.csv", text("1.38001e10,2024-01-05,1\n"), "id_lost_digits"),
    "an error cell as id": ("a.csv", text("#REF!,2024-01-05,1\n"), "no_customer"),
    "an id that nobody sees": ("a.csv", text("\u200b,2024-01-05,1\n"), "no_customer"),
    "no id": ("a.csv", text(",2024-01-05,1\n"), "no_customer"),
    "NaN as id": ("a.csv", text("NaN,2024-01-05,1\n"), "no_customer"),
    "NULL as id": ("a.csv", text("NULL,2024-01-05,1\n"), "no_customer"),
    "infinite amount": ("a.csv", text("a,2024-01-05,inf\n"), "amount_unreadable"),
    "NaN amount": ("a.csv", text("a,2024-01-05,nan\n"), "amount_unreadable"),
    "absurd amount": ("a.csv", text("a,2024-01-05,1e300\n"), "amount_unreadable"),
    "words as amount": ("a.csv", text("a,2024-01-05,free\n"), "amount_unreadable"),
    "another currency": ("a.csv", text("a,2024-01-05,$5\n"), "amount_unreadable"),
    "no amount": ("a.csv", text("a,2024-01-05,\n"), "amount_missing"),
    "no date": ("a.csv", text("a,,1\n"), "date_missing"),
    "half a date": ("a.csv", text("a,2024-01,1\n"), "date_unreadable"),
    "30 February": ("a.csv", text("a,2024-02-30,1\n"), "date_unreadable"),
    "the year 1900": ("a.csv", text("a,1900-01-01,1\n"), "date_impossible"),
    "the clock's zero": ("a.csv", text("a,1970-01-01 08:00:00,1\n"), "date_impossible"),
    "a zero as date": ("a.csv", text("a,0,1\n"), "date_unreadable"),
    "a line of totals": ("a.csv", text("Total,,1\n"), "date_missing"),
    "a short row": ("a.csv", text("a\n"), "date_missing"),
    "refund of nothing": ("a.csv", text("a,2024-01-05,-1\n"), "refund_without_purchase"),
    "refund beyond": ("a.csv", text("good,2024-01-06,-9\n"), "refund_beyond_purchase"),
    "an error cell": (
        "a.xlsx",
        book(*SHEET, ["a", "2024-01-05", "#REF!"]),
        "amount_unreadable",
    ),
    "repeated heading": ("a.csv", text(HEAD), "date_unreadable"),
}
# What the rows beside the good one are read as: customers and amounts.
KEPT = {
    "html as a name": ("a.csv", text(f"{SCRIPT},2024-01-05,2\n"), [(SCRIPT, 2)]),
    "a formula as a name": ("a.csv", text('"=cmd()",2024-01-05,2\n'), [("=cmd()", 2)]),
    "a cell of 10 MB": ("a.csv", text(f"{HUGE},2024-01-05,2\n"), [(HUGE, 2)]),
    "a line break in a cell": ("a.csv", text('"a\nb",2024-01-05,2\n'), [("a\nb", 2)]),
    "a mark for inches": (
        "a.csv",
        text('12" pan,2024-01-05,2\nb,2024-01-05,3\n'),
        [('12" pan', 2), B],
    ),
    "doubled marks": ("a.csv", text('"12"" pan, red",2024-01-05,2\n'), [('12" pan, red', 2)]),
    "windows line ends": ("a.csv", text("a,2024-01-05,2\n").replace(b"\n", b"\r\n"), [A]),
    "old macintosh line ends": ("a.csv", text("a,2024-01-05,2\n").replace(b"\n", b"\r"), [A]),
    "mixed line ends": ("a.csv", text("a,2024-01-05,2\r\nb,2024-01-05,3\n"), [A, B]),
    "a byte order mark": ("a.csv", b"\xef\xbb\xbf" + text("a,2024-01-05,2\n"), [A]),
    "utf-16": ("a.csv", text("客户,2024-01-05,2\n", "utf-16"), [("客户", 2)]),
    "gbk": ("a.csv", text("客户,2024-01-05,2\n", "gbk"), [("客户", 2)]),
    "semicolons": ("a.csv", text("a,2024-01-05,2\n").replace(b",", b";"), [A]),
    "a line that tells the separator": (
        "a.csv",
        b"sep=;\n" + text("a,2024-01-05,2\n").replace(b",", b";"),
        [A],
    ),
    "columns without a heading": (
        "a.csv",
        b"customer_id,ordered_at,amount,,\na,2024-01-05,2,,\n",
        [A],
    ),
    "decimal commas": (
        "a.csv",
        b"customer_id;ordered_at;amount\na;05.01.2024;2,00\nb;06.01.2024;1.003,50\n",
        [A, ("b", Decimal("1003.5"))],
    ),
    "leading zeros": ("a.csv", text("00042,2024-01-05,2\n"), [("00042", 2)]),
    "a protected id": ("a.csv", text('"=""00042""",2024-01-05,2\n'), [("00042", 2)]),
    "a spreadsheet's date": ("a.csv", text("a,45296,2\n"), [A]),
    "a day, a month, a short year": ("a.csv", text("a,05.01.24,2\n"), [A]),
    "a date of another system": ("a.csv", text("a,05-JAN-24,2\n"), [A]),
    "a float as id": ("a.csv", text("17850.0,2024-01-05,2\n"), [("17850", 2)]),
    "empty last columns": ("a.csv", text("a,2024-01-05,2\n,,\n,,\n"), [A]),
    "text called a workbook": ("a.xls", text("a,2024-01-05,2\n").replace(b",", b"\t"), [A]),
    "a workbook under its old name": ("a.xls", book(*SHEET, ["a", "2024-01-05", 2]), [A]),
    "blank sheets": ("a.xlsx", sheets(orders=[*SHEET, ["a", "2024-01-05", 2]], Sheet2=[]), [A]),
    "merged cells": (
        "a.xlsx",
        book(*SHEET, [None, "2024-01-05", 2], [None, "2024-01-06", 3], merge="A3:A4"),
        [("merged", 2), ("merged", 3)],
    ),
    "a number as id in a workbook": (
        "a.xlsx",
        book(*SHEET, [13800138000, "2024-01-05", 2]),
        [("13800138000", 2)],
    ),
    "a formula cell": ("a.xlsx", book(COLUMNS, ["a", "2024-01-05", 2], formula="=3+4"), [("a", 7)]),
    "an archive from a macintosh": (
        "a.zip",
        zipped(("d/a.csv", text("a,2024-01-05,2\n")), ("__MACOSX/d/._a.csv", b"\0\0")),
        [A],
    ),
    "a name of other people's making": ("=1+1 'x'.csv", text("a,2024-01-05,2\n"), [A]),
}


def prepare(root, name: str, content: bytes, more: str = ""):
    folder = root / "data" / "raw" / "shop"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    config = settings_text().replace("shop/*.csv", "shop/*") + more
    (root / "config" / "shop.toml").write_text(config, encoding="utf-8")
    return load("config/shop.toml")


def clean(settings):
    survey(settings, JANUARY)
    raw = sources.raw_tables(settings, JANUARY)["raw_orders"].collect()
    kept, aside = clean_orders(raw)
    assert kept.height + aside.height == raw.height
    return kept, aside


@pytest.mark.parametrize("case", ERRORS)
def test_it_is_a_clear_error(root, case):
    name, content, words = ERRORS[case]
    with pytest.raises(UserError) as problem:
        clean(prepare(root, name, content))
    assert words in str(problem.value)
    assert name in str(problem.value) or "2024-01" in str(problem.value)


@pytest.mark.parametrize("case", ASIDE)
def test_its_row_is_set_aside_with_the_reason(root, case):
    name, content, reason = ASIDE[case]
    kept, aside = clean(prepare(root, name, content))
    assert aside["reason"].to_list() == [reason]
    assert kept["customer_id"].to_list() == ["good"]


@pytest.mark.parametrize("case", KEPT)
def test_it_is_read_right(root, case):
    name, content, expected = KEPT[case]
    kept, aside = clean(prepare(root, name, content))
    assert aside.is_empty()
    others = kept.filter(pl.col("customer_id") != "good")
    assert others.select("customer_id", "amount").rows() == expected


@pytest.mark.parametrize("name", [".DS_Store", ".~lock.a.csv#", "~$a.xlsx"])
def test_what_programs_leave_beside_the_files_is_no_input(root, name):
    settings = prepare(root, "a.csv", text("a,2024-01-05,2\n"))
    (root / "data" / "raw" / "shop" / name).write_bytes(b"\0\0")
    assert clean(settings)[0]["customer_id"].to_list() == ["good", "a"]


@pytest.mark.parametrize("name", ["my shop", "../shop", "", "商店", "a/b", "_shop"])
def test_a_data_set_name_that_is_no_folder_name_is_a_clear_error(root, name):
    (root / "config" / "shop.toml").write_text(settings_text(name=f'"{name}"'), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"(?s)config/shop\.toml has settings that cannot be used:.*name"
    ):
        load("config/shop.toml")
    assert not list((root / "data" / "processed").iterdir())


def test_leading_zeros_that_one_table_lost_are_a_warning_in_quality(root):
    people = '\n[[sources]]\ntable = "customers"\npath = "data/raw/people.csv"\n'
    (root / "data" / "raw" / "people.csv").write_bytes(b"customer_id,phone\n42,\ngood,\n")
    settings = prepare(root, "a.csv", text("00042,2024-01-05,2\nstranger,2024-01-05,2\n"), people)
    raw = sources.raw_tables(settings, JANUARY)
    received = {name.removeprefix("raw_"): frame for name, frame in raw.items()}
    checks = quality_checks(received, JANUARY.last_day, "orders")
    lost = checks.filter(check="zeros_kept").select("table", "column", "rows", "failed")
    assert lost.rows() == [("orders", "customer_id", 3, 1)]


def test_a_database_that_goes_away_in_the_middle_is_a_clear_error_and_leaves_nothing(root):
    path = root / "data" / "raw" / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (customer_id TEXT, ordered_at TEXT, amount NUMERIC)")
        rows = ((f"customer {number}", "2024-01-05", 1) for number in range(60_000))
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    database.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 95 // 100])
    config = settings_text().partition("path")[0] + f'url = "sqlite:///{path}"\nquery = "orders"\n'
    (root / "config" / "shop.toml").write_text(config, encoding="utf-8")
    with pytest.raises(UserError, match=r"shop\.db#orders cannot be read: database disk image"):
        clean(load("config/shop.toml"))
    assert not list((root / "data" / "processed").rglob("*.p*"))


def test_the_corpus_is_as_large_as_it_claims():
    assert len(ERRORS) + len(ASIDE) + len(KEPT) >= 90
