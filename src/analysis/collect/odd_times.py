"""Times in the less usual forms: as people, tills, spreadsheets and other countries write them."""

import polars as pl

DASHES = r"[‐‑‒–—−]"  # what word processors make of a minus or a hyphen
PROTECTED = r"^(?:=\"(.*)\"|'(\d.*))$"  # what keeps spreadsheets from reading a text as a number
_OTHER_TIMES = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M%z",
    "%Y-%m-%d %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p",
)
_SHAPES = {"%Y%m%d": r"^\d{8}$", "%Y-%m-%d": r"^\d{4}-\d"}
# Date parts in other orders, rewritten as year-month-day.
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日[T ]*|[T ]+|$)"
_COMPACT = r"^((?:19|20)\d{2})(\d{2})(\d{2})[T ]?(\d{2}):?(\d{2})(?::?(\d{2}))?$"
_DAY_DOT = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(?: +|$)"
_SHORT_DAY_DOT = r"^(\d{1,2})\.(\d{1,2})\.(\d{2})(?: +|$)"
_FIRST_YEAR_OF_1900 = 70  # of years of two digits: 70 is 1970, 69 is 2069
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = (
    r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? |[( ]*(?:周|星期|礼拜)[一二三四五六日天][) ]*"
)
_LONG_YEAR, _SHORT_YEAR = (
    rf"^(\d{{1,2}})[/-](\d{{1,2}})[/-](\d{{{n}}})(?:[T ]+|$)" for n in (4, 2)
)
_SHORT_OFFSET = r"(:\d{2}(?:\.\d+)?)([+-]\d{2})$"
_CHINESE_CLOCK = r"(\d{1,2})[时点](?:(\d{1,2})分?)?(?:(\d{1,2})秒)?$"
_MORNING, _AFTERNOON = (
    rf"(?:{words}) ?(\d{{1,2}}(?::\d{{2}}){{1,2}})$"
    for words in ("上午|凌晨|早上", "中午|下午|晚上")
)
_EPOCH_MS, _EPOCH_S = r"^1\d{12}(?:\.\d+)?$", r"^1\d{9}(?:\.\d+)?$"
_SERIAL = r"^[2-7]\d{4}(\.\d+)?$"
_SERIAL_START = pl.datetime(1899, 12, 30)


def read_odd_times(odd: pl.Series, time_zone: str, day_first: bool | None) -> pl.Series:
    """Times in the less usual forms; numbers are epochs (UTC) or serial days of a spreadsheet.

    Args:
        odd: times as received, no plain ones.
        time_zone: of the data set.
        day_first: what `03/04/2024` means; null where dates of that form cannot be read.
    """
    text = odd.str.normalize("NFKC").str.strip_chars().str.replace_all(DASHES, "-")
    text = text.str.replace(PROTECTED, "${1}${2}")
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
    readings += [parse(uniform, form, time_zone) for form in _OTHER_TIMES]
    return pl.select(pl.coalesce(*readings).cast(pl.Datetime("us"))).to_series()


def _year_first(text: pl.Series, day_first: bool | None) -> pl.Series:
    """Dates rewritten as year-month-day, clocks as HH:MM:SS."""
    text = text.str.replace_all(_WEEKDAY, " ").str.strip_chars()
    text = text.str.replace_all(r" *([年月日时点分秒]) *", "${1}").str.replace(r" ?\([^)]*\)$", "")
    for number, name in enumerate(_MONTHS, 1):
        text = text.str.replace(rf"(?i)^(\d{{1,2}})[ -]{name}[a-z]*\.?[ ,-]+", f"${{1}}.{number}.")
        text = text.str.replace(
            rf"(?i)^{name}[a-z]*\.? (\d{{1,2}}),? +(\d{{4}})", f"${{1}}.{number}.${{2}}"
        )
    for century, years in (("20", "[0-6]"), ("19", "[7-9]")):
        text = text.str.replace(rf"^({years}\d年)", f"{century}${{1}}")
    text = text.str.replace(_YEAR_FIRST, "${1}-${2}-${3} ").str.replace(_DAY_DOT, "${3}-${2}-${1} ")
    text = _long_year(text, _SHORT_DAY_DOT, "${2}-${1} ")
    text = text.str.replace(_COMPACT, "${1}-${2}-${3} ${4}:${5}:${6}")
    if day_first is not None:
        month_day = "${2}-${1} " if day_first else "${1}-${2} "
        text = _long_year(text, _SHORT_YEAR, month_day)
        text = text.str.replace(_LONG_YEAR, f"${{3}}-{month_day}")
    return _plain_clock(text)


def _long_year(text: pl.Series, form: str, month_day: str) -> pl.Series:
    """Dates of a form whose third part is the year's last two digits, rewritten as year-month-day."""
    year = text.str.extract(form, 3).cast(pl.Int32)
    rewritten = pl.concat_str(
        pl.when(year >= _FIRST_YEAR_OF_1900).then(pl.lit("19")).otherwise(pl.lit("20")),
        text.str.replace(form, f"${{3}}-{month_day}"),
    )
    return pl.select(pl.when(year.is_not_null()).then(rewritten).otherwise(text)).to_series()


def _plain_clock(text: pl.Series) -> pl.Series:
    """Clock times in Chinese, of half days or with an offset, in the forms that are parsed."""
    text = text.str.replace(_CHINESE_CLOCK, "${1}:${2}:${3}").str.replace(
        "::", ":00:", literal=True
    )
    text = text.str.replace(r":$", ":00").str.replace(r"(?i)(\d)([ap]m)$", "${1} ${2}")
    text = text.str.replace(_MORNING, "${1} AM").str.replace(_AFTERNOON, "${1} PM")
    text = text.str.replace("Z$", "+0000").str.replace(r" ?(?:GMT|UTC)$", "+0000")
    text = text.str.replace(r"(\d) ?(?:GMT|UTC)?([+-]\d{2}:?\d{2})(?: [A-Z]+)?$", "${1}${2}")
    return (
        text.str.replace(r"(\d) ([+-]\d{2})$", "${1}${2}")
        .str.replace(_SHORT_OFFSET, "${1}${2}00")
        .str.strip_chars()
    )


def parse(column: pl.Series, form: str, time_zone: str) -> pl.Series:
    """Times of one form as local times, null where the text has another."""
    if form in _SHAPES:
        shaped = column.str.contains(_SHAPES[form])
        column = pl.select(pl.when(shaped).then(column)).to_series()
    read = column.str.to_datetime(form, time_unit="us", strict=False)
    if "%z" in form:
        read = read.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    return read
