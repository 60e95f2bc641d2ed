"""Raw rows to trusted orders: rows set aside, refunds dated to their purchase, days merged."""

import polars as pl

from analysis.clean.repeats import PLACE, repeated_rows
from analysis.clean.rules import RULES, kind_of, reason
from analysis.tables import Frame

# Codes and names of lines that are no product; such lines are flagged and kept.
FEE_CODE = r"(?i)^(?:POST|DOT|M|D|C2|S|B|BANK CHARGES|AMAZONFEE|CRUK|PADS|ADJUST\d*|FEE|SHIPPING)$"
FEE_NAME = r"(?i)运费|邮费|补差价|补拍|差价|手续费|postage|carriage|bank charge|amazon fee|^manual$"
OUTLIER_DISTANCE = 6  # in robust standard deviations of the logarithm of the amount
_REASONS = pl.Enum(["repeated_row", *RULES, "refund_without_purchase"])
_TRUSTED = pl.col("reason").is_null()


def clean_orders(
    raw: Frame, people: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part raw rows into those to trust and those set aside; none is lost.

    A refund (negative amount) belongs to the sale with its order id, else to the customer's last
    purchase of the same product, else to their last purchase day, up to its own. A refund without
    such a purchase, or beyond its value, is set aside.

    Only what decides about a row is held for all rows at once; the columns that are merely handed
    on are read again at the end, so that memory holds the result and little else.

    Args:
        raw: the table `raw_orders`, sorted by file and row.
        people: what is known of customers: `customer_id`, `person_id`, `created_at`, `is_test`.

    Returns:
        `orders` (see the contract; `merged` marks rows folded into the first sale of that
        customer's day) and `quarantine` without its column `table`.
    """
    rows = raw.lazy()
    judged = _judge(rows, people)
    placed = _beside(rows.select("order_id", "product_id", "amount"), judged)
    sales = placed.filter(_TRUSTED & ~pl.col("is_refund"))
    refunds = placed.filter(_TRUSTED & pl.col("is_refund")).collect(engine="streaming")
    refunds = _judge_refunds(_date_refunds(refunds, sales), sales)
    judged = _with_refunds(_mark_merged(judged), refunds)
    return _trusted(rows, judged), _set_aside(rows, judged)


def is_fee() -> pl.Expr:
    """Whether a row is postage, a manual entry or a charge, by its product's code or name."""
    code = pl.col("product_id").str.contains(FEE_CODE).fill_null(False)
    return code | pl.col("product_name").str.contains(FEE_NAME).fill_null(False)


def _beside(rows: pl.LazyFrame, judged: pl.DataFrame) -> pl.LazyFrame:
    """Columns of the raw rows beside what was judged of each of them."""
    return pl.concat([rows, judged.lazy()], how="horizontal")


def _judge(rows: pl.LazyFrame, people: pl.DataFrame | None) -> pl.DataFrame:
    """What decides about each row, in the order of the rows: its person, time, reason and flags."""
    day = pl.col("ordered_at").dt.date()
    judged = (
        _with_people(rows, people)
        .select(
            "ordered_at",
            customer_id=pl.coalesce("person_id", "customer_id"),
            day=day,
            is_refund=(pl.col("amount") < 0).fill_null(False),
            worth=pl.when(pl.col("amount") > 0).then(pl.col("amount").cast(pl.Float64).log()),
            before_signup=(day < pl.col("created_at").dt.date()).fill_null(False),
            reason=reason().cast(_REASONS),
        )
        .collect(engine="streaming")
        .with_row_index(PLACE)
    )
    repeats = repeated_rows(rows, pl.col("drop_repeats"))[PLACE].implode()
    repeated = pl.when(pl.col(PLACE).is_in(repeats)).then(pl.lit("repeated_row", _REASONS))
    judged = judged.with_columns(reason=pl.coalesce(repeated, "reason"))
    return judged.with_columns(is_outlier=_is_outlier()).drop("worth")


def _with_people(rows: pl.LazyFrame, people: pl.DataFrame | None) -> pl.LazyFrame:
    if people is None or people.is_empty():
        return rows.with_columns(
            person_id=pl.lit(None, pl.String),
            created_at=pl.lit(None, pl.Datetime("us")),
            is_test=pl.lit(False),
        )
    known = people.lazy().select("customer_id", "person_id", "created_at", "is_test")
    joined = rows.join(known, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("is_test").fill_null(False))


def _is_outlier() -> pl.Expr:
    """Whether the logarithm of an amount lies far from that of most trusted amounts."""
    worth = pl.when(_TRUSTED).then("worth")
    distance = (worth - worth.median()).abs()
    spread = 1.4826 * distance.median()
    return ((distance > OUTLIER_DISTANCE * spread) & (spread > 0)).fill_null(False)


def _date_refunds(refunds: pl.DataFrame, sales: pl.LazyFrame) -> pl.DataFrame:
    """Add `purchase_day` of the sale that a refund reduces; null where there is none."""
    order = ["customer_id", "order_id"]
    sold = sales.join(refunds.lazy().select(order), on=order, how="semi")
    by_order = sold.group_by(order).agg(purchase_day=pl.col("day").min())
    dated = refunds.join(by_order.collect(engine="streaming"), on=order, how="left")
    dated = _date_by_last_purchase(dated, sales, ["customer_id", "product_id"])
    return _date_by_last_purchase(dated, sales, ["customer_id"])


def _date_by_last_purchase(
    refunds: pl.DataFrame, sales: pl.LazyFrame, by: list[str]
) -> pl.DataFrame:
    """Date the refunds that have no day yet to the last sale before them that agrees in `by`."""
    undated = refunds.filter(pl.col("purchase_day").is_null()).sort("day")
    sold = sales.join(undated.lazy().select(by), on=by, how="semi")
    days = sold.select(*by, "day", found="day").unique().collect(engine="streaming").sort("day")
    nearest = {"on": "day", "strategy": "backward", "check_sortedness": False}
    found = undated.join_asof(days, by=by, **nearest).select(PLACE, "found")
    dated = refunds.join(found, on=PLACE, how="left")
    return dated.with_columns(purchase_day=pl.coalesce("purchase_day", "found")).drop("found")


def _judge_refunds(refunds: pl.DataFrame, sales: pl.LazyFrame) -> pl.DataFrame:
    """Give a reason to refunds that have no purchase, or that exceed what is left of it."""
    day = ["customer_id", "purchase_day"]
    sold = sales.with_columns(purchase_day="day")
    sold = sold.join(refunds.lazy().select(day), on=day, how="semi")
    value = sold.group_by(day).agg(value=pl.col("amount").sum()).collect(engine="streaming")
    refunded = pl.col("amount").cum_sum().over(day, order_by=["ordered_at", PLACE])
    none = pl.col("purchase_day").is_null()
    beyond = pl.col("value") + refunded < 0
    return refunds.join(value, on=day, how="left").with_columns(
        reason=pl.when(none)
        .then(pl.lit("refund_without_purchase", _REASONS))
        .when(beyond)
        .then(pl.lit("refund_beyond_purchase", _REASONS))
    )


def _mark_merged(judged: pl.DataFrame) -> pl.DataFrame:
    """Add `merged`: true for all rows of a customer's day but its first sale; place settles ties."""
    sales = judged.lazy().filter(_TRUSTED & ~pl.col("is_refund"))
    in_time = sales.select(PLACE, "customer_id", "day", "ordered_at").sort(
        "ordered_at", maintain_order=True
    )
    first = in_time.filter(pl.struct("customer_id", "day").is_first_distinct()).select(PLACE)
    merged = pl.repeat(True, judged.height, eager=True)
    return judged.with_columns(merged=merged.scatter(first.collect().to_series(), False))


def _with_refunds(judged: pl.DataFrame, refunds: pl.DataFrame) -> pl.DataFrame:
    """What was judged of all rows, with the reasons and purchase days of refunds."""
    own = refunds.select(PLACE, "purchase_day", "reason")
    found = judged.select(PLACE).join(own, on=PLACE, how="left", maintain_order="left")
    return judged.drop("ordered_at", "is_refund").with_columns(
        purchase_day=pl.coalesce(found["purchase_day"], "day"),
        reason=pl.coalesce("reason", found["reason"]),
    )


def _trusted(rows: pl.LazyFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The table `orders`."""
    received = rows.rename({"customer_id": "customer_id_received"})
    return (
        _beside(received, judged)
        .filter(_TRUSTED)
        .select(
            *("file", "row", "customer_id", "customer_id_received"),
            *("order_id", "ordered_at", "purchase_day", "amount", "quantity", "product_id"),
            *("channel", "store"),
            is_fee=is_fee(),
            is_outlier="is_outlier",
            before_signup="before_signup",
            merged="merged",
        )
        .collect(engine="streaming")
    )


def _set_aside(rows: pl.LazyFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """The table `quarantine` without its column `table`."""
    why = pl.col("reason").cast(pl.String)
    return (
        _beside(rows.select("file", "row", "amount"), judged.select("reason"))
        .filter(~_TRUSTED)
        .select(
            "file", "row", kind=kind_of(why), reason=why, amount=pl.col("amount").cast(pl.Float64)
        )
        .collect(engine="streaming")
    )
