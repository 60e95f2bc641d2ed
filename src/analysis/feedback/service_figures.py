"""Figures of service, its meaning and channels."""

import numpy as np
import polars as pl
import seaborn as sns

from analysis.feedback.service_tables import readable
from analysis.labels import label
from analysis.report.show import Picture, Sentence, percent, worded
from analysis.report.style import BLUE, GREY, SEQUENTIAL, VERMILION, canvas, month_ticks


def control_chart(months: pl.DataFrame) -> Picture | Sentence:
    """Complaints per 100 orders by month, with the limits within which chance explains them.

    Args:
        months: as `service.control_chart` returns it.
    """
    if months.is_empty():
        return Sentence(label("service_page.chart_none"))
    figure, axes = canvas()
    when, outside = months["month"], months.drop_nulls("outside")
    limits = label("service_page.chart_limits")
    low, high = (months[name].cast(pl.Float64).to_numpy() for name in ("low", "high"))
    axes.fill_between(when, low, high, color=GREY, alpha=0.2, step="mid", label=limits)
    axes.plot(when, months["mean"], color=GREY, ls=":", label=label("service_page.chart_mean"))
    axes.plot(when, months["rate"].to_numpy(), "o-", color=BLUE, linewidth=1.5, markersize=4)
    axes.plot(outside["month"], outside["rate"], "D", color=VERMILION)
    axes.set(ylabel=label("service_page.chart_rate"))
    axes.set_ylim(bottom=0)
    month_ticks(axes, when)
    figure.legend(loc="outside upper center", ncols=2)
    last = months["rate"][-1]
    alt = label(
        "service_page.chart_alt",
        mean=f"{months['mean'][0]:.1f}",
        outside=outside.height,
        last="–" if last is None else f"{last:.1f}",
    )
    return Picture(figure, alt)


def effects(found: pl.DataFrame) -> Picture | Sentence:
    """How much more often the dissatisfied stayed away, with 95 % intervals.

    Args:
        found: as `meaning.effects` returns it.
    """
    if found.is_empty():
        return Sentence(label("service_page.no_effect"))
    middle, low, high = (found[name].to_numpy() * 100 for name in ("difference", "low", "high"))
    place, names = np.arange(found.height), readable(found)["what"].to_list()
    figure, axes = canvas(height=0.55 * found.height + 1)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.errorbar(middle, place, xerr=[middle - low, high - middle], fmt="o", color=BLUE, capsize=4)
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.set(xlabel=label("service_page.effect_axis"))
    axes.margins(y=0.2)
    listed = "; ".join(f"{name} {value:+.1f}" for name, value in zip(names, middle, strict=True))
    return Picture(figure, label("service_page.effect_alt", listed=listed))


def answers(rates: pl.DataFrame) -> Picture | Sentence:
    """Share answered by class and channel, each drawn towards all classes.

    Args:
        rates: as `channels.by_class` returns it.
    """
    if rates.is_empty():
        return Sentence(label("answer_channel.no_answers"))
    shown = readable(worded(rates))
    wide = shown.pivot(on="channel", index="class", values="rate")
    channels = wide.columns[1:]
    figure, axes = canvas(height=0.34 * wide.height + 1.2)
    sns.heatmap(
        wide.select(channels).to_numpy(),
        annot=True,
        fmt=".0%",
        cmap=SEQUENTIAL,
        vmin=0,  # so that small differences look small
        cbar=False,
        ax=axes,
        linewidths=1,
        xticklabels=channels,
        yticklabels=wide["class"].to_list(),
    )
    axes.set(xlabel=label("answer_channel.channel"), ylabel=label("answer_channel.class"))
    axes.tick_params(axis="y", rotation=0)
    best = shown.sort(-pl.col("rate"), "class", "channel").row(0, named=True)
    facts = {"name": best["class"], "channel": best["channel"], "share": percent(best["rate"])}
    return Picture(figure, label("answer_channel.rate_alt", **facts))
