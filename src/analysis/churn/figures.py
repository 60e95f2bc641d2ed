"""Figures of `05_churn`."""

import numpy as np
import polars as pl
import seaborn as sns

from analysis.churn.features import GROUPS
from analysis.churn.profit import Curve
from analysis.churn.returns import MILESTONES
from analysis.labels import label, text
from analysis.report.show import Picture, worded
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

MOST_COHORTS, MOST_MONTHS = 13, 13
MOST_CLASSES = 40


def time_to_next(curve: pl.DataFrame, days: int) -> Picture:
    """Share of purchases after which the customer has bought again, by days since.

    Args:
        curve: as `churn.returns.time_to_next` returns it.
        days: the window of the settings.
    """
    figure, axes = canvas()
    axes.step(curve["days"], curve["returned"], where="post", color=BLUE, linewidth=2)
    known = curve.drop_nulls("low")
    limits = [known["returned"] - known["low"], known["high"] - known["returned"]]
    axes.errorbar(known["days"], known["returned"], limits, fmt="o", color=BLUE, capsize=3)
    axes.axvline(days, color=GREY, linewidth=1.2, ls=":")
    axes.set(xlabel=label("churn.days_since"), ylabel=label("churn.bought_again"), ylim=(0, None))
    axes.yaxis.set_major_formatter(percentages)
    at = {row["days"]: row["returned"] for row in curve.iter_rows(named=True)}
    told = [f"{at[day]:.0%} / {day}" for day in MILESTONES if day in at]
    return Picture(figure, label("churn.time_to_next_alt", told=", ".join(told)))


def return_curve(bands: pl.DataFrame, days: int) -> Picture:
    """How often customers silent for so long bought in the window after.

    Args:
        bands: as `churn.returns.return_curve` returns it.
    """
    figure, axes = canvas()
    places = np.arange(bands.height)
    limits = [bands["returned"] - bands["low"], bands["high"] - bands["returned"]]
    axes.errorbar(places, bands["returned"], limits, fmt="o", color=BLUE, capsize=3)
    axes.set_xticks(places, bands["silent"].to_list(), rotation=30)
    axes.set(xlabel=text("idle_days"), ylabel=label("churn.came_back", days=days), ylim=(0, None))
    axes.yaxis.set_major_formatter(percentages)
    first, last = bands["returned"][0], bands["returned"][-1]
    alt = label(
        "churn.return_curve_alt",
        days=days,
        first=f"{first:.0%}",
        last=f"{last:.0%}",
        band=bands["silent"][-1],
    )
    return Picture(figure, alt)


def calibration(bins: pl.DataFrame) -> Picture:
    """Predicted against observed share without purchase; on the diagonal the score is right.

    Args:
        bins: as `churn.check.reliability` returns it.
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


def cohort_plots(plots: pl.DataFrame) -> Picture:
    """Who left, by how much each group of features adds to the score; hollow: without the group.

    Args:
        plots: as `churn.explain.cohort_plots` returns it, with at least one row.
    """
    groups = [name for name in GROUPS if name in plots["group"]]
    rows = -(-len(groups) // 2)
    figure, axes = canvas(height=2.3 * rows + 0.5, columns=2, rows=rows, sharey=True, squeeze=False)
    for place, group in enumerate(groups):
        panel = axes.flat[place]
        for who, color in (("bought_once", ORANGE), ("bought_again", BLUE)):
            one = plots.filter((pl.col("group") == group) & (pl.col("who") == who))
            limits = [one["observed"] - one["low"], one["high"] - one["observed"]]
            name = label(f"who.{who}") if place == 0 else None
            panel.errorbar(
                one["part"], one["observed"], limits, fmt="o-", color=color, capsize=2, label=name
            )
            panel.plot(one["part"], one["expected"], "o--", color=color, mfc="white", lw=0.8)
        panel.set_title(label(f"reason_group.{group}"), fontsize=11)
        panel.set_xticks(range(1, 6))
        panel.yaxis.set_major_formatter(percentages)
    for spare in axes.flat[len(groups) :]:
        spare.set_axis_off()
    figure.supxlabel(label("churn.parts"), fontsize=11)
    figure.supylabel(label("churn.observed"), fontsize=11)
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(figure, _spread_alt(plots))


def _spread_alt(plots: pl.DataFrame) -> str:
    """The group whose parts differ most in what was observed."""
    spread = plots.group_by("who", "group", maintain_order=True).agg(
        spread=pl.col("observed").last() - pl.col("observed").first()
    )
    top = spread.sort("spread", descending=True).row(0, named=True)
    return label(
        "churn.cohort_plots_alt",
        group=label(f"reason_group.{top['group']}"),
        who=label(f"who.{top['who']}"),
        points=f"{100 * top['spread']:.0f}",
    )


def profit(curve: Curve, currency: str) -> Picture:
    """Expected profit of contacting the first n, and how many the capacity allows.

    Args:
        curve: as `churn.profit.curve` returns it, with at least one customer.
    """
    figure, axes = canvas()
    shown = np.append(0.0, curve.total)
    axes.plot(np.arange(len(shown)), shown, color=BLUE, linewidth=2)
    at = shown[curve.contacted]
    axes.plot([curve.contacted], [at], "o", color=VERMILION)
    axes.annotate(
        label("churn.capacity_mark", contacts=f"{curve.contacted:,}"),
        (curve.contacted, at),
        (8, -12),
        textcoords="offset points",
        color=VERMILION,
    )
    axes.set(xlabel=label("churn.contacted"), ylabel=f"{text('expected_profit')} ({currency})")
    axes.xaxis.set_major_formatter(thousands)
    axes.yaxis.set_major_formatter(thousands)
    alt = label(
        "churn.profit_alt",
        best=f"{curve.best:,}",
        most=f"{shown[curve.best]:,.0f}",
        contacts=f"{curve.contacted:,}",
        money=f"{at:,.0f}",
        currency=currency,
    )
    return Picture(figure, alt)


def rates(table: pl.DataFrame) -> Picture:
    """Share without purchase by class with its interval; hollow: what the score had said.

    Args:
        table: as `churn.rates.by_class` returns it, with at least one row.
    """
    shown = table.head(MOST_CLASSES)[::-1]
    name = pl.format("{}: {}", "axis", "class").alias("name")
    figure, axes = canvas(height=1 + 0.28 * shown.height)
    places = np.arange(shown.height)
    limits = [shown["observed"] - shown["low"], shown["high"] - shown["observed"]]
    axes.errorbar(shown["observed"], places, xerr=limits, fmt="o", color=BLUE, capsize=2)
    axes.plot(shown["predicted"], places, "o", color=VERMILION, mfc="none")
    axes.set_yticks(places, worded(shown).select(name).to_series())
    axes.set(xlabel=label("churn.observed_and_predicted"), ylim=(-0.7, shown.height - 0.3))
    axes.xaxis.set_major_formatter(percentages)
    axes.grid(axis="y", visible=False)
    top = worded(table).with_columns(name).sort("observed", descending=True).row(0, named=True)
    alt = label("churn.rates_alt", name=top["name"], rate=f"{top['observed']:.0%}")
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
