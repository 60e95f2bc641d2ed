"""Amounts, times, numbers and flags as text, read into typed values; null where text is neither.

Most columns are written in one plain form, so that form is tried on the whole column; only what it
leaves unread is tried in the others. Forms: those of the three CRMs, of spreadsheets and of tills.
"""

from collections.abc import Callable

import polars as pl
from babel.numbers import get_currency_symbol

from analysis.tables import MONEY

LARGEST_AMOUNT = 10**13  # more than any order; beyond it a total is a slip of the export
_THOUSANDS, _CONTINENTAL = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$", r"^[+-]?\d{1,3}(\.\d{3})+,\d+$"
_ROUND_UNITS = {"万": 10_000, "亿": 100_000_000}
_CURRENCY_WORDS = {"CNY": ["¥", "元", "RMB", "人民币"], "JPY": ["¥", "円"]}

_PLAIN_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d %H:%M:%S")
_OTHER_TIMES = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M%z",
    "%Y-%m-%d %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
)
_SHAPES = {"%Y%m%d": r"^\d{8}$", "%Y-%m-%d": r"^\d{4}-\d"}
# Date parts in other orders, rewritten as year-month-day.
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日[T ]*|[T ]+|$)"
_DAY_DOT = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?: +|$)"
_TWO_NUMBERS_FIRST = r"^(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?:[T ]|$)"
_LONG_YEAR, _SHORT_YEAR = (
    rf"^(\d{{1,2}})[/-](\d{{1,2}})[/-](\d{{{n}}})(?:[T ]+|$)" for n in (4, 2)
)
_SHORT_OFFSET = r"(:\d{2}(?:\.\d+)?) ?([+-]\d{2})$"
_CHINESE_CLOCK = r"(\d{1,2})[时点](\d{1,2})分(?:(\d{1,2})秒)?$"
_EPOCH_MS, _EPOCH_S, _SERIAL = r"^1\d{12}$", r"^1\d{9}$", r"^[2-7]\d{4}(\.\d+)?$"
_SERIAL_START = pl.datetime(1899, 12, 30)
_TRUE = ("是", "true", "1", "yes", "y", "t", "已", "有", "on")
_FALSE = ("否", "false", "0", "no", "n", "f", "未", "无", "off")
_MISSING_IDS = ("", "nan", "null", "none", "undefined", "#n/a", "n/a", "na", "-", "--", "无")


def read_amount(text: pl.Expr, currency: str) -> pl.Expr:
    """Text as exact money with four decimals; null where it is no number or absurdly large.

    Read besides plain numbers: thousands separators, the currency's own sign, full-width digits,
    `(30.00)` and `30.00-` as negative, `1.2万`. A sign of another currency is no number of ours.
    """
    return text.map_batches(
        lambda column: _leftovers_too(
            column, column.cast(MONEY, strict=False), lambda odd: _odd_amounts(odd, currency)
        ),
        return_dtype=MONEY,
        is_elementwise=True,
    ).pipe(sane)


def sane(amount: pl.Expr) -> pl.Expr:
    """The amount, or null where it is absurdly large."""
    return pl.when(amount.abs() < LARGEST_AMOUNT).then(amount)


def read_number(text: pl.Expr) -> pl.Expr:
    """Text as a number; thousands separators and full-width digits are read."""
    return read_amount(text, "XXX").cast(pl.Float64)


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
            return _parse(column, date_format, time_zone)
        read = pl.repeat(None, column.len(), dtype=pl.Datetime("us"), eager=True)
        for plain in _PLAIN_TIMES:
            read = _leftovers_too(
                column, read, lambda odd, form=plain: _parse(odd, form, time_zone)
            )
        return _leftovers_too(column, read, lambda odd: _odd_times(odd, time_zone, day_first))

    return text.map_batches(convert, return_dtype=pl.Datetime("us"), is_elementwise=True)


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
    known = pl.when(~text.str.to_lowercase().is_in(_MISSING_IDS)).then(text)
    return known.str.replace(r"^(\d+)\.0$", "${1}")


def fold(text: pl.Expr) -> pl.Expr:
    """Text without differences of case, width and outer blanks."""
    return text.str.normalize("NFKC").str.strip_chars().str.to_lowercase()


def numbers_of_dates(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The first and second number of dates such as `03/04/2024`; null for dates of other forms."""
    return tuple(text.str.extract(_TWO_NUMBERS_FIRST, group).cast(pl.Int32) for group in (1, 2))


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


def _odd_amounts(odd: pl.Series, currency: str) -> pl.Series:
    text = odd.str.normalize("NFKC").str.replace_all(r"\s", "")
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
    plain = (
        pl.when(pl.col("text").str.contains(_THOUSANDS))
        .then(pl.col("text").str.replace_all(",", ""))
        .when(pl.col("text").str.contains(_CONTINENTAL))
        .then(pl.col("text").str.replace_all(".", "", literal=True).str.replace(",", "."))
        .otherwise("text")
    )
    value = plain.cast(MONEY, strict=False)
    in_range = pl.when(value.abs() < LARGEST_AMOUNT).then(value)
    return frame.select((in_range * pl.col("factor")).cast(MONEY)).to_series()


def _parse(column: pl.Series, form: str, time_zone: str) -> pl.Series:
    if form in _SHAPES:
        shaped = column.str.contains(_SHAPES[form])
        column = pl.select(pl.when(shaped).then(column)).to_series()
    read = column.str.to_datetime(form, time_unit="us", strict=False)
    if "%z" in form:
        read = read.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    return read


def _odd_times(odd: pl.Series, time_zone: str, day_first: bool | None) -> pl.Series:
    """Times in the less usual forms; numbers are epochs (UTC) or serial days of a spreadsheet."""
    text = odd.str.normalize("NFKC").str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    epoch = pl.select(
        pl.when(text.str.contains(_EPOCH_MS))
        .then(pl.from_epoch(number.cast(pl.Int64, strict=False), "ms"))
        .when(text.str.contains(_EPOCH_S))
        .then(pl.from_epoch(number.cast(pl.Int64, strict=False), "s"))
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(time_zone)
        .dt.replace_time_zone(None)
    ).to_series()
    serial = pl.select(
        pl.when(text.str.contains(_SERIAL)).then(
            _SERIAL_START
            + pl.duration(seconds=(number * 86_400).round().cast(pl.Int64, strict=False))
        )
    ).to_series()
    readings = [epoch, serial]
    uniform = _year_first(text, day_first)
    readings += [_parse(uniform, form, time_zone) for form in _OTHER_TIMES]
    return pl.select(pl.coalesce(*readings).cast(pl.Datetime("us"))).to_series()


def _year_first(text: pl.Series, day_first: bool | None) -> pl.Series:
    """Dates rewritten as year-month-day, clocks as HH:MM:SS."""
    text = text.str.replace(_YEAR_FIRST, "${1}-${2}-${3} ").str.replace(_DAY_DOT, "${3}-${2}-${1} ")
    if day_first is not None:
        month_day = "${2}-${1} " if day_first else "${1}-${2} "
        text = text.str.replace(_SHORT_YEAR, f"20${{3}}-{month_day}")
        text = text.str.replace(_LONG_YEAR, f"${{3}}-{month_day}")
    text = text.str.replace(_CHINESE_CLOCK, "${1}:${2}:${3}").str.replace(r":$", ":00")
    text = text.str.replace("Z$", "+0000").str.replace(_SHORT_OFFSET, "${1}${2}00")
    return text.str.strip_chars()
