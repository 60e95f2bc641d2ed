"""The contract of every table, and the only place that reads or writes one.

A table is a Parquet file named after it. Its contract gives the columns, their types and ranges,
and the key; a frame that breaks it is never written and never read.
"""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dataframely as dy
import polars as pl

from analysis import model
from analysis.run.errors import UserError
from analysis.table_files import Frame as Frame
from analysis.table_files import content_hash as content_hash
from analysis.table_files import file_sha256 as file_sha256
from analysis.table_files import height as height
from analysis.table_files import write_checked

MONEY = pl.Decimal(38, 4)
ROWS = pl.Int64


class RawOrders(dy.Schema):
    """One row per data row that carries a purchase or refund, dated up to as_of (or not readable)."""

    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    system = dy.String()  # where it comes from, as the settings name it
    order_id = dy.String(nullable=True)
    line_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    ordered_at = dy.Datetime(nullable=True, time_unit="us")
    amount = dy.Decimal(38, 4, nullable=True)  # net of refund_amount
    refund_amount = dy.Decimal(38, 4, nullable=True)
    quantity = dy.Float64(nullable=True)
    product_id = dy.String(nullable=True)
    product_name = dy.String(nullable=True)
    discount = dy.Decimal(38, 4, nullable=True)  # `amount` is what was asked after it
    paid_amount = dy.Decimal(38, 4, nullable=True)
    channel = dy.String(nullable=True)
    store = dy.String(nullable=True)
    order_type = dy.String(nullable=True)
    coupon_code = dy.String(nullable=True)
    is_sale = dy.Bool(nullable=False)
    drop_repeats = dy.Bool(nullable=False)  # the settings say that exact repeats are mistakes
    in_future = dy.Bool(nullable=False)  # dated after the day on which the file was written
    unreadable = dy.String()  # columns that hold what cannot be read, parted by commas


class SourceFiles(dy.Schema):
    """One row per table and input: a file, a sheet of a workbook, a query."""

    table = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    part = dy.String()  # sheet or member of an archive
    system = dy.String()
    sha256 = dy.String(regex="^[0-9a-f]{64}$")
    bytes = dy.Int64(min=1)
    modified_on = dy.Date()
    carries_money = dy.Bool()  # its rows are the purchases themselves
    customer_heading = dy.String()  # what the file calls the id of a customer; empty without one
    rows = dy.Int64(min=0)
    rows_later = dy.Int64(min=0)  # dated after as_of; not read any further
    rows_in_future = dy.Int64(min=0)  # dated after modified_on, up to as_of
    first_row = dy.Date(nullable=True)  # up to as_of
    last_row = dy.Date(nullable=True)
    ends_whole = dy.Bool()  # the last line has its line end, so it was not cut


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


class MapNodes(dy.Schema):
    """One row per class, owner, product category and best-selling product of the map."""

    node_id = dy.String(primary_key=True, min_length=1)
    kind = dy.Enum(["class", "owner", "category", "product"])
    label = dy.String()
    customers = dy.Int64(min=0)
    spend = dy.Float64()  # of customers to date; of categories and products that of their lines


class MapEdges(dy.Schema):
    """One row per pair of nodes of the map and kind of what joins them."""

    source = dy.String(primary_key=True, min_length=1)
    target = dy.String(primary_key=True, min_length=1)
    kind = dy.String(primary_key=True)
    customers = dy.Int64(min=0)
    spend = dy.Float64()


class Segments(dy.Schema):
    """One row per customer and axis; prospects have one on the axis life_cycle only."""

    customer_id = dy.String(primary_key=True, min_length=1)
    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", min_length=1)
    class_zh = dy.String(min_length=1)
    rule = dy.String(min_length=1)  # in words
    previous_class = dy.String(nullable=True)  # of the latest earlier month; null: not known then
    changed = dy.Bool(nullable=False)
    by_hand = dy.Bool(nullable=False)  # set by the file of overrides


