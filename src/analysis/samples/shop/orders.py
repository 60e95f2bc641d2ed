"""Every order row as the two order systems hold it: sales, refunds, cancelled ones and bad ones."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.samples.shop import dirt
from analysis.samples.shop.baskets import DIFFERENCE, FREIGHT, fees, fill_baskets
from analysis.samples.shop.parameters import DAYS, generator, to_date
from analysis.samples.shop.purchases import draw_values
from analysis.samples.shop.records import ids_of
from analysis.samples.shop.refunds import refund_rows, with_refunds
from analysis.samples.shop.words import pick, some_of

FULL_REFUNDS = 150
FREIGHT_LINES, DIFFERENCE_ORDERS = 400, 20
SALE_STATUS = ("已完成", "已发货")
PURCHASES = ("process", "campaign", "difference")  # origins that are truly purchases
_HOURS = [1, 0, 0, 0, 0, 0, 1, 2, 4, 5, 6, 6, 7, 6, 5, 5, 5, 5, 6, 8, 11, 12, 9, 4]


@dataclass(frozen=True)
class Orders:
    """The rows of both order files."""

    rows: pl.DataFrame  # one per order row, `key` numbers them
    lines: pl.DataFrame  # one per line of an order row


def make_orders(
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    members: pl.DataFrame,
    records: pl.DataFrame,
    seed: int,
) -> Orders:
    """Everything that stands in the order files.

    Args:
        people: the persons.
        purchases: as `simulate_purchases`.
        members: as `run_campaigns`.
        records: of the customers.
        seed: of all random numbers.

    Returns:
        Rows with `origin` (process, campaign, difference: purchases; refunded, refund, dirt: not),
        `reason` (what is wrong with a row, null for one to trust), `amount` and `refund` in fen.
    """
    rng = generator(seed, "orders")
    planned = _plan(people, purchases, members, records, rng)
    lines = _fill(planned, people, rng)
    rows = planned.join(
        lines.group_by("key").agg(amount=(pl.col("quantity") * pl.col("unit_price")).sum()),
        on="key",
        how="left",
        maintain_order="left",
    )
    rows = _under_ids(rows, people, records, rng)
    rows = with_refunds(rows, lines, rng)
    rows, lines = refund_rows(rows, lines)
    rows = rows.with_columns(number=_numbers()).sort("day", "second", "key")
    repeated = _repeats(rows, rng)
    rows = dirt.choose_forms(rows, rng)
    again = rows.filter(pl.Series(repeated)).with_columns(
        reason=pl.lit("repeated_row"), copy=pl.lit(1)
    )
    return Orders(pl.concat([rows.with_columns(copy=pl.lit(0)), again]), lines)


def trusted(orders: Orders) -> pl.DataFrame:
    """The rows that are true purchases, with `net`: their amount less what was refunded of it."""
    refunded = pl.when(pl.col("refund") <= pl.col("amount")).then("refund").otherwise(0)
    return orders.rows.filter(
        pl.col("reason").is_null() & pl.col("origin").is_in(PURCHASES)
    ).with_columns(net=pl.col("amount") - refunded)


def _plan(
    people: pl.DataFrame,
    purchases: pl.DataFrame,
    members: pl.DataFrame,
    records: pl.DataFrame,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Who orders when and why: one row per order with `key`."""
    process = purchases.with_row_index("purchase").select(
        pl.col("purchase").cast(pl.Int64), "person", "day", origin=pl.lit("process")
    )
    campaign = members.drop_nulls("extra_on").select(
        "person", day="extra_on", origin=pl.lit("campaign")
    )
    early = purchases.filter(pl.col("day") < DAYS - dirt.DAYS_TO_SPARE)
    refunded = dirt.shortly_after(early, FULL_REFUNDS, rng)
    difference = early[np.sort(rng.choice(early.height, DIFFERENCE_ORDERS, replace=False))]
    parts = [
        process,
        campaign,
        refunded.with_columns(origin=pl.lit("refunded")),
        difference.select("person", "day", origin=pl.lit("difference")),
        dirt.bad_orders(people, purchases, records, rng).with_columns(origin=pl.lit("dirt")),
    ]
    planned = pl.concat(parts, how="diagonal")
    hours = pick(rng, list(range(24)), planned.height, _HOURS)
    seconds = 3_600 * np.array(hours) + rng.integers(0, 3_600, planned.height)
    later = pl.when(pl.col("origin") == "difference").then(86_399).otherwise(pl.Series(seconds))
    return planned.with_columns(second=later).with_row_index("key").cast({"key": pl.Int64})


