"""Tables of `08_effects`."""

import dataframely as dy
import polars as pl


class Scorecard(dy.Schema):
    """One row per item, measure and what it stands against: how the month's work turned out."""

    item = dy.Enum(
        ["early_warning", "recommendations", "forecast", "satisfaction", "churn", "sales"],
        primary_key=True,
    )
    measure = dy.String(primary_key=True)
    against = dy.String(primary_key=True)  # hiatus, random, popularity, plan, month_before, ...
    made_on = dy.Date(nullable=True)  # last day of the month of the list or figure compared
    until = dy.Date()  # last day of what happened
    window_open = dy.Bool()  # true: the window of the list is not over
    unit = dy.Enum(["share", "count", "points", "percent", "money"])
    cases = dy.Int64(min=0)
    value = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)  # 95 %
    high = dy.Float64(nullable=True)
    reference = dy.Float64(nullable=True)
    difference = dy.Float64(nullable=True)
    difference_low = dy.Float64(nullable=True)
    difference_high = dy.Float64(nullable=True)
    verdict = dy.Enum(
        ["better", "worse", "cannot_tell", "held", "missed", "reached", "short", "no_data"]
    )


class StrategyVerdicts(dy.Schema):
    """One row per class strategy and measured action: keep, change or stop, or cannot tell yet."""

    axis = dy.String(primary_key=True)
    class_ = dy.String(alias="class", primary_key=True)
    action = dy.String(primary_key=True)  # `none`: nothing was measured
    owner = dy.String(nullable=True)
    customers = dy.Int64(min=0)
    campaigns = dy.Int64(min=0)  # measured
    own_class = dy.Bool(nullable=True)  # false: the effect is that of campaigns for several classes
    difference = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)  # 95 %
    high = dy.Float64(nullable=True)
    break_even = dy.Float64(nullable=True)
    verdict = dy.Enum(["keep", "change", "stop", "cannot_tell"])
    reason = dy.Enum(
        ["above", "small", "below", "overlaps", "no_cost", "not_measurable", "nothing_measured"]
    )
    rate = dy.Float64(nullable=True, min=0, max=1)  # bought in the last closed window, no control
    rate_low = dy.Float64(nullable=True, min=0, max=1)
    rate_high = dy.Float64(nullable=True, min=0, max=1)
    left_class = dy.Float64(nullable=True, min=0, max=1)

    @dy.rule()
    def only_a_whole_interval_decides(cls) -> pl.Expr:
        above = pl.col("low") > pl.col("break_even")
        below = pl.col("high") < pl.col("break_even").fill_null(0.0)
        keep, against = pl.col("verdict") == "keep", pl.col("verdict").is_in(["stop", "change"])
        return (~keep | above.fill_null(False)) & (~against | below.fill_null(False))


class ProcessFlow(dy.Schema):
    """One row per step of the month's work, in the order of the chart; one at most is narrowest."""

    step = dy.String(primary_key=True)
    place = dy.Int64(min=1)
    stage = dy.Enum(["classify", "communicate", "analyse", "apply"])
    owner = dy.String(nullable=True)
    decision = dy.String(nullable=True)
    due_days = dy.Float64(nullable=True, min_exclusive=0)
    has_data = dy.Bool()
    cases = dy.Int64(min=0)
    customers = dy.Int64(nullable=True, min=0)
    money = dy.Float64(nullable=True)
    money_of = dy.String(nullable=True)  # what the money is
    open = dy.Int64(nullable=True, min=0)  # null: nothing waits here, or no time is known
    overdue = dy.Int64(nullable=True, min=0)
    median_days = dy.Float64(nullable=True, min=0)  # Kaplan-Meier; null: half are not done yet
    low = dy.Float64(nullable=True, min=0)  # 95 %
    high = dy.Float64(nullable=True, min=0)
    timed = dy.Int64(min=0)  # cases behind the waiting time
    narrowest = dy.Bool()

    @dy.rule()
    def no_more_overdue_than_open(cls) -> pl.Expr:
        return pl.col("overdue").is_null() | (pl.col("overdue") <= pl.col("open"))


class LoyaltySummary(dy.Schema):
    """One row per measure of the loyalty programme and period."""

    measure = dy.String(primary_key=True)
    period = dy.Enum(["month", "year", "to_date"], primary_key=True)
    unit = dy.Enum(["points", "money", "customers", "count", "share"])
    value = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)  # 95 %
    high = dy.Float64(nullable=True)
    cases = dy.Int64(min=0)  # behind it


class TierMoves(dy.Schema):
    """One row per tier of the month before and tier now, of the members of either month."""

    previous_tier = dy.String(primary_key=True)  # `none`: in no tier
    tier = dy.String(primary_key=True)
    members = dy.Int64(min=1)
    direction = dy.Enum(["up", "down", "stayed", "unordered"])


