"""Figure of the loyalty programme: points month by month."""

import polars as pl

from analysis.labels import label
from analysis.report.show import Picture, Sentence
from analysis.report.style import BLUE, GREY, INK, ORANGE, canvas, month_ticks, thousands

BAR_DAYS = 24


def points(months: pl.DataFrame) -> Picture | Sentence:
    """What is outstanding, and below it points earned above the line, burnt and expired below it.

    Args:
        months: as `points.by_month` returns it.
    """
    if months.is_empty():
        return Sentence(label("loyalty_page.no_table"))
    figure, (above, axes) = canvas(height=4.4, rows=2, sharex=True)
    when = months["month"].to_list()
    burnt, expired = (-months[name].to_numpy() for name in ("burnt", "expired"))
    for name, values, colour, base in (
        ("earned", months["earned"].to_numpy(), BLUE, 0),
        ("burnt", burnt, ORANGE, 0),
        ("expired", expired, GREY, burnt),
    ):
        shown = label(f"loyalty_measure.{name}")
        axes.bar(when, values, BAR_DAYS, base, color=colour, label=shown)
    above.plot(when, months["outstanding"], color=INK, linewidth=1.5)
    above.set(ylabel=label("loyalty_measure.outstanding"))
    above.set_ylim(bottom=min(0, months["outstanding"].min()))
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set(ylabel=label("loyalty_page.axis"))
    for one in (above, axes):
        one.yaxis.set_major_formatter(thousands)
        one.grid(axis="x", visible=False)
    month_ticks(axes, months["month"])
    figure.legend(loc="outside upper center", ncols=3)
    last = months.row(-1, named=True)
    names = ("earned", "burnt", "expired", "outstanding")
    facts = {name: f"{last[name]:,.0f}" for name in names}
    return Picture(figure, label("loyalty_page.alt", **facts))