class SegmentProfile(dy.Schema):
    """One row per axis and class, the best class first within its axis."""

    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    rank = dy.Int64(min=1)
    customers = dy.Int64(min=0)
    share_of_customers = dy.Float64(min=0, max=1)
    spend = dy.Float64(min=0)
    share_of_spend = dy.Float64(nullable=True, min=0, max=1)
    spend_365 = dy.Float64(min=0)  # of the last 365 days
    share_of_spend_365 = dy.Float64(nullable=True, min=0, max=1)
    share_of_margin_365 = dy.Float64(nullable=True)  # null: no cost known, or no margin in all
    median_purchases = dy.Float64(nullable=True)
    median_idle_days = dy.Float64(nullable=True)
    median_spend = dy.Float64(nullable=True)
    channel = dy.String(nullable=True)  # in which most of its customers buy most
    main_category = dy.String(nullable=True)


class SegmentTraits(dy.Schema):
    """One row per axis, class, trait and value that was tested against the axis's other classes."""

    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    trait = dy.String(primary_key=True)
    value = dy.String(primary_key=True)
    customers = dy.Int64(min=1)  # of the class, with a known value of the trait
    with_value = dy.Int64(min=0)
    share_in_class = dy.Float64(min=0, max=1)
    share_in_others = dy.Float64(min=0, max=1)
    lift = dy.Float64(nullable=True, min=0)  # null: no other customer has the value
    p = dy.Float64(min=0, max=1)
    p_adjusted = dy.Float64(min=0, max=1)  # Benjamini-Hochberg over all rows
    cramers_v = dy.Float64(nullable=True, min=0, max=1)  # of axis and trait; null for products


class PurchaseTiming(dy.Schema):
    """One row per category (`all` for every purchase) and part of time; null: too few purchases."""

    category = dy.String(primary_key=True)
    part = dy.Enum(["weekday", "hours"], primary_key=True)
    purchases = dy.Int64(min=0)
    customers = dy.Int64(min=0)
    best = dy.Int64(nullable=True)  # ISO weekday, 1 = Monday; or the first of two hours, 0 to 22
    runner_up = dy.Int64(nullable=True)
    share = dy.Float64(nullable=True, min=0, max=1)
    low = dy.Float64(nullable=True, min=0, max=1)  # 95 %, for all days or hours at once
    high = dy.Float64(nullable=True, min=0, max=1)
    even_share = dy.Float64(min=0, max=1)  # were all days or hours alike
    clear = dy.Bool(nullable=False)


class Migration(dy.Schema):
    """One row per axis, earlier class and this month's class, of the customers known in both.

    Stayers stand on the diagonal. A flow without customers has a row where its parts are not zero,
    or where earlier months had it.
    """

    axis = dy.String(primary_key=True)
    previous_class = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    customers = dy.Int64(min=0)
    ageing = dy.Int64()  # by the days that passed alone
    behaviour = dy.Int64()  # by what the customers did meanwhile
    rescaling = dy.Int64()  # by another standard, or by hand
    spend = dy.Float64(min=0)  # of these customers, last 365 days
    expected = dy.Float64(nullable=True, min=0)  # null: no earlier month to compare with
    residual = dy.Float64(nullable=True)  # in standard errors; null: fewer than three such months
    unusual = dy.Bool()

    @dy.rule()
    def parts_add_up(cls) -> pl.Expr:
        key = ["axis", "previous_class"]
        stays = pl.col("previous_class") == pl.col("class")
        base = pl.when(stays).then(pl.col("customers").sum().over(key)).otherwise(0)
        return pl.col("customers") == base + pl.sum_horizontal("ageing", "behaviour", "rescaling")


class Movers(dy.Schema):
    """One row per customer and axis: a change of class that matters."""

    customer_id = dy.String(primary_key=True, min_length=1)
    axis = dy.String(primary_key=True)
    previous_class = dy.String()
    class_ = dy.String(alias="class")
    direction = dy.Enum(["up", "down"], nullable=True)  # null: the classes have no order
    cause = dy.Enum(["ageing", "behaviour", "rescaling"])
    spend = dy.Float64(min=0)  # last 365 days

    @dy.rule()
    def class_changed(cls) -> pl.Expr:
        return pl.col("previous_class") != pl.col("class")


class ClassRates(dy.Schema):
    """One row per axis and class at a cut-off: what its members did in the closed window after it."""

    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    rank = dy.Int64(min=1)  # within the axis, the highest rate first
    customers = dy.Int64(min=1)
    active = dy.Int64(min=0)  # of them bought
    rate = dy.Float64(min=0, max=1)
    low = dy.Float64(min=0, max=1)  # 95 % interval
    high = dy.Float64(min=0, max=1)
    revenue_per_customer = dy.Float64(min=0)
    revenue_error = dy.Float64(nullable=True, min=0)  # standard error; null with one customer

    @dy.rule()
    def no_more_active_than_customers(cls) -> pl.Expr:
        return pl.col("active") <= pl.col("customers")


