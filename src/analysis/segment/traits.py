"""Which traits stand out in a class: tested against the other classes, corrected for many tests.

A class of frequent buyers has bought more of every product, so products are compared among customers
who bought about equally many. A trait that made the axis proves nothing about it and is left out.
"""

from collections.abc import Mapping, Set

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control, hypergeom, pearson3

AXES = ("rfm", "cluster", "need", "value_revenue")
HABITS = ("main_category", "channel")  # columns of the facts
BACKGROUND = (  # axes that are traits as well
    *("region", "city_tier", "gender", "age_band"),
    *("income_band", "industry", "company_size"),
)
PRODUCT = "product"
# Traits that enter the making of an axis. Services show a need and form clusters, and a category of
# services would give that back; clusters see the channel as well.
USED: Mapping[str, Set[str]] = {"need": {"main_category"}, "cluster": {"main_category", "channel"}}
NOT_CLASSES = ("unknown", "too_little_data", "unclear")  # nothing is known of their members
LEAST_CUSTOMERS, LEAST_BUYERS = 20, 50  # of a class or value, and of a product
BREADTH = 1.2  # customers whose numbers of products differ by less than this factor are compared
MOST_P, LEAST_DIFFERENCE = 0.01, 0.05
DIGITS = 9  # beyond them sums of floats depend on the order of the rows
_ROW = {
    "axis": pl.String,
    "class": pl.String,
    "trait": pl.String,
    "value": pl.String,
    "customers": pl.Int64,
    "with_value": pl.Int64,
    "share_in_class": pl.Float64,
    "share_in_others": pl.Float64,
    "p": pl.Float64,
    "cramers_v": pl.Float64,
}


def traits(
    segments: pl.DataFrame,
    facts: pl.DataFrame,
    products_bought: pl.DataFrame,
    used: Mapping[str, Set[str]] = USED,
) -> pl.DataFrame:
    """Test for each class of each axis in AXES which traits are over- or under-represented in it.

    Habits and background are tested by Fisher's exact test (two-sided: twice the smaller tail).
    Products are tested by Mantel's sum of such tables over customers with about equally many
    products, its tail from the first three moments (Pearson's type III, as Mielke and Berry use it),
    and their `share_in_others` has the class's mix of such customers. All p are corrected together
    (Benjamini and Hochberg 1995).

    Args:
        segments: one row per customer and axis: `customer_id`, `axis`, `class`.
        facts: one row per customer with a purchase, with the columns in HABITS.
        products_bought: one row per customer and product, as `products_bought` returns them.
        used: axis = traits that made it.

    Returns:
        One row per axis, class, trait and value, in the columns of the table `segment_traits`.
        Customers whose value is not known take no part; nor do classes and values of fewer than
        LEAST_CUSTOMERS customers and products of fewer than LEAST_BUYERS.
    """
    people = _people(segments, facts)
    classed = segments.filter(~pl.col("class").is_in(NOT_CLASSES)).select(
        "customer_id", "axis", "class"
    )
    breadth = (pl.len().log() / np.log(BREADTH)).floor().cast(pl.Int64)
    strata = products_bought.group_by("customer_id").agg(stratum=breadth)
    common = products_bought.filter(pl.len().over("product") >= LEAST_BUYERS)
    tested = [pl.DataFrame(schema=_ROW)]
    for axis in AXES:
        members = classed.filter(pl.col("axis") == axis)
        left_out = used.get(axis, set())
        described = members.join(people, on="customer_id")
        for trait in people.columns[1:]:
            if trait not in left_out:
                tested.append(_fisher(described, trait))
        if PRODUCT not in left_out:
            tested.append(_stratified(members.join(strata, on="customer_id"), common))
    return _corrected(pl.concat(tested))


