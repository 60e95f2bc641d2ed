"""Who moved between classes since the earlier month, and whether time, deeds or the ruler moved them.

Each customer known in both months has a chain of four classes per axis: as published then, as it
would be now had the customer done nothing since (`aged_class`), with all that is known now but by
the old standard (`behaved_class`), and as published now. Counting each step of the chain gives
three parts that add up to the observed flow in every cell. A customer who falls silent moves by
ageing: in one month silence cannot be told from the passing of time.
"""

import polars as pl

FLOW = ["axis", "previous_class", "class"]
SOURCE = ["axis", "previous_class"]
CAUSES = ("ageing", "behaviour", "rescaling")
MOVER_AXES = ("rfm", "cluster", "value_revenue")
HISTORY_MONTHS = 6
LEAST_HISTORY = 3  # months from which on the usual variation of a flow can be told
LEAST_RESIDUAL = 2.0  # standard errors from which on a flow is called unusual


def migration(steps: pl.DataFrame, history: list[pl.DataFrame]) -> pl.DataFrame:
    """Flows between classes, split into parts, weighed by value and compared with earlier months.

    Args:
        steps: one row per customer known in both months and axis: `customer_id`, `axis`,
            `previous_class`, `aged_class`, `behaved_class`, `class`, `spend_365`.
        history: earlier tables `migration`, newest first, each over a step as long as this one; the
            newest six are used. Empty where there are none.

    Returns:
        One row per axis and pair of classes, in the columns of the table `migration`. With n the
        customers of the earlier class, `expected` is n times the mean share p of the flow over the
        M earlier months. `residual` is (customers - expected) / s, where s joins the binomial
        chance of this month, n p (1 - p), the error of the mean share, and what the shares vary
        between months beyond chance (their variance less its binomial part, if positive, times
        1 + 1/M); a plain Pearson residual would call every season unusual. s is at least one
        customer, so that one of a kind is never marked, and null below three earlier months.
    """
    counted = _counted(steps)
    known = counted.group_by(SOURCE).agg(known=pl.col("customers").sum())
    joined = _with_usual(counted, history[:HISTORY_MONTHS]).join(known, on=SOURCE)
    expected = pl.col("share") * pl.col("known")
    variance = pl.col("known") * _chance() + pl.col("known") ** 2 * pl.col("share_variance")
    error = variance.sqrt().clip(lower_bound=1)
    customers = pl.col("customers").fill_null(0)
    flows = joined.select(
        *FLOW,
        customers,
        pl.col(*CAUSES, "spend").fill_null(0),
        expected=expected.round(6),
        residual=((customers - expected) / error).round(6),
    )
    unusual = (pl.col("residual").abs() > LEAST_RESIDUAL).fill_null(False)
    return flows.with_columns(unusual=unusual).sort(FLOW)


def parts(migration: pl.DataFrame) -> pl.DataFrame:
    """How many changed class on each axis, and by which part.

    Args:
        migration: the table `migration`.

    Returns:
        One row per axis: `axis`, `known` (customers known in both months), `moved` (whose class
        changed), `moved_by_ageing`, `moved_by_behaviour`, `moved_by_rescaling` (signed, adding up
        to `moved`; behaviour is negative where buying kept customers whom time would have moved).
    """
    moved = _moved()
    return (
        migration.group_by("axis")
        .agg(
            known=pl.col("customers").sum(),
            moved=pl.col("customers").filter(moved).sum(),
            **{f"moved_by_{cause}": pl.col(cause).filter(moved).sum() for cause in CAUSES},
        )
        .sort("axis")
    )


def largest_flows(migration: pl.DataFrame, axis: str, most: int = 12) -> pl.DataFrame:
    """The flows of an axis that most customers took, stayers left out.

    Returns:
        At most `most` rows: `previous_class`, `class`, `customers`, `ageing`, `behaviour`,
        `rescaling`.
    """
    moved = migration.filter(_moved() & (pl.col("axis") == axis) & (pl.col("customers") > 0))
    ordered = moved.sort("customers", "previous_class", "class", descending=[True, False, False])
    return ordered.head(most).drop("axis", "spend", "expected", "residual", "unusual")


def unusual_flows(migration: pl.DataFrame, axis: str) -> pl.DataFrame:
    """The flows of an axis that earlier months do not explain, the strangest first; no stayers.

    Returns:
        One row per flow: `previous_class`, `class`, `customers`, `expected`, `residual`.
    """
    return (
        migration.filter(pl.col("unusual") & _moved() & (pl.col("axis") == axis))
        .sort(pl.col("residual").abs(), "previous_class", "class", descending=[True, False, False])
        .select("previous_class", "class", "customers", "expected", "residual")
    )


