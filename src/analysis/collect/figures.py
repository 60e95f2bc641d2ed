"""Figures of `01_collect`."""

import polars as pl

from analysis.labels import label, text
from analysis.report.show import Picture
from analysis.report.style import BLUE, GREY, canvas, month_ticks, thousands
from analysis.run.months import Month


def arrivals(by_month: pl.DataFrame, month: Month) -> Picture:
    """Rows received by month, the month in question in colour.

    Args:
        by_month: as `collect.arrivals.arrivals_by_month` returns it.
    """
    figure, axes = canvas()
    colours = [BLUE if day == month.first_day else GREY for day in by_month["month"]]
    axes.bar(by_month["month"].to_list(), by_month["rows"], width=24, color=colours)
    axes.set(ylabel=text("rows"))
    axes.yaxis.set_major_formatter(thousands)
    axes.grid(axis="x", visible=False)
    month_ticks(axes, by_month["month"])
    most = by_month.sort("rows", descending=True)["month"][0]
    alt = label(
        "collect.arrivals_alt",
        rows=f"{by_month['rows'][-1]:,}",
        month=month.label,
        first=f"{by_month['month'][0]:%B %Y}",
        most=f"{most:%B %Y}",
    )
    return Picture(figure, alt)
