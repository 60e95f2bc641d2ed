"""Figures of satisfaction: its course, its level by class, and what to fix first."""

from datetime import date
from itertools import cycle

import numpy as np
import polars as pl

from analysis.feedback.drivers import Drivers
from analysis.labels import label
from analysis.report.show import Picture, Sentence, worded
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
    month_ticks,
    percentages,
)

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
_MARKERS = "osD^vP"
_QUADRANT_COLOURS = {
    "fix_first": VERMILION,
    "keep_up": GREEN,
    "possible_overkill": ORANGE,
    "low_priority": GREY,
}
MOST_ITEMS = len(_COLOURS)


def trend(rows: pl.DataFrame, measure: str) -> Picture | Sentence:
    """NPS or CSAT by month with intervals; months with too few answers are hollow.

    Args:
        rows: as `satisfaction.satisfaction` returns it.
        measure: `nps` or `csat`.
    """
    months = rows.filter((pl.col("by") == "month") & (pl.col("measure") == measure))
    if months.is_empty():
        return _nothing(measure)
    items = _items(months)
    figure, axes = canvas()
    span = months["class"].str.to_date("%Y-%m")
    months_apart = max(span.n_unique() - 1, 1)
    # Items stand side by side, a tenth of the distance of two months apart in all.
    wide = max((span.max() - span.min()).days, 30) / months_apart / 20
    shift = np.linspace(-wide, wide, len(items)) if len(items) > 1 else [0.0]
    for item, colour, days in zip(items, _COLOURS, shift, strict=False):
        one = months.filter(pl.col("item") == item).sort("class")
        at = one["class"].str.to_date("%Y-%m").to_numpy() + np.timedelta64(round(24 * days), "h")
        _dots(axes, at, one, colour, label=item)
        if one.height > 1:
            axes.plot(at, one["value"], color=colour, linewidth=1)
    month_ticks(axes, sorted(date.fromisoformat(f"{one}-01") for one in set(months["class"])))
    axes.set(ylabel=label(f"satisfaction.axis_{measure}"))
    figure.legend(loc="outside upper center", ncols=2)
    shown = months.filter(pl.col("item") == items[0]).sort("class")
    ends = {
        "item": items[0],
        **{f"first_{name}": one for name, one in _alt(shown.row(0, named=True)).items()},
        **{f"last_{name}": one for name, one in _alt(shown.row(-1, named=True)).items()},
    }
    key = "satisfaction.trend_alt" if shown.height > 1 else "satisfaction.trend_one_alt"
    return Picture(figure, label(key, months=shown.height, **ends))


def by_class(rows: pl.DataFrame, measure: str, by: str = "cluster") -> Picture | Sentence:
    """NPS or CSAT of each class with intervals, the lowest at the bottom, against all customers.

    Args:
        rows: as `satisfaction.satisfaction` returns it.
        measure: `nps` or `csat`; of several items the one with most answers is drawn.
        by: `cluster`, `rfm`, `region` or `mode`.
    """
    shown = rows.filter((pl.col("by") == by) & (pl.col("measure") == measure))
    if shown.is_empty():
        return _nothing(measure)
    item = _items(shown)[0]
    shown = worded(shown.filter(pl.col("item") == item)).sort("value", "class")
    total = rows.filter((pl.col("by") == "all") & (pl.col("item") == item))
    figure, axes = canvas(height=1.2 + 0.32 * shown.height)
    place = np.arange(shown.height)
    _dots(axes, shown["value"].to_numpy(), shown, BLUE, across=place)
    axes.axvline(total["value"][0], color=GREY, linewidth=1.2, ls="--")
    axes.set_yticks(
        place, [f"{name} ({n:,})" for name, n in shown.select("class", "answers").rows()]
    )
    axes.set(xlabel=label(f"satisfaction.axis_{measure}"))
    ends = {
        "item": item,
        **{f"low_{name}": one for name, one in _alt(shown.row(0, named=True)).items()},
        **{f"high_{name}": one for name, one in _alt(shown.row(-1, named=True)).items()},
        "all": f"{total['value'][0]:.0f}",
    }
    return Picture(figure, label("satisfaction.by_class_alt", **ends))


def quadrants(found: Drivers) -> Picture | Sentence:
    """Importance by performance of the touchpoints, with intervals of both.

    Args:
        found: as `drivers.drivers` returns it.
    """
    if found.reason:
        return Sentence(label(f"driver.{found.reason}", responses=f"{found.responses:,}"))
    rows = found.items
    figure, axes = canvas(height=3.6)
    for row, marker in zip(rows.iter_rows(named=True), cycle(_MARKERS), strict=False):
        top, weight = row["top_two"], row["importance"]
        axes.errorbar(
            [top],
            [weight],
            xerr=[[top - row["low"]], [row["high"] - top]],
            yerr=[[weight - row["importance_low"]], [row["importance_high"] - weight]],
            fmt=marker,
            color=_QUADRANT_COLOURS[row["quadrant"]],
            capsize=3,
            label=row["item"],
        )
    axes.axvline(rows["top_two"].mean(), color=GREY, linewidth=1, ls=":")
    axes.axhline(1 / rows.height, color=GREY, linewidth=1, ls=":")
    figure.legend(loc="outside upper center", ncols=2)
    axes.xaxis.set_major_formatter(percentages)
    axes.yaxis.set_major_formatter(percentages)
    axes.set(xlabel=label("driver.performance"), ylabel=label("driver.importance"))
    first = rows.row(0, named=True)
    alt = label(
        "driver.quadrants_alt",
        items=rows.height,
        item=first["item"],
        importance=f"{first['importance']:.0%}",
        top=f"{first['top_two']:.0%}",
        quadrant=label(f"quadrant.{first['quadrant']}"),
    )
    return Picture(figure, alt)


def _dots(axes, at, rows: pl.DataFrame, colour: str, across=None, **options) -> None:
    value, low, high = (rows[name].to_numpy() for name in ("value", "low", "high"))
    spread = [value - low, high - value]
    enough = rows["headline"].to_numpy()
    bars = {"xerr": spread} if across is not None else {"yerr": spread}
    places = (value, across) if across is not None else (at, value)
    axes.errorbar(*places, **bars, fmt="o", color=colour, capsize=3, **options)
    if not enough.all():
        axes.plot(*(one[~enough] for one in places), "o", color=colour, mfc="white", zorder=5)


def _items(rows: pl.DataFrame) -> list[str]:
    """The items with most answers first."""
    sums = rows.group_by("item").agg(pl.col("answers").sum())
    return sums.sort("answers", "item", descending=[True, False])["item"].to_list()[:MOST_ITEMS]


def _alt(row: dict) -> dict[str, str]:
    numbers = {name: f"{row[name]:.0f}" for name in ("value", "low", "high")}
    return {"class": row["class"], **numbers}


def _nothing(measure: str) -> Sentence:
    return Sentence(label(f"satisfaction.no_{measure}"))
