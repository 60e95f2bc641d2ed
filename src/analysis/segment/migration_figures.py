"""Figures of migration: an alluvial diagram of one axis, and the causes of change on every axis."""

import textwrap
from itertools import pairwise

import numpy as np
import polars as pl
from matplotlib.patches import Patch

from analysis.labels import label
from analysis.report.show import Picture, Sentence, percent
from analysis.report.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, canvas, percentages
from analysis.segment.migration import CAUSES, with_direction
from analysis.segment.migration_words import signed, word

MOST_CLASSES = 6
LEAST_BAND = 0.003  # of all; a thinner band is no more than a hair
OTHER = "other_classes"
COLOURS = {"stayed": GREY, "down": ORANGE, "up": BLUE, "unordered": PURPLE}
CAUSE_COLOURS = dict(zip(CAUSES, (GREY, BLUE, GREEN), strict=True))
# In parts of the whole, which is INCHES high.
INCHES, GAP, LABEL = 3.0, 0.03, 0.15
NODE = 0.03


def alluvial(
    migration: pl.DataFrame, ranks: pl.DataFrame, weight: str = "customers"
) -> Picture | Sentence:
    """Who went from which class to which, as bands; the smallest classes are folded into one.

    Args:
        migration: rows of the table `migration` of one axis.
        ranks: as `segment.migration.with_direction` takes it.
        weight: what the bands measure, `customers` or `spend`.
    """
    flows = with_direction(migration, ranks).filter(pl.col(weight) > 0)
    if flows.is_empty():
        return Sentence(label("migration.nobody_known"))
    flows = flows.with_columns(share=pl.col(weight) / pl.col(weight).sum(), kind=_kind())
    names = _shown_classes(flows)
    bands = _bands(flows, names)
    left, right = _tops(bands, "left", len(names)), _tops(bands, "right", len(names))
    depth = max(tops[-1] for tops in (left, right))
    figure, axes = canvas(height=1.0 + INCHES * depth)
    drawn = pl.col("share") >= LEAST_BAND
    for band in bands.filter(drawn).iter_rows(named=True):
        _draw_band(axes, band, left, right)
    hidden = bands.filter(~drawn)["share"].sum()
    other_side = axes.twinx()
    for side, tops, x in ((axes, left, -NODE), (other_side, right, 1.0)):
        _draw_nodes(side, bands, names, tops, x)
        side.set(xlim=(-NODE, 1 + NODE), ylim=(depth, -GAP))
    axes.set_xticks([0, 1], [label("migration.before"), label("migration.now")])
    if hidden:
        least, share = f"{LEAST_BAND:.1%}", percent(hidden)
        axes.set_xlabel(label("migration.not_drawn", least=least, share=share))
    kinds = [kind for kind in COLOURS if kind in bands["kind"]]
    figure.legend(
        handles=[Patch(label=label(f"migration.{kind}"), **_look(kind)) for kind in kinds],
        loc="outside upper center",
        ncols=len(kinds),
        handlelength=1.2,
        columnspacing=1.2,
    )
    return Picture(figure, _alluvial_alt(flows, weight))


def parts_bar(parts: pl.DataFrame) -> Picture | Sentence:
    """The share of known customers whom each cause moved, by axis; a mark shows the sum.

    A part may be negative: buying keeps customers whom time would have moved. Such a part lies
    left of zero, so that the parts right of zero less those left of it are the mark.

    Args:
        parts: as `segment.migration.parts` returns it.
    """
    if parts.is_empty():
        return Sentence(label("migration.nobody_known"))
    shares = parts.select("axis", (pl.exclude("axis", "known") / pl.col("known"))).sort(
        "moved", "axis", descending=[False, True]
    )
    rows = np.arange(shares.height)
    figure, axes = canvas(height=1.4 + 0.36 * shares.height)
    ends = {1: np.zeros(shares.height), -1: np.zeros(shares.height)}
    for cause in CAUSES:
        values = shares[f"moved_by_{cause}"].to_numpy()
        start = np.where(values >= 0, ends[1], ends[-1])
        colour = CAUSE_COLOURS[cause]
        axes.barh(rows, values, 0.62, start, color=colour, label=label(f"migration.{cause}"))
        for sign in ends:
            ends[sign] = ends[sign] + np.where(values * sign > 0, values, 0)
    axes.plot(shares["moved"], rows, "D", color=INK, markersize=5, label=label("migration.net"))
    axes.axvline(0, color=INK, linewidth=0.8)
    names = [
        f"{word('axis', axis)} {percent(moved)}"
        for axis, moved in shares.select("axis", "moved").iter_rows()
    ]
    axes.set_yticks(rows, names)
    axes.set(xlabel=label("migration.share_of_known"))
    axes.xaxis.set_major_formatter(percentages)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(figure, _parts_alt(shares.row(-1, named=True)))


