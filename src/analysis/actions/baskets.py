"""What each customer really bought, day by day: products only, without fees, services and returns."""

from dataclasses import dataclass
from datetime import date

import polars as pl

_KEY = ["customer_id", "day", "product_id"]
_LINE = {"customer_id": pl.String, "day": pl.Date, "product_id": pl.String}
_LINE |= {"quantity": pl.Float64, "price": pl.Float64}
_CATALOGUE = {"product_id": pl.String, "product_name": pl.String, "category": pl.String}
_CATALOGUE |= {"tier": pl.String, "list_price": pl.Float64, "is_service": pl.Boolean}
REASONS = ("no_product", "no_order", "later", "fee", "service", "returned")
PRICE_DIGITS = 4


@dataclass(frozen=True)
class Baskets:
    """Products bought by a day.

    lines: one row per customer, day and product: `customer_id`, `day` (of the purchase), `product_id`,
        `quantity` (net of returns; pieces), `price` (the last that day, per piece; null if unknown).
    returned: what was given back later, in the same columns with `returned_day`: until then it looked
        bought.
    catalogue: one row per product on `lines`: `product_id`, `product_name`, `category`, `tier`,
        `list_price`, `is_service`; null where neither the products nor the lines say.
    left_out: one row per reason why lines do not count: `reason`, `lines`; none where all count.
    """

    lines: pl.DataFrame
    returned: pl.DataFrame
    catalogue: pl.DataFrame
    left_out: pl.DataFrame

    @property
    def has_categories(self) -> bool:
        """Whether any product has a category."""
        return self.catalogue["category"].count() > 0

    def before(self, until: date | pl.DataFrame) -> pl.DataFrame:
        """The lines strictly before a day, as they looked then: later returns are not known yet.

        Args:
            until: a day, or one for each customer (`customer_id`, `until`); others are left out then.
        """
        never = pl.lit(None, pl.Date)
        sold = pl.concat([self.lines.with_columns(returned_day=never), self.returned])
        if isinstance(until, date):
            sold = sold.with_columns(until=pl.lit(until))
        else:
            sold = sold.join(until.select("customer_id", "until"), on="customer_id")
        kept = (pl.col("returned_day") >= pl.col("until")).fill_null(True)
        return sold.filter((pl.col("day") < pl.col("until")) & kept).select(*_LINE).sort(_KEY)


def baskets(
    orders: pl.DataFrame,
    order_lines: pl.DataFrame,
    products: pl.DataFrame,
    as_of: date,
    money_table: str = "orders",
) -> Baskets:
    """The products that customers bought and kept; lines of one day are one basket.

    A returned product counts as not bought: rows of negative quantity or amount reduce the purchase
    that they belong to, and a product of which nothing is left on that day is left out, as are all
    lines of an order whose money went back in full. Which line a part of an order's refund was for
    is not known where the export does not say, so such lines stay.

    Args:
        orders: the table `orders`; trusted rows with the day of purchase.
        order_lines: the table `order_lines`. Where it has no products, those of `orders` serve.
        products: the table `products`; may be without rows.
        as_of: last day that counts.
        money_table: `orders`, or `order_lines` where the rows of `orders` are lines themselves.
    """
    beside = money_table == "orders" and order_lines["product_id"].count() > 0
    read = _of_order_lines if beside else _of_orders
    found = read(orders, order_lines, as_of)
    catalogue = _catalogue(products, found)
    services = catalogue.filter(pl.col("is_service"))["product_id"]
    is_service = pl.coalesce("is_service", pl.col("product_id").is_in(services.implode()))
    why = (
        pl.when(pl.col("product_id").is_null())
        .then(pl.lit("no_product"))
        .when(pl.col("day").is_null() | pl.col("customer_id").is_null())
        .then(pl.lit("no_order"))
        .when(pl.col("at").dt.date() > as_of)
        .then(pl.lit("later"))
        .when(pl.col("is_fee").fill_null(False))
        .then(pl.lit("fee"))
        .when(is_service.fill_null(False))
        .then(pl.lit("service"))
    )
    judged = found.with_columns(why=why)
    # What came later must not take a purchase back, so returns are netted among the rest.
    table = _by_day(judged.filter(pl.col("why").is_null()))
    sold = table.filter(pl.col("whole") > 0)
    in_hand = pl.col("quantity") > 0
    returned = pl.when(in_hand & (pl.col("whole") > 0)).then("back_rows").otherwise("rows").sum()
    back = pl.Series("why", ["returned"]).new_from_index(0, table.select(returned).item())
    return Baskets(
        sold.filter(in_hand).select(*_LINE).cast(_LINE),
        sold.filter(~in_hand).select(*_LINE, "returned_day").cast(_LINE),
        catalogue.join(sold.select("product_id").unique(), on="product_id", how="semi"),
        _counted(pl.concat([judged["why"].drop_nulls(), back])),
    )


