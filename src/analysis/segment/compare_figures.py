"""The figure that compares the axes: what each foretold, and how far a continuous score lies ahead."""

import textwrap

import polars as pl

from analysis.labels import label
from analysis.report.show import Picture, Sentence
from analysis.report.style import BLUE, GREY, ORANGE, canvas
from analysis.segment.compare import NO_CLASSES, SCORE, recommended
from analysis.segment.compare_words import axis_words

COIN = 0.5
WIDEST_NAME = 15  # letters on a line, so that a phone leaves room for the figure


def axes_compared(comparison: pl.DataFrame) -> Picture | Sentence:
    """How well each axis told who would buy, with 95 % intervals, the best on top; the score as a line.

    Args:
        comparison: the table `axis_comparison`.
    """
    tested = comparison.drop_nulls("auc").sort("auc", "axis", descending=[False, True])
    axes = tested.filter(~pl.col("axis").is_in([SCORE, NO_CLASSES]) & (pl.col("classes") > 1))
    if axes.is_empty():
        return Sentence(label("compare.untested"))
    score = tested.row(by_predicate=pl.col("axis") == SCORE, named=True)
    best = recommended(comparison)
    figure, canvas_axes = canvas(height=1.6 + 0.4 * axes.height)
    canvas_axes.axvspan(score["auc_low"], score["auc_high"], color=ORANGE, alpha=0.2, linewidth=0)
    name = label("compare.row.continuous_score")
    canvas_axes.axvline(score["auc"], color=ORANGE, linewidth=2, label=name)
    canvas_axes.axvline(COIN, color=GREY, linewidth=1.5, ls=":", label=label("compare.coin"))
    for row, one in enumerate(axes.iter_rows(named=True)):
        colour = BLUE if one["axis"] == best else GREY
        canvas_axes.plot([one["auc_low"], one["auc_high"]], [row, row], color=colour, linewidth=2.5)
        canvas_axes.plot(one["auc"], row, "o", color=colour, markersize=8)
    names = [textwrap.fill(axis_words(axis), WIDEST_NAME) for axis in axes["axis"]]
    canvas_axes.set_yticks(range(axes.height), names)
    canvas_axes.set_ylim(-0.6, axes.height - 0.4)
    canvas_axes.grid(axis="y", visible=False)
    canvas_axes.set(xlabel=label("compare.auc_axis"))
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(figure, _alt(axes, score, best))


def _alt(axes: pl.DataFrame, score: dict, best: str | None) -> str:
    """The winner and its gap to the score in a sentence."""
    shown = best or axes["axis"][-1]
    row = axes.row(by_predicate=pl.col("axis") == shown, named=True)
    return label(
        "compare.alt_recommended" if best else "compare.alt_none",
        axes=axes.height,
        axis=axis_words(shown),
        auc=f"{row['auc']:.3f}",
        low=f"{row['auc_low']:.3f}",
        high=f"{row['auc_high']:.3f}",
        score=f"{score['auc']:.3f}",
        gap=f"{row['behind']:+.3f}",
    )
