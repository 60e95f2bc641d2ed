"""Tables of `05_churn`."""

import dataframely as dy
import polars as pl


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


TABLES = {
    "churn": Churn,
    "early_warning": EarlyWarning,
    "churn_reasons": ChurnReasons,
    "churn_fit": ChurnFit,
    "retention": Retention,
}
