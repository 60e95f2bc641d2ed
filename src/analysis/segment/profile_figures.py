"""Figures of the profiles: who brings the money, when purchases are made, what grows."""

import numpy as np
import polars as pl
import seaborn as sns
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.labels import label
from analysis.report.show import Picture, Sentence, Share, percent
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SEQUENTIAL,
    VERMILION,
    canvas,
    percentages,
)
from analysis.segment.cluster_words import class_word
from analysis.segment.growth import ALL
from analysis.segment.profile_words import change_in_words, hours_in_words, top_class
from analysis.segment.timing import by_hour_and_weekday
from analysis.segment.traits import NOT_CLASSES

MOST_ROWS = 12  # classes that a phone can show
LEAST_RATIO, MOST_RATIO = 0.1, 10.0
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
_NARROW_TICKS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3)
_COLOURS = {"opportunity": GREEN, "risk": VERMILION, "unclear": GREY}
_SMALLEST, _LARGEST = 20, 320  # areas of dots, in points


def shares(profile: pl.DataFrame) -> Picture | Sentence:
    """Each class's share of customers, of spend and, where known, of margin; the best class on top.

    Args:
        profile: rows of `segment_profile` of one axis; of many classes, the largest are drawn.
    """
    if profile.is_empty() or profile["class"].is_in(NOT_CLASSES).all():
        return Sentence(label("profile.nothing_to_draw"))
    drawn = profile.sort("customers", "class", descending=[True, False]).head(MOST_ROWS)
    ranked = drawn.sort("rank", descending=True)
    bars = {"share_of_customers": GREY, "share_of_spend_365": BLUE}
    if ranked["share_of_margin_365"].count():
        bars["share_of_margin_365"] = ORANGE
    figure, axes = canvas(height=1.3 + (0.16 + 0.17 * len(bars)) * ranked.height)
    rows, thick = np.arange(ranked.height), 0.8 / len(bars)
    for place, (column, colour) in enumerate(bars.items()):
        offset = thick * ((len(bars) - 1) / 2 - place)
        words = label(f"profile.{column.removesuffix('_365')}")
        axes.barh(rows + offset, ranked[column].fill_null(0), thick, color=colour, label=words)
    axes.set_yticks(rows, [class_word(name) for name in ranked["class"]])
    axes.xaxis.set_major_formatter(percentages)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=1)
    found = {
        name: percent(one) if isinstance(one, Share) else one
        for name, one in top_class(profile).items()
    }
    return Picture(figure, label("profile.shares_alt", finding=label(**found)))


def timing_map(bought: pl.DataFrame, category: str = ALL) -> Picture | Sentence:
    """Share of the purchases of a category by two hours of the day and weekday.

    Args:
        bought: as `timing.purchases` returns them.
        category: one of its categories, or `all`.
    """
    counted = by_hour_and_weekday(bought, category)
    total = counted["purchases"].sum()
    if not total:
        return Sentence(label("profile.no_time_of_day"))
    most = counted.sort("purchases", "hours", "weekday", descending=[True, False, False])
    top = most.row(0, named=True)
    grid = 100 * counted["purchases"].to_numpy().reshape(-1, 7) / total
    hours = [str(hour) for hour in counted["hours"].unique().sort()]
    days = [label(f"profile.weekday_short.{day}") for day in range(1, 8)]
    figure, axes = canvas(height=4.3)
    sns.heatmap(
        grid,
        annot=True,
        fmt=".1f",
        cmap=SEQUENTIAL,
        cbar=False,
        ax=axes,
        linewidths=1,
        xticklabels=days,
        yticklabels=[f"{hour}–{int(hour) + 2}" for hour in hours],
    )
    axes.set(xlabel=label("profile.weekday_axis"), ylabel=label("profile.timing_axis"))
    axes.tick_params(axis="y", rotation=0)
    alt = label(
        "profile.timing_alt",
        weekday=label(f"profile.weekday.{top['weekday']}"),
        hours=hours_in_words(top["hours"]),
        share=f"{top['purchases'] / total:.1%}",
    )
    return Picture(figure, alt)


