"""Figures of themes and tone."""

import polars as pl
from matplotlib import dates

from analysis.feedback.theme_fit import LEAST_DISTINCT, LEAST_TEXTS
from analysis.feedback.theme_rates import LEAST_IN_WINDOW, WINDOW_DAYS
from analysis.feedback.themes import Themes
from analysis.labels import label
from analysis.report.show import Picture, Sentence, percent
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
    percentages,
)

MOST_LINES = 5
_LINES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)
_TONES = {"negative": VERMILION, "neutral": GREY, "positive": SKY}


def shares(found: Themes) -> Picture | Sentence:
    """The share of each theme with its interval; why there are no themes, where there are none."""
    if found.reason is not None:
        facts = {"texts": found.of_text.height, "least": LEAST_TEXTS, "distinct": LEAST_DISTINCT}
        return Sentence(label(f"themes.{found.reason}", **facts))
    rows = found.listed
    figure, axes = canvas(height=0.9 + 0.36 * rows.height)
    place = list(range(rows.height))
    share = rows["share"].to_numpy()
    error = [share - rows["low"].to_numpy(), rows["high"].to_numpy() - share]
    axes.errorbar(share, place, xerr=error, fmt="o", color=BLUE, capsize=3)
    axes.set_yticks(place, rows["theme"].to_list())
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set(xlabel=label("themes.share"))
    axes.xaxis.set_major_formatter(percentages)
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    alt = label(
        "themes.shares_alt",
        themes=rows.height,
        theme=first["theme"],
        **{name: percent(first[name]) for name in ("share", "low", "high")},
        last=last["theme"],
        least=percent(last["share"]),
    )
    return Picture(figure, alt)


def by_month(rows: pl.DataFrame) -> Picture | Sentence:
    """The shares of the five largest themes by month.

    Args:
        rows: as `theme_rates.by_month` returns it.
    """
    if rows.is_empty():
        return Sentence(label("themes.no_texts"))
    if rows["month"].n_unique() == 1:
        return Sentence(label("themes.one_month"))
    totals = rows.group_by("theme").agg(pl.col("texts").sum())
    largest = totals.sort(["texts", "theme"], descending=[True, False])["theme"].head(MOST_LINES)
    figure, axes = canvas(height=3.8)
    for theme, color in zip(largest, _LINES, strict=False):
        one = rows.filter(pl.col("theme") == theme).sort("month")
        axes.plot(one["month"], one["share"], color=color, linewidth=1.8, label=theme)
    _month_axis(axes)
    axes.set(ylabel=label("themes.share"))
    figure.legend(loc="outside upper center", ncols=1)
    one = rows.filter(pl.col("theme") == largest[0]).sort("month")
    ends = {"theme": largest[0], "themes": largest.len()}
    return Picture(figure, label("themes.months_alt", **ends, **_ends(one)))


def rising(rows: pl.DataFrame) -> Picture | Sentence:
    """How the share of each theme changed, with its interval; rising ones stand out.

    Args:
        rows: as `theme_rates.rising` returns it.
    """
    if rows.is_empty():
        needed = {"days": WINDOW_DAYS, "least": LEAST_IN_WINDOW}
        return Sentence(label("themes.too_few_to_rise", **needed))
    figure, axes = canvas(height=0.9 + 0.36 * rows.height)
    for place, one in enumerate(rows.iter_rows(named=True)):
        middle = one["difference"]
        error = [[max(middle - one["low"], 0)], [max(one["high"] - middle, 0)]]
        color = VERMILION if one["is_rising"] else GREY
        axes.errorbar([middle], [place], xerr=error, fmt="o", color=color, capsize=3)
    axes.axvline(0, color=GREY, linewidth=1, ls=":")
    axes.set_yticks(range(rows.height), rows["theme"].to_list())
    axes.invert_yaxis()
    axes.set(xlabel=label("themes.difference"))
    axes.xaxis.set_major_formatter(percentages)
    most = rows.sort(pl.col("difference").abs(), "theme", descending=[True, False])
    alt = label(
        "themes.rising_alt",
        themes=rows.height,
        days=WINDOW_DAYS,
        theme=most["theme"][0],
        difference=f"{most['difference'][0]:+.1%}",
    )
    return Picture(figure, alt)


def tone_by_month(at: pl.Series, tone_label: pl.Series) -> Picture | Sentence:
    """Shares of negative, neutral and positive texts by month.

    Args:
        at: when each text was written.
        tone_label: as `tone.tone` returns it.
    """
    dated = pl.DataFrame({"month": at.cast(pl.Date), "tone": tone_label}).drop_nulls()
    if dated.is_empty():
        return Sentence(label("tone.nothing"))
    month = pl.col("month").dt.truncate("1mo")
    rows = dated.group_by(month).agg(*((pl.col("tone") == one).mean().alias(one) for one in _TONES))
    rows = rows.sort("month")
    if rows.height == 1:
        return Sentence(label("themes.one_month"))
    figure, axes = canvas()
    for one, color in _TONES.items():
        axes.plot(rows["month"], rows[one], color=color, linewidth=1.8, label=label(f"tone.{one}"))
    _month_axis(axes)
    axes.set(ylabel=label("tone.share"))
    figure.legend(loc="outside upper center", ncols=3)
    ends = _ends(rows.select("month", share="negative"))
    return Picture(figure, label("tone.months_alt", **ends))


def _month_axis(axes) -> None:
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(percentages)
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=8))
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))


def _ends(rows: pl.DataFrame) -> dict[str, str]:
    """The first and last share, and their months."""
    return {
        "first": percent(rows["share"][0]),
        "start": f"{rows['month'][0]:%Y-%m}",
        "last": percent(rows["share"][-1]),
        "end": f"{rows['month'][-1]:%Y-%m}",
    }
