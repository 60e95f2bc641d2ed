"""The contract of every table, and the only place that reads or writes one.

A table is a Parquet file named after it. Its contract gives the columns, their types and ranges,
and the key; a frame that breaks it is never written and never read.
"""

import hashlib
import io
from pathlib import Path

import dataframely as dy
import polars as pl

from analysis.run.errors import UserError

MONEY = pl.Decimal(38, 4)
ROWS = pl.Int64
_CHUNK_ROWS = 1_000_000


class RawOrders(dy.Schema):
    """One row per data row of the order files dated up to as_of (or with an unreadable date)."""

    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    customer_id = dy.String(nullable=True)
    order_id = dy.String(nullable=True)
    ordered_at = dy.Datetime(nullable=True, time_unit="us")
    amount = dy.Decimal(38, 4, nullable=True)
    quantity = dy.Float64(nullable=True)
    is_sale = dy.Bool(nullable=False)
    ordered_at_text = dy.String(nullable=True)  # as received, where no date could be read
    amount_text = dy.String(nullable=True)  # as received, where no amount could be read


class SourceFiles(dy.Schema):
    """One row per file that was read."""

    table = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    sha256 = dy.String(regex="^[0-9a-f]{64}$")
    bytes = dy.Int64(min=1)
    rows = dy.Int64(min=0)
    rows_later = dy.Int64(min=0)  # dated after as_of; not read any further
    first_order = dy.Date(nullable=True)  # up to as_of
    last_order = dy.Date(nullable=True)
    ends_whole = dy.Bool()  # the last line has its line end, so it was not cut


class Orders(dy.Schema):
    """One row per trusted order row; `merged` marks those folded into another row of the day."""

    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    customer_id = dy.String(min_length=1)
    order_id = dy.String(nullable=True)
    ordered_at = dy.Datetime(time_unit="us")
    purchase_day = dy.Date()  # of a refund: the day of the purchase that it reduces
    amount = dy.Decimal(38, 4)
    quantity = dy.Float64(nullable=True)
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
    """One row per column and check of the raw orders."""

    table = dy.String(primary_key=True)
    column = dy.String(primary_key=True)
    check = dy.String(primary_key=True)
    rows = dy.Int64(min=0)
    failed = dy.Int64(min=0)


class Segments(dy.Schema):
    """One row per customer and axis."""

    customer_id = dy.String(primary_key=True, min_length=1)
    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", min_length=1)
    class_zh = dy.String(min_length=1)
    previous_class = dy.String(nullable=True)  # null: not a customer last month, or no last month
    changed = dy.Bool(nullable=False)


class SegmentProfile(dy.Schema):
    """One row per axis and class, the best class first within its axis."""

    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    rank = dy.Int64(min=1)
    customers = dy.Int64(min=0)
    share_of_customers = dy.Float64(min=0, max=1)
    spend = dy.Float64(min=0)
    share_of_spend = dy.Float64(nullable=True, min=0, max=1)
    median_purchases = dy.Float64(nullable=True)
    median_idle_days = dy.Float64(nullable=True)
    median_spend = dy.Float64(nullable=True)


class Migration(dy.Schema):
    """One row per axis, last month's class and this month's class."""

    axis = dy.String(primary_key=True)
    previous_class = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    customers = dy.Int64(min=1)


class Clv(dy.Schema):
    """One row per customer: the value expected in the next horizon_days."""

    customer_id = dy.String(primary_key=True, min_length=1)
    horizon_days = dy.Int64(min=1)
    expected_purchases = dy.Float64(min=0)
    expected_spend_per_purchase = dy.Float64(min=0)
    probability_active = dy.Float64(min=0, max=1)  # at least one purchase in horizon_days
    probability_alive = dy.Float64(min=0, max=1)
    clv_revenue = dy.Float64(min=0)
    clv = dy.Float64()
    clv_low = dy.Float64()  # 90 % outcome interval of clv
    clv_high = dy.Float64()
    potential = dy.Enum(["keep", "grow", "fading", "small"])


class ClvFit(dy.Schema):
    """One row per fit and quantity: parameters with standard errors, log-likelihoods, counts."""

    fit = dy.String(primary_key=True)  # `month`: up to as_of; `holdout`: up to the cut-off
    model = dy.String(primary_key=True)
    quantity = dy.String(primary_key=True)
    cut_off = dy.Date()
    value = dy.Float64(nullable=True)
    standard_error = dy.Float64(nullable=True)
    note = dy.String(nullable=True)


