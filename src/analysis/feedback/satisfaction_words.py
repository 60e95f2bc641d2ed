"""Computed sentences about satisfaction, as arguments for `run.say` and `run.say_all`."""

import polars as pl

from analysis.feedback.drivers import Drivers
from analysis.feedback.satisfaction import FEW
from analysis.labels import group, label
from analysis.report.show import Share, worded

_APART = ("cluster", "rfm", "region", "mode")
SURE = 0.8  # of the resamples put an item into its quadrant


def no_table(surveys: pl.DataFrame) -> list[dict]:
    """That there are no surveys, or none with a score; empty where there are."""
    if surveys.is_empty():
        return [{"key": "satisfaction.no_table"}]
    return [] if surveys["score"].count() else [{"key": "satisfaction.no_scores"}]


def refused(scales: pl.DataFrame) -> list[dict]:
    """Items of which nothing is computed, and why.

    Args:
        scales: as `scales.item_scales` returns it.
    """
    return [
        {
            "key": "satisfaction.refused",
            "item": row["item"],
            "survey": row["survey"] or label("satisfaction.unnamed"),
            "reason": label(f"scale_problem.{row['problem']}"),
        }
        for row in scales.drop_nulls("problem").iter_rows(named=True)
    ]


def scale_rows(scales: pl.DataFrame) -> pl.DataFrame:
    """The scales with their kinds and problems in words, for `run.table`."""
    kinds, problems = group("scale_kind"), group("scale_problem")
    return scales.with_columns(
        pl.col("kind").replace_strict(kinds, default=pl.col("kind")),
        pl.col("problem").replace_strict(problems, default=pl.col("problem")),
    )


