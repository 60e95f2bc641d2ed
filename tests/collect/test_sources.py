"""Reading order files: every row typed, every bad file told in words."""

import gzip
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from helpers import SAMPLE_CONFIG, settings_text, write_shop

from analysis.collect import sources
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
    assert found["unreadable"].to_list() == ["ordered_at,amount", "amount"]


def test_quantity_and_unit_price_serve_instead_of_amount(root):
    found = rows(root, "customer_id,ordered_at,quantity,unit_price\na,2024-01-05,3,1.25\n")
    assert found["amount"].to_list() == [Decimal("3.7500")]


def test_a_product_too_large_for_any_order_is_no_amount(root):
    text = "customer_id,ordered_at,quantity,unit_price\na,2024-01-05,9999999999,9999999999\n"
    found = rows(root, text)
    assert found["amount"][0] is None


def test_a_column_may_have_any_name(root):
    text = "customer_id,ordered_at,amount,row\na,2024-01-05,1,7\n"
    assert rows(root, text)["row"].to_list() == [1]


def test_what_an_order_says_besides_is_handed_on(root):
    text = "客户编号,下单时间,订单金额,优惠金额,回款金额,订单类型,优惠券码\n"
    found = rows(root, text + "a,2024-01-05,90,10,30.5,预售,SPRING\nb,2024-01-06,5,,,,\n")
    assert found["amount"].to_list() == [Decimal("90"), Decimal("5")]  # what was asked in the end
    assert found["discount"].to_list() == [Decimal("10"), None]
    assert found["paid_amount"].to_list() == [Decimal("30.5"), None]
    assert found["order_type"].to_list() == ["预售", None]
    assert found["coupon_code"].to_list() == ["SPRING", None]


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
    "no column is mapped to customer_id": b"who,ordered_at,amount\na,2024-01-05,1\n",
    "zero": HEADINGS.encode() + b"a\0b,2024-01-05,1\n",
    "byte 34 is not": HEADINGS.encode() + "客,2024,1\n".encode()[:3] + "户户户户".encode("gbk")[1:],
    "byte 32 cannot be decoded": HEADINGS.encode() + "M\xfcller,2024,1\n".encode("cp1252"),
    "byte 31 is a replacement character": HEADINGS.encode() + "\ufffd,2024,1\n".encode(),
    "line 3 cannot be read: 4 fields, but 3 headings": (
        HEADINGS + "a,2024-01-05,1\nb,2024-01-05,1,2\n"
    ).encode(),
    "line 2 cannot be read: a quotation mark": (
        HEADINGS + 'a,2024-01-05,"1\nb,2024-01-05,1\n'
    ).encode(),
    "two columns of one name": b"customer_id,ordered_at,amount,amount\na,2024-01-05,1,2\n",
    "no column is mapped": b" \n\n",
    "no date could be read": (HEADINGS + "a,someday,1\n").encode(),
    "no value settles it": (HEADINGS + "a,03/04/2024,1\na,05/04/2024,1\n").encode(),
    "in others the month": (HEADINGS + "a,13/04/2024,1\na,05/14/2024,1\n").encode(),
    "both claim our column amount": "customer_id,ordered_at,订单金额,实付金额\na,2024-1-5,1,1\n".encode(),
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
    with pytest.raises(UserError, match=r"shop\.csv cannot be read.*cut or damaged"):
        survey(load(config), MONTH)


def test_another_separator_is_guessed(root):
    path = write_shop(root, "buyer;ordered_at;amount\na;2024-01-05;1\n", settings_text())
    config = settings_text() + 'separator = ","\ncolumns = { customer_id = "buyer" }\n'
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
    assert survey(load(path), MONTH).files["ends_whole"].to_list() == [whole]


def test_chinese_encodings_are_found(root):
    text = (
        "客户编号,下单时间,订单金额,备注\n007,2024年1月5日,￥1.2万,客户说包装很好，下次还会再来\n"
    )
    write_shop(root, "", settings_text(currency='"CNY"'))
    for encoding in ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"):
        (root / "data" / "raw" / "shop" / "shop.csv").write_bytes(text.encode(encoding))
        found = sources.order_rows(load("config/shop.toml")).collect()
        assert found.select("customer_id", "amount").rows() == [("007", Decimal("12000"))], encoding


