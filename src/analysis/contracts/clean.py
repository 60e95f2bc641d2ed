"""Tables of `02_clean`."""

import dataframely as dy
import polars as pl


class Orders(dy.Schema):
    """One row per trusted order row; `merged` marks those folded into another row of the day.

    What else the row said stands in `raw_orders` under the same file and row.
    """

    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    customer_id = dy.String(min_length=1)  # of the person, where identities were merged
    customer_id_received = dy.String(min_length=1)
    order_id = dy.String(nullable=True)
    ordered_at = dy.Datetime(time_unit="us")
    purchase_day = dy.Date()  # of a refund: the day of the purchase that it reduces
    amount = dy.Decimal(38, 4)
    quantity = dy.Float64(nullable=True)
    product_id = dy.String(nullable=True)
    channel = dy.String(nullable=True)
    store = dy.String(nullable=True)
    is_fee = dy.Bool()  # postage, manual entries, bank charges: no product
    is_outlier = dy.Bool()  # an amount far from all others
    before_signup = dy.Bool()  # ordered before the customer's record was created
    merged = dy.Bool(nullable=False)


class Occasions(dy.Schema):
    """One row per purchase occasion: a customer's day with purchases, net of refunds."""

    customer_id = dy.String(primary_key=True, min_length=1)
    purchase_day = dy.Date(primary_key=True)
    amount = dy.Decimal(38, 4, min=0)
    order_rows = dy.Int64(min=1)


class Customers(dy.Schema):
    """One row per customer with a purchase by as_of."""

    customer_id = dy.String(primary_key=True, min_length=1)
    first_purchase = dy.Date()
    last_purchase = dy.Date()
    frequency = dy.Int64(min=0)  # repeat purchase days
    recency = dy.Float64(min=0)  # days from first to last purchase
    T = dy.Float64(min=0)  # days from first purchase to as_of
    monetary_value = dy.Float64(nullable=True, min=0)  # mean net value of the repeat purchase days
    purchases = dy.Int64(min=1)  # purchase days
    spend = dy.Float64(min=0)

    @dy.rule()
    def recency_within_age(cls) -> pl.Expr:
        return pl.col("recency") <= pl.col("T")

    @dy.rule()
    def one_time_buyers_have_no_recency(cls) -> pl.Expr:
        one_time = pl.col("frequency") == 0
        return (one_time == (pl.col("recency") == 0)) & (
            one_time == pl.col("monetary_value").is_null()
        )


class Quarantine(dy.Schema):
    """One row per row set aside."""

    table = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    kind = dy.Enum(["bad", "not_usable"])
    reason = dy.String(min_length=1)
    amount = dy.Float64(nullable=True)


class SourceLedger(dy.Schema):
    """One row per file: what became of its rows and their money."""

    table = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    sha256 = dy.String(regex="^[0-9a-f]{64}$")
    rows_read = dy.Int64(min=0)
    rows_kept = dy.Int64(min=0)
    rows_merged = dy.Int64(min=0)
    rows_quarantined = dy.Int64(min=0)
    rows_later = dy.Int64(min=0)
    money_read = dy.Float64()
    money_kept = dy.Float64()
    money_merged = dy.Float64()
    money_quarantined = dy.Float64()

    @dy.rule()
    def rows_add_up(cls) -> pl.Expr:
        return pl.col("rows_read") == pl.sum_horizontal(
            "rows_kept", "rows_merged", "rows_quarantined"
        )


class Quality(dy.Schema):
    """One row per column and check of the tables as received; score = 1 - failed / rows."""

    table = dy.String(primary_key=True)
    column = dy.String(primary_key=True)
    check = dy.String(primary_key=True)
    dimension = dy.Enum(["completeness", "validity", "uniqueness", "consistency", "timeliness"])
    rows = dy.Int64(min=0)
    failed = dy.Int64(min=0)


class QualityTrend(dy.Schema):
    """One row per month, table and dimension: the mean score of its checks, months up to this one."""

    month = dy.Date(primary_key=True)
    table = dy.String(primary_key=True)
    dimension = dy.String(primary_key=True)
    score = dy.Float64(min=0, max=1)


class IdentityMerges(dy.Schema):
    """One row per customer record that was merged into another: the table that undoes it."""

    customer_id = dy.String(primary_key=True, min_length=1)
    merged_into = dy.String(min_length=1)
    rule = dy.Enum(["same_phone", "same_email", "splink"])
    probability = dy.Float64(min=0.99, max=1)


class IdentityReview(dy.Schema):
    """One row per pair of records that may be one person, for somebody to look at."""

    customer_id_a = dy.String(primary_key=True, min_length=1)
    customer_id_b = dy.String(primary_key=True, min_length=1)
    probability = dy.Float64(min=0, max=1)
    why = dy.String(min_length=1)


TABLES = {
    "orders": Orders,
    "occasions": Occasions,
    "customers": Customers,
    "quarantine": Quarantine,
    "source_ledger": SourceLedger,
    "quality": Quality,
    "quality_trend": QualityTrend,
    "identity_merges": IdentityMerges,
    "identity_review": IdentityReview,
}
