"""Phones, e-mails and birthdays of customers in one form, and accounts made for testing.

A value that cannot be trusted becomes null and is marked as refused; it is never repaired by a guess.
What only says that nothing is known (`无`, `n/a`) is missing, not refused. Each distinct value is
looked at once.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date

import phonenumbers
import polars as pl
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers.phonenumber import CountryCodeSource

from analysis.collect.values import fold
from analysis.run.errors import UserError

OLDEST_AGE = 110
FIRST_BIRTHDAY = date(1900, 1, 2)  # a spreadsheet's empty date is 1900-01-01
_EMPTY_BIRTHDAY = date(1970, 1, 1)  # the first second of computers' time

_NOTHING = (
    r"^(?:[-—/.\s]*|无|没有|暂无|空|未知|不详|未填写?|未设置|保密|其他"
    r"|null|none|nan|n/?a|unknown|secret)$"
)
_SEVERAL = re.compile(r"[;,、|/\n]|或")
_FLOAT = re.compile(r"(\d{6,15})\.0+")
_EXTENSION = re.compile(r"(?:转接?|分机|ext\.?|x|#)\s*:?\d{1,6}\D*$", re.IGNORECASE)
_CN_EXTENSION = re.compile(r"^(\(?0\d{2,3}\)?[-\s]?\d{7,8})[-\s]\d{1,6}$")
# 1-380-555-1234 is written as in North America; its digits would be a Chinese mobile number.
_NORTH_AMERICAN = re.compile(r"\(?1[-.\s(]+\d{3}[-.\s)]+\d{3}[-.\s]\d{4}")
# Nobody's number: 13800000000 and the like, and the recharge line of China Mobile.
_NOBODYS_PHONE = (
    "(?:"
    + "|".join(f"{digit}{{8}}" for digit in range(10))
    + "|^0+|^(?:86)?13800138000|^12345678(?:90?1?)?)$"
)
_NOBODYS_EMAIL = re.compile(
    r"(?:none|null|no-?e?mail|unknown)@"
    r"|(test|demo|user|e?mail|example|abc|asdf|123|123456|na|no|[a-z]|a+|x+)@\1\."
)

_TEST_NAME = (
    r"^(?:(?:测试|test|demo|演示)[\s_-]*)+"
    r"(?:客户|用户|账号|账户|帐号|帐户|会员|数据|专用|accounts?|users?|customers?|data)?"
    r"[\s_-]*[\d一二三四五六七八九十]*号?$"
    r"|^(?:客户|用户|账号|账户)测试\d*$|^(?:asdf[a-z]*|qwer(?:ty)?)$"
)
_NO_NAME = r"^(?:a{2,}|x{2,}|0+|1{2,}|abc|123\d*|无名|匿名)$"
_TEST_DOMAIN = r"@test\.com$"


def clean_phones(text: pl.Series, country: str | None) -> pl.DataFrame:
    """Write phone numbers as E.164, so that the same number is the same text.

    Of several numbers in one value the first usable one is taken; extensions are dropped. Without a
    country code a Chinese number must be a mobile one or begin with an area code's 0: read as
    Chinese, the American (415) 555-2671 would be a valid number in Sichuan.

    Args:
        text: phone numbers as received.
        country: two letters of ISO 3166, whose numbers are written without a country code; without
            it only numbers with one can be read.

    Returns:
        One row per value: `phone`, `phone_invalid` (present but not usable).

    Raises:
        UserError: if there is no such country.
    """
    if country and country not in phonenumbers.SUPPORTED_REGIONS:
        raise UserError(
            f"The country {country!r} of the phone numbers is not known. Allowed are the two capital "
            "letters of ISO 3166, such as CN, US or DE."
        )

    def clean(value: str) -> str | None:
        numbers = (_read_phone(part, country) for part in _SEVERAL.split(value))
        return next((number for number in numbers if number), None)

    return _by_distinct_value(text, "phone", clean)


def clean_emails(text: pl.Series) -> pl.DataFrame:
    """Write e-mail addresses in one case and width, so that the same address is the same text.

    Args:
        text: e-mail addresses as received; of several in one value the first is taken.

    Returns:
        One row per value: `email` (to match by; casefolded, which no common mail server minds),
        `email_invalid` (present but no address, or nobody's, such as test@test.com).
    """
    return _by_distinct_value(text, "email", _read_email)


def clean_birthdays(day: pl.Series, as_of: date) -> pl.DataFrame:
    """Keep the birthdays that a living customer can have.

    Args:
        day: birthdays as dates.
        as_of: the last day of the month; later birthdays and ages over 110 years are refused, and so
            are the empty dates of spreadsheets and of computers (1900-01-01, 1970-01-01).

    Returns:
        One row per value: `birthday`, `birthday_invalid` (present but refused).
    """
    birthday = pl.col("birthday")
    too_old = birthday <= pl.lit(as_of).dt.offset_by(f"-{OLDEST_AGE + 1}y")
    usable = birthday.is_between(FIRST_BIRTHDAY, as_of) & (birthday != _EMPTY_BIRTHDAY) & ~too_old
    return pl.DataFrame({"birthday": day.cast(pl.Date)}).select(
        birthday=pl.when(usable).then(birthday), birthday_invalid=(~usable).fill_null(False)
    )


def is_test_account(name: pl.Expr, phone: pl.Expr, email: pl.Expr) -> pl.Expr:
    """Whether a record was made to try out the system.

    It is one by its name (测试客户, demo), by a mail domain that is nobody's (test.com), or
    where name and phone both say nothing (aaa, 13800000000). A phone that says nothing is not enough:
    customers who keep their number to themselves type such ones.

    Args:
        name: names as received.
        phone: phone numbers as received.
        email: e-mail addresses, as received or cleaned.
    """
    no_phone = phone.str.replace_all(r"\D", "").str.contains(_NOBODYS_PHONE)
    by_name = fold(name).str.contains(_TEST_NAME)
    by_both = fold(name).str.contains(_NO_NAME) & no_phone
    by_email = fold(email).str.contains(_TEST_DOMAIN)
    return by_name.fill_null(False) | by_both.fill_null(False) | by_email.fill_null(False)


def _by_distinct_value(
    text: pl.Series, name: str, clean: Callable[[str], str | None]
) -> pl.DataFrame:
    """The clean values, null where they are missing or refused, and whether each was refused."""
    asked = pl.DataFrame({"text": text.cast(pl.String)})
    distinct = asked.unique().filter(_is_present(pl.col("text")))
    values = [clean(unicodedata.normalize("NFKC", value).strip()) for value in distinct["text"]]
    known = distinct.with_columns(pl.Series(name, values, dtype=pl.String), present=True)
    return asked.join(known, on="text", how="left", maintain_order="left").select(
        name, (pl.col("present").fill_null(False) & pl.col(name).is_null()).alias(f"{name}_invalid")
    )


def _is_present(text: pl.Expr) -> pl.Expr:
    """Whether a value says anything."""
    return ~fold(text).str.contains(_NOTHING).fill_null(True)


def _read_phone(text: str, country: str | None) -> str | None:
    text = text.strip()
    if float_text := _FLOAT.fullmatch(text):
        text = float_text[1]
    text = _EXTENSION.sub("", text)
    if country == "CN":
        text = _CN_EXTENSION.sub(r"\1", text)
    text = re.sub(r"[\u4e00-\u9fff:]", "", text).strip()
    if re.search("[A-Za-z]", text):
        return None  # 1.38E+10 lost its digits; other letters would be read as those of their keys
    try:
        number = phonenumbers.parse(text, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    digits = str(number.national_number)
    if not phonenumbers.is_valid_number(number) or re.search(_NOBODYS_PHONE, digits):
        return None
    if country == "CN" and not _shows_it_is_chinese(number, text):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _shows_it_is_chinese(number: PhoneNumber, text: str) -> bool:
    if number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return True
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    return text.lstrip("( ").startswith("0") or (is_mobile and not _NORTH_AMERICAN.fullmatch(text))


def _read_email(text: str) -> str | None:
    parts = [part.strip(" <>").removeprefix("mailto:") for part in re.split(r"[;,、|]", text)]
    try:
        # All must be addresses: `li,na@qq.com` is one with a slip, not `na@qq.com`.
        checked = [validate_email(one, check_deliverability=False) for one in parts if one]
    except EmailNotValidError:
        return None
    addresses = (one.normalized.casefold() for one in checked)
    return next((one for one in addresses if not _NOBODYS_EMAIL.match(one)), None)