def with_direction(changes: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """Whether a change leads up or down in the order of the classes.

    Args:
        changes: any frame with `axis`, `previous_class`, `class`.
        ranks: one row per axis and class: `axis`, `class`, `rank` (1 is the best); a class emptied
            this month needs its earlier rank here.

    Returns:
        The frame with `previous_rank`, `rank` and `direction`: `up`, `down`, or null where the
        class is the same or a rank unknown.
    """
    now = ranks.select("axis", "class", "rank")
    before = now.rename({"class": "previous_class", "rank": "previous_rank"})
    ranked = changes.join(before, on=SOURCE, how="left", validate="m:1").join(
        now, on=["axis", "class"], how="left", validate="m:1"
    )
    better = pl.col("rank") < pl.col("previous_rank")
    worse = pl.col("rank") > pl.col("previous_rank")
    return ranked.with_columns(
        direction=pl.when(better).then(pl.lit("up")).when(worse).then(pl.lit("down"))
    )


def changes(steps: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """Every change of class on the axes that are told by name, with what brought it.

    Args:
        steps: as `migration` takes it.
        ranks: as `with_direction` takes it.

    Returns:
        One row per customer and axis of RFM, clusters and value by revenue whose class changed:
        `customer_id`, `axis`, `previous_class`, `class`, `direction`, `cause` (the last step of
        the chain at which the class changed), `spend` (last 365 days), `previous_rank`; the
        greatest spend first.
    """
    changed = steps.filter(pl.col("axis").is_in(MOVER_AXES) & _moved())
    cause = (
        pl.when(pl.col("class") != pl.col("behaved_class"))
        .then(pl.lit("rescaling"))
        .when(pl.col("behaved_class") != pl.col("aged_class"))
        .then(pl.lit("behaviour"))
        .otherwise(pl.lit("ageing"))
    )
    return (
        with_direction(changed, ranks)
        .select(
            "customer_id",
            *FLOW,
            "direction",
            cause.alias("cause"),
            pl.col("spend_365").alias("spend"),
            "previous_rank",
        )
        .sort("spend", "customer_id", "axis", descending=[True, False, False])
    )


def movers(steps: pl.DataFrame, facts: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """The changes that matter: repeat buyers whom their deeds moved, or who fell out of the top class.

    Args:
        steps: as `migration` takes it.
        facts: one row per customer, with `customer_id` and `frequency` (repeat purchases).
        ranks: as `with_direction` takes it.

    Returns:
        As `changes` returns it, in the columns of the table `movers`, the greatest spend first.
    """
    repeat = facts.filter(pl.col("frequency") > 0).select("customer_id")
    top = ranks.group_by("axis").agg(top=pl.col("rank").min())
    fell = (pl.col("direction") == "down") & (pl.col("previous_rank") == pl.col("top"))
    return (
        changes(steps, ranks)
        .join(repeat, on="customer_id", how="semi", maintain_order="left")
        .join(top, on="axis", how="left", maintain_order="left")
        .filter((pl.col("cause") == "behaviour") | fell.fill_null(False))
        .drop("previous_rank", "top")
    )


def _moved() -> pl.Expr:
    return pl.col("previous_class") != pl.col("class")


def _counted(steps: pl.DataFrame) -> pl.DataFrame:
    """The four matrices of the chain, one row per flow, and their differences."""
    stages = ("previous_class", "aged_class", "behaved_class", "class")
    matrices = [
        steps.group_by(*SOURCE, pl.col(stage).alias("to")).agg(
            pl.len().cast(pl.Int64).alias(f"n_{stage}"), pl.col("spend_365").sum().alias("spend")
        )
        for stage in stages
    ]
    # Value is weighed by the observed class only.
    matrices = [*(matrix.drop("spend") for matrix in matrices[:-1]), matrices[-1]]
    joined = pl.concat(matrices, how="diagonal").group_by(*SOURCE, "to").agg(pl.all().sum())
    return joined.select(
        *SOURCE,
        pl.col("to").alias("class"),
        customers=pl.col("n_class"),
        ageing=pl.col("n_aged_class") - pl.col("n_previous_class"),
        behaviour=pl.col("n_behaved_class") - pl.col("n_aged_class"),
        rescaling=pl.col("n_class") - pl.col("n_behaved_class"),
        spend=pl.col("spend").round(4),
    )


def _with_usual(counted: pl.DataFrame, history: list[pl.DataFrame]) -> pl.DataFrame:
    """Beside each flow the mean share in earlier months; flows that only those months had join in."""
    if not history:
        nothing = pl.lit(None, dtype=pl.Float64)
        return counted.with_columns(share=nothing, share_variance=nothing)
    usual = _usual(counted.select(FLOW), history)
    sources = counted.select(SOURCE).unique()
    missing = usual.filter(pl.col("share") > 0).join(sources, on=SOURCE, how="semi")
    flows = pl.concat([counted.select(FLOW), missing.select(FLOW)]).unique()
    return flows.join(counted, on=FLOW, how="left").join(usual, on=FLOW, how="left")


def _usual(now: pl.DataFrame, history: list[pl.DataFrame]) -> pl.DataFrame:
    """Each flow's mean share over the earlier months whose class had members, and its variance.

    Returns:
        One row per flow of `now` or of the earlier months: the key, `share`, `share_variance` (of a
        month's true share around that mean).
    """
    months = pl.concat(
        frame.select(*FLOW, "customers", month=pl.lit(number))
        for number, frame in enumerate(history)
    )
    sizes = months.group_by("month", *SOURCE).agg(size=pl.col("customers").sum())
    shares = (
        pl.concat([months.select(FLOW), now])
        .unique()
        .join(sizes.filter(pl.col("size") > 0), on=SOURCE)
        .join(months, on=["month", *FLOW], how="left")
        .with_columns(share=pl.col("customers").fill_null(0) / pl.col("size"))
        .sort("month", *FLOW)
    )
    usual = shares.group_by(FLOW).agg(
        share=pl.col("share").mean(),
        spread=pl.col("share").var().fill_null(0),
        inverse_size=(1 / pl.col("size")).mean(),
        months=pl.len(),
    )
    chance = _chance() * pl.col("inverse_size")
    beyond_chance = (pl.col("spread") - chance).clip(lower_bound=0)
    variance = chance / pl.col("months") + beyond_chance * (1 + 1 / pl.col("months"))
    enough = pl.col("months") >= LEAST_HISTORY
    return usual.select(*FLOW, "share", share_variance=pl.when(enough).then(variance))


def _chance() -> pl.Expr:
    """The binomial variance of one customer's taking the flow."""
    return pl.col("share") * (1 - pl.col("share"))