def test_another_encoding_is_read_where_the_settings_name_it(root):
    text = HEADINGS + "M\xfcller,2024-01-05,1\n"
    write_shop(root, "", settings_text() + 'encoding = "cp1252"\n')
    (root / "data" / "raw" / "shop" / "shop.csv").write_bytes(text.encode("cp1252"))
    assert sources.order_rows(load("config/shop.toml")).collect()["customer_id"].to_list() == [
        "M\xfcller"
    ]


AMOUNTS = [
    # rows of amount and quantity; what they are read as
    (["1.234,50;2", "12,5;1.000", "1.234;3"], [("1234.5", 2), ("12.5", 1000), ("1234", 3)]),
    (["1,234.50;2", "12.5;1,000", "1,234;3"], [("1234.5", 2), ("12.5", 1000), ("1234", 3)]),
    (["1,234;2", "1,23;1"], [("1234", 2), (None, 1)]),  # a slip beside thousands is not believed
    (["12,5;2", "12.5;1"], [(None, 2), ("12.5", 1)]),
]


@pytest.mark.parametrize(("written", "expected"), AMOUNTS)
def test_all_values_of_a_column_together_say_what_a_comma_means(root, written, expected):
    lines = [f"a;2024-01-05;{one}" for one in written]
    text = "\n".join(["customer_id;ordered_at;amount;quantity", *lines, ""])
    found = rows(root, text).select("amount", "quantity").rows()
    assert found == [(one and Decimal(one), quantity) for one, quantity in expected]


def test_the_settings_may_say_what_a_comma_means(root):
    text = "customer_id;ordered_at;amount\na;2024-01-05;1.234\n"
    assert rows(root, text)["amount"].to_list() == [Decimal("1.234")]
    assert rows(root, text, 'decimal = ","\n')["amount"].to_list() == [Decimal(1234)]


def test_dates_that_may_begin_with_their_year_are_refused_until_the_settings_say_so(root):
    text = HEADINGS + "a,24-01-05,1\na,24-01-31,1\n"
    with pytest.raises(
        UserError, match=r"24-01-05 can begin with the day or with the year.*%y-%m-%d"
    ):
        rows(root, text)
    found = rows(root, text, 'date_format = "%y-%m-%d"\n')["ordered_at"].to_list()
    assert found == [datetime(2024, 1, 5), datetime(2024, 1, 31)]
    found = rows(root, HEADINGS + "a,24-01-05,1\na,05-01-24,1\n")["ordered_at"].to_list()
    assert found == [datetime(2005, 1, 24), datetime(2024, 1, 5)]


