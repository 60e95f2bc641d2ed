"""One row per customer with everything that the rules of a classification look at.

Group-bys and joins only; a table without a source leaves its columns null, and the axes that need them
say so.
"""

import tomllib
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

import polars as pl

from analysis.customers import summarise_customers
from analysis.run.settings import Settings
from analysis.segment.evidence import Evidence

YEAR_DAYS = 365
_DAYS_PER_YEAR = 365.25
_PROFILE = {
    "province": pl.String,
    "city": pl.String,
    "city_tier": pl.String,
    "country": pl.String,
    "gender": pl.String,
    "birthday": pl.Date,
    "age": pl.Float64,
    "income_band": pl.String,
    "industry": pl.String,
    "company_size": pl.String,
    "created_at": pl.Datetime("us"),
}


def customer_facts(evidence: Evidence, as_of: date, settings: Settings) -> pl.DataFrame:
    """Everything about each customer that a class may depend on.

    Args:
        evidence: the clean tables, cut at `as_of` or earlier.
        as_of: the day from which the customers are looked at.
        settings: of the data set.

    Returns:
        One row per customer with a purchase, sorted by `customer_id`: the columns of `customers`, and
        `idle_days`, `spend_365`, `margin_365` (null where no cost is known), `mean_spend`,
        `own_gap_days` and `days_to_second` (null for one-time buyers), `lines`, `discount_share`,
        `service_share`, `main_category`, `main_category_share`, `channel`, `complaints_365`,
        `contacts_365`, `province`, `city`, `region`, `city_tier`, `age`, `gender`, `income_band`,
        `industry`, `company_size`.
    """
    since = as_of - timedelta(days=YEAR_DAYS)
    base = summarise_customers(evidence.occasions.lazy(), as_of)
    sold = sold_lines(evidence, settings)
    parts = [
        _second_purchase(evidence.occasions),
        _recent_spend(evidence.occasions, since),
        _habits(sold),
        _channel(evidence["orders"]),
        _count_since(evidence["feedback"].filter(kind="complaint"), since, "complaints_365"),
        _count_since(evidence["interactions"], since, "contacts_365"),
        _costs_since(evidence["costs"], since),
        _cost_of_goods(sold, since),
        _persons(evidence["profiles"], as_of),
    ]
    for part in parts:
        base = base.join(part, on="customer_id", how="left")
    counted = {
        name: pl.col(name).fill_null(0) if evidence[table].height else pl.lit(None, pl.Int64)
        for name, table in (("complaints_365", "feedback"), ("contacts_365", "interactions"))
    }
    facts = base.with_columns(
        idle_days=pl.col("T") - pl.col("recency"),
        mean_spend=(pl.col("spend") / pl.col("purchases")).round(6),
        own_gap_days=pl.when(pl.col("frequency") > 0).then(pl.col("recency") / pl.col("frequency")),
        spend_365=pl.col("spend_365").fill_null(0),
        lines=pl.col("lines").fill_null(0),
        **counted,
    )
    margin = _margin(evidence, sold, settings)
    drop = ("goods_365", "goods_worth_365", "costs_365")
    return facts.with_columns(margin_365=margin).drop(drop).sort("customer_id").collect()


def sold_lines(evidence: Evidence, settings: Settings) -> pl.LazyFrame:
    """Lines of trusted orders that sell something: no postage, no refund.

    Returns:
        One row per line: `customer_id`, `order_id`, `ordered_at`, `product_id`, `product_name`,
        `category`, `quantity`, `worth` (of the line), `unit_cost`, `discounted` (null where no list
        price is known), `is_service` (null where nothing says so).
    """
    lines = evidence["order_lines"].lazy().filter(~pl.col("is_fee"))
    if settings.money_table == "orders":
        owner = evidence["orders"].lazy().select("order_id", owner="customer_id", at="ordered_at")
        owner = owner.drop_nulls("order_id").unique("order_id", keep="first", maintain_order=True)
        lines = lines.join(owner, on="order_id", how="inner").with_columns(
            customer_id=pl.col("owner"), ordered_at=pl.coalesce("ordered_at", "at")
        )
    products = (
        evidence["products"]
        .lazy()
        .select(*("product_id", "unit_cost", "list_price", "is_service", "category"))
    )
    known = lines.join(products, on="product_id", how="left", suffix="_of_product")
    both = ("unit_cost", "list_price", "is_service", "category")
    known = known.with_columns(pl.coalesce(name, f"{name}_of_product") for name in both)
    quantity = pl.col("quantity").fill_null(1)
    worth = pl.coalesce("line_amount", pl.col("unit_price").cast(pl.Float64) * quantity)
    return known.filter(quantity > 0).select(
        *("customer_id", "order_id", "ordered_at", "product_id", "product_name", "category"),
        quantity=quantity,
        worth=worth.cast(pl.Float64),
        unit_cost=pl.col("unit_cost").cast(pl.Float64),
        discounted=pl.col("unit_price") < pl.col("list_price"),
        is_service="is_service",
    )


