"""Figures of `03_segment`."""

import polars as pl
import seaborn as sns

from analysis.labels import label, text
from analysis.report.show import Picture, Sentence
from analysis.report.style import SEQUENTIAL, canvas
from analysis.segment import rfm
from analysis.segment.classes import Classified


def rfm_grid(found: Classified) -> Picture | Sentence:
    """Customers by recency and frequency score.

    Args:
        found: the month's classification.
    """
    part = found.decision.standard.rfm
    if part is None:
        return Sentence(label("segment.nothing_to_draw"))
    scores = rfm.score(found.look.facts, part.cuts)
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