def notable(traits: pl.DataFrame) -> pl.DataFrame:
    """The rows worth telling: corrected p at most .01 and at least 5 points apart.

    Of a trait with two values, which mirror each other, the over-represented one is kept. Sorted by
    axis and class, the greatest difference first.
    """
    difference = pl.col("share_in_class") - pl.col("share_in_others")
    mirrored = (pl.col("value").n_unique().over("axis", "trait") == 2) & (difference < 0)
    told = (pl.col("p_adjusted") <= MOST_P) & (difference.abs() >= LEAST_DIFFERENCE)
    told &= ~mirrored | (pl.col("trait") == PRODUCT)
    order = [pl.col("axis"), pl.col("class"), -difference.abs(), pl.col("trait"), pl.col("value")]
    return traits.filter(told).sort(order)


def products_bought(lines: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """Which customer bought which product; services are left out, since they made the needs.

    Args:
        lines: sold lines: `customer_id`, `product_id`, `product_name`, `is_service`.
        products: the table `products`.

    Returns:
        One row per customer and product: `customer_id`, `product` (its name; with its id where
        products share a name, the id alone where no name is known).
    """
    goods = lines.filter(~pl.col("is_service").fill_null(False)).drop_nulls("product_id")
    written = goods.drop_nulls("product_name").group_by("product_id", "product_name").len()
    commonest_first = ["product_id", "len", "product_name"]
    written = written.sort(commonest_first, descending=[False, True, False]).drop("len")
    listed = products.select("product_id", "product_name").drop_nulls()
    names = pl.concat([listed, written]).unique("product_id", keep="first", maintain_order=True)
    shared = pl.col("product_name").is_duplicated()
    with_id = pl.format("{} ({})", "product_name", "product_id")
    words = names.select(
        "product_id", product=pl.when(shared).then(with_id).otherwise("product_name")
    )
    bought = goods.select("customer_id", "product_id").unique()
    named = bought.join(words, on="product_id", how="left")
    return named.select("customer_id", pl.coalesce("product", "product_id")).sort(pl.all())


def _corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their lift, and with p corrected for how many they are."""
    exact = rows.with_columns(pl.col(pl.Float64).round_sig_figs(DIGITS))
    adjusted = false_discovery_control(exact["p"].to_numpy()) if rows.height else []
    inside, outside = pl.col("share_in_class"), pl.col("share_in_others")
    return exact.with_columns(
        lift=pl.when(outside > 0).then(inside / outside),
        p_adjusted=pl.Series(adjusted, dtype=pl.Float64),
    ).sort("axis", "class", "trait", "value")


def _people(segments: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """One row per customer with a purchase: a column per trait, null where it is not known."""
    people = facts.select("customer_id", *HABITS)
    for axis in BACKGROUND:
        rows = segments.filter((pl.col("axis") == axis) & ~pl.col("class").is_in(NOT_CLASSES))
        if rows.height:
            column = rows.select("customer_id", pl.col("class").alias(axis))
            people = people.join(column, on="customer_id", how="left", validate="1:1")
    return people


def _fisher(described: pl.DataFrame, trait: str) -> pl.DataFrame:
    """Each cell of the table of classes against values, tested against the rest of the table."""
    known = described.select("axis", "class", value=trait).drop_nulls()
    counted = known.group_by("axis", "class", "value").agg(with_value=pl.len())
    cells = (
        known.group_by("axis", "class")
        .agg(customers=pl.len())
        .join(known.group_by("value").agg(everywhere=pl.len()), how="cross")
        .join(counted, on=["axis", "class", "value"], how="left")
        .with_columns(pl.col("with_value").fill_null(0))
        .with_columns(pl.col("customers", "everywhere", "with_value").cast(pl.Int64))
        .with_columns(trait=pl.lit(trait), all=pl.lit(known.height))
    )
    strength = _cramers_v(cells)
    others = pl.col("all") - pl.col("customers")
    enough = pl.min_horizontal("customers", "everywhere") >= LEAST_CUSTOMERS
    cells = cells.filter(enough & (others > 0))
    k, n, has, total = (
        cells[name].to_numpy() for name in ("with_value", "customers", "everywhere", "all")
    )
    tail = np.minimum(hypergeom.cdf(k, total, has, n), hypergeom.sf(k - 1, total, has, n))
    return cells.with_columns(
        share_in_class=pl.col("with_value") / pl.col("customers"),
        share_in_others=(pl.col("everywhere") - pl.col("with_value")) / others,
        p=pl.Series(np.minimum(2 * tail, 1), dtype=pl.Float64),
        cramers_v=pl.lit(strength, pl.Float64),
    ).select(pl.col(name).cast(kind) for name, kind in _ROW.items())


def _cramers_v(cells: pl.DataFrame) -> float | None:
    """Cramér's V of a table, corrected for bias (Bergsma 2013); None for a single row or column."""
    rows, columns = cells["class"].n_unique(), cells["value"].n_unique()
    if min(rows, columns) < 2:
        return None
    n = cells["all"][0]
    expected = pl.col("customers") * pl.col("everywhere") / pl.col("all")
    chi_square = cells.select(((pl.col("with_value") - expected) ** 2 / expected).sum()).item()
    excess = max(chi_square / n - (rows - 1) * (columns - 1) / (n - 1), 0)
    most = min(size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)) - 1
    return min((excess / most) ** 0.5, 1.0) if most > 0 else None


