"""Reading order files: every row typed, every bad file told in words."""

import gzip
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from helpers import SAMPLE_CONFIG, settings_text, write_shop

from analysis.collect import sources, values
from analysis.collect.arrivals import survey
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.samples import cdnow

HEADINGS = "customer_id,ordered_at,amount\n"
MONTH = Month(2024, 1)


def rows(root, text: str, extra: str = "") -> pl.DataFrame:
    settings = load(root / write_shop(root, text, settings_text() + extra))
    return sources.order_rows(settings).collect()


def test_each_row_becomes_one_typed_row(root):
    found = rows(root, HEADINGS + " 007 ,2024-01-05 23:59:59,19.90\nb,2024-01-06,1234.5\n")
    assert found["customer_id"].to_list() == ["007", "b"]
    assert found["ordered_at"][0] == datetime(2024, 1, 5, 23, 59, 59)
    assert found["amount"].to_list() == [Decimal("19.9000"), Decimal("1234.5000")]
    assert found["row"].to_list() == [1, 2]


def test_what_cannot_be_read_is_kept_as_received(root):
    found = rows(root, HEADINGS + "a,someday,cheap\n,,\nb,2024-01-06,inf\n")
    assert found.height == 2  # an empty line is no row
    assert found["ordered_at_text"].to_list() == ["someday", None]
    assert found["amount_text"].to_list() == ["cheap", "inf"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1,234.50", "1234.5"), ("+7", "7"), (".5", "0.5"), ("1e3", "1000"), ("-3.25", "-3.25")],
)
def test_forms_of_amounts(text, amount):
    read = pl.select(values.read_amount(pl.lit(text))).item()
    assert read == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["1,23", "12 EUR", "NaN", "inf", "--", "1.2.3", "1e300", "-99999999999999"]
)
def test_what_is_no_amount_is_not_guessed(text):
    assert pl.select(values.read_amount(pl.lit(text))).item() is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024/01/05 08:00:00", datetime(2024, 1, 5, 8)),
        ("20240105", datetime(2024, 1, 5)),
        ("2024-01-05T20:00:00Z", datetime(2024, 1, 6, 4)),
        ("2024-01-05 20:00:00+0000", datetime(2024, 1, 6, 4)),
        ("2024-01-05T20:00Z", datetime(2024, 1, 6, 4)),
        ("2024-01-05 20:00:00.5 +00", datetime(2024, 1, 6, 4, 0, 0, 500_000)),
        ("2024.1.5 9:05", datetime(2024, 1, 5, 9, 5)),
        ("2024011", None),
        ("202401055", None),
    ],
)
def test_times_with_a_zone_are_converted_to_the_data_sets_zone(text, expected):
    read = pl.select(values.read_date(pl.lit(text), None, "Asia/Shanghai")).item()
    assert read == expected


def test_quantity_and_unit_price_serve_instead_of_amount(root):
    found = rows(root, "customer_id,ordered_at,quantity,unit_price\na,2024-01-05,3,1.25\n")
    assert found["amount"].to_list() == [Decimal("3.7500")]


def test_a_product_too_large_for_any_order_is_unreadable(root):
    text = "customer_id,ordered_at,quantity,unit_price\na,2024-01-05,9999999999,9999999999\n"
    found = rows(root, text)
    assert found["amount"][0] is None
    assert found["amount_text"][0] == "9999999999 x 9999999999"


def test_a_column_may_have_any_name(root):
    text = "customer_id,ordered_at,amount,row\na,2024-01-05,1,7\n"
    assert rows(root, text)["row"].to_list() == [1]


def test_statuses_say_what_is_a_sale(root):
    extra = 'sale_status = ["paid"]\ncolumns = { status = "state" }\n'
    text = "customer_id,ordered_at,amount,state\na,2024-01-05,1,paid\nb,2024-01-05,1,closed\n"
    assert rows(root, text, extra)["is_sale"].to_list() == [True, False]


def test_several_files_and_gzip_are_read_together(root):
    write_shop(root, HEADINGS + "a,2024-01-05,1\n")
    folder = root / "data" / "raw" / "shop"
    (folder / "more.csv").write_bytes(b"\xef\xbb\xbf" + (HEADINGS + "b,2024-01-06,2\n").encode())
    found = sources.order_rows(load("config/shop.toml")).collect()
    assert sorted(found["customer_id"]) == ["a", "b"]
    packed = folder / "packed.csv"
    packed.write_bytes(gzip.compress((HEADINGS + "c,2024-01-07,3\n").encode()))
    assert sources.order_rows(load("config/shop.toml")).collect().height == 3


BAD_FILES = {
    "empty (0 bytes)": b"",
    "no data row": HEADINGS.encode(),
    "cut in the middle": (HEADINGS + "a,2024-01-05,1\nb,2024-01-").encode(),
    "no column is mapped to customer_id": b"buyer,ordered_at,amount\na,2024-01-05,1\n",
    "is not UTF-8: byte 31 cannot be decoded": HEADINGS.encode() + "客户,2024,1\n".encode("gbk"),
    "is not UTF-8": HEADINGS.encode("utf-16"),
    "byte 31 cannot be decoded": HEADINGS.encode() + "客".encode()[:2],
    "more fields than the heading line": (HEADINGS + "a,2024-01-05,1\nb,2024-01-05,1,2\n").encode(),
    "never closed": (HEADINGS + 'a,2024-01-05,"1\nb,2024-01-05,1\n').encode(),
    "two columns of one name": b"customer_id,ordered_at,amount,amount\na,2024-01-05,1,2\n",
    "nothing but blanks": b" \n\n",
    "not a text file": b"PK\x03\x04\x14\x00",
    "no date could be read": (HEADINGS + "a,someday,1\n").encode(),
}


