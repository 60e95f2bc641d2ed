"""Figures of `03_segment`."""

import polars as pl
import seaborn as sns

from analysis.labels import label, text
from analysis.report.show import Picture, Sentence
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SEQUENTIAL,
    canvas,
    percentages,
    thousands,
)
from analysis.segment.clusters import DESCRIPTIONS, Clustering

MOST_DOTS = 3_000


def rfm_grid(scores: pl.DataFrame | None) -> Picture | Sentence:
    """Customers by recency and frequency score.

    Args:
        scores: as `segment.rfm.score` returns it; None where the data do not suffice.
    """
    if scores is None:
        return Sentence(label("segment.nothing_to_draw"))
    counts = scores.group_by("recency_score", "frequency_score").agg(customers=pl.len())
    grid = (
        counts.to_pandas()
        .pivot(index="recency_score", columns="frequency_score", values="customers")
        .reindex(index=range(5, 0, -1), columns=range(1, 6), fill_value=0)
        .fillna(0)
    )
    figure, axes = canvas(height=3.5)
    sns.heatmap(grid, annot=True, fmt=",.0f", cmap=SEQUENTIAL, cbar=False, ax=axes, linewidths=1)
    axes.set(xlabel=text("frequency_score"), ylabel=text("recency_score"))
    axes.tick_params(axis="y", rotation=0)
    best = int(grid.loc[5, 5])
    alt = label("segment.rfm_alt", best=f"{best:,}", share=f"{best / scores.height:.1%}")
    return Picture(figure, alt)


def shares(profile: pl.DataFrame) -> Picture:
    """Each class's share of customers beside its share of spend, the best class on top.

    Args:
        profile: rows of `segment_profile` of one axis.
    """
    ranked = profile.sort("rank", descending=True)
    names = [label(f"class.{name}.en") for name in ranked["class"]]
    figure, axes = canvas(height=1.3 + 0.5 * ranked.height)
    rows = range(ranked.height)
    spend = ranked["share_of_spend"].fill_null(0)
    axes.barh([row + 0.2 for row in rows], spend, 0.38, color=BLUE, label=text("share_of_spend"))
    axes.barh(
        [row - 0.2 for row in rows],
        ranked["share_of_customers"],
        0.38,
        color=GREY,
        label=text("share_of_customers"),
    )
    axes.set_yticks(rows, names)
    axes.xaxis.set_major_formatter(percentages)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=2)
    top = profile.sort("share_of_spend", descending=True).row(0, named=True)
    alt = label(
        "segment.shares_alt",
        name=label(f"class.{top['class']}.en"),
        spend=f"{top['share_of_spend'] or 0:.1%}",
        customers=f"{top['share_of_customers']:.1%}",
    )
    return Picture(figure, alt)


def cluster_map(
    clustering: Clustering | None, customers: pl.DataFrame, currency: str
) -> Picture | Sentence:
    """A sample of repeat buyers by idle time and mean spend, coloured by cluster.

    Args:
        clustering: as `segment.clusters.cluster` returns it; None where the data do not suffice.
        customers: the table `customers`.
    """
    if clustering is None:
        return Sentence(label("segment.nothing_to_draw"))
    members = clustering.members.select("customer_id", "class").join(customers, on="customer_id")
    members = members.with_columns(
        idle_days=pl.col("T") - pl.col("recency"), mean_spend=pl.col("spend") / pl.col("purchases")
    )
    palette = dict(zip(DESCRIPTIONS, (BLUE, GREEN, ORANGE, GREY), strict=True))
    sample = (
        members.filter(pl.col("mean_spend") > 0)
        .sort("idle_days", "mean_spend", "customer_id")
        .gather_every(max(members.height // MOST_DOTS, 1))
    )
    if sample.is_empty():
        return Sentence(label("segment.nothing_to_draw"))
    figure, axes = canvas(height=3.9)
    for name, colour in palette.items():
        one = sample.filter(pl.col("class") == name)
        axes.scatter(
            one["idle_days"] + 1,
            one["mean_spend"],
            s=8,
            color=colour,
            alpha=0.55,
            linewidths=0,
            label=label(f"class.{name}.en"),
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=label("segment.idle_axis"),
        ylabel=label("segment.spend_axis", currency=currency),
    )
    axes.xaxis.set_major_formatter(thousands)
    axes.yaxis.set_major_formatter(thousands)
    figure.legend(loc="outside upper center", ncols=2, markerscale=3)
    return Picture(figure, label("segment.map_alt", customers=f"{members.height:,}"))