class AxisComparison(dy.Schema):
    """One row per axis, one for a continuous score and one for no classes; null: could not be told."""

    axis = dy.String(primary_key=True)
    customers = dy.Int64(min=0)
    classes = dy.Int64(nullable=True, min=0)
    auc = dy.Float64(nullable=True, min=0, max=1)  # next-period activity, cross-fitted
    auc_low = dy.Float64(nullable=True, min=0, max=1)  # 95 % interval
    auc_high = dy.Float64(nullable=True, min=0, max=1)
    behind = dy.Float64(nullable=True, min=-1, max=1)  # AUC of the continuous score less this one
    behind_low = dy.Float64(nullable=True, min=-1, max=1)
    behind_high = dy.Float64(nullable=True, min=-1, max=1)
    explained = dy.Float64(nullable=True, min=0, max=1)  # of the variation of log(1 + revenue)
    stability = dy.Float64(nullable=True, min=0, max=1)  # silent customers who kept their class
    verdict = dy.Enum(
        [
            *("best", "as_good", "behind", "unstable", "chance", "one_class", "untested"),
            "reference",
        ]
    )


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


class CustomerValue(dy.Schema):
    """One row per customer: past and future value, net, and what they are made of."""

    customer_id = dy.String(primary_key=True, min_length=1)
    revenue = dy.Decimal(38, 4)  # to date, net of refunds
    cost_of_goods = dy.Decimal(38, 4)
    acquisition_cost = dy.Decimal(38, 4)
    service_cost = dy.Decimal(38, 4)
    campaign_cost = dy.Decimal(38, 4)
    logistics_cost = dy.Decimal(38, 4)
    other_cost = dy.Decimal(38, 4)
    returns = dy.Decimal(38, 4)  # for information: already off revenue
    past_net = dy.Decimal(38, 4)
    future_revenue = dy.Float64(min=0)  # of the horizon, discounted
    future_margin = dy.Float64(min=0)
    future_cost = dy.Float64(min=0)  # of serving the customer
    future_net = dy.Float64()
    contribution_share = dy.Float64(nullable=True)  # of past_net; null: its sum is not positive
    contribution_rank = dy.Int64(min=1)
    loyalty_index = dy.Float64(min=0, max=100)
    tenure = dy.Float64(min=0)  # months from the first to the last purchase
    repeat_share = dy.Float64(min=0, max=1)  # purchases after the first, of all
    active_months = dy.Int64(min=0, max=12)  # of the last twelve
    referrals = dy.Int64(nullable=True, min=0)  # null: no table says anything of referrals

    @dy.rule()
    def past_is_revenue_less_costs(cls) -> pl.Expr:
        costs = ("acquisition", "service", "campaign", "logistics", "other")
        spent = sum((pl.col(f"{kind}_cost") for kind in costs), pl.col("cost_of_goods"))
        return pl.col("past_net") == pl.col("revenue") - spent

    @dy.rule()
    def future_is_margin_less_cost(cls) -> pl.Expr:
        difference = pl.col("future_margin") - pl.col("future_cost") - pl.col("future_net")
        return difference.abs() <= 1e-6 * (1 + pl.col("future_margin"))


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


class ForecastOutcomes(dy.Schema):
    """One row per forecast of an earlier report whose window is over: what happened."""

    made_on = dy.Date(primary_key=True)  # last day of the month of the report
    horizon_days = dy.Int64(primary_key=True, min=1)
    expected_purchases = dy.Float64(min=0)
    low = dy.Float64(min=0)
    high = dy.Float64(min=0)
    actual = dy.Int64(min=0)
    hit = dy.Bool()


class ClvChoice(dy.Schema):
    """One row per model of purchases that competed, plain and at each strength of its correction."""

    model = dy.String(primary_key=True)
    strength = dy.Float64(primary_key=True, min=0, max=1)  # 0: plain
    rmse = dy.Float64(min=0)  # purchases, pooled over the windows
    gain = dy.Float64()  # fall of the mean squared error against the same plain fit
    gain_error = dy.Float64(min=0)
    chosen = dy.Bool()


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
    method = dy.String()  # of the score, see churn_fit
    probability_no_purchase = dy.Float64(min=0, max=1)
    value_at_stake = dy.Float64()
    expected_profit = dy.Float64()  # of contacting the customer
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)


