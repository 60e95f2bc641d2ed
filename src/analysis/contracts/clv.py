"""Tables of `04_clv`."""

import dataframely as dy
import polars as pl


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


TABLES = {
    "clv": Clv,
    "customer_value": CustomerValue,
    "clv_fit": ClvFit,
    "clv_forecast": ClvForecast,
    "forecast_outcomes": ForecastOutcomes,
    "clv_choice": ClvChoice,
    "clv_backtest": ClvBacktest,
}