def _parts_alt(most: dict) -> str:
    if not most["moved"]:
        return label("migration.parts_still_alt")
    causes = {cause: signed(f"{most[f'moved_by_{cause}']:+.1%}") for cause in CAUSES}
    moved, axis = percent(most["moved"]), word("axis", most["axis"])
    return label("migration.parts_alt", axis=axis, moved=moved, **causes)


def _kind() -> pl.Expr:
    stayed = pl.col("previous_class") == pl.col("class")
    moved = pl.col("direction").fill_null("unordered")
    return pl.when(stayed).then(pl.lit("stayed")).otherwise(moved)


def _shown_classes(flows: pl.DataFrame) -> list[str]:
    """The greatest classes, best rank first; where there are too many the last stands for the rest."""
    sides = [
        flows.select(pl.col(name).alias("name"), pl.col(rank).alias("rank"), "share")
        for name, rank in (("previous_class", "previous_rank"), ("class", "rank"))
    ]
    sizes = pl.concat(sides).group_by("name").agg(pl.col("rank").min(), pl.col("share").sum())
    sizes = sizes.sort("share", "name", descending=[True, False])
    fits = sizes.height <= MOST_CLASSES
    kept = sizes if fits else sizes.head(MOST_CLASSES - 1)
    names = kept.sort("rank", "name", nulls_last=True)["name"].to_list()
    return names if fits else [*names, OTHER]


def _bands(flows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """One row per band: node numbers left and right, kind, share, and where it starts in each node."""
    number = {name: position for position, name in enumerate(names)}
    rest = len(names) - 1
    bands = (
        flows.group_by(
            left=pl.col("previous_class").replace_strict(number, default=rest),
            right=pl.col("class").replace_strict(number, default=rest),
            kind="kind",
        )
        .agg(pl.col("share").sum())
        .sort("left", "right", "kind")
    )
    above = {
        f"{side}_start": (pl.col("share").cum_sum() - pl.col("share")).over(
            side, order_by=[other, "kind"]
        )
        for side, other in (("left", "right"), ("right", "left"))
    }
    return bands.with_columns(**above)


def _tops(bands: pl.DataFrame, side: str, nodes: int) -> list[float]:
    """Where each node of a side begins, so far apart that no two labels meet; then the lower end."""
    size = _sizes(bands, side, nodes)
    tops = [0.0]
    for above, below in pairwise(size):
        tops.append(tops[-1] + above + max(GAP, LABEL - (above + below) / 2))
    return [*tops, tops[-1] + max(size[-1], LABEL / 2)]


def _sizes(bands: pl.DataFrame, side: str, nodes: int) -> list[float]:
    size = dict(bands.group_by(side).agg(pl.col("share").sum()).rows())
    return [size.get(node, 0.0) for node in range(nodes)]


def _draw_band(axes, band: dict, left: list[float], right: list[float]) -> None:
    x = np.linspace(0, 1, 60)
    start = left[band["left"]] + band["left_start"]
    end = right[band["right"]] + band["right_start"]
    upper = start + (end - start) * x**2 * (3 - 2 * x)  # smoothstep: level at both ends
    above = 2 if band["kind"] == "stayed" else 3
    axes.fill_between(x, upper, upper + band["share"], zorder=above, **_look(band["kind"]))


def _look(kind: str) -> dict:
    alpha = 0.35 if kind == "stayed" else 0.75
    return {"color": COLOURS[kind], "alpha": alpha, "linewidth": 0}


def _draw_nodes(axes, bands: pl.DataFrame, names: list[str], tops: list[float], x: float) -> None:
    size = _sizes(bands, "left" if x < 0 else "right", len(names))
    axes.bar([x] * len(names), size, NODE, tops[:-1], align="edge", color=INK, zorder=4)
    middles = [top + height / 2 for top, height in zip(tops, size, strict=False)]
    axes.set_yticks(middles, [_node_label(*node) for node in zip(names, size, strict=True)])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _node_label(name: str, share: float) -> str:
    words = label(f"migration.{OTHER}") if name == OTHER else word("class", name)
    return f"{textwrap.fill(words, 14, max_lines=2, placeholder=' …')} {percent(share)}"


def _alluvial_alt(flows: pl.DataFrame, weight: str) -> str:
    axis = word("axis", flows["axis"][0])
    moved = flows.filter(pl.col("kind") != "stayed").sort(
        "share", "previous_class", "class", descending=[True, False, False]
    )
    if moved.is_empty():
        return label("migration.alluvial_still_alt", axis=axis)
    largest = moved.row(0, named=True)
    return label(
        "migration.alluvial_alt",
        axis=axis,
        unit=label(f"migration.of_{weight}"),
        stayed=percent(1 - moved["share"].sum()),
        share=percent(largest["share"]),
        previous=word("class", largest["previous_class"]),
        name=word("class", largest["class"]),
    )