class EffectsCampaigns(dy.Schema):
    """One row per campaign: its list of assigned customers, and whether that can be measured."""

    campaign = dy.String(primary_key=True, min_length=1)
    name = dy.String()
    source = dy.Enum(["ledger", "responses"])
    action = dy.String(nullable=True)
    begins_on = dy.Date(nullable=True)  # first day of the window
    window_days = dy.Int64(min=1)
    last_day = dy.Date(nullable=True)
    arms_since = dy.Date(nullable=True)  # of the earliest campaign with the same arms
    assigned = dy.Int64(min=0)
    treated = dy.Int64(min=0)
    controls = dy.Int64(min=0)
    control_kind = dy.Enum(["campaign", "standing"])
    contacted = dy.Int64(min=0)  # of the treated
    traced = dy.Bool()  # false: not recorded, all treated count as contacted
    leaked = dy.Int64(min=0)  # controls contacted
    in_both = dy.Int64(min=0)  # set aside
    in_others = dy.Int64(min=0)  # in another campaign at the same time
    off_list = dy.Int64(min=0)  # contacted, not on the list
    lost = dy.Int64(min=0)  # rows of the list
    problem = dy.String(nullable=True)  # of the ledger
    planned_share = dy.Float64(nullable=True, min=0, max=1)  # of controls
    ratio_p = dy.Float64(nullable=True, min=0, max=1)
    balance_p = dy.Float64(nullable=True, min=0, max=1)
    verdict = dy.Enum(["measurable", "open", "not_measurable", "refused"])
    reason = dy.String(nullable=True)

    @dy.rule()
    def every_other_verdict_has_its_reason(cls) -> pl.Expr:
        return (pl.col("verdict") == "measurable") == pl.col("reason").is_null()


class Effects(dy.Schema):
    """One row per campaign and measure: what being assigned to it changed, or why nobody can tell."""

    campaign = dy.String(primary_key=True, min_length=1)
    measure = dy.Enum(["active", "spend"], primary_key=True)
    name = dy.String()
    action = dy.String(nullable=True)
    begins_on = dy.Date(nullable=True)
    window_days = dy.Int64(min=1)
    assigned = dy.Int64(min=0)  # compared
    controls = dy.Int64(min=0)
    value_treat = dy.Float64(nullable=True)  # share; money per customer, adjusted
    value_control = dy.Float64(nullable=True)
    difference = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)  # 95 %
    high = dy.Float64(nullable=True)
    error = dy.Float64(nullable=True, min=0)
    p = dy.Float64(nullable=True, min=0, max=1)
    mde = dy.Float64(nullable=True, min=0)  # least difference found in four of five such campaigns
    tail_share = dy.Float64(nullable=True)  # of spend, beyond the limit
    verdict = dy.Enum(
        ["better", "worse", "not_distinguishable", "open", "not_measurable", "refused"]
    )
    reason = dy.String(nullable=True)

    @dy.rule()
    def nothing_is_said_without_a_measurement(cls) -> pl.Expr:
        measured = pl.col("verdict").is_in(["better", "worse", "not_distinguishable"])
        return (measured == pl.col("difference").is_not_null()) & (
            measured == pl.col("reason").is_null()
        )


class EffectsPayoff(dy.Schema):
    """One row per campaign: what it earned per customer assigned to treatment, after its cost."""

    campaign = dy.String(primary_key=True, min_length=1)
    name = dy.String()
    begins_on = dy.Date(nullable=True)
    treated = dy.Int64(min=0)
    cost = dy.Decimal(38, 4, nullable=True, min=0)
    cost_per_customer = dy.Float64(nullable=True, min=0)
    break_even = dy.Float64(nullable=True, min=0)  # difference of spend that would pay
    profit_per_customer = dy.Float64(nullable=True)
    profit_low = dy.Float64(nullable=True)  # 95 %
    profit_high = dy.Float64(nullable=True)
    profit = dy.Float64(nullable=True)  # of all treated
    chance_pays = dy.Float64(nullable=True, min=0, max=1)
    reason = dy.String(nullable=True)  # why there is none


class EffectsPooled(dy.Schema):
    """One row per measure, length of window and number of campaigns pooled, the last being all."""

    measure = dy.Enum(["active", "spend"], primary_key=True)
    window_days = dy.Int64(primary_key=True, min=1)
    campaigns = dy.Int64(primary_key=True, min=1)
    campaign = dy.String(min_length=1)  # the one added last
    begins_on = dy.Date()
    difference = dy.Float64()
    low = dy.Float64()  # 95 % in one look
    high = dy.Float64()
    p = dy.Float64(min=0, max=1)
    running_low = dy.Float64()  # 95 % over all looks
    running_high = dy.Float64()
    q = dy.Float64(min=0)
    q_p = dy.Float64(min=0, max=1)
    i2 = dy.Float64(min=0, max=1)
    verdict = dy.Enum(["better", "worse", "not_distinguishable"])


class OrganicRates(dy.Schema):
    """One row per group or campaign and earlier month end: what such customers did unprompted."""

    about = dy.Enum(["base", "campaign"], primary_key=True)
    group = dy.String(primary_key=True, min_length=1)  # of the base; the campaign
    cut_off = dy.Date(primary_key=True)
    window_days = dy.Int64(min=1)
    quiet = dy.Bool()  # no campaign's window beside it
    customers = dy.Int64(min=1)
    rate = dy.Float64(min=0, max=1)  # bought in the window after
    low = dy.Float64(min=0, max=1)  # 95 %
    high = dy.Float64(min=0, max=1)
    spend_before = dy.Float64()  # sums of the base; per customer of a campaign
    spend_after = dy.Float64()
    change = dy.Float64(nullable=True)  # null: nothing spent before


TABLES = {
    "scorecard": Scorecard,
    "strategy_verdicts": StrategyVerdicts,
    "process_flow": ProcessFlow,
    "loyalty_summary": LoyaltySummary,
    "tier_moves": TierMoves,
    "effects_campaigns": EffectsCampaigns,
    "effects": Effects,
    "effects_payoff": EffectsPayoff,
    "effects_pooled": EffectsPooled,
    "organic_rates": OrganicRates,
}
