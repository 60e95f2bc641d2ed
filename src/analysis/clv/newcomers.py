"""What a new customer is worth, the first order included: by month of acquisition and by source."""

from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from analysis.clv.costs import EVERYBODY, Sources
from analysis.tables import MONEY

LEAST_CUSTOMERS = 30
MONTHS = 12
OTHER, UNKNOWN = "other", "unknown"
_UPPER = 0.95  # of a 90 % interval
_COLUMNS = (
    *("by", "group", "customers", "first_order_margin", "low", "high"),
    *("repeat_value", "acquisition_cost", "value"),
)


def newcomers(
    sources: Sources, profiles: pl.DataFrame, repeat_value: float, months: int = MONTHS
) -> pl.DataFrame:
    """Value of a new customer: first order's margin plus expected repeat value less acquisition.

    Args:
        sources: of the month.
        profiles: the table `profiles`; empty without records of customers.
        repeat_value: what the model expects of a new customer after the first order, within the
            horizon, net of goods and of the cost to serve.
        months: how many months of acquisition are looked at, as_of's the last.

    Returns:
        One row per month of acquisition (`by` is `month`) and per source of the records (`by` is
        `source`; none where no record names one): `group`, `customers`, `first_order_margin` (mean
        per customer) with its 90 % interval `low`, `high` (Student's t; null with one customer),
        `repeat_value`, `acquisition_cost` (mean per customer; null before costs were kept), `value`.
        Groups with fewer than 30 customers stand together as `other`, last.
    """
    since = _months_before(sources.as_of, months - 1)
    new = _first_orders(sources, since)
    new = new.join(_acquisition(sources), on="customer_id", how="left")
    origin = _source_of(profiles)
    parts = [_grouped(new.with_columns(group=pl.col("month").dt.strftime("%Y-%m")), "month")]
    if origin.height:
        named = new.join(origin, on="customer_id", how="left")
        parts.append(_grouped(named.with_columns(pl.col("group").fill_null(UNKNOWN)), "source"))
    known = pl.concat(parts).with_columns(repeat_value=pl.lit(repeat_value, pl.Float64))
    worth = pl.col("first_order_margin") + pl.col("repeat_value")
    whole = known.with_columns(value=worth - pl.col("acquisition_cost").fill_null(0))
    return whole.select(_COLUMNS)


def new_customer() -> pl.DataFrame:
    """The summary of somebody who made the first purchase on as_of: one row, for a model to value."""
    return pl.DataFrame(
        {"frequency": [0], "recency": [0.0], "T": [0.0], "monetary_value": [None]},
        schema_overrides={"monetary_value": pl.Float64},
    )


def _months_before(as_of: date, months: int) -> date:
    number = as_of.year * 12 + as_of.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _first_orders(sources: Sources, since: date) -> pl.DataFrame:
    """One row per customer acquired since a day: `customer_id`, `month`, `margin` of the first order."""
    first = sources.customers.lazy().select("customer_id", purchase_day="first_purchase")
    first = first.filter(pl.col("purchase_day") >= since)
    amount = pl.col("amount").cast(pl.Float64) * sources.settings.clv.gross_margin
    return (
        first.join(sources.occasions.lazy(), on=["customer_id", "purchase_day"], how="left")
        .select("customer_id", month=pl.col("purchase_day").dt.truncate("1mo"), margin=amount)
        .sort("customer_id")
        .collect()
    )


def _acquisition(sources: Sources) -> pl.DataFrame:
    """What winning each customer has cost; one row per customer won since such costs were kept.

    Beside what is booked to the customer, it is an even share of what the month of the first
    purchase cost without a customer to book it to: rows of all (`*`), and people who never bought.
    """
    rows = sources.booked.filter(pl.col("kind") == "acquisition")
    month = pl.col("first_purchase").dt.truncate("1mo")
    people = sources.customers.select("customer_id", month=month)
    own = rows.filter(pl.col("customer_id") != EVERYBODY)
    mine = own.group_by("customer_id").agg(mine=pl.col("amount").sum().cast(pl.Float64))
    nobody = own.join(people, on="customer_id", how="anti")
    common = pl.concat([rows.filter(pl.col("customer_id") == EVERYBODY), nobody])
    common = common.group_by("month").agg(common=pl.col("amount").sum().cast(pl.Float64))
    joined = people.join(mine, on="customer_id", how="left").join(common, on="month", how="left")
    each = pl.col("common").fill_null(0) / pl.len().over("month")
    since = rows["month"].min() or date.max
    known = joined.with_columns(acquisition=pl.col("mine").fill_null(0) + each)
    return known.filter(pl.col("month") >= since).select("customer_id", "acquisition")


def _source_of(profiles: pl.DataFrame) -> pl.DataFrame:
    """Where persons came from, by their own record or else a merged one: `customer_id`, `group`."""
    named = profiles.select("customer_id", "person_id", group="source").drop_nulls("group")
    own_first = named.sort(pl.col("customer_id") != pl.col("person_id"), "customer_id")
    persons = own_first.unique("person_id", keep="first", maintain_order=True)
    return persons.select("group", customer_id="person_id")


def _grouped(new: pl.DataFrame, by: str) -> pl.DataFrame:
    few = pl.len().over("group") < LEAST_CUSTOMERS
    gathered = new.with_columns(pl.when(few).then(pl.lit(OTHER)).otherwise("group").alias("group"))
    groups = gathered.group_by("group").agg(
        customers=pl.len().cast(pl.Int64),
        total=pl.col("margin").round(4).cast(MONEY).sum().cast(pl.Float64),
        spread=pl.col("margin").std().round(6),
        acquisition_cost=pl.col("acquisition").mean().round(6),
    )
    count = groups["customers"].to_numpy()
    width = np.full(groups.height, np.nan)
    width[count > 1] = stats.t.ppf(_UPPER, count[count > 1] - 1) / np.sqrt(count[count > 1])
    mean = pl.col("total") / pl.col("customers")
    half = pl.col("spread") * pl.Series(width, dtype=pl.Float64).fill_nan(None)
    order = [pl.col("group") == OTHER] + ([-pl.col("customers")] if by == "source" else [])
    return groups.with_columns(
        by=pl.lit(by), first_order_margin=mean, low=mean - half, high=mean + half
    ).sort(*order, "group")