def test_of_optional_values_a_dash_is_no_value_and_a_word_cannot_be_read(root):
    more = '\n[[sources]]\ntable = "customers"\npath = "data/raw/shop/people.tsv"\n'
    config = write_shop(root, HEADINGS + "a,2024-01-05,1\n", settings_text() + more)
    text = "客户编号\t性别\t生日\n1\t保密\t-\n2\t女\t2000-01-05\n3\tx\tsoon\n"
    (root / "data" / "raw" / "shop" / "people.tsv").write_text(text, encoding="utf-8")
    found = sources.raw_tables(load(config), MONTH)["raw_customers"].collect()
    assert found["unreadable"].to_list() == ["", "", "gender,birthday"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(root, separator):
    text = HEADINGS.replace(",", separator) + separator.join(["a", "2024-01-05", "1"]) + "\n"
    assert rows(root, text)["customer_id"].to_list() == ["a"]


def test_headings_may_stand_below_a_title(root):
    text = "Orders of January\n\n" + HEADINGS + "a,2024-01-05,1\n"
    assert rows(root, text, "header_row = 3\n")["row"].to_list() == [1]


def test_a_zip_archive_is_read_member_by_member(root):
    write_shop(root, "", settings_text().replace("*.csv", "*.zip"))
    folder = root / "data" / "raw" / "shop"
    with zipfile.ZipFile(folder / "backup.zip", "w") as archive:
        archive.writestr("Orders_001.csv", HEADINGS + "a,2024-01-05,1\n")
        archive.writestr("Orders_002.csv", HEADINGS + "b,2024-01-06,1\n")
        archive.writestr("readme.md", "no data")
    found = survey(load("config/shop.toml"), MONTH)
    assert found.files["part"].to_list() == ["Orders_001.csv", "Orders_002.csv"]
    assert sources.order_rows(load("config/shop.toml")).collect()["customer_id"].to_list() == [
        "a",
        "b",
    ]


def test_parquet_keeps_exact_amounts_and_converts_zones(root):
    write_shop(root, "", settings_text(time_zone='"Asia/Shanghai"').replace("*.csv", "*.parquet"))
    at = datetime(2024, 1, 5, 20, tzinfo=UTC)
    frame = pl.DataFrame({"customer_id": [7], "ordered_at": [at], "amount": [Decimal("0.1")]})
    frame.write_parquet(root / "data" / "raw" / "shop" / "shop.parquet")
    found = sources.order_rows(load("config/shop.toml")).collect().row(0, named=True)
    assert (found["customer_id"], found["amount"]) == ("7", Decimal("0.1"))
    assert found["ordered_at"] == datetime(2024, 1, 6, 4)


def test_a_refund_amount_reduces_its_order(root):
    text = "customer_id,ordered_at,amount,refund_amount\na,2024-01-05,10,4\nb,2024-01-05,10,\n"
    assert rows(root, text)["amount"].to_list() == [Decimal(6), Decimal(10)]


def test_several_systems_stand_beside_each_other(root):
    other = '\n[[sources]]\ntable = "orders"\npath = "data/raw/shop/more.tsv"\nsystem = "till"\n'
    config = write_shop(root, HEADINGS + "a,2024-01-05,1\n", settings_text() + other)
    more = "会员号\t交易时间\t成交金额\nb\t2024/1/6\t2\n"
    (root / "data" / "raw" / "shop" / "more.tsv").write_text(more, encoding="utf-8")
    found = sources.order_rows(load(config)).collect()
    assert found.select("system", "customer_id").rows() == [("till", "b"), ("", "a")]


def test_a_prefix_keeps_the_customers_of_systems_apart_that_number_alike(root):
    other = (
        '\n[[sources]]\ntable = "orders"\npath = "data/raw/shop/more.tsv"\nid_prefix = "till-"\n'
    )
    config = write_shop(root, HEADINGS + "1,2024-01-05,1\n", settings_text() + other)
    more = "会员号\t订单号\t交易时间\t成交金额\n1\t77\t2024/1/6\t2\n-\t78\t2024/1/6\t2\n"
    (root / "data" / "raw" / "shop" / "more.tsv").write_text(more, encoding="utf-8")
    found = sources.order_rows(load(config)).collect().sort("order_id", nulls_last=False)
    assert found.select("customer_id", "order_id").rows() == [
        ("1", None),
        ("till-1", "77"),
        (None, "78"),
    ]


def test_optional_tables_are_read_up_to_the_month_and_missing_ones_are_empty(root):
    more = '\n[[sources]]\ntable = "feedback"\npath = "data/raw/shop/feedback.tsv"\n'
    config = write_shop(root, HEADINGS + "a,2024-01-05,1\n", settings_text() + more)
    text = (
        "客户编号\t反馈时间\t反馈类型\t是否回访\na\t2024-01-31\t投诉\t是\na\t2024-02-01\t建议\t否\n"
    )
    (root / "data" / "raw" / "shop" / "feedback.tsv").write_text(text, encoding="utf-8")
    found = sources.raw_tables(load(config), MONTH)
    feedback = found["raw_feedback"].collect().select("kind", "followed_up").rows()
    assert feedback == [("complaint", True)]
    assert found["raw_surveys"].collect().is_empty()
    later = survey(load(config), MONTH).files.filter(table="feedback")["rows_later"].item()
    assert later == 1


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
