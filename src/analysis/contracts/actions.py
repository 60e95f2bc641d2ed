"""Tables of `07_actions`."""

import dataframely as dy
import polars as pl

PLANNED_ACTIONS = ["call_back", "retention", "win_back", "second_order", "care", "strategy"]
LEFT_OUT = [
    *("do_not_contact", "no_consent", "recent_contact", "not_worth_it"),
    *("other_action", "over_budget", "over_capacity", "drawn_before"),
]
ARMS = ["treat", "control", "standing"]
CAMPAIGN = "^[0-9]{4}-[0-9]{2}-[A-Za-z0-9_-]+$"  # month of the report, then its name


class CrmLabels(dy.Schema):
    """One row per record of a CRM and label: what it is to say, and what it said last month."""

    system = dy.String(primary_key=True, min_length=1)
    record_id = dy.String(primary_key=True, min_length=1)  # as the system writes it
    field = dy.String(primary_key=True, min_length=1)  # the label, as the settings name it
    customer_id = dy.String(min_length=1)  # of the person
    key = dy.String(min_length=1)  # heading of the record id in the system's import file
    api_id = dy.String(nullable=True)  # by which its interface finds the record; null: to look up
    value = dy.String(min_length=1)
    previous = dy.String(nullable=True)  # of the latest earlier month; null: not labelled then
    changed = dy.Bool(nullable=False)

    @dy.rule()
    def changed_where_it_differs(cls) -> pl.Expr:
        return pl.col("changed") == pl.col("value").ne_missing(pl.col("previous"))


class ActionPlan(dy.Schema):
    """One row per customer for whom something is planned, and whether the draw lets it happen."""

    customer_id = dy.String(primary_key=True, min_length=1)
    rank = dy.Int64(min=1)
    action = dy.Enum(PLANNED_ACTIONS)
    class_ = dy.String(nullable=True, alias="class")  # of the axis rfm
    reason_1 = dy.String(nullable=True)
    reason_2 = dy.String(nullable=True)
    reason_3 = dy.String(nullable=True)
    what = dy.String(nullable=True)  # in words; null where the class has no card
    expected_profit = dy.Float64(nullable=True)  # net of its cost; null: not known
    cost = dy.Decimal(38, 4, min=0)  # the most that it may cost
    channel = dy.String(nullable=True)
    owner = dy.String(nullable=True)
    due_on = dy.Date(nullable=True)
    campaign = dy.String(regex=CAMPAIGN)
    arm = dy.Enum(ARMS)  # only `treat` is contacted
    stratum = dy.String(min_length=1)

    @dy.rule()
    def what_is_planned_pays(cls) -> pl.Expr:
        return (pl.col("expected_profit") > 0).fill_null(True)


class PlanLeftOut(dy.Schema):
    """One row per customer and action that was possible and is not planned, with the reason."""

    customer_id = dy.String(primary_key=True, min_length=1)
    action = dy.Enum(PLANNED_ACTIONS, primary_key=True)
    reason = dy.Enum(LEFT_OUT)
    expected_profit = dy.Float64(nullable=True)


class Assignments(dy.Schema):
    """One row per campaign and customer: the arm that the draw gave, kept before anything is sent."""

    campaign = dy.String(primary_key=True, regex=CAMPAIGN)
    customer_id = dy.String(primary_key=True, min_length=1)
    arm = dy.Enum(ARMS)
    stratum = dy.String(min_length=1)
    assigned_on = dy.Date()  # last day that was known when it was drawn
    month = dy.String(regex="^[0-9]{4}-[0-9]{2}$")
    action = dy.Enum(PLANNED_ACTIONS)
    rank = dy.Int64(min=1)  # in the plan
    cost = dy.Decimal(38, 4, min=0)  # of this customer; nothing for whom it leaves alone
    control_share = dy.Float64(nullable=True, min=0, max=1)  # planned; null: service, no control

    @dy.rule()
    def only_treatment_costs(cls) -> pl.Expr:
        return (pl.col("arm") == "treat") | (pl.col("cost") == 0)


