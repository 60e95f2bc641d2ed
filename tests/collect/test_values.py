"""Amounts, times, flags, choices and ids in the forms that exports write them."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from analysis import model
from analysis.collect import values


def one(expression: pl.Expr) -> object:
    return pl.select(expression).item()


AMOUNTS = {
    "1,234.50": "1234.5",
    "+7": "7",
    ".5": "0.5",
    "1e3": "1000",
    "-3.25": "-3.25",
    "¥1,234.50": "1234.5",
    "￥88": "88",
    "12元": "12",
    "CNY 5": "5",
    "1.2万": "12000",
    "3亿": "300000000",
    "１２３．５": "123.5",
    "(30.00)": "-30",
    "（30.00）": "-30",
    "30.00-": "-30",
    "1.234,50": "1234.5",
    "1 234.5": "1234.5",
    "1'234.50": "1234.5",
    "1.234.567": "1234567",
    "12,34,567.00": "1234567",
    "3千": "3000",
    "−30": "-30",
    '="12.50"': "12.5",
    "'12.50": "12.5",
}


@pytest.mark.parametrize("text", AMOUNTS)
def test_forms_of_amounts(text):
    assert one(values.read_amount(pl.lit(text), "CNY")) == Decimal(AMOUNTS[text])


NO_AMOUNTS = [
    "1,23",
    "12 EUR",
    "$12",
    "NaN",
    "inf",
    "--",
    "1.2.3",
    "1e300",
    "-1e14",
    "3.5万元整",
    "cheap",
]


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_not_guessed(text):
    assert one(values.read_amount(pl.lit(text), "CNY")) is None


def test_the_sign_of_the_currency_is_read_and_that_of_another_is_not():
    text = pl.Series(["$12", "£12", "€12"])
    assert pl.select(values.read_amount(pl.lit(text), "USD")).to_series().to_list()[1:] == [
        None,
        None,
    ]
    assert one(values.read_amount(pl.lit("£12"), "GBP")) == 12


TIMES = {
    "2024/01/05 08:00:00": datetime(2024, 1, 5, 8),
    "20240105": datetime(2024, 1, 5),
    "2024-01-05T20:00:00Z": datetime(2024, 1, 6, 4),
    "2024-01-05 20:00:00+0000": datetime(2024, 1, 6, 4),
    "2024-01-05T20:00Z": datetime(2024, 1, 6, 4),
    "2024-01-05T20:00:00.000Z": datetime(2024, 1, 6, 4),
    "2018-10-25T11:56:25+05:30": datetime(2018, 10, 25, 14, 26, 25),
    "2024-01-05 20:00:00.5 +00": datetime(2024, 1, 6, 4, 0, 0, 500_000),
    "1704484800000": datetime(2024, 1, 6, 4),
    "1704484800": datetime(2024, 1, 6, 4),
    "45296.5": datetime(2024, 1, 5, 12),
    "2024.1.5 9:05": datetime(2024, 1, 5, 9, 5),
    "2024年1月5日": datetime(2024, 1, 5),
    "2024年01月05日 14时05分": datetime(2024, 1, 5, 14, 5),
    "2024年1月5日14点05分09秒": datetime(2024, 1, 5, 14, 5, 9),
    "2024 年 1 月 5 日 10 时": datetime(2024, 1, 5, 10),
    "24年1月5日": datetime(2024, 1, 5),
    "2024/1/5 下午 3:05": datetime(2024, 1, 5, 15, 5),
    "2024-01-05 上午9:05:00": datetime(2024, 1, 5, 9, 5),
    "2024-01-05(周五)": datetime(2024, 1, 5),
    "20240105100203": datetime(2024, 1, 5, 10, 2, 3),
    "20240105 10:02": datetime(2024, 1, 5, 10, 2),
    "1704484800000.0": datetime(2024, 1, 6, 4),
    "2024-01-05 10:00:00 +0900 JST": datetime(2024, 1, 5, 9),
    "Fri, 05 Jan 2024 10:00:00 GMT": datetime(2024, 1, 5, 18),
    "Fri Jan 05 2024 10:00:00 GMT+0800 (China Standard Time)": datetime(2024, 1, 5, 10),
    '="2024-01-05"': datetime(2024, 1, 5),
    "31.12.2019": datetime(2019, 12, 31),
    "31.12.19": datetime(2019, 12, 31),
    "31.12.85": datetime(1985, 12, 31),
    "6-May-2023": datetime(2023, 5, 6),
    "09-JUL-24": datetime(2024, 7, 9),
    "09-JUL-85 10:00:00": datetime(1985, 7, 9, 10),
    "May 6, 2023": datetime(2023, 5, 6),
    "September 6, 2023": datetime(2023, 9, 6),
    "6 September 2023": datetime(2023, 9, 6),
    "２０２４－０１－０５": datetime(2024, 1, 5),
    "2024-1-5 3:04 PM": datetime(2024, 1, 5, 15, 4),
    "03/04/2024": None,
    "2024011": None,
    "202401055": None,
    "2024-13-01": None,
    "someday": None,
    "12": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_forms_of_times_each_in_the_zone_of_the_data_set(text):
    assert one(values.read_time(pl.lit(text), "Asia/Shanghai")) == TIMES[text]


@pytest.mark.parametrize(
    ("text", "day_first", "expected"),
    [
        ("03/04/2024", True, datetime(2024, 4, 3)),
        ("03/04/2024", False, datetime(2024, 3, 4)),
        ("3-4-24 10:00", True, datetime(2024, 4, 3, 10)),
        ("3/4/85", False, datetime(1985, 3, 4)),
        ("06-May-2023", True, datetime(2023, 5, 6)),
        ("31.12.2019", False, datetime(2019, 12, 31)),
    ],
)
def test_day_and_month_follow_the_order_of_the_column(text, day_first, expected):
    assert one(values.read_time(pl.lit(text), "UTC", day_first=day_first)) == expected


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2024-07", 7),
        ("2024年7月", 7),
        ("202407", 7),
        ("2024/12", 12),
        ("2024-07-15", 7),
        ("2024-13", None),
        ("July", None),
    ],
)
def test_a_month_is_its_first_day(text, month):
    read = one(values.read_month(pl.lit(text), "Asia/Shanghai"))
    assert read == (month and date(2024, month, 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,50", "1234.5"),
        ("12,5", "12.5"),
        ("1.234", "1234"),
        ("1 234,5", "1234.5"),
        ("7", "7"),
    ],
)
def test_where_the_comma_parts_decimals_the_point_parts_thousands(text, value):
    assert one(values.read_amount(pl.lit(text), "EUR", decimal_comma=True)) == Decimal(value)
    assert one(values.read_amount(pl.lit("12.5"), "EUR", decimal_comma=True)) is None


def test_a_date_format_is_the_only_form_read():
    column = pl.Series(["05.06.2024", "2024-06-05"])
    read = pl.select(values.read_time(pl.lit(column), "UTC", "%d.%m.%Y")).to_series().to_list()
    assert read == [datetime(2024, 6, 5), None]


@pytest.mark.parametrize(
    ("text", "value"), [("是", True), ("No", False), ("TRUE", True), ("0", False), ("maybe", None)]
)
def test_flags(text, value):
    assert one(values.read_flag(pl.lit(text))) is value
    assert one(values.read_flag(pl.lit(text), inverted=True)) is (
        None if value is None else not value
    )


GENDERS = {
    "女": "female",
    " F ": "female",
    "Ｆ": "female",
    "女士": "female",
    "MALE": "male",
    "先生": "male",
}
NO_GENDERS = dict.fromkeys(["x", "femmale", "女 男", "2", "保密"])


@pytest.mark.parametrize(("text", "value"), (GENDERS | NO_GENDERS).items())
def test_choices_are_read_whatever_their_case_and_width(text, value):
    words = model.columns("customers")["gender"].choices
    assert one(values.read_choice(pl.lit(text), words)) == value


def test_lists_are_parted_by_any_of_the_usual_signs():
    assert one(values.read_list(pl.lit("茶、咖啡；, 酒|"))) == "茶,咖啡,酒"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("007", "007"),
        ("17850.0", "17850"),
        ("17850.00", "17850"),
        ('="00123"', "00123"),
        ("'00123", "00123"),
        ("'t Hart", "'t Hart"),
        ("\u200b00123\ufeff", "00123"),
        ("\u200b", None),
        ("NaN", None),
        ("(null)", None),
        ("\\N", None),
        ("无", None),
        ("-", None),
        ("#REF!", None),
        ("#N/A", None),
        ("####", None),
        ("#1 fan", "#1 fan"),
    ],
)
def test_ids_are_text_and_what_stands_for_nothing_is_missing(text, value):
    assert one(values.read_id(pl.lit(text))) == value