@pytest.mark.parametrize("message", BAD_FILES)
def test_a_bad_file_is_told_in_words(root, message):
    config = write_shop(root, "")
    (root / "data" / "raw" / "shop" / "shop.csv").write_bytes(BAD_FILES[message])
    with pytest.raises(UserError) as problem:
        survey(load(config), MONTH)
    assert message in str(problem.value)
    assert "shop.csv" in str(problem.value)


def test_a_torn_gzip_is_told_in_words(root):
    config = write_shop(root, "")
    whole = gzip.compress((HEADINGS + "a,2024-01-05,1\n" * 5000).encode())
    (root / "data" / "raw" / "shop" / "shop.csv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"shop\.csv cannot be read"):
        survey(load(config), MONTH)


def test_another_separator_is_guessed(root):
    path = write_shop(root, "buyer;ordered_at;amount\na;2024-01-05;1\n", settings_text())
    config = settings_text() + 'columns = { customer_id = "buyer" }\n'
    (root / path).write_text(config)
    with pytest.raises(UserError, match="Is the separator ';'"):
        survey(load(path), MONTH)


def test_the_same_file_under_two_names_is_refused(root):
    path = write_shop(root, HEADINGS + "a,2024-01-05,1\n")
    folder = root / "data" / "raw" / "shop"
    (folder / "copy.csv").write_bytes((folder / "shop.csv").read_bytes())
    with pytest.raises(UserError, match=r"copy\.csv and .*shop\.csv hold the same bytes"):
        survey(load(path), MONTH)


WHITESPACE = {
    "line 3: 4 fields, but 3 headings": "customer_id ordered_at amount\na 2024-01-05 1\nb c 1 1\n",
    "two columns of one name": "customer_id ordered_at ordered_at\na 2024-01-05 1\n",
}


@pytest.mark.parametrize("message", WHITESPACE)
def test_blanks_as_separators_must_part_every_line_alike(root, message):
    config = settings_text() + 'separator = "whitespace"\n'
    with pytest.raises(UserError, match=message):
        survey(load(write_shop(root, WHITESPACE[message], config)), MONTH)


@pytest.mark.parametrize("path", ["", "/", ".", "data/**x/*.csv", "~nobody-here/x.csv"])
def test_a_path_that_is_none_is_told_in_words(root, path):
    (root / "config" / "shop.toml").write_text(settings_text().replace("data/raw/shop/*.csv", path))
    with pytest.raises(UserError, match=r"path|No file matches"):
        survey(load("config/shop.toml"), MONTH)


@pytest.mark.parametrize(("end", "whole"), [("\n", True), ("", False)])
def test_an_open_last_line_is_known(root, end, whole):
    path = write_shop(root, HEADINGS + "a,2024-01-05,1" + end)
    assert survey(load(path), MONTH)["ends_whole"].to_list() == [whole]


def test_an_empty_folder_names_the_pattern(root):
    (root / "config" / "shop.toml").write_text(settings_text())
    with pytest.raises(UserError, match=r"No file matches data/raw/shop/\*\.csv"):
        survey(load("config/shop.toml"), MONTH)


def test_a_pinned_file_that_differs_is_refused(root):
    config = settings_text() + f'sha256 = "{"0" * 64}"\n'
    path = write_shop(root, HEADINGS + "a,2024-01-05,1\n", config)
    with pytest.raises(UserError, match="not the file that the settings pin"):
        survey(load(path), MONTH)


def test_a_misspelt_heading_brings_the_nearest_name(root):
    config = settings_text() + 'columns = { amount = "amuont" }\n'
    path = write_shop(root, HEADINGS + "a,2024-01-05,1\n", config)
    with pytest.raises(UserError, match='Did you mean "amount"'):
        survey(load(path), MONTH)


def test_a_file_named_by_two_sources_is_refused(root):
    twice = settings_text() + settings_text().partition("\n\n")[2]
    path = write_shop(root, HEADINGS + "a,2024-01-05,1\n", twice)
    with pytest.raises(UserError, match=r"shop\.csv is named by two sources"):
        survey(load(path), MONTH)


@pytest.mark.parametrize("cut", range(1, 27))
def test_a_fixed_width_file_is_known_to_be_torn_wherever_it_was_cut(root, cut):
    folder = root / "data" / "raw" / "tenth"
    folder.mkdir()
    (root / "config" / "tenth.toml").write_text(SAMPLE_CONFIG)
    lines = cdnow.locate("CDNOW_sample.txt").read_bytes().splitlines(keepends=True)[:9]
    (folder / "sample.txt").write_bytes(b"".join(lines)[:-2][: -cut or None])
    with pytest.raises(UserError, match="cut in the middle"):
        survey(load("config/tenth.toml"), Month(1998, 6))