class EarlyWarning(dy.Schema):
    """One row per repeat buyer whom it pays to contact, within the capacity of the month."""

    customer_id = dy.String(primary_key=True, min_length=1)
    rank = dy.Int64(min=1)
    class_ = dy.String(nullable=True, alias="class")  # of the axis rfm
    last_purchase = dy.Date()
    idle_days = dy.Int64(min=0)
    usual_gap = dy.Float64(min=0)  # days between purchases, mean
    purchases = dy.Int64(min=2)
    spend = dy.Float64()
    probability_no_purchase = dy.Float64(min=0, max=1)
    chance_change = dy.Float64(nullable=True)  # of that chance since last month
    value_at_stake = dy.Float64()
    expected_profit = dy.Float64(min_exclusive=0)
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)
    risen = dy.String(nullable=True)  # reason that raised the chance most since last month
    action = dy.String(nullable=True)


class ChurnReasons(dy.Schema):
    """One row per customer: what each group of features adds to the log-odds; empty under a rule."""

    customer_id = dy.String(primary_key=True, min_length=1)
    base = dy.Float64()  # the log-odds of mean features
    rhythm = dy.Float64()
    frequency = dy.Float64()
    spend = dy.Float64()
    complaints = dy.Float64()
    service = dy.Float64()
    profile = dy.Float64()
    logit = dy.Float64()

    @dy.rule()
    def adds_up(cls) -> pl.Expr:
        groups = ("rhythm", "frequency", "spend", "complaints", "service", "profile")
        return (pl.sum_horizontal("base", *groups) - pl.col("logit")).abs() < 1e-9


class ChurnFit(dy.Schema):
    """One row per score and metric of the check on the last closed window."""

    score = dy.String(primary_key=True)
    metric = dy.String(primary_key=True)
    served = dy.Bool()  # whether the report would have used this score
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


_COLUMN_TYPES = {
    "time": partial(dy.Datetime, time_unit="us"),
    "day": dy.Date,
    "month": dy.Date,
    "amount": partial(dy.Decimal, 38, 4),
    "number": dy.Float64,
    "flag": dy.Bool,
}
_ORIGIN = {
    "file": dy.String(primary_key=True),
    "row": dy.Int64(primary_key=True, min=1),
    "system": dy.String(),
}
# What cleaning adds to the records of customers.
_PROFILE = {
    "person_id": dy.String(min_length=1),  # the customer_id that stands for the person
    "city_tier": dy.String(nullable=True),
    "place_problem": dy.String(nullable=True),
    "altered": dy.String(),  # columns whose value is not the text received, or was taken out, by commas
    "imputed": dy.String(),  # columns that were empty and are filled from the others, by commas
}


def _input_contracts() -> dict[str, type[dy.Schema]]:
    """For each input table of the model: as received (typed, all may be missing), and cleaned."""
    contracts = {}
    for table, columns in model.tables().items():
        received = {name: _column(one.kind) for name, one in columns.items()}
        raw = _ORIGIN | {"drop_repeats": dy.Bool()} | received | {"unreadable": dy.String()}
        clean = {
            name: _column("text" if one.kind == "choice" else one.kind, nullable=not one.required)
            for name, one in columns.items()
        }
        name = "profiles" if table == "customers" else table
        extra = {"customers": _PROFILE, "order_lines": {"is_fee": dy.Bool()}}.get(table, {})
        contracts[f"raw_{table}"] = _schema(f"Raw_{table}", f"As received: {table}.", raw)
        contracts[name] = _schema(name, f"Cleaned: {table}.", _ORIGIN | clean | extra)
    return contracts


def _column(kind: str, nullable: bool = True) -> dy.Column:
    return _COLUMN_TYPES.get(kind, dy.String)(nullable=nullable)


def _schema(name: str, about: str, columns: dict[str, dy.Column]) -> type[dy.Schema]:
    return type(dy.Schema)(
        name, (dy.Schema,), {"__doc__": about, "__module__": __name__, **columns}
    )