def growth(rows: pl.DataFrame, currency: str) -> Picture | Sentence:
    """Growth of each class with its interval, the dot as large as the class; the best on top.

    Args:
        rows: as `growth.growth` returns them; the line of all customers is drawn if it is among
            them, and of many classes those whose spend changed most. Intervals are cut at the
            edges of the figure.
    """
    classes = rows.filter((pl.col("axis") != ALL) & (pl.col("growth") > -1))
    if classes.is_empty():
        history = rows["compared_with"].count() > 0
        return Sentence(label(f"profile.{'nothing_to_draw' if history else 'growth_no_history'}"))
    weightiest = [pl.col("change").abs(), pl.col("axis"), pl.col("class")]
    drawn = classes.sort(weightiest, descending=[True, False, False]).head(MOST_ROWS)
    drawn = drawn.sort("growth", "class")
    figure, axes = canvas(height=1.7 + 0.36 * drawn.height)
    ratio, low, high = (
        (1 + drawn[name].fill_null(pl.Series(drawn["growth"]))).to_numpy()
        for name in ("growth", "low", "high")
    )
    colours = [_COLOURS[outlook] for outlook in drawn["outlook"]]
    places = np.arange(drawn.height)
    least, most = np.clip([low.min(), high.max()], LEAST_RATIO, MOST_RATIO)
    least, most = min(least, 0.75) / 1.1, max(most, 1.33) * 1.1
    axes.hlines(places, np.clip(low, least, most), np.clip(high, least, most), color=colours, lw=2)
    axes.scatter(np.clip(ratio, least, most), places, s=_areas(drawn), c=colours, zorder=3)
    axes.axvline(1, color=GREY, linewidth=1)
    everybody = rows.filter(pl.col("axis") == ALL)["growth"].drop_nulls()
    handles = [_dot(name) for name in _COLOURS if name in drawn["outlook"]]
    if everybody.len():
        words = label("profile.growth_all", growth=change_in_words(everybody[0]))
        axes.axvline(1 + everybody[0], color=BLUE, linewidth=1, ls="--")
        handles.append(Line2D([], [], color=BLUE, lw=1, ls="--", label=words))
    axes.set_yticks(places, _names(drawn))
    axes.set_ylim(-0.7, drawn.height - 0.3)
    axes.grid(axis="y", visible=False)
    _ratio_axis(axes, least, most)
    against = label(f"profile.against.{drawn['compared_with'][0]}")
    axes.set_xlabel(
        f"{label('profile.growth_axis', against=against)}\n{label('profile.growth_area')}"
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return Picture(figure, _growth_alt(drawn, against, currency))


def _areas(drawn: pl.DataFrame) -> np.ndarray:
    spend = drawn["spend_365"].to_numpy()
    return np.maximum(_LARGEST * spend / max(spend.max(), 1), _SMALLEST)


def _dot(outlook: str) -> Line2D:
    words = label(f"profile.outlook.{outlook}")
    return Line2D([], [], marker="o", ls="", color=_COLOURS[outlook], label=words)


def _names(drawn: pl.DataFrame) -> list[str]:
    """Words of the classes; with the axis, where classes of several are drawn."""
    one = drawn["axis"].n_unique() == 1
    pairs = drawn.select("axis", "class").iter_rows()
    return [
        class_word(name) if one else f"{class_word(name)} ({label(f'axis.{axis}')})"
        for axis, name in pairs
    ]


def _ratio_axis(axes, least: float, most: float) -> None:
    axes.set(xscale="log", xlim=(least, most))
    ticks = _TICKS if most / least > 12 else _NARROW_TICKS
    axes.xaxis.set_major_locator(FixedLocator([one for one in ticks if least <= one <= most]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: change_in_words(ratio - 1, 0)))


def _growth_alt(drawn: pl.DataFrame, against: str, currency: str) -> str:
    parts = {}
    for outlook, order in (("opportunity", True), ("risk", False)):
        found = drawn.filter(pl.col("outlook") == outlook).sort("change", descending=order)
        if found.is_empty():
            parts[outlook] = label(f"profile.no_{outlook}")
            continue
        row = found.row(0, named=True)
        parts[outlook] = label(
            f"profile.largest_{outlook}",
            name=class_word(row["class"]),
            growth=change_in_words(row["growth"]),
            change=f"{abs(row['change']):,.0f}",
            currency=currency,
        )
    return label("profile.growth_alt", against=against, **parts)
