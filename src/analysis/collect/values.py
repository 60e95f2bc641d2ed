"""Amounts, times, numbers and flags as text, read into typed values; null where text is neither.

Most columns are written in one plain form, so that form is tried on the whole column; only what it
leaves unread is tried in the others. Forms: those of the three CRMs, of spreadsheets and of tills.
"""

from collections.abc import Callable
from datetime import datetime

import polars as pl
from babel.numbers import get_currency_symbol

from analysis.collect import odd_times
from analysis.tables import MONEY

LARGEST_AMOUNT = 10**13  # more than any order; beyond it a total is a slip of the export
EARLIEST = datetime(1970, 1, 2)  # an empty date is one of 1899 or 1900, or the first second of 1970
# 1,234.5 and 12,34,567 (India); 1.234,5 and 1.234.567 (the Continent), which no other reading allows.
_THOUSANDS = r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?$"
_CONTINENTAL = r"^[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})$"
_WITH_DECIMAL_COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:[.'’]\d{3})+)(?:,\d+)?$"
_SWISS = r"^[+-]?\d{1,3}(?:['’]\d{3})+(?:\.\d+)?$"
_ROUND_UNITS = {"千": 1_000, "万": 10_000, "亿": 100_000_000}
_INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"]  # blanks without width
_CURRENCY_WORDS = {"CNY": ["¥", "元", "RMB", "人民币"], "JPY": ["¥", "円"]}

_PLAIN_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d %H:%M:%S")
# Dates in which day and month, or day and year, may be meant by either number.
_TWO_NUMBERS_FIRST = r"^(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?:[T ]|$)"
_SHORT_DATE = r"^(\d{1,2})[./-]\d{1,2}[./-]\d{2}(?:[T ]|$)"
_MONTH_ALONE = r"^\s*((?:19|20)\d{2})[-/.年]?(\d{1,2})月?\s*$"
_TRUE = ("是", "true", "1", "yes", "y", "t", "已", "有", "on")
_FALSE = ("否", "false", "0", "no", "n", "f", "未", "无", "off")
_NOTHING = ("", "nan", "nat", "null", "(null)", "none", "undefined", "n/a", "na", "<na>", "-", "--")
_NOTHING += ("\\n", "无", "空", "暂无", "未知", "不详", "未填写", "保密")
_ERROR_CELL = r"^#(?:[A-Za-z0-9/]+[!?]?|#+)$"  # #N/A, #REF!, #DIV/0!, ####


def read_amount(text: pl.Expr, currency: str, decimal_comma: bool = False) -> pl.Expr:
    """Text as exact money with four decimals; null where it is no number or absurdly large.

    Read besides plain numbers: thousands separators, the currency's own sign, full-width digits,
    `(30.00)` and `30.00-` as negative, `1.2万`. A sign of another currency is no number of ours.

    Args:
        text: amounts as received.
        currency: of the data set.
        decimal_comma: whether `1,234` is a little more than one, and `1.234` a thousand more.
    """

    def convert(column: pl.Series) -> pl.Series:
        plain = column
        if decimal_comma:
            plain = pl.select(pl.when(~column.str.contains(r"[.,]")).then(column)).to_series()
        return _leftovers_too(
            column,
            plain.cast(MONEY, strict=False),
            lambda odd: _odd_amounts(odd, currency, decimal_comma),
        )

    return text.map_batches(convert, return_dtype=MONEY, is_elementwise=True).pipe(sane)


def sane(amount: pl.Expr) -> pl.Expr:
    """The amount, or null where it is absurdly large."""
    return pl.when(amount.abs() < LARGEST_AMOUNT).then(amount)


def read_number(text: pl.Expr, decimal_comma: bool = False) -> pl.Expr:
    """Text as a number; thousands separators and full-width digits are read."""
    return read_amount(text, "XXX", decimal_comma).cast(pl.Float64)


def signs_of_decimals(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Whether an amount shows that the comma, or that the point, parts its decimals."""
    comma = text.str.contains(r",\d{1,2}\D*$") | text.str.contains(r"\.\d{3},\d+\D*$")
    point = text.str.contains(r"\.\d{1,2}\D*$") | text.str.contains(r",\d{3}(?:\.|\D*$)")
    return comma, point


def read_time(
    text: pl.Expr, time_zone: str, date_format: str | None = None, day_first: bool | None = None
) -> pl.Expr:
    """Text as local time of the data set; a time with an offset or of an epoch is converted to it.

    Args:
        text: times as received.
        time_zone: of the data set.
        date_format: the only form to read; without it all known ones.
        day_first: what `03/04/2024` means; null where dates of that form cannot be read.
    """

    def convert(column: pl.Series) -> pl.Series:
        if date_format:
            return odd_times.parse(column, date_format, time_zone)
        read = pl.repeat(None, column.len(), dtype=pl.Datetime("us"), eager=True)
        for plain in _PLAIN_TIMES:
            read = _leftovers_too(
                column, read, lambda odd, form=plain: odd_times.parse(odd, form, time_zone)
            )
        return _leftovers_too(
            column, read, lambda odd: odd_times.read_odd_times(odd, time_zone, day_first)
        )

    return text.map_batches(convert, return_dtype=pl.Datetime("us"), is_elementwise=True)


def read_month(text: pl.Expr, time_zone: str) -> pl.Expr:
    """Text as the first day of a month: 2024-07, 2024年7月, 202407, or any day of the month."""
    day = text.str.replace(_MONTH_ALONE, "${1}-${2}-01")
    return read_time(day, time_zone).dt.date().dt.month_start()


def read_flag(text: pl.Expr, inverted: bool = False) -> pl.Expr:
    """Text as true or false: 是/否, yes/no, true/false, 1/0."""
    folded = fold(text)
    read = pl.when(folded.is_in(_TRUE)).then(True).when(folded.is_in(_FALSE)).then(False)
    return ~read if inverted else read


def read_choice(text: pl.Expr, choices: dict[str, list[str]]) -> pl.Expr:
    """Text as the key of the choice that lists it; keys are read as themselves."""
    words = {key.lower(): key for key in choices}
    words |= {word.lower(): key for key, listed in choices.items() for word in listed}
    return fold(text).replace_strict(words, default=None, return_dtype=pl.String)


def read_list(text: pl.Expr) -> pl.Expr:
    """Text as a list in one form: its items parted by commas."""
    items = (
        text.str.replace_all(r"[，;；、|]", ",")
        .str.split(",")
        .list.eval(pl.element().str.strip_chars())
    )
    return items.list.eval(pl.element().filter(pl.element() != "")).list.join(",")


def read_id(text: pl.Expr) -> pl.Expr:
    """Text as an id: never a number. What stands for nothing is null; `17850.0` is `17850`."""
    plain = text.map_batches(_bare_ids, return_dtype=pl.String, is_elementwise=True)
    return pl.when(~says_nothing(plain)).then(plain)


def says_nothing(text: pl.Expr) -> pl.Expr:
    """Whether a text only says that there is no value: `-`, `N/A`, `无`."""
    return text.str.to_lowercase().is_in(_NOTHING)


def fold(text: pl.Expr) -> pl.Expr:
    """Text without differences of case, width and outer blanks."""
    return text.str.normalize("NFKC").str.strip_chars().str.to_lowercase()


def numbers_of_dates(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The first and second number of dates such as `03/04/2024`; null for dates of other forms."""
    return tuple(text.str.extract(_TWO_NUMBERS_FIRST, group).cast(pl.Int32) for group in (1, 2))


def first_of_short_dates(text: pl.Expr) -> pl.Expr:
    """The first number of dates such as `24-07-09`, which may be a year; null for other forms."""
    return text.str.extract(_SHORT_DATE, 1).cast(pl.Int32)


def _bare_ids(column: pl.Series) -> pl.Series:
    """Ids without what programs put around them; each step is taken only where some id needs it."""
    if (
        column.str.len_bytes() != column.str.len_chars()
    ).any():  # else there are none of these signs
        seen = column.str.replace_many(_INVISIBLE, [""] * len(_INVISIBLE))
        column = seen.str.strip_chars()
    if (column.str.starts_with("=") | column.str.starts_with("'")).any():
        column = column.str.replace(odd_times.PROTECTED, "${1}${2}")
    if column.str.contains(".0", literal=True).any():
        column = column.str.replace(r"^(\d+)\.0+$", "${1}")
    if column.str.starts_with("#").any():
        column = pl.select(pl.when(~column.str.contains(_ERROR_CELL)).then(column)).to_series()
    return column


def _leftovers_too(
    column: pl.Series, read: pl.Series, read_odd: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Read by another way what is present and not read yet."""
    odd = (read.is_null() & column.is_not_null()).arg_true()
    if not odd.len():
        return read
    distinct = column.gather(odd).unique()
    found = pl.DataFrame({"text": distinct, "value": read_odd(distinct)}).drop_nulls()
    if found.is_empty():
        return read
    return pl.select(
        pl.coalesce(
            read,
            column.replace_strict(
                found["text"], found["value"], default=None, return_dtype=read.dtype
            ),
        )
    ).to_series()


def _odd_amounts(odd: pl.Series, currency: str, decimal_comma: bool) -> pl.Series:
    text = (
        odd.str.normalize("NFKC").str.replace_all(r"\s", "").str.replace_all(odd_times.DASHES, "-")
    )
    text = text.str.replace(odd_times.PROTECTED, "${1}${2}")
    for word in {currency, get_currency_symbol(currency, "en"), *_CURRENCY_WORDS.get(currency, ())}:
        text = text.str.replace(word, "", literal=True)
    text = text.str.replace(r"^\(([^()]*)\)$", "-${1}").str.replace(r"^([\d.,]+)-$", "-${1}")
    factor = pl.Series([1] * text.len(), dtype=pl.Int64)
    for unit, size in _ROUND_UNITS.items():
        factor = pl.select(
            pl.when(text.str.ends_with(unit)).then(size).otherwise(factor)
        ).to_series()
        text = text.str.strip_suffix(unit)
    frame = pl.DataFrame({"text": text, "factor": factor})
    value = _with_decimal_point(pl.col("text"), decimal_comma).cast(MONEY, strict=False)
    in_range = pl.when(value.abs() < LARGEST_AMOUNT).then(value)
    return frame.select((in_range * pl.col("factor")).cast(MONEY)).to_series()


def _with_decimal_point(text: pl.Expr, decimal_comma: bool) -> pl.Expr:
    """Numbers without separators of thousands and with a point before the decimals."""
    continental = text.str.replace_all(r"[.'’]", "").str.replace(",", ".", literal=True)
    if decimal_comma:
        return pl.when(text.str.contains(_WITH_DECIMAL_COMMA)).then(continental)
    return (
        pl.when(text.str.contains(_THOUSANDS) | text.str.contains(_SWISS))
        .then(text.str.replace_all(r"[,'’]", ""))
        .when(text.str.contains(_CONTINENTAL))
        .then(continental)
        .otherwise(text)
    )