def _second_purchase(occasions: pl.DataFrame) -> pl.LazyFrame:
    days = occasions.lazy().group_by("customer_id").agg(pl.col("purchase_day").bottom_k(2))
    pair = pl.col("purchase_day").list.sort()
    gap = pair.list.get(1, null_on_oob=True) - pair.list.get(0)
    return days.select("customer_id", days_to_second=gap.dt.total_days())


def _recent_spend(occasions: pl.DataFrame, since: date) -> pl.LazyFrame:
    recent = occasions.lazy().filter(pl.col("purchase_day") > since)
    return recent.group_by("customer_id").agg(spend_365=pl.col("amount").sum().cast(pl.Float64))


def _habits(sold: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of each customer, how many were reduced or services, and the commonest category."""
    shares = sold.group_by("customer_id").agg(
        lines=pl.len().cast(pl.Int64),
        discount_share=pl.col("discounted").mean(),
        service_share=pl.col("is_service").mean(),
    )
    counted = sold.drop_nulls("category").group_by("customer_id", "category").agg(n=pl.len())
    main = (
        counted.sort("n", "category", descending=[True, False])
        .group_by("customer_id", maintain_order=True)
        .agg(
            main_category=pl.col("category").first(),
            main_category_share=pl.col("n").first() / pl.col("n").sum(),
        )
    )
    return shares.join(main, on="customer_id", how="left")


def _channel(orders: pl.DataFrame) -> pl.LazyFrame:
    counted = orders.lazy().drop_nulls("channel").group_by("customer_id", "channel").agg(n=pl.len())
    return (
        counted.sort("n", "channel", descending=[True, False])
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("channel").first())
    )


def _count_since(rows: pl.DataFrame, since: date, name: str) -> pl.LazyFrame:
    recent = rows.lazy().filter(pl.col("at").dt.date() > since)
    return recent.group_by("customer_id").agg(pl.len().cast(pl.Int64).alias(name))


def _costs_since(costs: pl.DataFrame, since: date) -> pl.LazyFrame:
    recent = costs.lazy().filter(pl.col("month") >= since)  # twelve whole months, leap years too
    return recent.group_by("customer_id").agg(costs_365=pl.col("amount").sum().cast(pl.Float64))


def _cost_of_goods(sold: pl.LazyFrame, since: date) -> pl.LazyFrame:
    """Cost of the goods whose unit cost is known, and what those goods were sold for."""
    known = sold.filter(
        pl.col("unit_cost").is_not_null() & (pl.col("ordered_at").dt.date() > since)
    )
    cents = (pl.col("unit_cost") * pl.col("quantity")).round(4).cast(pl.Decimal(38, 4))
    return known.group_by("customer_id").agg(
        goods_365=cents.sum().cast(pl.Float64),
        goods_worth_365=pl.col("worth").round(4).cast(pl.Decimal(38, 4)).sum().cast(pl.Float64),
    )


def _margin(evidence: Evidence, sold: pl.LazyFrame, settings: Settings) -> pl.Expr:
    """Revenue of the year less goods and costs; null where nothing is known of either.

    Goods whose unit cost is known count with it, the rest with the gross margin of the settings.
    Costs of all customers (`*`) are shared by spend.
    """
    goods = sold.select(pl.col("unit_cost").is_not_null().any()).collect().item()
    if not goods and evidence["costs"].is_empty() and settings.clv.gross_margin == 1:
        return pl.lit(None, pl.Float64)
    common = evidence["costs"].filter(customer_id="*")["amount"].sum() or 0
    share = pl.col("spend_365") / pl.col("spend_365").sum()
    known = pl.min_horizontal(pl.col("goods_worth_365").fill_null(0), "spend_365")
    rest = (pl.col("spend_365") - known) * settings.clv.gross_margin
    margin = (
        known - pl.col("goods_365").fill_null(0) + rest - pl.col("costs_365").fill_null(0)
    ) - (share * float(common)).fill_nan(0)
    return margin.round(4)


def _persons(profiles: pl.DataFrame, as_of: date) -> pl.LazyFrame:
    """One record per person, each field from their own record or else from a merged one."""
    records = profiles.lazy().select("customer_id", "person_id", *_PROFILE)
    own_first = records.sort(pl.col("customer_id") != pl.col("person_id"), "customer_id")
    persons = own_first.group_by("person_id", maintain_order=True).agg(
        pl.col(name).drop_nulls().first() for name in _PROFILE
    )
    born = (pl.lit(as_of) - pl.col("birthday")).dt.total_days() / _DAYS_PER_YEAR
    return persons.select(
        "province",
        "city",
        "city_tier",
        "gender",
        "income_band",
        "industry",
        "company_size",
        customer_id="person_id",
        region=region(),
        age=pl.coalesce(born.floor(), "age").cast(pl.Int64),
    )


def region() -> pl.Expr:
    """The region of a province: one of China's seven, else the country, else the province itself."""
    return pl.coalesce(
        pl.col("province").replace_strict(_regions(), default=None, return_dtype=pl.String),
        "country",
        "province",
    )


@cache
def _regions() -> dict[str, str]:
    text = (files("analysis.segment") / "regions.toml").read_text(encoding="utf-8")
    return {province: name for name, listed in tomllib.loads(text).items() for province in listed}
