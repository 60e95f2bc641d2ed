"""When purchases are made: the best weekday and the best two hours, for every category.

The best of seven days or twelve windows always looks good, so it has to pass two tests. Its interval
holds for all days (or windows) at once (Bonferroni), whichever turns out the best. And it must beat the
runner-up in a two-sided test at 5 %: however many compete, the chance that a winner by such a test is
not truly the best is at most 5 % (Gutmann and Maymin 1987, Is the selected population the best?). Both
allow for customers who keep to their hour and for single busy weeks: purchases count as independent
between customers, and between weeks, whichever of the two varies more.
"""

from datetime import date, time, timedelta

import numpy as np
import polars as pl
from scipy.stats import t

from analysis.intervals import wilson

WINDOW_HOURS, MOST_WEEKS = 2, 104
PARTS = {"weekday": 7, "hours": 24 // WINDOW_HOURS}  # how many there are of each
LEAST_CUSTOMERS, LEAST_WEEKS = 30, 8
LEVEL, DIGITS = 0.05, 9
ALL = "all"
_ORDER = ["customer_id", "order_id", "unnumbered"]
_FOUND = ("best", "runner_up", "share", "low", "high")


def purchases(
    orders: pl.DataFrame,
    order_lines: pl.DataFrame,
    products: pl.DataFrame,
    occasions: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Orders of the last whole weeks (at most 104), once in `all` and once in each category in them.

    Args:
        orders: the table `orders`; fees, refunds and purchases refunded in full are left out.
        order_lines: the table `order_lines`; its categories, or else those of the products.
        products: the table `products`.
        occasions: purchase occasions, net of refunds.
        as_of: last day that counts.

    Returns:
        One row per order and category: `category`, `customer_id`, `week` (0 is the last), `weekday`
        (1 is Monday), `hours` (first hour of a window of two; null where the time is 00:00:00
        sharp, which is what a date without a time looks like). Every weekday occurs equally often.
    """
    sold = (
        orders.lazy()
        .filter(~pl.col("is_fee") & (pl.col("amount") >= 0) & (pl.col("purchase_day") <= as_of))
        .join(occasions.lazy(), on=["customer_id", "purchase_day"], how="semi")
        .with_columns(unnumbered=pl.when(pl.col("order_id").is_null()).then("ordered_at"))
    )
    times = sold.group_by(_ORDER).agg(at=pl.col("ordered_at").min())
    categories = _categories(sold, order_lines.lazy(), products.lazy())
    each = times.join(categories, on=_ORDER, nulls_equal=True)
    every = times.with_columns(category=pl.lit(ALL))
    return _in_whole_weeks(pl.concat([every, each]).collect(), as_of)


def timing(bought: pl.DataFrame) -> pl.DataFrame:
    """The best weekday and the best two hours of each category, and whether they are clearly so.

    Args:
        bought: as `purchases` returns them.

    Returns:
        One row per category and part (`weekday`, `hours`), in the columns of the table
        `purchase_timing`; `best` to `high` are null where fewer than LEAST_CUSTOMERS customers
        bought, or in fewer than LEAST_WEEKS weeks, and where no purchase has a time.
    """
    numbered = pl.col("customer_id").cast(pl.Categorical).to_physical()  # groups faster than text
    coded = bought.with_columns(numbered)
    return pl.concat([_part(coded, part) for part in PARTS]).sort("category", "part")


def by_hour_and_weekday(bought: pl.DataFrame, category: str = ALL) -> pl.DataFrame:
    """Purchases of a category by window and weekday: `hours`, `weekday`, `purchases`; none left out."""
    known = bought.filter(pl.col("category") == category).drop_nulls("hours")
    counted = known.group_by("hours", "weekday").agg(purchases=pl.len().cast(pl.Int64))
    windows = pl.DataFrame({"hours": range(0, 24, WINDOW_HOURS)}, schema={"hours": pl.Int64})
    grid = windows.join(pl.DataFrame({"weekday": range(1, 8)}), how="cross")
    filled = grid.join(counted, on=["hours", "weekday"], how="left")
    return filled.with_columns(pl.col("purchases").fill_null(0)).sort("hours", "weekday")


def _categories(sold: pl.LazyFrame, lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Every category that an order holds, from its lines, or its rows where they name products."""
    listed = products.select("product_id", listed="category").drop_nulls().unique("product_id")
    goods = lines.filter(~pl.col("is_fee") & (pl.col("quantity").fill_null(1) > 0))
    of_lines = sold.select(_ORDER).unique().join(goods, on="order_id", how="inner")
    parts = [
        of_lines.select(*_ORDER, "product_id", "category"),
        sold.select(*_ORDER, "product_id", category=pl.lit(None, pl.String)),
    ]
    named = pl.concat(parts).join(listed, on="product_id", how="left")
    return named.select(*_ORDER, pl.coalesce("category", "listed")).drop_nulls("category").unique()


def _in_whole_weeks(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    day = pl.col("at").dt.date()
    span = rows.select(first=day.min(), last=day.max()).row(0)
    end = min(span[1], as_of) if rows.height else as_of
    weeks = min(((end - span[0]).days + 1) // 7, MOST_WEEKS) if rows.height else 0
    hour = pl.col("at").dt.hour().cast(pl.Int64)
    return rows.filter((day > end - timedelta(weeks=weeks)) & (day <= end)).select(
        "category",
        "customer_id",
        week=(pl.lit(end) - day).dt.total_days() // 7,
        weekday=pl.col("at").dt.weekday().cast(pl.Int64),
        hours=pl.when(pl.col("at").dt.time() != time()).then(hour // WINDOW_HOURS * WINDOW_HOURS),
    )


def _part(bought: pl.DataFrame, part: str) -> pl.DataFrame:
    """The best day or window of each category; one row per category."""
    every = bought.select("category").unique()
    known = bought.select("category", "customer_id", "week", cell=part).drop_nulls("cell")
    counts = known.group_by("category", "cell").agg(n=pl.len())
    first_two = counts.sort("category", "n", "cell", descending=[False, True, False])
    top = first_two.group_by("category", maintain_order=True).agg(
        best=pl.col("cell").first(), runner_up=pl.col("cell").get(1, null_on_oob=True)
    )
    marked = known.join(top, on="category").with_columns(
        win=pl.col("cell") == pl.col("best"),
        loss=(pl.col("cell") == pl.col("runner_up")).fill_null(False),
    )
    found = marked.group_by("category", "best", "runner_up").agg(
        purchases=pl.len().cast(pl.Int64),
        share=pl.col("win").mean(),
        lead=pl.col("win").sum().cast(pl.Int64) - pl.col("loss").sum().cast(pl.Int64),
    )
    for column in ("customer_id", "week"):
        found = found.join(_variation(marked, found, column), on="category")
    tested = _tested(found, PARTS[part])
    rows = every.join(tested, on="category", how="left").with_columns(
        pl.col("purchases", "customers").fill_null(0),
        pl.col("clear").fill_null(False),
        part=pl.lit(part),
        even_share=pl.lit(1 / PARTS[part]),
    )
    return rows.select(
        *("category", "part", "purchases", "customers", *_FOUND, "even_share", "clear")
    )


def _variation(marked: pl.DataFrame, found: pl.DataFrame, column: str) -> pl.DataFrame:
    """How the share of the best and its lead vary between customers or weeks: sums of squares."""
    groups = marked.group_by("category", column).agg(
        n=pl.len(),
        wins=pl.col("win").sum().cast(pl.Int64),
        losses=pl.col("loss").sum().cast(pl.Int64),
    )
    shares = found.select("category", "share")
    return (
        groups.join(shares, on="category")
        .group_by("category")
        .agg(
            pl.len().cast(pl.Int64).alias(f"{column}_groups"),
            ((pl.col("wins") - pl.col("n") * pl.col("share")) ** 2).sum().alias(f"{column}_share"),
            ((pl.col("wins") - pl.col("losses")) ** 2).sum().alias(f"{column}_lead"),
        )
    )


def _tested(found: pl.DataFrame, alternatives: int) -> pl.DataFrame:
    """The interval of the best's share, and whether it is clear of the runner-up and the even share."""
    n, share, lead = (found[name].to_numpy() for name in ("purchases", "share", "lead"))
    beaten, most_variance = np.ones(found.height, bool), np.zeros(found.height)
    freedom = np.full(found.height, np.inf)
    for column in ("customer_id", "week"):
        groups = found[f"{column}_groups"].to_numpy()
        others = np.maximum(groups - 1, 1)
        freedom = np.minimum(freedom, others)
        squares = found[f"{column}_lead"].to_numpy()
        beaten &= lead > t.ppf(1 - LEVEL / 2, others) * squares**0.5
        variance = found[f"{column}_share"].to_numpy() / n**2 * groups / others
        most_variance = np.maximum(most_variance, variance)
    customers = found["customer_id_groups"].to_numpy()
    binomial = share * (1 - share)
    counted = np.divide(binomial, most_variance, out=customers + 0.0, where=most_variance > 0)
    low, high = wilson(share, np.minimum(counted, n), t.ppf(1 - LEVEL / 2 / alternatives, freedom))
    enough = (pl.col("customers") >= LEAST_CUSTOMERS) & (pl.col("week_groups") >= LEAST_WEEKS)
    rows = found.rename({"customer_id_groups": "customers"}).with_columns(
        pl.col("share").round(DIGITS),
        low=pl.Series(low).clip(0, 1).round(DIGITS),
        high=pl.Series(high).clip(0, 1).round(DIGITS),
        beaten=pl.Series(beaten),
    )
    return rows.with_columns(
        *(pl.when(enough).then(name).alias(name) for name in _FOUND),
        clear=enough & pl.col("beaten") & (pl.col("low") > 1 / alternatives),
    )
