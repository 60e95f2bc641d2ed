"""Figures of the effects of campaigns."""

import numpy as np
import polars as pl

from analysis.effects.effects_words import headline
from analysis.effects.pooled import MEASURED
from analysis.labels import label
from analysis.report.show import Picture, Sentence, percent
from analysis.report.style import BLUE, GREY, INK, SKY, canvas, month_ticks, percentages


def differences(
    effects: pl.DataFrame, pooled: pl.DataFrame, measure: str, currency: str
) -> Picture | Sentence:
    """The difference that each measured campaign made, and all of one length together.

    Args:
        effects, pooled: as `measured.effects` and `pooled.pooled` return them.
        measure: `active` or `spend`.
        currency: of spend.
    """
    rows = effects.filter((pl.col("measure") == measure) & pl.col("verdict").is_in(MEASURED))
    if rows.is_empty():
        return Sentence(label("effects.none_measured"))
    together = pooled.filter(pl.col("measure") == measure)
    together = together.group_by("window_days", maintain_order=True).last()
    together = together.filter(pl.col("campaigns") > 1).with_columns(
        name=pl.format(label("effects.all"), "campaigns", "window_days")
    )
    names = ("name", "measure", "verdict", "difference", "low", "high")
    every = pl.concat([rows.select(names), together.select(names)])
    scale = 100 if measure == "active" else 1
    middle, low, high = (every[name].to_numpy() * scale for name in names[3:])
    place = np.arange(every.height)
    colours = [BLUE] * rows.height + [INK] * together.height
    figure, axes = canvas(height=0.5 * every.height + 1.1)
    axes.axvline(0, color=GREY, linewidth=1)
    for n in place:
        span = [[middle[n] - low[n]], [high[n] - middle[n]]]
        axes.errorbar(middle[n], n, xerr=span, fmt="o", color=colours[n], capsize=4)
    axes.set_yticks(place, every["name"].to_list())
    axes.invert_yaxis()
    axes.set(xlabel=_axis(measure, currency))
    axes.margins(y=0.2)
    return Picture(figure, label("effects.effects_alt", listed=headline(every)))


def running(pooled: pl.DataFrame, measure: str, currency: str) -> Picture | Sentence:
    """How the pooled difference settled, campaign by campaign, for the window with most campaigns.

    Args:
        pooled: as `pooled.pooled` returns it.
        measure: `active` or `spend`.
        currency: of spend.
    """
    rows = pooled.filter(pl.col("measure") == measure)
    counted = rows.group_by("window_days").agg(pl.col("campaigns").max())
    if counted.is_empty() or counted["campaigns"].max() < 2:
        return Sentence(label("effects.nothing_to_pool"))
    longest = counted.sort("campaigns", "window_days")["window_days"][-1]
    rows = rows.filter(pl.col("window_days") == longest).sort("campaigns")
    scale = 100 if measure == "active" else 1
    names = ("difference", "low", "high", "running_low", "running_high")
    middle, low, high, all_low, all_high = (rows[name].to_numpy() * scale for name in names)
    figure, axes = canvas()
    looks = rows["campaigns"].to_numpy()
    band = label("effects.running_band")
    axes.axhline(0, color=GREY, linewidth=1)
    axes.fill_between(looks, all_low, all_high, color=SKY, alpha=0.25, label=band)
    axes.errorbar(looks, middle, yerr=[middle - low, high - middle], fmt="o", color=BLUE, capsize=4)
    axes.set(xlabel=label("effects.running_axis"), ylabel=_axis(measure, currency))
    axes.set_xticks(looks)
    figure.legend(loc="outside upper center")
    ends = {"difference": middle[-1], "low": low[-1], "high": high[-1]}
    told = {name: f"{value:+.1f}" for name, value in ends.items()}
    return Picture(figure, label("effects.running_alt", campaigns=rows.height, **told))


def organic(base: pl.DataFrame) -> Picture | Sentence:
    """How many of the lapsed came back by themselves, month end by month end.

    Args:
        base: as `organic.base_rates` returns it.
    """
    rows = base.filter(pl.col("group") == "lapsed").sort("cut_off")
    if rows.is_empty():
        return Sentence(label("effects.organic_none"))
    figure, axes = canvas()
    drawn = ((True, BLUE, "effects.organic_quiet"), (False, GREY, "effects.organic_beside"))
    for quiet, colour, key in drawn:
        some = rows.filter(pl.col("quiet") == quiet)
        if some.is_empty():
            continue
        rate, low, high = (some[name].to_numpy() for name in ("rate", "low", "high"))
        span = [rate - low, high - rate]
        days = some["cut_off"].to_list()
        axes.errorbar(days, rate, yerr=span, fmt="o", color=colour, capsize=4, label=label(key))
    days = rows["window_days"][0]
    axes.set(ylabel=label("effects.organic_axis", days=days))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(percentages)
    month_ticks(axes, rows["cut_off"])
    figure.legend(loc="outside upper center", ncols=2)
    ends = {"least": rows["rate"].min(), "most": rows["rate"].max(), "last": rows["rate"][-1]}
    told = {name: percent(value) for name, value in ends.items()}
    return Picture(figure, label("effects.organic_alt", days=days, **told))


def _axis(measure: str, currency: str) -> str:
    if measure == "active":
        return label("effects.axis_points")
    return label("effects.axis_money", currency=currency)
