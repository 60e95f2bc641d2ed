"""Which answers and invitations count: the latest of each customer in the year."""

from datetime import date, timedelta

import polars as pl

from analysis.feedback.scales import scored

YEAR = 365  # days
ALL, UNKNOWN, AXES = "all", "unknown", ("cluster", "rfm", "region")
FREQUENCIES = (0, 1, 4)  # repeat purchases: none, one, two to four, more


def valid_answers(
    surveys: pl.DataFrame, scales: pl.DataFrame, as_of: date, days: int | None = YEAR
) -> pl.DataFrame:
    """Answers to items that are an NPS or a CSAT.

    An item that changed its scale between surveys is taken on the scale of its latest answer, so that
    no figure mixes two.

    Args:
        surveys: the table `surveys`.
        scales: as `scales.item_scales` returns it.
        as_of: last day that counts.
        days: how far back; None for everything.

    Returns:
        One row per answer, in the order of time: `customer_id`, `response` (the answer sheet), `survey`,
        `item`, `measure` (`nps`, `csat`), `day`, `month`, `mode`, `score`, `highest`, `verdict` (1 for
        a promoter or a top-two answer, -1 for a detractor, else 0).
    """
    usable = scales.filter(pl.col("kind").is_in(["nps", "csat"]))
    answers = (
        _within(surveys, as_of, days)
        .filter(pl.col("score").is_not_null())
        .join(usable.select("survey", "item", "highest", measure="kind"), on=["survey", "item"])
        .sort("day", "survey", "item", "customer_id", "response", "score")
    )
    scale = pl.struct("measure", "highest")
    answers = answers.filter(scale == scale.last().over("item"))
    top = pl.col("score") > pl.col("highest") - 2
    detractor = (pl.col("measure") == "nps") & (pl.col("score") <= 6)
    return answers.select(
        *("customer_id", "response", "survey", "item", "measure", "day"),
        *(pl.col("day").dt.truncate("1mo").alias("month"), "mode", "score", "highest"),
        verdict=top.cast(pl.Int64) - detractor.cast(pl.Int64),
    )


def latest(answers: pl.DataFrame, *within: str) -> pl.DataFrame:
    """The latest answer of each customer to each item, or to each within e.g. a month."""
    return answers.unique(["customer_id", "item", *within], keep="last", maintain_order=True)


def invitations(surveys: pl.DataFrame, as_of: date, days: int | None = YEAR) -> pl.DataFrame:
    """Who was asked, and who answered anything: a score, a text, or a reason for leaving.

    Rows with `invited` false are answers that nobody asked for, and left out.

    Returns:
        One row per survey and customer: `survey`, `customer_id`, `mode`, `month`, `answered`.
    """
    said = pl.col("text").str.strip_chars().str.len_chars() > 0
    answered = (
        pl.col("score").is_not_null() | said.fill_null(False) | pl.col("exit_reason").is_not_null()
    )
    return (
        _within(surveys, as_of, days)
        .filter(pl.col("invited").fill_null(True))
        .sort("day", "response", "item")
        .group_by("survey", "customer_id", maintain_order=True)
        .agg(
            pl.col("mode").first(),
            month=pl.col("day").first().dt.truncate("1mo"),
            answered=answered.any(),
        )
        .sort("survey", "customer_id")
    )


def with_classes(rows: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """Rows of customers with their classes as columns `cluster`, `rfm`, `region`; `unknown` without."""
    for axis in AXES:
        known = segments.filter(pl.col("axis") == axis).select(
            "customer_id", pl.col("class").alias(axis)
        )
        known = known.unique("customer_id", keep="first", maintain_order=True)
        rows = rows.join(known, on="customer_id", how="left", maintain_order="left")
    filled = pl.col(*AXES, "mode").cast(pl.String).fill_null(UNKNOWN)
    return rows.with_columns(filled, pl.col("month").dt.strftime("%Y-%m"))


def cells(
    people: pl.DataFrame, segments: pl.DataFrame, customers: pl.DataFrame, least: int
) -> pl.Series:
    """Cells of class and frequency; those with fewer than `least` answering are pooled.

    Args:
        people: one row per invited customer with `customer_id` and `answered`.
        segments: the table `segments`; its clusters, or else its RFM classes, part the customers.
        customers: the table `customers`.
        least: answers that a cell needs.

    Returns:
        The name of each row's cell.
    """
    axes = segments["axis"].unique()
    axis = next((one for one in AXES[:2] if one in axes), AXES[0])
    klass = segments.filter(pl.col("axis") == axis).unique("customer_id", maintain_order=True)
    often = customers.select("customer_id", "frequency").unique("customer_id", maintain_order=True)
    named = (
        people.select("customer_id", "answered")
        .join(
            klass.select("customer_id", "class"),
            on="customer_id",
            how="left",
            maintain_order="left",
        )
        .join(often, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            cell=pl.format(
                "{} {}",
                pl.col("class").fill_null(UNKNOWN),
                pl.sum_horizontal((pl.col("frequency") > most) for most in FREQUENCIES),
            )
        )
    )
    counts = named.group_by("cell").agg(pl.col("answered").sum()).sort("answered", "cell")
    small = counts.filter(pl.col("answered") < least)
    pooled = small["cell"].to_list()
    # A pool that is still too small takes the smallest other cell in.
    if small.height and small["answered"].sum() < least:
        pooled = counts["cell"].head(small.height + 1).to_list()
    cell = pl.when(pl.col("cell").is_in(pooled)).then(pl.lit("pooled")).otherwise("cell")
    return named.select(cell=cell)["cell"]


def _within(surveys: pl.DataFrame, as_of: date, days: int | None) -> pl.DataFrame:
    day = pl.col("at").dt.date()
    late_enough = day > as_of - timedelta(days) if days is not None else pl.lit(True)
    sheet = pl.format("{}|{}|{}", "survey", "customer_id", day)
    return (
        scored(surveys)
        .filter((day <= as_of) & late_enough & pl.col("customer_id").is_not_null())
        .with_columns(day=day, response=pl.coalesce("response_id", sheet))
    )
