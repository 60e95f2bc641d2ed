"""Figures of `09_summary`."""

import polars as pl

from analysis.labels import label, text
from analysis.report.show import Picture
from analysis.report.style import BLUE, GREY, canvas, month_ticks, thousands
from analysis.run.months import Month


def revenue(by_month: pl.DataFrame, month: Month, currency: str) -> Picture:
    """Revenue of the last thirteen months, the month in question in colour.

    Args:
        by_month: as `report.kpis.revenue_by_month` returns it.
    """
    figure, axes = canvas(height=2.8)
    colours = [BLUE if day == month.first_day else GREY for day in by_month["month"]]
    axes.bar(by_month["month"].to_list(), by_month["revenue"], width=24, color=colours)
    axes.set(ylabel=f"{text('revenue')} ({currency})")
    axes.yaxis.set_major_formatter(thousands)
    axes.grid(axis="x", visible=False)
    month_ticks(axes, by_month["month"])
    alt = label(
        "summary.revenue_alt",
        month=month.label,
        value=f"{by_month['revenue'][-1]:,.0f}",
        currency=currency,
        lowest=f"{by_month['revenue'].min():,.0f}",
        highest=f"{by_month['revenue'].max():,.0f}",
    )
    return Picture(figure, alt)
