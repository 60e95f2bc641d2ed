"""Figures of the plan and of what its audiences can show."""

import numpy as np
import polars as pl

from analysis.actions.plan import PLANNED, Plan, counts
from analysis.actions.plan_words import readable
from analysis.actions.power import NO_CONTROL, NOTHING
from analysis.labels import group, label
from analysis.report.show import Picture, Sentence
from analysis.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
    thousands,
)

_SHADES = {
    PLANNED: BLUE,
    "other_action": SKY,
    "not_worth_it": GREY,
    "recent_contact": GREEN,
    "no_consent": ORANGE,
    "do_not_contact": VERMILION,
    "over_budget": PURPLE,
    "over_capacity": "#9AA5B1",
}


def outcomes(made: Plan) -> Picture | Sentence:
    """What became of the possible actions of each kind, a bar for each.

    Args:
        made: as `plan.plan` returns it.
    """
    counted = counts(made)
    if counted.is_empty():
        return Sentence(label("plan.none_to_draw"))
    wide = counted.pivot(on="outcome", index="action", values="candidates").fill_null(0)
    wide = wide.sort("action")
    names, place = readable(wide)["action"].to_list(), np.arange(wide.height)
    figure, axes = canvas(height=0.45 * wide.height + 2)
    left = np.zeros(wide.height)
    for outcome, shade in _SHADES.items():
        if outcome not in wide.columns:
            continue
        width = wide[outcome].to_numpy()
        word = label(f"plan_outcome.{outcome}")
        axes.barh(place, width, left=left, color=shade, height=0.7, edgecolor="none", label=word)
        left = left + width
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.set(xlabel=label("plan.candidates_axis"))
    axes.xaxis.set_major_formatter(thousands)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(figure, _outcomes_alt(counted))


def detectable(found: pl.DataFrame) -> Picture | Sentence:
    """The least effect that each campaign can show, by the size of its audience.

    Args:
        found: as `power.of_campaigns` returns it.
    """
    told = ~pl.col("verdict").is_in([NO_CONTROL, NOTHING])
    shown = found.filter(told).drop_nulls("detectable").sort("customers", "campaign")
    if shown.is_empty():
        return Sentence(label("plan.no_power"))
    figure, axes = canvas(height=0.4 * shown.height + 1.6)
    place, points = np.arange(shown.height), 100 * shown["detectable"].to_numpy()
    wanted = 100 * shown["wanted"][0]
    axes.hlines(place, 0, points, color=GREY, linewidth=1)
    axes.plot(points, place, "o", color=BLUE)
    axes.axvline(wanted, color=VERMILION, ls=":", label=label("plan.wanted_line"))
    sizes = zip(shown["campaign"], shown["customers"], strict=True)
    axes.set_yticks(place, [f"{name} ({size:,})" for name, size in sizes])
    axes.set(xlabel=label("plan.detectable_axis"))
    axes.set_xlim(left=0)
    axes.margins(y=0.2)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center")
    return Picture(figure, _detectable_alt(shown, wanted))


def _outcomes_alt(counted: pl.DataFrame) -> str:
    """How many of the possible actions of each kind are planned."""
    words = group("plan_action")
    planned = pl.col("candidates").filter(pl.col("outcome") == PLANNED).sum()
    sums = counted.group_by("action", maintain_order=True).agg(
        planned.alias("planned"), all=pl.col("candidates").sum()
    )
    listed = [
        label("plan.plan_alt_one", action=words[name], planned=f"{some:,}", candidates=f"{every:,}")
        for name, some, every in sums.iter_rows()
    ]
    return label("plan.plan_alt", listed="; ".join(listed))


def _detectable_alt(shown: pl.DataFrame, wanted: float) -> str:
    listed = [
        label("plan.power_alt_one", campaign=name, points=f"{100 * effect:.1f}", customers=size)
        for name, effect, size in shown.select("campaign", "detectable", "customers").iter_rows()
    ]
    return label("plan.power_alt", listed="; ".join(listed), wanted=f"{wanted:.1f}")
