"""Figures about clusters: what each is like, and how each number of clusters did."""

from textwrap import fill

import numpy as np
import seaborn as sns

from analysis.labels import label
from analysis.report.show import Picture, Sentence
from analysis.report.style import BLUE, GREY, ORANGE, canvas
from analysis.segment.cluster_model import LEAST_JACCARD, ClusterModel
from analysis.segment.cluster_words import class_word, feature_word, level

LETTERS_PER_LINE = 11


def centres(model: ClusterModel | None) -> Picture | Sentence:
    """What members of each cluster are like, in words, beside the mean customer; best class left."""
    if model is None:
        return Sentence(label("segment.nothing_to_draw"))
    grid = np.array(model.centres).T
    words = np.array([[label(f"clusters.{level(value)}") for value in row] for row in grid])
    figure, axes = canvas(height=1.1 + 0.42 * len(grid))
    sns.heatmap(
        grid,
        annot=np.vectorize(lambda word: fill(word, LETTERS_PER_LINE))(words),
        fmt="",
        cmap="RdBu_r",
        vmin=-2,
        vmax=2,
        cbar=False,
        linewidths=1,
        annot_kws={"size": 8.5},
        ax=axes,
    )
    heads = [fill(class_word(name), LETTERS_PER_LINE) for name in model.names]
    axes.set_xticks(np.arange(len(heads)) + 0.5, heads, fontsize=8.5, rotation=0)
    rows = [fill(feature_word(name), 16) for name in model.features]
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=9, rotation=0)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    feature, furthest = np.unravel_index(np.abs(grid).argmax(), grid.shape)
    alt = label(
        "clusters.centres_alt",
        classes=len(model.names),
        features=len(model.features),
        name=class_word(model.names[furthest]),
        level=words[feature, furthest],
        feature=feature_word(model.features[feature]),
    )
    return Picture(figure, alt)


def tested(model: ClusterModel | None) -> Picture | Sentence:
    """Silhouette and stability by number of clusters, the number kept marked."""
    if model is None:
        return Sentence(label("segment.nothing_to_draw"))
    numbers = [one.k for one in model.tested]
    figure, (apart, stable) = canvas(height=2.9, columns=2)
    for axes, name, value, colour, word in (
        (apart, "silhouette", "silhouette", BLUE, "line_found"),
        (apart, "silhouette", "null_mean", GREY, "line_null"),
        (stable, "jaccard", "least_jaccard", BLUE, "line_stability"),
    ):
        heights = [getattr(one, value) for one in model.tested]
        axes.plot(numbers, heights, "o-", color=colour, label=label(f"clusters.{word}"))
        axes.set(
            xlabel=label("clusters.number_axis"), ylabel=label(f"clusters.{name}_axis"), ylim=(0, 1)
        )
        axes.set_xticks(numbers)
        axes.axvline(model.kept.k, color=ORANGE, lw=6, alpha=0.25, zorder=0)
    stable.axhline(LEAST_JACCARD, color=GREY, ls="--", label=label("clusters.line_asked"))
    apart.legend(loc="upper right", fontsize=8.5)
    stable.legend(loc="lower left", fontsize=8.5)
    alt = label(
        "clusters.tested_alt",
        k=model.kept.k,
        silhouette=f"{model.kept.silhouette:.2f}",
        null=f"{model.kept.null_mean:.2f}",
        jaccard=f"{model.kept.least_jaccard:.2f}",
        least=f"{LEAST_JACCARD:.2f}",
    )
    return Picture(figure, alt)
