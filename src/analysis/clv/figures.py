"""Figures of `04_clv`."""

import numpy as np
import polars as pl
import seaborn as sns
from matplotlib import dates

from analysis.clv.holdout import Holdout
from analysis.clv.metrics import deciles
from analysis.clv.models import Models
from analysis.labels import label, text
from analysis.report.show import Picture, Sentence
from analysis.report.style import (
    BLUE,
    GREY,
    ORANGE,
    SEQUENTIAL,
    VERMILION,
    canvas,
    percentages,
    thousands,
)


def expectation_grid(models: Models, oldest: int, days: int, most: int = 8) -> Picture | Sentence:
    """Expected purchases by frequency and idle time, for a customer as old as the oldest.

    Args:
        models: the month's fits.
        oldest: age of the oldest customer in days.
        days: the horizon.
    """
    if not models.purchases.usable:
        return Sentence(label("clv.grid_fallback"))
    frequencies = list(range(1, most + 1))
    idle = [int(oldest * share) for share in (0, 0.1, 0.25, 0.5, 0.75)]
    cells = pl.DataFrame(
        [(x, float(oldest - quiet), float(oldest)) for quiet in idle for x in frequencies],
        schema=["frequency", "recency", "T"],
        orient="row",
    )
    values = models.expected_purchases(cells, days).reshape(len(idle), most)
    figure, axes = canvas(height=3.4)
    sns.heatmap(
        values,
        annot=True,
        fmt=".1f",
        cmap=SEQUENTIAL,
        cbar=False,
        ax=axes,
        linewidths=1,
        xticklabels=frequencies,
        yticklabels=[f"{quiet:,}" for quiet in idle],
    )
    axes.set(xlabel=text("frequency"), ylabel=text("idle_days"))
    axes.tick_params(axis="y", rotation=0)
    alt = label(
        "clv.grid_alt",
        days=days,
        most=most,
        best=f"{values[0, -1]:.1f}",
        idle=f"{idle[-1]:,}",
        worst=f"{values[-1, -1]:.1f}",
    )
    return Picture(figure, alt)


def tracking(weeks: pl.DataFrame, holdout: Holdout) -> Picture:
    """Cumulative repeat purchases, made and expected; the model saw only what lies before the line.

    Args:
        weeks: as `clv.holdout.tracking` returns it.
    """
    cut_off = holdout.cut_off
    figure, axes = canvas(height=3.4)
    axes.plot(weeks["week_end"], weeks["actual"], color=BLUE, linewidth=2, label=text("actual"))
    expected = weeks["expected"].drop_nulls()
    if expected.len():
        axes.plot(
            weeks["week_end"], expected, color=ORANGE, linewidth=2, ls="--", label=text("expected")
        )
    axes.axvline(cut_off, color=GREY, linewidth=1.2)
    axes.annotate(
        label("clv.cut_off_mark"),
        (dates.date2num(cut_off), axes.get_ylim()[1]),
        (6, -4),
        textcoords="offset points",
        va="top",
        color=GREY,
    )
    axes.set(ylabel=label("clv.cumulative"))
    axes.yaxis.set_major_formatter(thousands)
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=8))
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    figure.legend(loc="outside upper center", ncols=2)
    gap = f"{expected[-1] / weeks['actual'][-1] - 1:+.1%}" if expected.len() else "–"
    alt = label("clv.tracking_alt", gap=gap, cut_off=cut_off)
    return Picture(figure, alt)


def by_frequency(rows: pl.DataFrame) -> Picture:
    """Mean purchases in the holdout, made and expected, by earlier repeat purchases.

    Args:
        rows: as `clv.holdout.by_frequency` returns it.
    """
    figure, axes = canvas()
    axes.plot(rows["frequency"], rows["actual"], "o-", color=BLUE, label=text("actual"))
    axes.plot(rows["frequency"], rows["expected"], "s--", color=ORANGE, label=text("expected"))
    last = rows["frequency"].max()
    axes.set_xticks(
        rows["frequency"].to_list(),
        [f"{x}+" if x == last else str(x) for x in rows["frequency"]],
    )
    axes.set(xlabel=label("clv.frequency_before"), ylabel=label("clv.purchases_after"))
    figure.legend(loc="outside upper center", ncols=2)
    first = rows.row(0, named=True)
    alt = label(
        "clv.by_frequency_alt",
        expected=f"{first['expected']:.2f}",
        actual=f"{first['actual']:.2f}",
        frequency=first["frequency"],
    )
    return Picture(figure, alt)


def calibration(holdout: Holdout) -> Picture:
    """Mean purchases made against expected in ten equal groups by expectation."""
    actual = holdout.customers["actual_purchases"].to_numpy()
    expected, made = deciles(actual, holdout.expected_purchases())
    figure, axes = canvas(height=3.4)
    most = max(expected.max(), made.max(), 0.1)
    axes.plot([0, most], [0, most], color=GREY, linewidth=1, ls=":")
    axes.plot(expected, made, "o-", color=BLUE, linewidth=1.5)
    axes.set(xlabel=label("clv.purchases_expected"), ylabel=label("clv.purchases_made"))
    best = {"expected": f"{expected[-1]:.2f}", "actual": f"{made[-1]:.2f}"}
    return Picture(figure, label("clv.deciles_alt", **best))


def outcomes(hits: pl.DataFrame, days: int) -> Picture:
    """Forecasts made at earlier month ends with their intervals, and what happened.

    Args:
        hits: as `clv.forecast.rolling_hits` returns it.
        days: the horizon.
    """
    figure, axes = canvas(height=3.2)
    place = np.arange(hits.height)
    expected, low, high = (hits[name].to_numpy() for name in ("expected", "low", "high"))
    axes.errorbar(
        place,
        expected,
        yerr=[expected - low, high - expected],
        fmt="o",
        color=GREY,
        capsize=4,
        label=label("clv.interval"),
    )
    axes.plot(place, hits["actual"], "D", color=VERMILION, label=text("actual"))
    axes.set_xticks(place, [f"{day:%Y-%m}" for day in hits["cut_off"]])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(thousands)
    axes.set(xlabel=label("clv.made_on"), ylabel=label("clv.purchases_total", days=days))
    figure.legend(loc="outside upper center", ncols=2)
    held = {"hits": int(hits["hit"].sum()), "count": hits.height}
    return Picture(figure, label("clv.outcomes_alt", **held))


def concentration(clv: pl.DataFrame) -> Picture:
    """Share of the expected value held by the most valuable customers.

    Args:
        clv: the table `clv`.
    """
    values = np.sort(clv["clv"].to_numpy())[::-1].cumsum()
    share = values / values[-1] if values[-1] > 0 else np.zeros(len(values))
    customers = np.arange(1, len(values) + 1) / len(values)
    figure, axes = canvas()
    axes.plot(customers, share, color=BLUE, linewidth=2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, ls=":")
    tenth = float(share[max(int(len(share) * 0.1) - 1, 0)])
    axes.plot([0.1], [tenth], "o", color=VERMILION)
    axes.annotate(f"{tenth:.0%}", (0.1, tenth), (10, -4), textcoords="offset points", va="top")
    axes.set(xlabel=label("clv.share_of_customers"), ylabel=label("clv.share_of_value"))
    axes.xaxis.set_major_formatter(percentages)
    axes.yaxis.set_major_formatter(percentages)
    return Picture(figure, label("clv.concentration_alt", share=f"{tenth:.0%}"))