def _by_day(rest: pl.DataFrame) -> pl.DataFrame:
    """One row per customer, day and product: what is left of it, and on which day it came back.

    An order paid back on its own row does not say when, so it never looked bought: `whole` counts the
    rows that did.
    """
    whole = (pl.col("pieces") > 0) & ~pl.col("returned")
    return (
        rest.with_columns(whole=whole)
        .with_columns(
            price=pl.when("whole").then("price"),
            back=pl.when(pl.col("pieces") < 0).then(pl.col("at").dt.date()),
        )
        .sort("at", "file", "row")
        .group_by(_KEY)
        .agg(
            quantity=pl.when(~pl.col("returned")).then("pieces").sum(),
            price=pl.col("price").drop_nulls().last().round(PRICE_DIGITS),
            whole=pl.col("whole").sum(),
            rows=pl.len(),
            back_rows=(~pl.col("whole")).sum(),
            returned_day=pl.col("back").max(),
        )
        .sort(_KEY)
    )


def _of_order_lines(orders: pl.DataFrame, order_lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Lines with the customer and day of their order."""
    known_by_then = pl.col("ordered_at").dt.date() <= as_of
    known = (
        orders.drop_nulls("order_id")
        .sort("merged", "file", "row")
        .group_by("order_id")
        .agg(
            owner=pl.col("customer_id").first(),
            day=pl.col("purchase_day").min(),
            placed=pl.col("ordered_at").min(),
            net=pl.col("amount").filter(known_by_then).sum(),
        )
    )
    worth = pl.coalesce("line_amount", pl.col("unit_price"))
    back = ((pl.col("quantity") < 0) | (pl.col("line_amount") < 0)).fill_null(False)
    pieces = pl.col("quantity").fill_null(1).abs()
    # Where lines say what came back, they say when as well.
    silent = ~back.any().over("order_id")
    return order_lines.join(known, on="order_id", how="left", maintain_order="left").select(
        *("file", "row", "product_id", "product_name", "category", "is_service", "is_fee", "day"),
        customer_id="owner",
        at=pl.coalesce("ordered_at", "placed"),
        pieces=pl.when(back).then(-pieces).otherwise(pieces),
        price=_price(pl.col("line_amount")),
        returned=((pl.col("net") <= 0) & (worth > 0)).fill_null(False) & silent,
    )


def _of_orders(orders: pl.DataFrame, order_lines: pl.DataFrame, _: date) -> pl.DataFrame:
    """Rows of orders that name a product; what their lines say stands beside."""
    said = order_lines.select(
        *("file", "row", "product_name", "category", "is_service", "unit_price")
    ).unique(["file", "row"], keep="first", maintain_order=True)
    back = (pl.col("amount") < 0) | (pl.col("quantity") < 0).fill_null(False)
    pieces = pl.col("quantity").fill_null(1).abs()
    return orders.join(said, on=["file", "row"], how="left", maintain_order="left").select(
        *("file", "row", "product_id", "product_name", "category", "is_service", "is_fee"),
        "customer_id",
        day="purchase_day",
        at="ordered_at",
        pieces=pl.when(back).then(-pieces).otherwise(pieces),
        price=_price(pl.col("amount")),
        returned=pl.lit(False),
    )


def _price(total: pl.Expr) -> pl.Expr:
    """The price of a piece: as stated, else the line's money by its pieces."""
    stated = pl.col("unit_price").cast(pl.Float64)
    pieces = pl.col("quantity").fill_null(1).abs()
    return pl.coalesce(stated, pl.when(pieces > 0).then(total.cast(pl.Float64).abs() / pieces))


def _catalogue(products: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """One row per product that the lines name: what the products say, else what most lines say."""
    named = found.filter(pl.col("product_id").is_not_null())
    usual = named.group_by("product_id").agg(
        *(pl.col(name).drop_nulls().mode().min() for name in ("product_name", "category"))
    )
    listed = products.unique("product_id", keep="first", maintain_order=True).select(
        "product_id",
        "tier",
        "is_service",
        said_name="product_name",
        said_category="category",
        list_price=pl.col("list_price").cast(pl.Float64),
    )
    joined = usual.join(listed, on="product_id", how="left").with_columns(
        product_name=pl.coalesce("said_name", "product_name"),
        category=pl.coalesce("said_category", "category"),
    )
    return joined.select(*_CATALOGUE).cast(_CATALOGUE).sort("product_id")


def _counted(reasons: pl.Series) -> pl.DataFrame:
    counts = pl.DataFrame({"reason": REASONS}).join(
        reasons.alias("reason").value_counts(name="lines"), on="reason", maintain_order="left"
    )
    return counts.with_columns(pl.col("lines").fill_null(0).cast(pl.Int64)).filter(
        pl.col("lines") > 0
    )
