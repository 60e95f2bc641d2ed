"""What customers have brought and will bring, net of goods and of the costs to win and serve them."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from analysis.clv import contribution
from analysis.clv.costs import KINDS, RECURRING, Sources, by_customer
from analysis.run.settings import Settings
from analysis.tables import MONEY, Frame

YEAR_DAYS = 365
BORROWED_CUSTOMERS = 30  # years of the base's mean cost that a class's own is mixed with
COSTS = ("cost_of_goods", *(f"{kind}_cost" for kind in KINDS))
_FINE = pl.Decimal(38, 16)  # holds money times a share of twelve decimals without rounding


def returns(orders: Frame, raw_orders: Frame | None = None) -> pl.DataFrame:
    """Money given back to customers; revenue is already net of it.

    Args:
        orders: the table `orders`; its rows below zero are refunds.
        raw_orders: the table `raw_orders`, whose `refund_amount` was taken off the row it stands on;
            where a row says both, the larger counts.

    Returns:
        One row per customer with a refund: `customer_id`, `returns` (exact money).
    """
    rows = orders.lazy().select("file", "row", "customer_id", "amount")
    back = pl.when(pl.col("amount") < 0).then(-pl.col("amount")).otherwise(Decimal(0))
    if raw_orders is not None:
        noted = raw_orders.lazy().select("file", "row", "refund_amount").drop_nulls("refund_amount")
        rows = rows.join(noted, on=["file", "row"], how="left")
        back = pl.max_horizontal(pl.col("refund_amount").abs(), back)
    sums = rows.group_by("customer_id").agg(returns=back.sum().cast(MONEY))
    return sums.filter(pl.col("returns") != 0).sort("customer_id").collect()


def past_value(sources: Sources, refunds: pl.DataFrame) -> pl.DataFrame:
    """What each customer has brought so far, less what it cost, component by component.

    Args:
        sources: of the month.
        refunds: as `returns` gives them.

    Returns:
        One row per customer, exact money: `customer_id`, `revenue` (net of refunds), `cost_of_goods`
        (revenue times 1 - gross margin, to the currency's smallest unit), `<kind>_cost`,
        `returns` (for information: already off revenue), `past_net` (revenue less every cost).
    """
    revenue = (
        sources.occasions.lazy()
        .filter(pl.col("purchase_day") <= sources.as_of)
        .group_by("customer_id")
        .agg(revenue=pl.col("amount").sum().cast(MONEY))
    )
    booked = by_customer(sources).lazy()
    joined = booked.join(revenue, on="customer_id", how="left").join(
        refunds.lazy(), on="customer_id", how="left"
    )
    known = joined.with_columns(pl.col("revenue", "returns").fill_null(Decimal(0)))
    whole = known.with_columns(cost_of_goods=_cost_of_goods(sources.settings))
    spent = sum((pl.col(name) for name in COSTS[1:]), pl.col(COSTS[0]))
    return (
        whole.with_columns(past_net=(pl.col("revenue") - spent).cast(MONEY))
        .select("customer_id", "revenue", *COSTS, "returns", "past_net")
        .sort("customer_id")
        .collect()
    )


def components(past: pl.DataFrame, without: pl.DataFrame) -> pl.DataFrame:
    """From revenue to net value of all customers, line by line.

    Args:
        past: as `past_value` returns it.
        without: as `costs.without_customer` returns it.

    Returns:
        One row per component that is not zero, costs negative: `component`, `amount` (exact money),
        `share_of_revenue` (null without revenue). The last, `net_of_all`, is what is left when costs
        without a customer are taken off too; it stands only where there are any.
    """
    sums = past.select(pl.exclude("customer_id").sum()).row(0, named=True)
    lines = [("revenue", sums["revenue"])]
    lines += [(name, -sums[name]) for name in COSTS if sums[name]]
    lines.append(("past_net", sums["past_net"]))
    outside = without["amount"].sum() or Decimal(0)
    if without.height:
        lines += [("without_customer", -outside), ("net_of_all", sums["past_net"] - outside)]
    frame = pl.DataFrame(lines, schema={"component": pl.String, "amount": MONEY}, orient="row")
    revenue = float(sums["revenue"])
    share = pl.when(revenue > 0).then(pl.col("amount").cast(pl.Float64) / (revenue or 1))
    return frame.with_columns(share_of_revenue=share)


def recent_costs(sources: Sources) -> pl.DataFrame:
    """What serving each customer has cost in the last 365 days, and over how many days.

    Returns:
        One row per customer: `customer_id`, `<kind>_cost` of the recurring kinds (exact money),
        `purchases` (purchase days of these days), `days` (since the first purchase, at most 365).
    """
    since = window_start(sources.as_of)
    day = pl.col("purchase_day")
    bought = (
        sources.occasions.lazy()
        .filter((day >= since) & (day <= sources.as_of))
        .group_by("customer_id")
        .agg(purchases=pl.len().cast(pl.Int64))
        .collect()
    )
    days = (pl.col("T").cast(pl.Int64) + 1).clip(1, YEAR_DAYS)
    ages = sources.customers.select("customer_id", days=days)
    costs = by_customer(sources, since).select(
        "customer_id", *(f"{kind}_cost" for kind in RECURRING)
    )
    joined = costs.join(bought, on="customer_id", how="left").join(ages, on="customer_id")
    return joined.with_columns(pl.col("purchases").fill_null(0)).sort("customer_id")


def window_start(as_of: date) -> date:
    """First day of the last 365; at a month's end, twelve whole months begin on it or after it."""
    return as_of - timedelta(days=YEAR_DAYS)


def future_cost_per_customer(
    expected: pl.DataFrame,
    recent: pl.DataFrame,
    horizon_days: int,
    classes: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What serving each customer will cost over the horizon, if the last year's rates go on.

    Logistics goes by purchase: last year's cost per purchase of the base times the purchases
    expected. Service, campaigns and other costs go by day: last year's cost per customer and day of
    the customer's class, drawn towards the base's as if thirty more customers at the base's mean stood
    in the class (a shrunk mean; Bühlmann 1967 with a fixed weight). Winning customers is not in it.

    Args:
        expected: `customer_id`, `expected_purchases` within the horizon; `discount`, where given, is
            the value of a unit of the horizon's money at as_of.
        recent: as `recent_costs` returns it.
        horizon_days: length of the horizon.
        classes: `customer_id`, `class`, e.g. of one axis of `segments`; without it the classes are who
            bought in the last 365 days and who did not.

    Returns:
        One row per row of `expected`: `customer_id`, `future_cost` (float, at least 0; 0 where no
        costs are known).
    """
    if classes is None:
        classed = recent.with_columns(pl.when(pl.col("purchases") > 0).then(1).alias("class"))
    else:
        classed = recent.join(classes.select("customer_id", "class"), on="customer_id", how="left")
    daily = _daily_rates(classed)
    per_purchase = _ratio(recent["logistics_cost"].sum(), recent["purchases"].sum())
    members = classed.select("customer_id", "class").join(daily, on="class", nulls_equal=True)
    joined = expected.join(members, on="customer_id", how="left", maintain_order="left")
    cost = pl.col("expected_purchases") * per_purchase + pl.col("daily") * horizon_days
    discount = pl.col("discount") if "discount" in expected.columns else pl.lit(1.0)
    return joined.select("customer_id", future_cost=(cost * discount).clip(0))


def _daily_rates(classed: pl.DataFrame) -> pl.DataFrame:
    """Recurring cost without logistics per customer and day of each class, shrunk to the base's."""
    spent = sum(pl.col(f"{kind}_cost") for kind in RECURRING if kind != "logistics")
    sums = classed.group_by("class").agg(spent=spent.sum(), days=pl.col("days").sum())
    base = _ratio(sums["spent"].sum(), sums["days"].sum())
    borrowed = BORROWED_CUSTOMERS * YEAR_DAYS
    mixed = pl.col("spent").cast(pl.Float64) + borrowed * base
    return sums.select("class", daily=mixed / (pl.col("days") + borrowed))


def _ratio(amount: Decimal | None, over: int) -> float:
    return max(float(amount or 0), 0.0) / over if over else 0.0


def customer_value(
    past: pl.DataFrame,
    values: pl.DataFrame,
    future: pl.DataFrame,
    loyal: pl.DataFrame,
    settings: Settings,
) -> pl.DataFrame:
    """Past and future value of each customer beside contribution and loyalty.

    Args:
        past: as `past_value` returns it.
        values: `customer_id`, `clv_revenue` of the table `clv`.
        future: as `future_cost_per_customer` returns it.
        loyal: as `loyalty.loyalty` returns it.
        settings: gross margin.

    Returns:
        One row per customer, in the columns of the table `customer_value`.
    """
    ahead = values.select("customer_id", future_revenue="clv_revenue")
    margin = pl.col("future_revenue") * settings.clv.gross_margin
    return (
        contribution.with_shares(past)
        .join(ahead, on="customer_id", how="left", validate="1:1")
        .join(future, on="customer_id", how="left", validate="1:1")
        .join(loyal, on="customer_id", how="left", validate="1:1")
        .with_columns(future_margin=margin, future_net=margin - pl.col("future_cost"))
        .sort("customer_id")
    )


def _cost_of_goods(settings: Settings) -> pl.Expr:
    share = (1 - Decimal(str(settings.clv.gross_margin))).quantize(Decimal("1e-12"))
    exact = pl.col("revenue") * pl.lit(share, _FINE)
    return exact.round(settings.minor_digits, mode="half_away_from_zero").cast(MONEY)
