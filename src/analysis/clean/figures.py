"""Figures of `02_clean`."""

import polars as pl

from analysis.clean.quality import DIMENSIONS
from analysis.labels import label, text
from analysis.report.show import Picture, Sentence
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    canvas,
    month_ticks,
    percentages,
    thousands,
)

HIGHEST_FLOOR = 0.9  # of the scores' axis, so that small changes stay small


def waterfall(stages: pl.DataFrame) -> Picture:
    """The way from rows read to purchase occasions, as floating bars.

    Args:
        stages: as `clean.ledger.waterfall` returns it.
    """
    figure, axes = canvas(height=1.2 + 0.45 * stages.height)
    names = [label(f"stage.{stage}") for stage in stages["stage"]]
    level = 0
    for position, (stage, rows) in enumerate(stages.select("stage", "rows").iter_rows()):
        whole = stage in ("read", "kept")
        left = 0 if whole else level + rows
        colour = {"read": BLUE, "kept": GREEN}.get(stage, VERMILION)
        edge = {"edgecolor": colour, "linewidth": 1.2}  # a few rows among many are seen too
        axes.barh(position, abs(rows), left=left, color=colour, height=0.6, **edge)
        axes.annotate(
            f"{rows:,}",
            (left + abs(rows), position),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
        level = rows if whole else level + rows
    axes.set_yticks(range(stages.height), names)
    axes.invert_yaxis()
    axes.set(xlabel=text("rows"))
    axes.xaxis.set_major_formatter(thousands)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.16)
    values = dict(stages.select("stage", "rows").iter_rows())
    alt = label(
        "clean.waterfall_alt",
        read=f"{values['read']:,}",
        merged=f"{-values['merged']:,}",
        aside=f"{values['read'] + values['merged'] - values['kept']:,}",
        kept=f"{values['kept']:,}",
    )
    return Picture(figure, alt)


def quality_trend(trend: pl.DataFrame) -> Picture | Sentence:
    """The mean score of each dimension over all tables, by month.

    Args:
        trend: the table `quality_trend`.
    """
    means = trend.group_by("dimension", "month").agg(score=pl.col("score").mean().round(6))
    means = means.sort("month", "dimension")
    if means["month"].n_unique() < 2:
        return Sentence(label("clean.trend_none"))
    figure, axes = canvas()
    styles = zip(DIMENSIONS, (BLUE, GREEN, VERMILION, ORANGE, GREY), "osD^v", strict=True)
    for dimension, colour, marker in styles:
        one = means.filter(pl.col("dimension") == dimension)
        if one.height:
            axes.plot(
                one["month"],
                one["score"],
                color=colour,
                marker=marker,
                markersize=4,
                label=text(dimension),
            )
    lowest = min(means["score"].min(), HIGHEST_FLOOR)
    axes.set(ylabel=text("score"), ylim=(lowest - 0.02, 1.01))
    axes.yaxis.set_major_formatter(percentages)
    month_ticks(axes, means["month"].unique().sort())
    figure.legend(loc="outside upper center", ncols=3)
    last = means.filter(pl.col("month") == means["month"].max()).sort("score", "dimension")
    worst = last.row(0, named=True)
    alt = label(
        "clean.trend_alt", dimension=text(worst["dimension"]), score=f"{worst['score']:.1%}"
    )
    return Picture(figure, alt)


def purchases_per_customer(customers: pl.DataFrame, most: int = 10) -> Picture:
    """How many customers bought once, twice, and so on.

    Args:
        customers: the table `customers`.
        most: the last bar gathers this many purchases and more.
    """
    counts = (
        customers.group_by(purchases=pl.col("purchases").clip(upper_bound=most))
        .agg(customers=pl.len())
        .sort("purchases")
    )
    figure, axes = canvas()
    axes.bar(counts["purchases"], counts["customers"], color=BLUE)
    axes.set(xlabel=text("purchases"), ylabel=text("customers"))
    axes.set_xticks(range(1, most + 1), [*map(str, range(1, most)), f"{most}+"])
    axes.yaxis.set_major_formatter(thousands)
    axes.grid(axis="x", visible=False)
    once = (customers["frequency"] == 0).mean()
    alt = label("clean.purchases_alt", once=f"{once:.1%}", customers=f"{customers.height:,}")
    return Picture(figure, alt)
