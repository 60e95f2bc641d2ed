"""Figures of a customer's card, and the map of classes, owners and products."""

import textwrap
from datetime import date

import matplotlib.dates
import networkx
import numpy as np
import polars as pl
from matplotlib import patheffects

from analysis.card.relations import RADIUS
from analysis.card.timeline import LANES
from analysis.labels import group, label
from analysis.report.show import Picture, Sentence
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
)

MOST_NODES = 6  # in a column of the map
MOST_NEAR = 14  # customers in the figure of relations
_PALETTE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
_OTHERS = "others"
_WRAP = 15
_KIND_COLOURS = {"parent": VERMILION, "referral": BLUE, "contact": GREEN, "partner": ORANGE}
_HALO = [patheffects.withStroke(linewidth=3, foreground="white")]


def timeline(events: pl.DataFrame, as_of: date) -> Picture | Sentence:
    """Purchases, contacts and what was said on one axis of time, up to the end of the month.

    Args:
        events: as `card.timeline.events` returns it.
        as_of: last day of the month.
    """
    if events.is_empty():
        return Sentence(label("card.nothing_happened"))
    lanes = [lane for lane in LANES if lane in set(events["event"])]
    figure, axes = canvas(height=1.0 + 0.62 * len(lanes))
    for row, lane in enumerate(reversed(lanes)):
        _draw_lane(axes, row, lane, events.filter(pl.col("event") == lane))
    axes.axvline(as_of, color=GREY, linestyle=":", linewidth=1.2)
    words = group("card.lane")
    axes.set_yticks(range(len(lanes)), [words[lane] for lane in reversed(lanes)])
    axes.set_ylim(-0.6, len(lanes) - 0.4)
    locator = matplotlib.dates.AutoDateLocator(maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    axes.grid(axis="y", visible=False)
    if events["complaint"].any():
        figure.legend(loc="outside lower center", ncols=2, handletextpad=0.2)
    return Picture(figure, _timeline_alt(events))


def _draw_lane(axes, row: int, lane: str, events: pl.DataFrame) -> None:
    if lane == "purchase":
        amount = events["amount"].fill_null(0).clip(0).to_numpy()
        area = 20 + 180 * amount / max(amount.max(), 1e-9)
        axes.scatter(
            events["day"], [row] * events.height, s=area, color=BLUE, alpha=0.55, linewidths=0
        )
        return
    usual = events.filter(~pl.col("complaint"))
    axes.scatter(usual["day"], [row] * usual.height, s=70, marker="|", color=GREY, linewidths=1.5)
    for is_open, name in ((False, "closed_complaint"), (True, "open_complaint")):
        some = events.filter(pl.col("complaint") & (pl.col("open") == is_open))
        if some.height:
            face = VERMILION if is_open else "white"
            axes.scatter(
                some["day"],
                [row] * some.height,
                s=44,
                facecolor=face,
                edgecolor=VERMILION,
                linewidths=1.5,
                label=label(f"card.{name}"),
            )


def _timeline_alt(events: pl.DataFrame) -> str:
    counts = {lane: events.filter(pl.col("event") == lane).height for lane in LANES}
    return label(
        "card.timeline_alt",
        first=events["day"][0],
        last=events["day"][-1],
        complaints=int(events["complaint"].sum()),
        open=int(events["open"].sum()),
        **counts,
    )


def relations_map(nodes: pl.DataFrame, edges: pl.DataFrame) -> Picture | Sentence:
    """Owners on the left, classes in the middle, what they buy on the right.

    The broader a line, the more customers it joins; the larger a dot, the more they spent.

    Args:
        nodes, edges: as `card.relations.graph` returns them. Of each column the nodes of most spend
            are drawn, the rest as one node.
    """
    goods = "category" if "category" in set(nodes["kind"]) else "product"
    kinds = [kind for kind in ("owner", "class", goods) if kind in set(nodes["kind"])]
    if len(kinds) < 2:
        return Sentence(label("relations.no_map"))
    drawn, folded = _folded(nodes, kinds)
    flows = (
        edges.filter(pl.col("kind").is_in(["owner_class", f"class_{goods}"]))
        .with_columns(pl.col("source", "target").replace(folded))
        .group_by("source", "target")
        .agg(pl.col("customers").sum())
        .sort("customers", "source", "target")
    )
    place = _columns(drawn, kinds)
    figure, axes = canvas(height=1.1 + 0.78 * max(drawn["kind"].value_counts()["count"]))
    classes = drawn.filter(pl.col("kind") == "class")["node_id"].to_list()
    colour = dict(zip(classes, _PALETTE, strict=False))
    _draw_flows(axes, flows, place, colour)
    _draw_nodes(axes, drawn, place, colour)
    words = group("relations.column")
    for x, kind in enumerate(kinds):
        axes.text(x, 0.5, words[kind], ha="center", va="baseline", color=GREY)
    axes.set(xlim=(-0.42, len(kinds) - 0.58), ylim=(-max(drawn["row"]) - 0.75, 0.8))
    axes.set_axis_off()
    return Picture(figure, _map_alt(drawn, flows, kinds))


def _folded(nodes: pl.DataFrame, kinds: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """The nodes to draw with their row in the column, and which node stands for one that is not."""
    drawn, folded = [], {}
    for kind in kinds:
        own = nodes.filter(pl.col("kind") == kind).sort(
            ["spend", "node_id"], descending=[True, False]
        )
        kept = own if own.height <= MOST_NODES else own.head(MOST_NODES - 1)
        rest = own.slice(kept.height)
        if rest.height:
            one = f"{kind}:{_OTHERS}~"
            folded |= dict.fromkeys(rest["node_id"], one)
            name = label("relations.others", count=rest.height)
            added = rest.select(pl.lit(one).alias("node_id"), pl.lit(kind).alias("kind"))[:1]
            sums = rest.select(pl.col("customers", "spend").sum())
            added = added.with_columns(sums["customers"], sums["spend"], label=pl.lit(name))
            kept = pl.concat([kept, added.select(kept.columns)])
        drawn.append(kept.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)))
    return pl.concat(drawn), folded