CONTRACTS: dict[str, type[dy.Schema]] = _input_contracts() | {
    "raw_orders": RawOrders,
    "source_files": SourceFiles,
    "orders": Orders,
    "occasions": Occasions,
    "customers": Customers,
    "quarantine": Quarantine,
    "source_ledger": SourceLedger,
    "quality": Quality,
    "quality_trend": QualityTrend,
    "identity_merges": IdentityMerges,
    "identity_review": IdentityReview,
    "map_nodes": MapNodes,
    "map_edges": MapEdges,
    "segments": Segments,
    "segment_profile": SegmentProfile,
    "segment_traits": SegmentTraits,
    "purchase_timing": PurchaseTiming,
    "migration": Migration,
    "movers": Movers,
    "class_rates": ClassRates,
    "axis_comparison": AxisComparison,
    "clv": Clv,
    "customer_value": CustomerValue,
    "clv_fit": ClvFit,
    "clv_forecast": ClvForecast,
    "clv_backtest": ClvBacktest,
    "clv_choice": ClvChoice,
    "forecast_outcomes": ForecastOutcomes,
    "churn": Churn,
    "early_warning": EarlyWarning,
    "churn_reasons": ChurnReasons,
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
    with _naming(name):
        return contract.validate(frame, cast=True).sort(contract.primary_key())


def empty(name: str) -> pl.DataFrame:
    """A table without rows."""
    return CONTRACTS[name].create_empty()


def write(name: str, frame: Frame, folder: Path) -> dict:
    """Write a table that keeps its contract; returns its record for the manifest.

    The file is written as the rows come and checked part by part, so that a table may be larger
    than memory. A rule that looks beyond its row sees the rows of one part.

    Returns:
        `rows`, `sha256` of the file, and `content`: a hash of the sorted values.

    Raises:
        ValueError: naming the table and every broken rule, with the number of rows; no file is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = table_path(name, folder), folder / f"{name}.partial"
    try:
        with _naming(name):
            record = write_checked(CONTRACTS[name], frame, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return record


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors about what a table holds, with its name."""
    try:
        yield
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise ValueError(f"table {name} breaks its contract: {problem}") from problem


def read(name: str, folder: Path) -> pl.DataFrame:
    """Read a table and check it.

    Raises:
        UserError: if the file is missing or damaged.
    """
    path = table_path(name, folder)
    if not path.is_file():
        raise UserError(f"There is no table {name} in {folder}.")
    try:
        return CONTRACTS[name].validate(pl.read_parquet(path, glob=False), cast=True)
    except (dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError) as problem:
        raise UserError(f"{path} cannot be used: {problem}. Run the month again.") from problem


def write_document(name: str, content: dict, folder: Path) -> dict:
    """Write plain JSON beside the tables; returns its record for the manifest, as `write` does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = document_path(name, folder)
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return {"rows": 1, "sha256": file_sha256(path), "content": file_sha256(path)}


def read_document(name: str, folder: Path) -> dict:
    """Read a document; raises UserError if the file is missing or damaged."""
    path = document_path(name, folder)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be used: {problem}. Run the month again.") from problem


def document_path(name: str, folder: Path) -> Path:
    """Where a document of a folder lies."""
    return folder / f"{name}.json"


def scan(name: str, folder: Path) -> pl.LazyFrame:
    """A table to be read column by column where it is used; its values were checked when written.

    Raises:
        UserError: if the file is missing, damaged, or has other columns.
    """
    path, contract = table_path(name, folder), CONTRACTS[name]
    if not path.is_file():
        raise UserError(f"There is no table {name} in {folder}.")
    lazy = pl.scan_parquet(path, glob=False)
    try:
        whole = lazy.collect_schema() == contract.create_empty().schema
    except (pl.exceptions.PolarsError, OSError):
        whole = False
    if not whole:
        raise UserError(f"{path} cannot be used: it is damaged or old. Run the month again.")
    return lazy


def read_columns(name: str, columns: list[str], folder: Path) -> pl.DataFrame | None:
    """Some columns of a table, unchecked; None if it does not exist."""
    path = table_path(name, folder)
    return pl.read_parquet(path, columns=columns, glob=False) if path.is_file() else None


def table_path(name: str, folder: Path) -> Path:
    """Where a table of a folder lies."""
    return folder / f"{name}.parquet"