def _fill(planned: pl.DataFrame, people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The lines of the planned orders, freight and differences of price among them."""
    natures = people.select("person", "class", "favourite")
    known = planned.join(natures, on="person", how="left", maintain_order="left")
    values = draw_values(planned["person"], people, rng)
    lines = fill_baskets(values, known["class"].to_list(), known["favourite"].to_list(), rng)
    only_fee = planned.filter(pl.col("origin") == "difference")["key"].to_numpy()
    with_freight = planned.filter(pl.col("origin") == "process")["key"].to_numpy()
    with_freight = np.sort(rng.choice(with_freight, FREIGHT_LINES, replace=False))
    freight = 100 * rng.choice([6, 8, 10, 12], FREIGHT_LINES)
    difference = 100 * rng.integers(1, 9, DIFFERENCE_ORDERS)
    parts = [
        lines.filter(~pl.col("order").is_in(only_fee)),
        fees(with_freight, FREIGHT, freight),
        fees(only_fee, DIFFERENCE, difference),
    ]
    lines = pl.concat(parts).rename({"order": "key"}).sort("key", maintain_order=True)
    return lines.with_columns(line=pl.int_range(pl.len()).over("key"))


def _under_ids(
    rows: pl.DataFrame, people: pl.DataFrame, records: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """The id under which each order stands; orders of nobody and of test accounts lose their person."""
    customer_id, system = ids_of(rows, records, rng)
    rows = rows.join(
        people.select("person", "channel", "owner"), on="person", how="left", maintain_order="left"
    ).with_columns(customer_id=customer_id, system=system)
    file = pl.when(pl.col("system") == "jiandaoyun").then(pl.lit("jiandaoyun"))
    rows = rows.with_columns(file=file.otherwise(pl.lit("fxiaoke")))
    tests = records.filter(pl.col("test_name").is_not_null())
    home = (tests["system"] == "jiandaoyun").to_numpy()
    of_home, of_others = (
        pick(rng, tests["customer_id"].filter(at).to_list(), rows.height) for at in (home, ~home)
    )
    test_id = pl.when(pl.col("file") == "jiandaoyun").then(pl.Series(of_home))
    is_test = pl.col("reason") == "test_account"
    nobody = pl.col("reason") == "no_customer"
    cancelled = pl.col("reason") == "not_a_sale"
    recent = pl.col("day") > DAYS - 6
    return rows.with_columns(
        customer_id=pl.when(is_test)
        .then(test_id.otherwise(pl.Series(of_others)))
        .when(~nobody.fill_null(False))
        .then("customer_id"),
        person=pl.when(~(is_test | nobody).fill_null(False)).then("person"),
        status=pl.when(cancelled)
        .then(pl.lit("已取消"))
        .when(recent)
        .then(pl.lit("已发货"))
        .otherwise(pl.lit("已完成")),
    )


def _numbers() -> pl.Expr:
    """Order numbers; a refund bears that of its order."""
    key = pl.coalesce("refund_of", "key")
    letters = pl.when(pl.col("file") == "jiandaoyun").then(pl.lit("DD")).otherwise(pl.lit("SO"))
    day = to_date(pl.coalesce("bought", "day")).dt.strftime("%Y%m%d")
    return pl.format("{}{}{}", letters, day, key.cast(pl.String).str.zfill(5))


def _repeats(rows: pl.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Rows that their file holds twice: ordinary purchases without a refund."""
    plain = rows["reason"].is_null() & (rows["origin"] == "process") & (rows["refund"] == 0)
    plain = (plain & ~rows["is_outlier"]).to_numpy()
    repeated = np.zeros(rows.height, dtype=bool)
    for file, count in zip(("jiandaoyun", "fxiaoke"), dirt.ORDER_DIRT["repeated_row"], strict=True):
        repeated |= some_of(plain & (rows["file"] == file).to_numpy(), count, rng)
    return repeated
