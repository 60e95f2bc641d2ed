"""Features from the tables that not every data set has: refunds, lines, complaints, contacts, answers.

Every function reads rows that were known by the cut-off and gives `Built`: the features per customer,
and the value of each for customers without a row. None stands for a table that can say nothing.
Features named after a value of the base (a channel, a tier, a category) are made for values that are
common by the cut-off, in sorted order.
"""

from datetime import date

import polars as pl

Built = tuple[pl.LazyFrame, dict[str, float]]

YEAR_DAYS = 365  # complaints count for so long, and this stands for "never or longer ago"
CONTACT_DAYS = 90
COMMON = 20  # a value is common where one in so many has it
CHANNEL, DROP = "interactions_90:", "interactions_drop:"
TIER, CATEGORY = "city_tier:", "first_category:"

_EXACT = pl.Decimal(38, 4)


def refunds(rows: pl.DataFrame, cut_off: date) -> Built:
    """Money given back as a share of the money of sales, 0 to 1."""
    money = pl.col("amount")
    back = -money.filter(money < 0).sum().cast(pl.Float64)
    sold = money.filter(money > 0).sum().cast(pl.Float64)
    share = pl.when(sold > 0).then((back / sold).clip(0, 1)).otherwise(0.0)
    # Few customers return anything, and for the others there is nothing to sum.
    some = rows.lazy().join(rows.lazy().filter(money < 0), on="customer_id", how="semi")
    return some.group_by("customer_id").agg(refund_share=share), {"refund_share": 0.0}


def discounts(rows: pl.DataFrame, cut_off: date) -> Built | None:
    """What was asked less than list prices, as a share of them, 0 to 1."""
    needed = {"customer_id", "list_price", "unit_price", "quantity"}
    if not needed <= set(rows.columns):
        return None
    price, listed = pl.col("unit_price"), pl.col("list_price")
    pieces = pl.col("quantity").cast(pl.Decimal(38, 4))
    sold = rows.drop_nulls(needed).filter((listed > 0) & (pl.col("quantity") > 0))
    if sold.is_empty():
        return None
    given = (price * pieces).sum().cast(pl.Float64) / (listed * pieces).sum().cast(pl.Float64)
    shares = sold.lazy().group_by("customer_id").agg(discount_share=(1 - given).clip(0, 1))
    return shares, {"discount_share": 0.0}


def complaints(rows: pl.DataFrame, cut_off: date) -> Built:
    """Counts within a year, those not closed by then, and days since the last, at most a year.

    The column `status` says how things stand today, so only `closed_at` is used; without any
    complaint closed by then, nobody noted closings, and which are open is not known.
    """
    closed = (
        pl.col("closed_at").dt.date() <= cut_off if "closed_at" in rows.columns else pl.lit(None)
    )
    rows = rows.filter(pl.col("kind") == "complaint").with_columns(
        closed=closed.fill_null(False), age=(cut_off - pl.col("day")).dt.total_days()
    )
    sums = {
        "complaints_365": (pl.col("age") < YEAR_DAYS).sum().cast(pl.Float64),
        "complaint_days": pl.col("age").min().clip(upper_bound=YEAR_DAYS).cast(pl.Float64),
    }
    without = {"complaints_365": 0.0, "complaint_days": float(YEAR_DAYS)}
    if rows["closed"].any():
        sums["complaints_open"] = (~pl.col("closed")).sum().cast(pl.Float64)
        without["complaints_open"] = 0.0
    return rows.lazy().group_by("customer_id").agg(**sums), without


def contacts(rows: pl.DataFrame, cut_off: date) -> Built:
    """Contacts of the last 90 days, and by how many they fell; also by each common channel.

    Args:
        rows: interactions up to the cut-off with their `day`; `channel` where it is known.
    """
    age = (cut_off - pl.col("day")).dt.total_days()
    last, before = age < CONTACT_DAYS, age.is_between(CONTACT_DAYS, 2 * CONTACT_DAYS - 1)
    of_channel = {}
    if "channel" in rows.columns:
        names = _common(rows["channel"], rows.height)
        of_channel = {name: pl.col("channel") == name for name in names}

    def fewer(among: pl.Expr) -> pl.Expr:
        return _count(before & among) - _count(last & among)

    counts = {"interactions_90": _count(last), "interactions_drop": fewer(pl.lit(True))}
    counts |= {f"{CHANNEL}{name}": _count(last & one) for name, one in of_channel.items()}
    counts |= {f"{DROP}{name}": fewer(one) for name, one in of_channel.items()}
    return rows.lazy().group_by("customer_id").agg(**counts), dict.fromkeys(counts, 0.0)


