"""Order lines with what the product catalogue adds: whose they are, category, list price, cost."""

import polars as pl

BELOW_LIST = 0.995  # a price below this share of the list price is a discount, not a rounding


def known_lines(
    order_lines: pl.DataFrame, products: pl.DataFrame, orders: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Lines of goods and services with customer, category, money and cost.

    Args:
        order_lines: the table `order_lines`; fees and postage are left out.
        products: the table `products`; what a line does not say is taken from it.
        orders: the table `orders`. With it, only lines of trusted orders count, and a line without a
            customer has that of its order; without it, lines without a customer are left out.

    Returns:
        One row per line: `customer_id`, `order_id`, `product_id`, `product` (its name, else its id),
        `category`, `amount` (exact), `cost` (exact; null where unknown), `discounted` (null where
        no list price is known).
    """
    lines = _of_orders(order_lines, orders).filter(
        pl.col("customer_id").is_not_null() & ~pl.col("is_fee").fill_null(False)
    )
    catalogue = products.unique("product_id", keep="first", maintain_order=True).select(
        "product_id",
        *(
            pl.col(name).alias(f"listed_{name}")
            for name in ("product_name", "category", "unit_cost", "list_price")
        ),
    )
    pieces = pl.col("quantity").cast(pl.Decimal(38, 4))
    amount = pl.coalesce("line_amount", (pl.col("unit_price") * pieces).cast(pl.Decimal(38, 4)))
    list_price = pl.coalesce("list_price", "listed_list_price").cast(pl.Float64)
    names = lines.group_by("product_id").agg(usual_name=pl.col("product_name").mode().min())
    return (
        lines.join(catalogue, on="product_id", how="left", maintain_order="left")
        .join(names, on="product_id", how="left", maintain_order="left")
        .select(
            "customer_id",
            "order_id",
            "product_id",
            product=pl.coalesce("listed_product_name", "usual_name", "product_id"),
            category=pl.coalesce("category", "listed_category"),
            amount=amount.fill_null(0),
            cost=(pl.coalesce("unit_cost", "listed_unit_cost") * pieces).cast(pl.Decimal(38, 4)),
            discounted=pl.when(list_price > 0).then(
                pl.col("unit_price").cast(pl.Float64) < BELOW_LIST * list_price
            ),
        )
    )


def _of_orders(order_lines: pl.DataFrame, orders: pl.DataFrame | None) -> pl.DataFrame:
    """The lines of trusted orders, each with the customer of its order where it names none."""
    if orders is None or orders["order_id"].null_count() == orders.height:
        return order_lines
    known = (
        orders.filter(pl.col("order_id").is_not_null())
        .sort("order_id", "customer_id")
        .unique("order_id", keep="first", maintain_order=True)
        .select("order_id", whose="customer_id")
    )
    return order_lines.join(known, on="order_id", maintain_order="left").with_columns(
        customer_id=pl.coalesce("customer_id", "whose")
    )
