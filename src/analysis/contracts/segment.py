"""Tables of `03_segment`."""

import dataframely as dy
import polars as pl


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


TABLES = {
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
}