def satisfaction(rows: pl.DataFrame, cut_off: date) -> Built | None:
    """Mean score of the latest day of answers as a share of the scale; the base's mean elsewhere."""
    if not {"score", "scale_max"} <= set(rows.columns):
        return None
    scored = rows.drop_nulls(["score", "scale_max"]).filter(pl.col("scale_max") > 0)
    if scored.is_empty():
        return None
    latest = scored.filter(pl.col("day") == pl.col("day").max().over("customer_id"))
    share = (pl.col("score") / pl.col("scale_max")).clip(0, 1)
    means = latest.group_by("customer_id").agg(
        satisfaction=share.sort().mean().round(9), satisfaction_unknown=pl.lit(0.0)
    )
    mean = round(float(means["satisfaction"].sort().mean()), 9)
    return means.lazy(), {"satisfaction": mean, "satisfaction_unknown": 1.0}


def city_tiers(profiles: pl.DataFrame, purchases: pl.DataFrame) -> Built | None:
    """Whether a customer lives in a city of a tier: 0 or 1, all 0 where the city is not known.

    Records have no history, so the tier is that of the day of the export, at every cut-off: whoever
    has moved since counts where they live now. Which tiers are common is counted on the customers with
    a purchase by the cut-off. Of a person's records, the one updated last that names a tier counts.

    Args:
        profiles: the table `profiles`.
        purchases: occasions up to the cut-off.
    """
    if "city_tier" not in profiles.columns:
        return None
    ids = [name for name in ("person_id", "customer_id") if name in profiles.columns]
    newest = {"updated_at": True, "customer_id": False, "city_tier": False}
    newest = {name: down for name, down in newest.items() if name in profiles.columns}
    tier = pl.col("city_tier").sort_by(
        list(newest), descending=list(newest.values()), nulls_last=True
    )
    known = profiles.drop_nulls("city_tier").group_by(whose=pl.coalesce(ids)).agg(tier.first())
    base = purchases.select("customer_id").unique()
    of_base = base.join(known, left_on="customer_id", right_on="whose", how="inner")
    return _one_column_each(of_base, "city_tier", TIER, base.height)


def first_categories(
    rows: pl.DataFrame, purchases: pl.DataFrame, products: pl.DataFrame | None
) -> Built | None:
    """The category that the first purchase day brought most money from: 0 or 1, ties by name.

    Postage and returned pieces are no purchase. Which categories are common is counted on the customers
    with such lines by the cut-off. `products` have no history: they name a category as of the export.

    Args:
        rows: order lines up to the cut-off with their `day`.
        purchases: occasions up to the cut-off.
        products: the table `products`, for lines that do not name their category themselves.
    """
    sold = _with_category(rows, products)
    if sold is None:
        return None
    first = purchases.group_by("customer_id").agg(day=pl.col("purchase_day").min())
    base = sold.select("customer_id").unique().join(first, on="customer_id", how="semi")
    money = (
        sold.join(first, on=["customer_id", "day"], how="semi")
        .drop_nulls("category")
        .group_by("customer_id", "category")
        .agg(pl.col("money").sum())
    )
    most = pl.col("category").sort_by("money", "category", descending=[True, False]).first()
    chosen = money.group_by("customer_id").agg(most)
    return _one_column_each(chosen, "category", CATEGORY, base.height)


def _with_category(rows: pl.DataFrame, products: pl.DataFrame | None) -> pl.DataFrame | None:
    """Lines that sell: `customer_id`, `day`, `category` (null: not known), `money` (exact)."""
    has, names = set(rows.columns), []
    pieces = pl.col("quantity").fill_null(1) if "quantity" in has else pl.lit(1)
    sold = rows.drop_nulls("customer_id").filter(pieces > 0)
    if "is_fee" in has:
        sold = sold.filter(~pl.col("is_fee"))
    if "category" in has:
        names.append("category")
    if products is not None and "product_id" in has:
        listed = products.drop_nulls(["product_id", "category"]).group_by("product_id")
        listed = listed.agg(listed=pl.col("category").min())
        sold = sold.join(listed, on="product_id", how="left", maintain_order="left")
        names.append("listed")
    if not names:
        return None
    money = [pl.col("line_amount")] if "line_amount" in has else []
    if "unit_price" in has:
        money.append(pl.col("unit_price") * pieces.cast(_EXACT))
    money = pl.coalesce(*money, pl.lit(0, dtype=_EXACT)).cast(_EXACT)
    return sold.select("customer_id", "day", category=pl.coalesce(names), money=money)


def _count(which: pl.Expr) -> pl.Expr:
    return which.sum().cast(pl.Float64)


def _common(values: pl.Series, out_of: int) -> list[str]:
    """The values that at least one in `COMMON` of so many has, sorted."""
    counts = values.drop_nulls().value_counts(name="rows")
    return sorted(counts.filter(pl.col("rows") * COMMON >= out_of)[values.name])


def _one_column_each(known: pl.DataFrame, column: str, start: str, out_of: int) -> Built | None:
    """A 0/1 column per common value of one row per customer; None where no value is common."""
    names = _common(known[column], out_of)
    if not names:
        return None
    ones = {f"{start}{name}": (pl.col(column) == name).cast(pl.Float64) for name in names}
    return known.lazy().select("customer_id", **ones), dict.fromkeys(ones, 0.0)
