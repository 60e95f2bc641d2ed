"""What is wrong with the orders of the retailer, in known numbers, and how values are written."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DAYS
from analysis.samples.shop.records import single_buyers
from analysis.samples.shop.words import pick, some_of

# Reason = rows in the file of 简道云, rows in that of 纷享销客. Except repeats and the refunds of 简道云
# beyond their purchase these are orders of their own, so what is left is what was simulated.
ORDER_DIRT = {
    "not_a_sale": (70, 110),
    "no_customer": (10, 14),
    "test_account": (8, 6),
    "date_missing": (5, 5),
    "date_unreadable": (8, 7),
    "date_impossible": (6, 0),
    "amount_missing": (5, 5),
    "amount_unreadable": (8, 7),
    "refund_without_purchase": (5, 0),
    "refund_beyond_purchase": (3, 3),
    "repeated_row": (20, 20),
}
AMOUNT_FORMS = {
    "jiandaoyun": {
        "ten_thousands": 8,
        "currency_sign": 60,
        "full_width": 30,
        "blanks": 30,
        "yuan_word": 20,
    },
    "fxiaoke": {"thousands": 30},
}
DATE_FORMS = {"slashes": 150, "chinese": 100, "serial": 100}  # in the file of 简道云
NO_DATES = ("待确认", "2023-13-45", "2023/02/30", "下周三", "？")
NO_AMOUNTS = ("面议", "见合同", "待定", "？？", "12..5")
NO_CUSTOMERS = ("", "无", "-")
_SPREADSHEET_START = datetime(1899, 12, 30)
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
DAYS_TO_SPARE = 40


def bad_orders(
    people: pl.DataFrame, purchases: pl.DataFrame, records: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Orders that no analysis may count, a few days after purchases of customers with one record.

    Returns:
        One row per order: `person`, `day`, `reason`.
    """
    single = single_buyers(people, records)
    homes = purchases.filter(
        pl.col("person").is_in(single.implode()) & (pl.col("day") < DAYS - DAYS_TO_SPARE)
    ).join(people.select("person", "system"), on="person", how="left", maintain_order="left")
    parts = [_of_prospects(people, records, rng)]
    for reason, counts in ORDER_DIRT.items():
        if reason in ("repeated_row", "refund_without_purchase"):
            continue
        for jiandaoyun, count in zip((True, False), counts, strict=True):
            if jiandaoyun and reason == "refund_beyond_purchase":
                continue
            near = homes.filter((pl.col("system") == "jiandaoyun") == jiandaoyun)
            parts.append(shortly_after(near, count, rng).with_columns(reason=pl.lit(reason)))
    return pl.concat(parts)


def shortly_after(purchases: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """`count` of the purchases, moved to one of the next twenty days: `person`, `day`."""
    chosen = purchases[np.sort(rng.choice(purchases.height, count, replace=False))]
    return chosen.select("person", day=pl.col("day") + pl.Series(rng.integers(1, 21, count)))


def _of_prospects(
    people: pl.DataFrame, records: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Refunds of customers of 简道云 who bought before its data begin, if ever."""
    count = ORDER_DIRT["refund_without_purchase"][0]
    able = people.filter(
        pl.col("is_prospect") & (pl.col("system") == "jiandaoyun") & (pl.col("signup") > 0)
    ).filter(pl.col("signup") < DAYS - DAYS_TO_SPARE)
    chosen = able[np.sort(rng.choice(able.height, count, replace=False))]
    return chosen.select(
        "person", day=pl.col("signup") + 20, reason=pl.lit("refund_without_purchase")
    )


def choose_forms(orders: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add how the amount and the date of each order are written: `amount_form`, `date_form`.

    Args:
        orders: with `file`, `reason` and `amount`; rows with a reason are written plainly.
        rng: random numbers.
    """
    good = orders["reason"].is_null().to_numpy()
    amount = orders["amount"].to_numpy()
    able = {
        "ten_thousands": (amount >= 100_000) & (amount % 100 == 0),
        "thousands": amount >= 100_000,
    }
    amount_form = np.full(orders.height, "plain", dtype=object)
    for file, forms in AMOUNT_FORMS.items():
        for form, count in forms.items():
            free = good & (orders["file"] == file).to_numpy() & (amount_form == "plain")
            amount_form[some_of(free & able.get(form, amount > 0), count, rng)] = form
    date_form = np.full(orders.height, "plain", dtype=object)
    for form, count in DATE_FORMS.items():
        free = good & (orders["file"] == "jiandaoyun").to_numpy() & (date_form == "plain")
        date_form[some_of(free, count, rng)] = form
    return orders.with_columns(
        amount_form=pl.Series(amount_form, dtype=pl.String),
        date_form=pl.Series(date_form, dtype=pl.String),
        no_date=pl.Series(pick(rng, list(NO_DATES), orders.height)),
        no_amount=pl.Series(pick(rng, list(NO_AMOUNTS), orders.height)),
        no_customer=pl.Series(pick(rng, list(NO_CUSTOMERS), orders.height)),
    )


def write_amount(fen: int, form: str) -> str | float:
    """An amount in one of `AMOUNT_FORMS`; a number where it is written plainly."""
    yuan = fen / 100
    if form == "ten_thousands":
        return f"{yuan / 10_000:g}万"
    texts = {
        "currency_sign": f"¥{yuan:,.2f}",
        "full_width": f"{yuan:.2f}".translate(_FULL_WIDTH),
        "blanks": f"  {yuan:.2f} ",
        "yuan_word": f"{yuan:.2f}元",
        "thousands": f"{yuan:,.2f}",
    }
    return texts.get(form, yuan)


def write_time(at: datetime, form: str) -> str | float:
    """A time in one of `DATE_FORMS`, else as 2023-05-06 14:03:22; serial days are numbers."""
    if form == "slashes":
        return f"{at.year}/{at.month}/{at.day} {at:%H:%M}"
    if form == "chinese":
        return f"{at.year}年{at.month}月{at.day}日"
    if form == "serial":
        return round((at - _SPREADSHEET_START) / timedelta(days=1), 8)
    return f"{at:%Y-%m-%d %H:%M:%S}"


def impossible_time() -> str:
    """What a spreadsheet makes of an empty date."""
    return f"{datetime.combine(date(1900, 1, 1), datetime.min.time()):%Y-%m-%d %H:%M:%S}"
