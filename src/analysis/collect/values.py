"""Amounts and dates as text, read into exact money and local time."""

import polars as pl

from analysis.tables import MONEY

# Tried in this order, each on text made uniform: "-" in dates, a blank before the time.
DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M%z",
)
_EIGHT_DIGITS = r"^(\d{4})(\d{2})(\d{2})$"
_ISO_DATE = r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+|$)"
_SHORT_OFFSET = r"(:\d{2}(?:\.\d+)?) ?([+-]\d{2})$"
_GROUPED_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
LARGEST_AMOUNT = 10**13  # more than any order; beyond it a total is a slip of the export


def read_amount(text: pl.Expr) -> pl.Expr:
    """Text as exact money with four decimals; null where it is no number or absurdly large."""
    plain = pl.when(text.str.contains(_GROUPED_THOUSANDS)).then(text.str.replace_all(",", ""))
    return sane(plain.otherwise(text).cast(MONEY, strict=False))


def sane(amount: pl.Expr) -> pl.Expr:
    """The amount, or null where it is absurdly large."""
    return pl.when(amount.abs() < LARGEST_AMOUNT).then(amount)


def read_date(text: pl.Expr, date_format: str | None, time_zone: str) -> pl.Expr:
    """Text as local time of the data set; a time with an offset is converted to its zone."""
    if not date_format:
        text = text.str.replace(_EIGHT_DIGITS, "${1}-${2}-${3}")
        text = text.str.replace(_ISO_DATE, "${1}-${2}-${3} ").str.strip_chars()
        text = text.str.replace("Z$", "+0000").str.replace(_SHORT_OFFSET, "${1}${2}00")
    readings = []
    for one in (date_format,) if date_format else DATE_FORMATS:
        reading = text.str.to_datetime(one, time_unit="us", strict=False)
        if "%z" in one:
            reading = reading.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
        readings.append(reading)
    return pl.coalesce(readings)
