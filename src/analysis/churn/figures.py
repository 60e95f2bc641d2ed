"""Figures of `05_churn`."""

import numpy as np
import polars as pl
import seaborn as sns

from analysis.labels import label, text
from analysis.report.show import Picture
from analysis.report.style import BLUE, GREY, SEQUENTIAL, VERMILION, canvas, percentages, thousands

MOST_COHORTS, MOST_MONTHS = 13, 13


def calibration(bins: pl.DataFrame) -> Picture:
    """Predicted against observed rate of no purchase; on the diagonal the score can be taken at its word.

    Args:
        bins: as `churn.evaluate.calibration` returns it.
    """
    figure, axes = canvas(height=3.9)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, ls=":")
    below, above = bins["observed"] - bins["low"], bins["high"] - bins["observed"]
    axes.errorbar(
        bins["predicted"], bins["observed"], [below, above], fmt="o", color=BLUE, capsize=3
    )
    axes.set(xlabel=label("churn.predicted"), ylabel=label("churn.observed"))
    axes.xaxis.set_major_formatter(percentages)
    axes.yaxis.set_major_formatter(percentages)
    error = ((bins["observed"] - bins["predicted"]).abs() * bins["customers"]).sum()
    alt = label("churn.calibration_alt", error=f"{error / bins['customers'].sum():.1%}")
    return Picture(figure, alt)


def retention(table: pl.DataFrame) -> Picture:
    """The cohort triangle: share of each cohort that bought in the months after its first purchase.

    Args:
        table: the table `retention`; the last cohorts and the first months are drawn.
    """
    cohorts = table["cohort"].unique().sort()[-MOST_COHORTS:]
    shown = table.filter(
        pl.col("cohort").is_in(cohorts.to_list())
        & pl.col("months_since").is_between(1, MOST_MONTHS)
    ).with_columns(rate=pl.col("active") / pl.col("customers"))
    if shown.is_empty():
        figure, axes = canvas(height=1)
        axes.set_axis_off()
        axes.text(0.5, 0.5, label("churn.no_retention"), ha="center", va="center")
        return Picture(figure, label("churn.no_retention_alt"))
    grid = shown.to_pandas().pivot(index="cohort", columns="months_since", values="rate")
    figure, axes = canvas(height=max(1.3 + 0.32 * len(grid), 2.2))
    sns.heatmap(
        100 * grid, annot=True, fmt=".0f", cmap=SEQUENTIAL, cbar=False, ax=axes, linewidths=1
    )
    axes.set(xlabel=text("months_since"), ylabel=text("cohort"))
    axes.tick_params(axis="y", rotation=0)
    first = float(np.nanmean(grid.iloc[:, 0]))
    last = float(np.nanmean(grid.iloc[:, -1]))
    alt = label(
        "churn.retention_alt",
        first=f"{first:.0%}",
        last=f"{last:.0%}",
        months=int(grid.columns[-1]),
    )
    return Picture(figure, alt)


def stake(bands: pl.DataFrame, currency: str) -> Picture:
    """Value at stake by how long customers have been silent.

    Args:
        bands: as `churn.scores.stake_by_idle_time` returns it.
    """
    figure, axes = canvas()
    axes.bar(bands["idle"], bands["value_at_stake"], color=VERMILION)
    axes.set(xlabel=text("idle_days"), ylabel=f"{text('value_at_stake')} ({currency})")
    axes.yaxis.set_major_formatter(thousands)
    axes.grid(axis="x", visible=False)
    top = bands.sort("value_at_stake", descending=True).row(0, named=True)
    alt = label(
        "churn.stake_alt",
        value=f"{top['value_at_stake']:,.0f}",
        currency=currency,
        band=top["idle"],
    )
    return Picture(figure, alt)
