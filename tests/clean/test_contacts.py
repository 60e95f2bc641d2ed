"""Contacts: one form per phone and e-mail; what cannot be trusted is refused, never guessed."""

import string
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from analysis.clean.contacts import (
    clean_birthdays,
    clean_emails,
    clean_phones,
    is_test_account,
)
from analysis.run.errors import UserError

MOBILE = "+8613812345678"


def texts(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "+86 138 1234 5678",
        "0086 13812345678",
        "86-13812345678",
        "8613812345678",
        "(+86)13812345678",
        "013812345678",
        "１３８１２３４５６７８",
        "＋８６　１３８１２３４５６７８",
        "13812345678.0",
        "'13812345678",
        '="13812345678"',
        "手机：13812345678",
        "13812345678（王先生）",
        "13812345678转801",
        "13812345678/13912345678",
        "没有; 13812345678",
    ],
)
def test_every_way_to_write_a_mobile_number_gives_the_same_text(written):
    assert clean_phones(texts(written), "CN").row(0) == (MOBILE, False)


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("0512-62888888", "+8651262888888"),
        ("(0512) 6288 8888", "+8651262888888"),
        ("0512-62888888-801", "+8651262888888"),
        ("+86 (0)512 6288 8888", "+8651262888888"),
        ("010-12345678", "+861012345678"),
        ("00852 9123 4567", "+85291234567"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+86 400 820 8820", "+864008208820"),
    ],
)
def test_landlines_and_foreign_numbers_are_kept(written, phone):
    assert clean_phones(texts(written), "CN").row(0) == (phone, False)


@pytest.mark.parametrize(
    "written",
    [
        "(415) 555-2671",  # valid in Sichuan if read as Chinese
        "1-380-555-1234",  # the digits of a mobile number, written as in North America
        "512-62888888",
        "62888888",
        "400-820-8820",
        "1.38E+10",
        "1.3812345678E+10",
        "1.38e10",
        "1381234ABCD",
        "1381234567",
        "138123456789",
        "2号楼13812345678",
        "13800000000",
        "+86 13800000000",
        "13888888888",
        "13800138000",
        "11111111111",
        "12345678901",
        "00000",
        "0",
        "phone",
    ],
)
def test_a_number_that_is_nobodys_or_not_surely_chinese_is_refused(written):
    assert clean_phones(texts(written), "CN").row(0) == (None, True)


@pytest.mark.parametrize("nothing", [None, "", "  ", "-", "无", "N/A", "null", "未知"])
def test_what_says_nothing_is_missing_and_not_refused(nothing):
    assert clean_phones(texts(nothing), "CN").row(0) == (None, False)
    assert clean_emails(texts(nothing)).row(0) == (None, False)


def test_in_its_own_country_an_american_number_needs_no_country_code():
    assert clean_phones(texts("(415) 555-2671"), "US").row(0) == ("+14155552671", False)


def test_an_unknown_country_is_refused_in_words():
    with pytest.raises(UserError, match=r"country 'China' .* such as CN"):
        clean_phones(texts("13812345678"), "China")


@pytest.mark.parametrize("clean", [lambda text: clean_phones(text, "CN"), clean_emails])
def test_rows_keep_their_order_and_repeated_values(clean):
    frame = clean(texts("x", "13812345678", None, "a.b@qq.com", "13812345678", "x"))
    found = frame.to_series(0).is_not_null().to_list()
    assert found in ([False, True, False, False, True, False], [False] * 3 + [True] + [False] * 2)
    assert frame.to_series(1).to_list() == [
        present and not kept for present, kept in zip([1, 1, 0, 1, 1, 1], found, strict=True)
    ]


@pytest.mark.parametrize(
    ("written", "email"),
    [
        ("Tom.Lee@QQ.COM", "tom.lee@qq.com"),
        (" tom.lee@qq.com ", "tom.lee@qq.com"),
        ("ＴＯＭ.LEE＠qq.com", "tom.lee@qq.com"),
        ("tom.lee@qq。com", "tom.lee@qq.com"),
        ("mailto:tom.lee@qq.com", "tom.lee@qq.com"),
        ("<tom.lee@qq.com>", "tom.lee@qq.com"),
        ("tom.lee@qq.com；tom@163.com", "tom.lee@qq.com"),
        ("none@none.com, tom@163.com", "tom@163.com"),
        ("12345@qq.com", "12345@qq.com"),
        ("a@b-shop.com", "a@b-shop.com"),
        ("nina@nina-shop.com", "nina@nina-shop.com"),
    ],
)
def test_an_address_is_kept_in_one_case_and_width(written, email):
    assert clean_emails(texts(written)).row(0) == (email, False)