def level_rows(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """NPS (points) and CSAT (percent) of the groups of one kind with their intervals, for `run.table`.

    Args:
        rows: as `satisfaction.satisfaction` returns it.
        by: `rfm`, `cluster`, `region`, `mode` or `month`.
    """
    shown = rows.filter(pl.col("by") == by).sort(
        "measure", "item", "class", descending=[True, False, False]
    )
    text = [
        label(
            "satisfaction.figure", **{name: _points(row[name]) for name in ("value", "low", "high")}
        )
        for row in shown.iter_rows(named=True)
    ]
    return worded(shown).select(
        "item",
        pl.col("class").alias(by),
        "answers",
        value_and_interval=pl.Series(text, dtype=pl.String),
    )


def levels(rows: pl.DataFrame) -> list[dict]:
    """NPS and CSAT of all customers; an item with too few answers only with its interval.

    Args:
        rows: as `satisfaction.satisfaction` returns it.
    """
    said = []
    total = rows.filter(pl.col("by") == "all").sort("measure", "item", descending=[True, False])
    for row in total.iter_rows(named=True):
        key = row["measure"] if row["headline"] else f"few_{row['measure']}"
        facts = {name: _points(row[name]) for name in ("value", "low", "high")}
        said.append(
            {
                "key": f"satisfaction.{key}",
                "item": row["item"],
                "answers": row["answers"],
                "least": FEW,
                **facts,
            }
        )
    return said or [{"key": "satisfaction.no_answers"}]


def apart(rows: pl.DataFrame) -> list[dict]:
    """Classes whose NPS lies apart from that of all, both intervals not meeting.

    Args:
        rows: as `satisfaction.satisfaction` returns it.
    """
    nps = rows.filter(pl.col("measure") == "nps")
    said = []
    for item in nps["item"].unique().sort():
        one = nps.filter(pl.col("item") == item)
        total = one.filter(pl.col("by") == "all")
        classes = one.filter(pl.col("by").is_in(_APART) & pl.col("headline"))
        if classes.is_empty() or total.is_empty():
            continue
        classes = classes.sort("value", "by", "class")
        sides = {
            "below": classes.filter(pl.col("high") < total["low"][0]),
            "above": classes.filter(pl.col("low") > total["high"][0]),
        }
        found = [
            {"key": f"satisfaction.{side}", "item": item, "classes": _listed(some)}
            for side, some in sides.items()
            if some.height
        ]
        said += found or [{"key": "satisfaction.none_apart", "item": item}]
    return said


def responded(rates: pl.DataFrame) -> list[dict]:
    """The response rate of each survey, or that it cannot be known.

    Args:
        rates: as `satisfaction.response_rates` returns it.
    """
    said = []
    for row in rates.filter(pl.col("by") == "all").iter_rows(named=True):
        survey = row["survey"] or label("satisfaction.unnamed")
        facts = {"survey": survey, "invited": row["invited"], "answered": row["answered"]}
        if row["rate"] is None:
            said.append({"key": "satisfaction.rate_unknown", **facts})
            continue
        shares = {name: Share(row[name]) for name in ("rate", "low", "high")}
        said.append({"key": "satisfaction.rate", **facts, **shares})
    return said


def rate_rows(rates: pl.DataFrame) -> pl.DataFrame:
    """Response rates by way of asking and class, for `run.table`; none of surveys that tell none.

    Args:
        rates: as `satisfaction.response_rates` returns it.
    """
    axes = group("axis") | {"mode": label("satisfaction.mode")}
    shown = rates.filter(pl.col("by").is_in(["mode", "rfm"]) & pl.col("rate").is_not_null())
    return shown.with_columns(pl.col("by").replace(axes)).sort("survey", "by", "class")


def reweighted(weights: pl.DataFrame) -> list[dict]:
    """What weighting for those who did not answer changes.

    Args:
        weights: as `satisfaction.weighted_satisfaction` returns it.
    """
    if weights.is_empty():
        return [{"key": "satisfaction.not_weighted"}]
    names = ("unweighted", "weighted", "effect_low", "effect_high")
    return [
        {
            "key": "satisfaction.weighting",
            "item": row["item"],
            "effect": _points(row["effect"], "+"),
            **{name: _points(row[name]) for name in names},
        }
        for row in weights.sort("measure", "item", descending=[True, False]).iter_rows(named=True)
    ]


def driven(found: Drivers) -> list[dict]:
    """What to fix first, how sure the ranks are, or why nothing can be said.

    Args:
        found: as `drivers.drivers` returns it.
    """
    if found.reason:
        return [{"key": f"driver.{found.reason}", "responses": f"{found.responses:,}"}]
    explained = Share(found.explained)
    said = [{"key": "driver.basis", "responses": f"{found.responses:,}", "explained": explained}]
    first = found.items.filter(pl.col("quadrant") == "fix_first")
    for row in first.iter_rows(named=True):
        certainty = Share(row["certainty"])
        key = "driver.fix" if row["certainty"] >= SURE else "driver.fix_unsure"
        said.append({"key": key, "item": row["item"], "certainty": certainty})
    if first.is_empty():
        said.append({"key": "driver.nothing_to_fix"})
    top = found.items.row(0, named=True)
    key = "driver.rank_sure" if top["rank_high"] == 1 else "driver.rank_unsure"
    return [*said, {"key": key, "item": top["item"], "last": top["rank_high"]}]


def driver_rows(found: Drivers) -> pl.DataFrame:
    """The touchpoints with names and quadrants in words, for `run.table`."""
    points, names = group("touchpoint"), group("quadrant")
    return found.items.with_columns(
        pl.col("touchpoint").replace_strict(points, default=None, return_dtype=pl.String),
        pl.col("quadrant").replace_strict(names, default=None, return_dtype=pl.String),
    )


def _listed(classes: pl.DataFrame) -> str:
    """The classes with the axis of each."""
    axes = group("axis") | {"mode": label("satisfaction.mode")}
    listed = [
        label("satisfaction.of_axis", name=name, axis=axes.get(by, by))
        for name, by in worded(classes).select("class", "by").iter_rows()
    ]
    return label("satisfaction.separator").join(listed)


def _points(value: float, sign: str = "") -> str:
    """A figure to one decimal; what rounds to nothing has no sign."""
    rounded = round(value, 1) + 0.0
    return f"{rounded:{sign}.1f}" if rounded else "0.0"
