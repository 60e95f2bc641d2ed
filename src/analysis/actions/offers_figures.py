"""The figure of offers: how often each list would have hit."""

import numpy as np
import polars as pl

from analysis.actions import offers_backtest as backtest
from analysis.actions.offers_words import rate_words, readable
from analysis.labels import label
from analysis.report.show import Picture, Sentence
from analysis.report.style import BLUE, GREY, canvas, percentages


def hit_rates(tested: pl.DataFrame) -> Picture | Sentence:
    """Hit rates of every method with 95 % intervals, one band per list; those in use stand out.

    Args:
        tested: the table `offer_backtest`.
    """
    known = tested.with_columns(pl.col("list").cast(pl.String)).filter(pl.col("customers") > 0)
    if known.is_empty():
        name, months = label("offer_list.due_again"), backtest.MONTHS
        return Sentence(label("offer_page.untested", name=name, months=months))
    order = {name: at for at, name in enumerate(backtest.LISTS)}
    rows = known.sort(pl.col("list").replace_strict(order), -pl.col("hit_rate"), "method")
    place = np.arange(rows.height) + rows["list"].rle_id().to_numpy() * 0.8
    rate, low, high = (rows[name].to_numpy() for name in ("hit_rate", "low", "high"))
    figure, axes = canvas(height=0.42 * rows.height + 1.4)
    for used, colour in ((True, BLUE), (False, GREY)):
        text = label(f"offer_page.hit_{'shown' if used else 'other'}")
        axes.plot([], [], "o", color=colour, label=text)
    for at, used, middle, down, up in zip(place, rows["shown"], rate, low, high, strict=True):
        colour = BLUE if used else GREY
        limits = [[max(middle - down, 0)], [max(up - middle, 0)]]
        axes.errorbar([middle], [at], xerr=limits, fmt="o", color=colour, capsize=4)
    words = readable(rows)
    axes.set_yticks(place, [_broken(one) for one in words["method"]])
    for start in np.flatnonzero(np.diff(place, prepend=-2) > 1):
        text = words["list"][int(start)]
        axes.text(0.0, place[start] - 0.62, text, transform=axes.get_yaxis_transform())
    axes.invert_yaxis()
    axes.margins(y=0.12)
    axes.set(xlabel=label("offer_page.hit_axis"))
    axes.xaxis.set_major_formatter(percentages)
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=2)
    listed = "; ".join(rate_words(row) for row in rows.to_dicts())
    return Picture(figure, label("offer_page.hit_alt", listed=listed))


def _broken(text: str) -> str:
    """A long name on two lines, broken at the blank nearest to its middle."""
    blanks = [at for at, sign in enumerate(text) if sign == " "]
    if len(text) < 32 or not blanks:
        return text
    middle = min(blanks, key=lambda at: abs(at - len(text) // 2))
    return f"{text[:middle]}\n{text[middle + 1 :]}"
