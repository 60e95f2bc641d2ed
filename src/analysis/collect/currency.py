"""The currency and time zone of files, guessed from their headings, signs and language."""

import polars as pl
from babel.numbers import list_currencies

from analysis.collect import hints, values
from analysis.collect.mapping import fold
from analysis.collect.probe import Extract, Note
from analysis.collect.sources import received

NONE = "XXX"  # the code of ISO 4217 for no currency
_CODE_COLUMNS = ("currency", "currencycode", "币种", "货币")
_SIGNED = (
    r"^(?:[A-Z]{3}|[^\w\s.,:;+#*/(-]{1,3}) ?\d[\d.,]*$"
    r"|^-?\d[\d.,]* ?(?:[A-Z]{3}|[^\w\s.,:%-]|元|円)$"
)
_ROWS = 1_000
_DEFAULT_ZONE = "UTC"


def guess_currency(extracts: list[Extract]) -> tuple[str, Note]:
    """The currency, and how it is known; NONE where nothing says it."""
    coded = _from_codes(extracts)
    if coded:
        return coded
    headings = [name for one in extracts for name in one.headings]
    for heading in headings:
        if found := hints.currency_in(heading):
            shared = "dollar" in heading.casefold()
            key = "currency_by_shared_heading" if shared else "currency_by_heading"
            return found, Note(key, "currency", shared, {"heading": heading})
    chinese = any(_is_chinese(one) for one in extracts)
    if signed := _from_signs(extracts):
        currency, example = signed
        shared = "$" in example or (any(sign in example for sign in "¥￥") and not chinese)
        key = "currency_by_shared_sign" if shared else "currency_by_sign"
        return currency, Note(key, "currency", shared, {"example": example})
    if chinese:
        return "CNY", Note("currency_by_language", "currency")
    return NONE, Note("currency_unknown", "currency", True)


def guess_time_zone(currency: str) -> tuple[str, Note]:
    """The time zone of the country that has a currency for itself; else one that has to be corrected."""
    zone = hints.content()["currencies"].get(currency, {}).get("time_zone")
    if zone:
        return zone, Note("zone_by_currency", "time_zone", values={"currency": currency})
    return _DEFAULT_ZONE, Note("zone_unknown", "time_zone", True)


def _from_codes(extracts: list[Extract]) -> tuple[str, Note] | None:
    """The currency in a column of codes; several are a doubt, since a report has one."""
    for extract in extracts:
        for heading in extract.headings:
            if fold(heading) in _CODE_COLUMNS:
                codes = extract.sample.select(received(heading).str.to_uppercase()).to_series()
                counts = codes.drop_nulls().value_counts(sort=True).rows()
                known = [(code, rows) for code, rows in counts if code in list_currencies()]
                if known:
                    listed = ", ".join(f"{code} {rows:,}" for code, rows in known)
                    about = {"heading": heading, "listed": listed}
                    key = "currencies" if len(known) > 1 else "currency_by_code"
                    return known[0][0], Note(key, "currency", len(known) > 1, about)
    return None


def _from_signs(extracts: list[Extract]) -> tuple[str, str] | None:
    """The first currency that reads most amounts with a sign, and one of them."""
    signed = pl.concat(
        [
            one.sample.head(_ROWS)
            .select(text=received(name))
            .filter(pl.col("text").str.contains(_SIGNED))
            for one in extracts
            for name in one.headings
        ]
    )
    if signed.is_empty():
        return None
    read = signed.select(
        **{
            currency: pl.any_horizontal(
                values.read_amount(pl.col("text"), currency, comma).is_not_null()
                for comma in (False, True)
            ).sum()
            for currency in hints.content()["currencies"]
        }
    ).row(0, named=True)
    best = max(read, key=read.get)
    return (best, signed["text"].mode().sort()[0]) if read[best] * 2 > signed.height else None


def _is_chinese(extract: Extract) -> bool:
    shown = pl.concat_str(pl.col(extract.headings), separator=" ", ignore_nulls=True)
    text = " ".join([*extract.headings, *extract.sample.head(_ROWS).select(shown).to_series()])
    probe = pl.Series([text])
    return (
        probe.str.contains(r"\p{Han}")[0]
        and not probe.str.contains(r"[\p{Hiragana}\p{Katakana}]")[0]
    )