def _stratified(people: pl.DataFrame, bought: pl.DataFrame) -> pl.DataFrame:
    """Each class and product, tested over strata of customers with about equally many products."""
    key = ["axis", "class", "stratum"]
    strata = people.group_by(key).agg(n=pl.len().cast(pl.Int64))
    strata = strata.with_columns(total=pl.col("n").sum().over("stratum"))
    strata = strata.filter(pl.col("total") > pl.col("n"))  # some others to compare with
    rows = bought.join(people, on="customer_id")
    counted = rows.group_by(*key, "product").agg(k=pl.len().cast(pl.Int64))
    everywhere = counted.group_by("stratum", "product").agg(has=pl.col("k").sum())
    tables = (
        strata.join(everywhere, on="stratum")
        .join(counted, on=[*key, "product"], how="left")
        .with_columns(pl.col("k").fill_null(0))
    )
    sizes = strata.group_by("axis", "class").agg(customers=pl.col("n").sum())
    sums = tables.group_by("axis", "class", "product").agg(
        with_value=pl.col("k").sum(),
        weighted_others=(
            pl.col("n") * (pl.col("has") - pl.col("k")) / (pl.col("total") - pl.col("n"))
        ).sum(),
        **_moments(),
    )
    cells = sums.join(sizes, on=["axis", "class"]).filter(
        (pl.col("customers") >= LEAST_CUSTOMERS) & (pl.col("variance") > 0)
    )
    return cells.with_columns(
        trait=pl.lit(PRODUCT),
        value="product",
        share_in_class=pl.col("with_value") / pl.col("customers"),
        share_in_others=(pl.col("weighted_others") / pl.col("customers")).clip(0, 1),
        p=_tail(cells),
        cramers_v=pl.lit(None, pl.Float64),
    ).select(pl.col(name).cast(kind) for name, kind in _ROW.items())


def _moments() -> dict[str, pl.Expr]:
    """Mean, variance and third central moment of a sum of hypergeometric counts."""
    n, has, total = (pl.col(name).cast(pl.Float64) for name in ("n", "has", "total"))
    variance = n * has * (total - has) * (total - n) / (total**2 * (total - 1))
    skewed = (total - 2 * has) * (total - 2 * n) / (total * (total - 2))
    third = pl.when(total > 2).then(variance * skewed).otherwise(0)
    return {"expected": (n * has / total).sum(), "variance": variance.sum(), "third": third.sum()}


def _tail(cells: pl.DataFrame) -> pl.Series:
    """Two-sided p of a sum's distance from its mean, with correction for continuity."""
    deviation = (cells["variance"] ** 0.5).to_numpy()
    skew = (cells["third"] / cells["variance"] ** 1.5).to_numpy()
    distance = (cells["with_value"] - cells["expected"]).to_numpy()
    above = pearson3.sf((distance - 0.5) / deviation, skew)
    below = pearson3.cdf((distance + 0.5) / deviation, skew)
    return pl.Series(np.clip(2 * np.minimum(above, below), 0, 1), dtype=pl.Float64)