@pytest.mark.parametrize(
    "written",
    [
        *[
            "tom",
            "tom@",
            "@qq.com",
            "tom@qq",
            "tom@qq,com",
            "to m@qq.com",
            "li,na@qq.com",
            "tom@qq.com.",
            "a@@b.com",
        ],
        *[
            "test@test.com",
            "TEST@Test.com",
            "a@a.com",
            "none@none.com",
            "no-email@qq.com",
            "xxx@xxx.cn",
        ],
    ],
)
def test_no_address_and_nobodys_address_are_refused(written):
    assert clean_emails(texts(written)).row(0) == (None, True)


@given(some.lists(some.text(string.ascii_letters + "@. +-_０１ＡＢ。", max_size=20), max_size=5))
def test_cleaning_emails_twice_changes_nothing(written):
    once = clean_emails(texts(*written))["email"]
    assert clean_emails(once)["email"].equals(once)


@given(some.lists(some.text("0123456789+-() ０１８６/转", max_size=18), max_size=5))
def test_cleaning_phones_twice_changes_nothing(written):
    once = clean_phones(texts(*written), "CN")["phone"]
    assert clean_phones(once, "CN")["phone"].equals(once)


@pytest.mark.parametrize(
    ("birthday", "is_refused"),
    [
        (date(1899, 12, 30), True),
        (date(1900, 1, 1), True),
        (date(1913, 6, 30), True),  # 111 years old
        (date(1913, 7, 1), False),  # 110 years and 365 days
        (date(1970, 1, 1), True),
        (date(1970, 1, 2), False),
        (date(2024, 6, 30), False),
        (date(2024, 7, 1), True),
        (None, False),
    ],
)
def test_a_birthday_must_be_one_of_a_living_customer(birthday, is_refused):
    frame = clean_birthdays(pl.Series([birthday], dtype=pl.Date), date(2024, 6, 30))
    assert frame.row(0) == (None if is_refused else birthday, is_refused)


def test_the_first_birthday_that_is_believed_is_the_second_day_of_1900():
    frame = clean_birthdays(
        pl.Series([date(1900, 1, 1), date(1900, 1, 2)]), as_of=date(1998, 6, 30)
    )
    assert frame.rows() == [(None, True), (date(1900, 1, 2), False)]


def is_test(name: str | None, phone: str | None = None, email: str | None = None) -> bool:
    row = {"name": name, "phone": phone, "email": email}
    frame = pl.DataFrame(row, schema=dict.fromkeys(row, pl.String))
    return frame.select(is_test_account(*map(pl.col, row))).item()


@pytest.mark.parametrize(
    "name",
    [
        *["测试", "测试客户", "测试账号2", "客户测试", "演示客户", "测试一号"],
        *[
            "test",
            "TEST",
            "Ｔｅｓｔ",
            "Test Account",
            "test_user",
            "test01",
            "demo",
            "Demo 3",
            "asdf",
        ],
    ],
)
def test_a_name_made_for_trying_out_is_a_test_account(name):
    assert is_test(name)


@pytest.mark.parametrize(
    "name",
    [
        *["王测", "张试", "测绘院", "苏州测试仪器有限公司", "演示文稿公司", "测试员王五"],
        *["Testa", "Attest", "Demosthenes", "Contest", "Testino", "Demo Deng", "Asdis", None],
    ],
)
def test_a_name_that_only_resembles_one_is_none(name):
    assert not is_test(name, phone="13812345678", email="x@qq.com")


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("wang@example.com", False),
        ("Wang@TEST.com", True),
        ("wang@attest.com", False),
        ("wang@test.com.cn", False),
        ("example.com@qq.com", False),
    ],
)
def test_a_mail_domain_that_is_nobodys_makes_a_test_account(email, expected):
    assert is_test("王五", email=email) is expected


def test_a_phone_that_says_nothing_makes_one_only_with_a_name_that_says_nothing():
    assert is_test("aaa", phone="138 0000 0000")
    assert is_test("111", phone="00000")
    assert is_test("aaa", phone="12345678")
    assert not is_test("aaa", phone="13812345678")
    assert not is_test("aaa")
    assert not is_test("王五", phone="13800000000")
