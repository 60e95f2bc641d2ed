"""Products that go together (cross-sell) and steps up (up-sell), guarded against chance, tried later."""

import numpy as np
import polars as pl

from analysis.actions.pair_counts import LEAST_TOGETHER, Units, together
from analysis.intervals import wilson

MOST_P = 0.05
MOST_PAIRS = 500  # of each kind, those with most joint purchases beyond chance
STEP_UP = 1.2  # the dearer product costs at least so many times as much
_COUNTS = ("together", "with_antecedent", "with_consequent", "total")
_PAIR = {"kind": pl.String, "level": pl.String, "antecedent": pl.String, "consequent": pl.String}
_MEASURES = dict.fromkeys(_COUNTS, pl.Int64)
_MEASURES |= dict.fromkeys(
    ("by_chance", "support", "confidence", "lift", "p", "p_adjusted"), pl.Float64
)
_ROW = _PAIR | {"antecedent_name": pl.String, "consequent_name": pl.String} | _MEASURES
_ROW |= {"later_together": pl.Int64, "later_lift": pl.Float64, "confirmed": pl.Boolean}
KINDS = (("cross_sell", "basket"), ("cross_sell", "customer"), ("up_sell", "customer"))


def product_pairs(lines: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """Find pairs in the earlier half of the baskets, and try them in the later half.

    Chance is a draw without replacement among those with about equally many products: Mantel's sum of
    Fisher's tables, one-sided, its tail from the first three moments (Pearson's type III). Every pair
    that could have been found counts as tested (Benjamini and Hochberg 1995). A pair is confirmed
    where the later half alone, which took no part in finding it, shows it again (p up to .05). Up-sell
    is a dearer product of the same category, first bought on a later day than the cheaper one; that it
    must come later makes its test strict.

    Args:
        lines: as `baskets` returns them; same-day lines are one basket.
        catalogue: as `baskets` returns it. Without categories nothing can be an up-sell.

    Returns:
        One row per pair, most joint purchases beyond chance first within `kind` (cross_sell, up_sell)
        and `level` (same basket, same customer): `antecedent`, `consequent` (products; of a
        cross-sell the antecedent is the rarer one), `antecedent_name`, `consequent_name`, `together`,
        `with_antecedent`, `with_consequent`, `total` (baskets or customers of the earlier half),
        `by_chance` (expected together), `support`, `confidence` (share of those with the antecedent),
        `lift` (together / by_chance), `p`, `p_adjusted`,
        `later_together`, `later_lift`, `confirmed` (null where the later half lacks one of both).
    """
    if lines.is_empty():
        return pl.DataFrame(schema=_ROW)
    days = lines.select("customer_id", "day").unique()["day"].sort()
    middle = days[(len(days) - 1) // 2]
    early, later = lines.filter(pl.col("day") <= middle), lines.filter(pl.col("day") > middle)
    priced, parts = _prices(early, catalogue), []
    for kind, level in KINDS:
        units = Units.of(early, catalogue, level)
        near = together(units) if kind == "cross_sell" else _steps_up(early, priced)
        found = _guarded(units.measured(near), _tested(units, priced, kind))
        tried = _tried(found, later, Units.of(later, catalogue, level), kind)
        parts.append(tried.with_columns(kind=pl.lit(kind), level=pl.lit(level)))
    names = catalogue.select("product_id", "product_name")
    named = pl.concat(parts)
    for end in ("antecedent", "consequent"):
        named = named.join(
            names.rename({"product_id": end, "product_name": f"{end}_name"}),
            on=end,
            how="left",
            maintain_order="left",
        )
    return named.select(*_ROW).cast(_ROW)


def confirmation(pairs: pl.DataFrame) -> pl.DataFrame:
    """How many of the pairs found the later half confirms; chance alone would confirm 5 %.

    Args:
        pairs: as `product_pairs` returns it.

    Returns:
        One row per kind and level with pairs: `kind`, `level`, `pairs`, `tried` (both products were
        sold later), `confirmed`, `share`, `low`, `high` (95 %, Wilson; null where none was tried).
    """
    table = (
        pairs.group_by("kind", "level")
        .agg(
            pairs=pl.len().cast(pl.Int64),
            tried=pl.col("confirmed").count().cast(pl.Int64),
            confirmed=pl.col("confirmed").sum().cast(pl.Int64),
        )
        .sort("kind", "level")
    )
    tried = pl.col("tried") > 0
    share = table.select(pl.when(tried).then(pl.col("confirmed") / pl.col("tried")))
    rate = share.to_series().fill_null(0).to_numpy()
    low, high = wilson(rate, np.maximum(table["tried"].to_numpy(), 1))
    return table.with_columns(
        share=share.to_series(),
        low=pl.when(tried).then(pl.Series(low).clip(0, 1)),
        high=pl.when(tried).then(pl.Series(high).clip(0, 1)),
    )


def _steps_up(half: pl.DataFrame, priced: pl.DataFrame) -> pl.DataFrame:
    """Customers who bought a dearer product of the category later: as `together` returns it."""
    first = half.group_by("customer_id", "product_id").agg(pl.col("day").min())
    known = first.join(priced, on="product_id")
    parts = [
        pl.DataFrame(
            schema={"antecedent": pl.String, "consequent": pl.String, "together": pl.Int64}
        )
    ]
    for (_,), some in known.group_by("category"):  # so that no more than one lies in memory
        both = some.join(some, on="customer_id", suffix="_up").filter(
            (pl.col("day_up") > pl.col("day")) & (pl.col("price_up") >= STEP_UP * pl.col("price"))
        )
        counted = both.group_by(antecedent="product_id", consequent="product_id_up").agg(
            together=pl.len().cast(pl.Int64)
        )
        parts.append(counted.filter(pl.col("together") >= LEAST_TOGETHER))
    return pl.concat(parts)


def _prices(half: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """Products with a category and a price, as listed, else the median paid."""
    paid = half.group_by("product_id").agg(paid=pl.col("price").median())
    return (
        catalogue.select("product_id", "category", "list_price")
        .join(paid, on="product_id")
        .select("product_id", "category", price=pl.coalesce("list_price", "paid"))
        .drop_nulls()
        .filter(pl.col("price") > 0)
    )


def _tested(units: Units, priced: pl.DataFrame, kind: str) -> int:
    """How many pairs could have been found: both products often enough to be together 5 times."""
    enough = units.columns.filter(pl.Series(units.buyers >= LEAST_TOGETHER))
    if kind == "cross_sell":
        return enough.height * (enough.height - 1) // 2
    some = priced.join(enough, on="product_id", how="semi").sort("price")
    groups = some.group_by("category", maintain_order=True).agg("price")["price"]
    return sum(
        int((len(one) - np.searchsorted(one, STEP_UP * one.to_numpy())).sum()) for one in groups
    )


def _guarded(pairs: pl.DataFrame, tested: int) -> pl.DataFrame:
    """The pairs that the guard passes, with their measures, most joint purchases beyond chance first."""
    table = pairs.with_columns(
        support=pl.col("together") / pl.col("total"),
        confidence=pl.col("together") / pl.col("with_antecedent"),
        lift=pl.col("together") / pl.col("by_chance"),
    )
    ordered = table.sort("p", "antecedent", "consequent")
    # Pairs that never came near are tested as well; all that is known of theirs is that p is larger.
    steps = np.arange(1, ordered.height + 1)
    raised = ordered["p"].to_numpy() * max(tested, ordered.height) / steps
    adjusted = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    order = [pl.col("by_chance") - pl.col("together"), pl.col("antecedent"), pl.col("consequent")]
    return (
        ordered.with_columns(p_adjusted=pl.Series(adjusted, dtype=pl.Float64))
        .filter((pl.col("p_adjusted") <= MOST_P) & (pl.col("lift") > 1))
        .sort(order)
        .head(MOST_PAIRS)
    )


def _tried(found: pl.DataFrame, later: pl.DataFrame, units: Units, kind: str) -> pl.DataFrame:
    """The pairs with what the later half shows of them."""
    pairs = found.select("antecedent", "consequent")
    counted = units.measured(pairs.with_columns(together=_joint(pairs, later, units, kind)))
    sold = (pl.col("with_antecedent") > 0) & (pl.col("with_consequent") > 0)
    again = (pl.col("p") <= MOST_P) & (pl.col("together") > pl.col("by_chance"))
    outcome = counted.select(
        later_together=pl.when(sold).then("together"),
        later_lift=pl.when(sold & (pl.col("by_chance") > 0)).then(
            pl.col("together") / pl.col("by_chance")
        ),
        confirmed=pl.when(sold).then(again),
    )
    return pl.concat([found, outcome], how="horizontal")


def _joint(pairs: pl.DataFrame, later: pl.DataFrame, units: Units, kind: str) -> pl.Series:
    """How many units have both products of each pair; of an up-sell, the dearer one on a later day."""
    if kind == "cross_sell":
        ends = [
            pairs.join(units.columns, left_on=end, right_on="product_id", maintain_order="left")
            for end in ("antecedent", "consequent")
        ]
        by_product = units.has.tocsc()
        first, second = (by_product[:, one["column"].to_numpy()] for one in ends)
        both = first.multiply(second)
        return pl.Series(np.asarray(both.sum(axis=0)).ravel()).cast(pl.Int64)
    first = later.group_by("customer_id", "product_id").agg(pl.col("day").min())
    numbered = pairs.with_row_index("pair")
    both = numbered.join(first, left_on="antecedent", right_on="product_id").join(
        first,
        left_on=["consequent", "customer_id"],
        right_on=["product_id", "customer_id"],
        suffix="_up",
    )
    counts = both.filter(pl.col("day_up") > pl.col("day")).group_by("pair").len("together")
    found = numbered.join(counts, on="pair", how="left", maintain_order="left")
    return found["together"].fill_null(0).cast(pl.Int64)
