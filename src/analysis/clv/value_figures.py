"""Figures of net value: who contributes it, why it changed, what serving costs."""

import numpy as np
import polars as pl

from analysis.labels import label, text
from analysis.report.show import Picture, Sentence, worded
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    canvas,
    percentages,
    thousands,
)

TOP = 0.2
_MOST_POINTS = 500
_LEVELS = ("start", "end")


def pareto(curve: pl.DataFrame) -> Picture | Sentence:
    """The share of the net value that the best customers have brought together.

    Args:
        curve: as `contribution.pareto` returns it.
    """
    if curve.is_empty():
        return Sentence(label("value.no_total"))
    people, share = (curve[name].to_numpy() for name in curve.columns)
    shown = np.unique(np.linspace(0, len(people) - 1, _MOST_POINTS).round().astype(int))
    best = int(np.ceil(round(TOP * (len(people) - 1), 6)))
    peak = float(share.max())
    figure, axes = canvas()
    axes.plot(people[shown], share[shown], color=BLUE, linewidth=2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, ls=":")
    if peak > 1.0005:
        axes.axhline(1, color=GREY, linewidth=1)
    axes.plot(people[best], share[best], "o", color=VERMILION)
    axes.annotate(
        label("value.pareto_mark", top=f"{people[best]:.0%}", share=f"{share[best]:.0%}"),
        *((people[best], share[best]), (10, -6)),
        textcoords="offset points",
        va="top",
    )
    axes.set(xlabel=label("clv.share_of_customers"), ylabel=label("value.share_of_net"))
    axes.xaxis.set_major_formatter(percentages)
    axes.yaxis.set_major_formatter(percentages)
    alt = label("value.pareto_alt", top=f"{people[best]:.0%}", share=f"{share[best]:.0%}")
    if peak > 1.0005:
        alt += " " + label("value.pareto_peak_alt", peak=f"{peak:.1%}")
    return Picture(figure, alt)


def waterfall(parts: pl.DataFrame, currency: str) -> Picture:
    """How last month's expected value became this month's.

    Args:
        parts: as `waterfall.waterfall` returns it.
    """
    rows = parts.with_columns(pl.col("amount").cast(pl.Float64)).to_dicts()
    rows = [row for row in rows if row["amount"] or row["part"] != "left"]
    changes = [0.0 if row["part"] == "end" else row["amount"] for row in rows]
    ends = np.cumsum(changes)
    figure, axes = canvas(height=0.45 * len(rows) + 0.9)
    for place, (row, end) in enumerate(zip(rows, ends, strict=True)):
        level = row["part"] in _LEVELS
        start = 0.0 if level else end - row["amount"]
        colour = GREY if level else GREEN if row["amount"] >= 0 else VERMILION
        axes.barh(place, row["amount"], left=start, color=colour, height=0.62)
        shown = f"{row['amount']:,.0f}" if level else f"{row['amount']:+,.0f}"
        right = max(start, start + row["amount"])
        axes.annotate(shown, (right, place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(rows)), [label(f"part.{row['part']}") for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    low, high = _window(ends, rows)
    axes.set_xlim(low, high + 0.28 * (high - low))
    axes.xaxis.set_major_formatter(thousands)
    axes.locator_params(axis="x", nbins=4)
    name = f"{label('value.expected_net')} ({currency})"
    axes.set(xlabel=f"{name}\n{label('value.cut_axis')}" if low > 0 else name)
    return Picture(figure, _waterfall_alt(rows, currency, low))


def _window(ends: np.ndarray, rows: list[dict]) -> tuple[float, float]:
    """From where to where the axis goes: from zero, unless the changes would then not be seen."""
    low, high = min(0.0, ends.min()), max(ends.max(), 0.0)
    between = ends.max() - ends.min()
    if low == 0 and 0 < between < 0.15 * high:
        low = float(ends.min() - between)
    return low, high if high > low else low + 1


def _waterfall_alt(rows: list[dict], currency: str, low: float) -> str:
    changes = [row for row in rows if row["part"] not in _LEVELS]
    largest = max(changes, key=lambda row: abs(row["amount"]))
    alt = label(
        "value.waterfall_alt",
        start=f"{rows[0]['amount']:,.0f}",
        end=f"{rows[-1]['amount']:,.0f}",
        currency=currency,
        part=label(f"part.{largest['part']}"),
        amount=f"{largest['amount']:+,.0f}",
    )
    return alt if low <= 0 else f"{alt} {label('value.cut_axis')}"


def cost_to_serve(classes: pl.DataFrame, axis: str) -> Picture | Sentence:
    """Each class's share of the cost to serve beside its share of the margin.

    Args:
        classes: as `serving.by_class` returns it.
        axis: whose classes are drawn.
    """
    rows = classes.filter((pl.col("axis") == axis) & pl.col("served").is_not_null())
    if rows.is_empty():
        return Sentence(label("value.no_cost_to_serve", axis=label(f"axis.{axis}")))
    names = worded(rows.select("class"))["class"].to_list()
    place = np.arange(rows.height)
    figure, axes = canvas(height=0.55 * rows.height + 1.1)
    drawn = (("share_of_margin", BLUE, -0.19), ("share_of_cost", ORANGE, 0.19))
    for column, colour, offset in drawn:
        shares = rows[column].to_numpy()
        axes.barh(place + offset, shares, height=0.36, color=colour, label=text(column))
        for at, share in zip(place + offset, shares, strict=True):
            beside = (max(share, 0), at)
            axes.annotate(
                f"{share:.0%}",
                *(beside, (3, 0)),
                textcoords="offset points",
                va="center",
                color=INK,
                size=9.5,
            )
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12, y=0.02)
    axes.xaxis.set_major_formatter(percentages)
    axes.locator_params(axis="x", nbins=5)
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(figure, _serving_alt(rows, names, axis))


def _serving_alt(rows: pl.DataFrame, names: list[str], axis: str) -> str:
    gaps = (rows["share_of_cost"] - rows["share_of_margin"]).to_numpy()
    widest = int(np.abs(gaps).argmax())
    return label(
        "value.serving_alt",
        axis=label(f"axis.{axis}"),
        name=names[widest],
        cost=f"{rows['share_of_cost'][widest]:.0%}",
        margin=f"{rows['share_of_margin'][widest]:.0%}",
    )