def _columns(drawn: pl.DataFrame, kinds: list[str]) -> dict[str, tuple[float, float]]:
    """Where each node stands: its column, and its row spread over the height of the tallest column."""
    tallest = drawn["row"].max()
    place = {}
    for node, kind, row in drawn.select("node_id", "kind", "row").iter_rows():
        rows = drawn.filter(pl.col("kind") == kind).height
        spread = tallest / (rows - 1) if rows > 1 else 0
        top = 0 if rows > 1 else tallest / 2
        place[node] = (kinds.index(kind), -(top + row * spread))
    return place


def _draw_flows(axes, flows: pl.DataFrame, place: dict, colour: dict) -> None:
    most = max(flows["customers"].max() or 0, 1)
    steps = np.linspace(0, 1, 30)
    for source, target, customers in flows.iter_rows():
        (x0, y0), (x1, y1) = place[source], place[target]
        y = y0 + (y1 - y0) * (3 * steps**2 - 2 * steps**3)
        shade = colour.get(source) or colour.get(target, GREY)
        width = 0.5 + 7 * customers / most
        axes.plot(x0 + (x1 - x0) * steps, y, color=shade, linewidth=width, alpha=0.35, zorder=1)


def _draw_nodes(axes, drawn: pl.DataFrame, place: dict, colour: dict) -> None:
    for kind, of_kind in drawn.group_by("kind", maintain_order=True):
        most = max(of_kind["spend"].max(), 1e-9)
        for node, name, spend in of_kind.select("node_id", "label", "spend").iter_rows():
            x, y = place[node]
            area = 40 + 260 * max(spend, 0) / most
            shade = colour.get(node, GREY) if kind[0] == "class" else INK
            axes.scatter(x, y, s=area, color=shade, zorder=2, linewidths=0)
            words = textwrap.fill(textwrap.shorten(name, 2 * _WRAP, placeholder="…"), _WRAP)
            text = axes.text(
                x, y - 0.2, words, ha="center", va="top", fontsize=10.5, zorder=3, linespacing=1.1
            )
            text.set_path_effects(_HALO)


