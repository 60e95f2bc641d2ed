"""A corpus of bad inputs: each is a clear error, a row set aside with its reason, or read right."""

import gzip
import io
import json
import zipfile

import polars as pl
import pytest
import xlsxwriter
from helpers import settings_text

from analysis.clean.orders import clean_orders
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


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


COLUMNS = ["customer_id", "ordered_at", "amount"]
SHEET = (COLUMNS, ["good", "2024-01-05", 1])  # the first rows of a workbook
SCRIPT = "<script>alert(1)</script>"
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
    "open quote": ("a.csv", text('"a,2024-01-05,1\nb,2024-01-05,1\n'), "never closed"),
    "row too long": ("a.csv", text("a,2024-01-05,1,2,3\n"), "more fields than the heading line"),
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
    "no date readable": ("a.csv", (HEAD + "a,yesterday,1\n").encode(), "no date could be read"),
    "only later orders": ("a.csv", (HEAD + "a,2030-01-05,1\n").encode(), "before the first order"),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 9 is zero"),
    "a workbook called csv": ("a.csv", book(COLUMNS, ["a", "2024-01-05", 1]), "is zero"),
    "no workbook": ("a.xlsx", b"customer_id,ordered_at\n", "a.xlsx"),
    "torn workbook": ("a.xlsx", book(COLUMNS, ["a", "2024-01-05", 1])[:-200], "a.xlsx"),
    "empty workbook": ("a.xlsx", book(), "a.xlsx"),
    "zip bomb as a workbook": (
        "a.xlsx",
        zipped("xl/worksheets/sheet1.xml", b"0" * 300_000_000),
        "a.xlsx",
    ),
    "no archive": ("a.zip", b"PK", "no whole zip archive"),
    "archive without tables": ("a.zip", zipped("readme.md", b"x"), "holds no file"),
    "broken json": ("a.json", b'[{"customer_id": "a", ]', "a.json"),
    "torn json": ("a.json", json.dumps([{"customer_id": "a"}] * 9).encode()[:-9], "a.json"),
    "refused by the api": ("a.json", b'{"errorCode": 20016, "errorMessage": "token"}', "20016"),
    "json without rows": ("a.json", b"[]", "a.json"),
    "json in gbk": ("a.json", '[{"customer_id": "客户"}]'.encode("gbk"), "byte"),
    "no parquet": ("a.parquet", b"PAR1", "a.parquet"),
}
ASIDE = {
    "id as a power of ten": ("a.csv", text("1.38E+10,2024-01-05,1\n"), "id_lost_digits"),
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
KEPT = {
    "html as a name": ("a.csv", text(f"{SCRIPT},2024-01-05,1\n"), SCRIPT),
    "a formula as a name": ("a.csv", text('"=cmd()",2024-01-05,1\n'), "=cmd()"),
    "a cell of 10 MB": ("a.csv", text("x" * 10_000_000 + ",2024-01-05,1\n"), "x" * 10_000_000),
    "a line break in a cell": ("a.csv", text('"a\nb",2024-01-05,1\n'), "a\nb"),
    "windows line ends": ("a.csv", text("a,2024-01-05,1\n").replace(b"\n", b"\r\n"), "a"),
    "a byte order mark": ("a.csv", b"\xef\xbb\xbf" + text("a,2024-01-05,1\n"), "a"),
    "utf-16": ("a.csv", text("客户,2024-01-05,1\n", "utf-16"), "客户"),
    "gbk": ("a.csv", text("客户,2024-01-05,1\n", "gbk"), "客户"),
    "semicolons": ("a.csv", text("a,2024-01-05,1\n").replace(b",", b";"), "a"),
    "leading zeros": ("a.csv", text("00042,2024-01-05,1\n"), "00042"),
    "a spreadsheet's date": ("a.csv", text("a,45296,1\n"), "a"),
    "a float as id": ("a.csv", text("17850.0,2024-01-05,1\n"), "17850"),
    "empty last columns": ("a.csv", text("a,2024-01-05,1\n,,\n,,\n"), "a"),
    "a number as id in a workbook": (
        "a.xlsx",
        book(*SHEET, [13800138000, "2024-01-05", 1]),
        "13800138000",
    ),
    "a formula cell": ("a.xlsx", book(*SHEET, ["a", "2024-01-05", 2], formula="=3+4"), "a"),
    "a name of other people's making": ("=1+1 'x'.csv", text("a,2024-01-05,1\n"), "a"),
}


def prepare(root, name: str, content: bytes):
    folder = root / "data" / "raw" / "shop"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    config = settings_text().replace("shop/*.csv", "shop/*")
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
    name, content, customer = KEPT[case]
    kept, aside = clean(prepare(root, name, content))
    assert aside.is_empty()
    assert kept.filter(pl.col("customer_id") != "good")["customer_id"].to_list() == [customer]


def test_the_corpus_is_as_large_as_it_claims():
    assert len(ERRORS) + len(ASIDE) + len(KEPT) >= 60