class Offers(dy.Schema):
    """One row per customer, list and rank: what to offer; only lists that won their backtest."""

    customer_id = dy.String(primary_key=True, min_length=1)
    list = dy.Enum(["due_again", "try_next"], primary_key=True)
    rank = dy.Int64(primary_key=True, min=1)
    product_id = dy.String(min_length=1)
    product_name = dy.String(nullable=True)
    category = dy.String(nullable=True)
    times = dy.Int64(min=0)  # the customer's baskets with it
    due = dy.Float64(nullable=True, min=0)  # days since the last purchase / usual gap
    last_price = dy.Decimal(38, 4, nullable=True, min=0)  # that the customer paid per piece
    score = dy.Float64(min=0)
    why = dy.Enum(["own", "similar", "popular"])
    because = dy.String(nullable=True)  # the customer's own product that speaks most for it


class OfferBacktest(dy.Schema):
    """One row per list and method: how often it hit the last basket left out."""

    list = dy.Enum(["due_again", "try_next", "latent_need"], primary_key=True)
    method = dy.String(primary_key=True, min_length=1)
    customers = dy.Int64(min=0)
    hits = dy.Int64(min=0)
    hit_rate = dy.Float64(nullable=True, min=0, max=1)
    low = dy.Float64(nullable=True, min=0, max=1)  # 95 %
    high = dy.Float64(nullable=True, min=0, max=1)
    recall = dy.Float64(nullable=True, min=0, max=1)
    against = dy.String(nullable=True)  # the method that it must beat
    difference = dy.Float64(nullable=True, min=-1, max=1)  # of hit rates, paired
    difference_low = dy.Float64(nullable=True, min=-1, max=1)
    difference_high = dy.Float64(nullable=True, min=-1, max=1)
    shown = dy.Bool()  # it makes the list


class ProductPairs(dy.Schema):
    """One row per pair of products that go together more than chance has it."""

    kind = dy.Enum(["cross_sell", "up_sell"], primary_key=True)
    level = dy.Enum(["basket", "customer"], primary_key=True)
    antecedent = dy.String(primary_key=True, min_length=1)
    consequent = dy.String(primary_key=True, min_length=1)
    antecedent_name = dy.String(nullable=True)
    consequent_name = dy.String(nullable=True)
    together = dy.Int64(min=1)  # in the earlier half of the baskets, as are the next ones
    with_antecedent = dy.Int64(min=1)
    with_consequent = dy.Int64(min=1)
    total = dy.Int64(min=1)  # baskets or customers
    by_chance = dy.Float64(min=0)
    support = dy.Float64(min=0, max=1)
    confidence = dy.Float64(min=0, max=1)
    lift = dy.Float64(min=0)
    p = dy.Float64(min=0, max=1)
    p_adjusted = dy.Float64(min=0, max=1)
    later_together = dy.Int64(nullable=True, min=0)  # in the later half, which found nothing
    later_lift = dy.Float64(nullable=True, min=0)
    confirmed = dy.Bool(nullable=True)  # null where the later half lacks one of both


class LatentNeeds(dy.Schema):
    """One row per customer and category that they lack although their look-alikes buy it."""

    customer_id = dy.String(primary_key=True, min_length=1)
    rank = dy.Int64(primary_key=True, min=1)
    category = dy.String(min_length=1)
    share = dy.Float64(min=0, max=1)  # of look-alikes
    low = dy.Float64(min=0, max=1)
    high = dy.Float64(min=0, max=1)
    everybody = dy.Float64(min=0, max=1)
    look_alikes = dy.Int64(min=1)


TABLES = {
    "crm_labels": CrmLabels,
    "action_plan": ActionPlan,
    "plan_left_out": PlanLeftOut,
    "assignments": Assignments,
    "offers": Offers,
    "offer_backtest": OfferBacktest,
    "product_pairs": ProductPairs,
    "latent_needs": LatentNeeds,
}