def _map_alt(drawn: pl.DataFrame, flows: pl.DataFrame, kinds: list[str]) -> str:
    names = dict(drawn.select("node_id", "label").iter_rows())
    counts = {kind: drawn.filter(pl.col("kind") == kind).height for kind in kinds}
    parts = ", ".join(
        f"{group('relations.column')[kind]} ({count})" for kind, count in counts.items()
    )
    source, target, customers = flows.row(-1)
    return label(
        "relations.map_alt",
        columns=parts,
        customers=f"{customers:,}",
        source=names[source],
        target=names[target],
    )


def ego_graph(nodes: pl.DataFrame, edges: pl.DataFrame) -> Picture | Sentence:
    """A customer in the middle of those joined to it, the size of a dot being the spend to date.

    Args:
        nodes, edges: as `card.relations.ego` returns them, with ids as pages may show them.
    """
    if nodes.height < 2:
        return Sentence(label("relations.alone"))
    order = ["distance", "spend", "customer_id"]
    shown = nodes.sort(order, descending=[False, True, False], nulls_last=True).head(MOST_NEAR)
    near = set(shown["customer_id"])
    joined = edges.filter(pl.col("source").is_in(list(near)) & pl.col("target").is_in(list(near)))
    net = networkx.Graph()
    net.add_nodes_from(shown["customer_id"])
    net.add_edges_from(joined.select("source", "target").iter_rows())
    place = networkx.kamada_kawai_layout(net)
    figure, axes = canvas(height=2.2 + 0.16 * shown.height)
    for kind in sorted(set(joined["kind"])):
        for count, (source, target) in enumerate(
            joined.filter(pl.col("kind") == kind).select("source", "target").iter_rows()
        ):
            name = None if count else label(f"relations.kind.{kind}")
            _draw_link(axes, place[source], place[target], _KIND_COLOURS.get(kind, GREY), name)
    _draw_people(axes, shown, place)
    axes.margins(0.22, 0.16)
    axes.set_axis_off()
    figure.legend(loc="outside lower center", ncols=4)
    alt = label(
        "relations.ego_alt",
        direct=nodes.filter(pl.col("distance") == 1).height,
        near=nodes.height - 1,
        steps=RADIUS,
        shown=shown.height - 1,
    )
    return Picture(figure, alt)


def _draw_link(axes, start, end, colour: str, name: str | None) -> None:
    """A line with an arrow at its middle, in the direction of the relation."""
    axes.plot(
        [start[0], end[0]], [start[1], end[1]], color=colour, linewidth=1.8, zorder=1, label=name
    )
    middle = 0.55 * (np.asarray(end) - start) + start
    arrow = {"arrowstyle": "-|>", "color": colour, "mutation_scale": 13, "linewidth": 0}
    before = 0.5 * (np.asarray(end) - start) + start
    axes.annotate("", xy=middle, xytext=before, arrowprops=arrow, zorder=1)


def _draw_people(axes, shown: pl.DataFrame, place: dict) -> None:
    most = max(shown["spend"].max() or 0, 1e-9)
    for person, distance, spend in shown.select("customer_id", "distance", "spend").iter_rows():
        x, y = place[person]
        colour = VERMILION if distance == 0 else BLUE if distance == 1 else SKY
        face = "white" if spend is None else colour  # hollow: no purchase yet
        area = 60 + 240 * (spend or 0) / most
        axes.scatter(x, y, s=area, facecolor=face, edgecolor=colour, linewidths=1.8, zorder=2)
        words = textwrap.shorten(person, 18, placeholder="…") if " " in person else person[:18]
        text = axes.annotate(
            words,
            (x, y),
            xytext=(0, -3 - area**0.5 / 2),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=10.5,
            zorder=3,
        )
        text.set_path_effects(_HALO)