class ClvForecast(dy.Schema):
    """One row per segment and horizon; `all` is the whole base."""

    segment = dy.String(primary_key=True)
    horizon_days = dy.Int64(primary_key=True, min=1)
    expected_purchases = dy.Float64(min=0)
    low = dy.Float64(min=0)  # 90 % interval
    high = dy.Float64(min=0)


class ClvBacktest(dy.Schema):
    """One row per forecasting method, subject and metric of the holdout check."""

    method = dy.String(primary_key=True)
    subject = dy.String(primary_key=True)
    metric = dy.String(primary_key=True)
    cut_off = dy.Date()
    holdout_days = dy.Int64(min=1)
    value = dy.Float64(nullable=True)


class Churn(dy.Schema):
    """One row per customer: the chance of no purchase in the next horizon_days."""

    customer_id = dy.String(primary_key=True, min_length=1)
    horizon_days = dy.Int64(min=1)
    idle_days = dy.Int64(min=0)
    probability_no_purchase = dy.Float64(min=0, max=1)
    value_at_stake = dy.Float64()
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)


class ChurnFit(dy.Schema):
    """One row per score and metric of the check on the last closed window."""

    score = dy.String(primary_key=True)
    metric = dy.String(primary_key=True)
    cut_off = dy.Date()
    horizon_days = dy.Int64(min=1)
    value = dy.Float64(nullable=True)


class Retention(dy.Schema):
    """One row per month of first purchase and month since."""

    cohort = dy.String(primary_key=True)  # YYYY-MM of the first purchase
    months_since = dy.Int64(primary_key=True, min=0)
    customers = dy.Int64(min=1)
    active = dy.Int64(min=0)


class Kpis(dy.Schema):
    """One row per figure of the month; null where an earlier month cannot give it."""

    kpi = dy.String(primary_key=True)
    unit = dy.Enum(["count", "money", "share"])
    value = dy.Float64(nullable=True)
    previous_month = dy.Float64(nullable=True)
    year_ago = dy.Float64(nullable=True)


CONTRACTS: dict[str, type[dy.Schema]] = {
    "raw_orders": RawOrders,
    "source_files": SourceFiles,
    "orders": Orders,
    "occasions": Occasions,
    "customers": Customers,
    "quarantine": Quarantine,
    "source_ledger": SourceLedger,
    "quality": Quality,
    "segments": Segments,
    "segment_profile": SegmentProfile,
    "migration": Migration,
    "clv": Clv,
    "clv_fit": ClvFit,
    "clv_forecast": ClvForecast,
    "clv_backtest": ClvBacktest,
    "churn": Churn,
    "churn_fit": ChurnFit,
    "retention": Retention,
    "kpis": Kpis,
}


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Check a frame against its contract; returns its columns in order, cast, sorted by the key.

    Raises:
        ValueError: naming the table and every broken rule, with the number of rows.
    """
    contract = CONTRACTS[name]
    try:
        checked = contract.validate(frame, cast=True)
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise ValueError(f"table {name} breaks its contract: {problem}") from problem
    return checked.sort(contract.primary_key())


def empty(name: str) -> pl.DataFrame:
    """A table without rows."""
    return CONTRACTS[name].create_empty()


def write(name: str, frame: pl.DataFrame, folder: Path) -> dict:
    """Write a table that keeps its contract; returns its record for the manifest.

    Returns:
        `rows`, `sha256` of the file, and `content`: a hash of the sorted values.
    """
    checked = conform(name, frame).rechunk()
    folder.mkdir(parents=True, exist_ok=True)
    path = table_path(name, folder)
    checked.write_parquet(path)
    return {"rows": checked.height, "sha256": file_sha256(path), "content": content_hash(checked)}


def read(name: str, folder: Path) -> pl.DataFrame:
    """Read a table and check it.

    Raises:
        UserError: if the file is missing or damaged.
    """
    path = table_path(name, folder)
    if not path.is_file():
        raise UserError(f"There is no table {name} in {folder}.")
    try:
        return CONTRACTS[name].validate(pl.read_parquet(path), cast=True)
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise UserError(f"{path} cannot be used: {problem}. Run the month again.") from problem


def table_path(name: str, folder: Path) -> Path:
    """Where a table of a folder lies."""
    return folder / f"{name}.parquet"


def content_hash(frame: pl.DataFrame) -> str:
    """A hash of a frame's values in the order of its rows, whatever file they lie in."""
    digest = hashlib.sha256(",".join(frame.columns).encode())
    for part in frame.iter_slices(_CHUNK_ROWS):
        buffer = io.BytesIO()
        part.write_csv(buffer, include_header=False)
        digest.update(buffer.getbuffer())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
