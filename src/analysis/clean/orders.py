"""Raw rows to trusted orders: rows set aside, refunds dated to their purchase, days merged."""

import polars as pl

from analysis.clean.rules import kind_of, with_reason

_ROW = ["file", "row"]
# Codes and names of lines that are no product; such lines are flagged and kept.
FEE_CODE = r"(?i)^(?:POST|DOT|M|D|C2|S|B|BANK CHARGES|AMAZONFEE|CRUK|PADS|ADJUST\d*|FEE|SHIPPING)$"
FEE_NAME = r"(?i)运费|邮费|补差价|补拍|差价|手续费|postage|carriage|bank charge|amazon fee|^manual$"
_AFTER_ALL_TIMES = 1 << 60  # microseconds; puts a day's refunds behind its sales
OUTLIER_DISTANCE = 6  # in robust standard deviations of the logarithm of the amount


def clean_orders(
    raw: pl.DataFrame, people: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part raw rows into those to trust and those set aside; none is lost.

    A refund (negative amount) belongs to the sale with its order id, else to the customer's last
    purchase of the same product, else to their last purchase day, up to its own. A refund without
    such a purchase, or beyond its value, is set aside.

    Args:
        raw: the table `raw_orders`.
        people: what is known of customers: `customer_id`, `person_id`, `created_at`, `is_test`.

    Returns:
        `orders` (see the contract; `merged` marks rows folded into the first sale of that
        customer's day) and `quarantine` without its column `table`.
    """
    files = pl.Enum(raw["file"].unique().sort())  # sorts and compares as a small number
    rows = raw.lazy().with_columns(pl.col("file").cast(files))
    judged = with_reason(_with_people(rows, people), bool(raw["drop_repeats"].any()))
    judged = judged.collect().lazy()  # once: both results must follow from one judgement
    trusted = judged.filter(pl.col("reason").is_null()).with_columns(
        customer_id_received="customer_id",
        customer_id=pl.coalesce("person_id", "customer_id"),
        day=pl.col("ordered_at").dt.date(),
    )
    sales = trusted.filter(pl.col("amount") >= 0).with_columns(purchase_day="day")
    refunds = _judge_refunds(_date_refunds(trusted.filter(pl.col("amount") < 0), sales), sales)
    refunds = refunds.collect().lazy()
    orders = pl.concat([sales, refunds.filter(pl.col("reason").is_null())], how="diagonal")
    orders = _mark_merged(orders.sort(_ROW)).with_columns(**_flags())
    aside = pl.concat(
        [
            judged.filter(pl.col("reason").is_not_null()),
            refunds.filter(pl.col("reason").is_not_null()),
        ],
        how="diagonal",
    )
    kept, set_aside = pl.collect_all(
        [
            orders.select(
                *_ROW,
                "customer_id",
                "customer_id_received",
                *("order_id", "ordered_at", "purchase_day", "amount", "quantity", "product_id"),
                *("channel", "store", "is_fee", "is_outlier", "before_signup", "merged"),
            ),
            aside.select(
                *_ROW,
                kind=kind_of(pl.col("reason")),
                reason="reason",
                amount=pl.col("amount").cast(pl.Float64),
            ).sort(_ROW),
        ]
    )
    as_text = pl.col("file").cast(pl.String)
    return kept.with_columns(as_text), set_aside.with_columns(as_text)


def _with_people(raw: pl.LazyFrame, people: pl.DataFrame | None) -> pl.LazyFrame:
    if people is None or people.is_empty():
        return raw.with_columns(
            person_id=pl.lit(None, pl.String),
            created_at=pl.lit(None, pl.Datetime("us")),
            is_test=pl.lit(False),
        )
    known = people.lazy().select("customer_id", "person_id", "created_at", "is_test")
    joined = raw.join(known, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("is_test").fill_null(False))


def is_fee() -> pl.Expr:
    """Whether a row is postage, a manual entry or a charge, by its product's code or name."""
    code = pl.col("product_id").str.contains(FEE_CODE).fill_null(False)
    return code | pl.col("product_name").str.contains(FEE_NAME).fill_null(False)


def _flags() -> dict[str, pl.Expr]:
    """What is noted of a trusted row without setting it aside."""
    worth = pl.when(pl.col("amount") > 0).then(pl.col("amount").cast(pl.Float64).log())
    distance = (worth - worth.median()).abs()
    spread = 1.4826 * distance.median()
    return {
        "is_fee": is_fee(),
        "is_outlier": ((distance > OUTLIER_DISTANCE * spread) & (spread > 0)).fill_null(False),
        "before_signup": (pl.col("day") < pl.col("created_at").dt.date()).fill_null(False),
    }


def _date_refunds(refunds: pl.LazyFrame, sales: pl.LazyFrame) -> pl.LazyFrame:
    """Add `purchase_day` of the sale that a refund reduces; null where there is none."""
    order, product = ["customer_id", "order_id"], ["customer_id", "product_id"]

    def refunded(by: list[str]) -> pl.LazyFrame:
        """The sales that may be meant: those that share these columns with a refund."""
        wanted = refunds.select(by).drop_nulls().unique()
        return sales.join(wanted, on=by, how="semi")

    by_order = refunded(order).group_by(order).agg(order_day=pl.col("day").min())
    product_day = refunded(product).select(*product, "day", product_day="day").unique().sort("day")
    by_day = refunded(["customer_id"]).select("customer_id", "day", purchase_day="day")
    nearest = {"on": "day", "strategy": "backward", "check_sortedness": False}
    return (
        refunds.join(by_order, on=order, how="left")
        .sort("day")
        .join_asof(product_day, by=product, **nearest)
        .join_asof(by_day.unique().sort("day"), by="customer_id", **nearest)
        .with_columns(purchase_day=pl.coalesce("order_day", "product_day", "purchase_day"))
        .drop("order_day", "product_day")
    )


def _judge_refunds(refunds: pl.LazyFrame, sales: pl.LazyFrame) -> pl.LazyFrame:
    """Give a reason to refunds that have no purchase, or that exceed what is left of it."""
    day = ["customer_id", "purchase_day"]
    value = sales.group_by(day).agg(value=pl.col("amount").sum())
    refunded = pl.col("amount").cum_sum().over(day, order_by=["ordered_at", *_ROW])
    return refunds.join(value, on=day, how="left").with_columns(
        reason=pl.when(pl.col("purchase_day").is_null())
        .then(pl.lit("refund_without_purchase"))
        .when(pl.col("value") + refunded < 0)
        .then(pl.lit("refund_beyond_purchase"))
    )


def _mark_merged(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Add `merged`: true for all rows of a customer's day but its first sale.

    Args:
        orders: sorted by file and row, which settles ties.
    """
    day = ["customer_id", "purchase_day"]
    late = pl.when(pl.col("amount") < 0).then(_AFTER_ALL_TIMES).otherwise(0)
    timed = orders.with_columns(
        time=pl.col("ordered_at").to_physical() + late, place=pl.int_range(pl.len())
    )
    earliest = timed.with_columns(
        candidate=pl.when(pl.col("time") == pl.col("time").min().over(day)).then("place")
    )
    marked = earliest.with_columns(merged=pl.col("place") != pl.col("candidate").min().over(day))
    return marked.drop("time", "place", "candidate")
