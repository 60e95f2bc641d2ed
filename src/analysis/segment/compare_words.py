"""Computed sentences and readable tables on what classes foretell, as arguments for `run.say`."""

from datetime import date

import polars as pl

from analysis.labels import group, label, text
from analysis.report.show import Money, Share, form, percent
from analysis.run.settings import Settings
from analysis.segment.compare import NO_CLASSES, SCORE, recommended

MOST_NAMES = 4  # named in a sentence; the table has them all


def window(outcomes: pl.DataFrame | None, cut_off: date | None = None, days: int = 0) -> dict:
    """On what the classes are tested, or that nothing can be tested yet.

    Args:
        outcomes: as `compare.outcomes` returns them; None where no window has closed.
        cut_off: the day as of which the customers were classed.
        days: length of the window after it.
    """
    if outcomes is None or outcomes.is_empty():
        return {"key": "compare.no_window"}
    return {
        "key": "compare.window",
        "customers": outcomes.height,
        "cut_off": cut_off,
        "days": days,
        "share": Share(outcomes["active"].mean()),
        "money": Money(outcomes["revenue"].sum()),
    }


def order(name_order: pl.DataFrame, axis: str) -> dict:
    """Whether the names of an axis keep their order, or which promise more than they keep.

    Args:
        name_order: as `compare_names.name_order` returns it.
    """
    mine = name_order.filter(pl.col("axis") == axis)
    values = {"axis": axis_words(axis), "pairs": mine.height}
    if mine.is_empty():
        return {"key": "compare.order_untested", **values}
    broken = mine.filter(pl.col("verdict") == "broken")
    if broken.is_empty():
        by_chance = int((mine["verdict"] == "within_chance").sum())
        if by_chance:
            return {"key": "compare.order_by_chance", **values, "by_chance": by_chance}
        return {"key": "compare.order_holds", **values}
    worst = broken.sort("difference", maintain_order=True).row(0, named=True)
    measured = Money if worst["measure"] == "revenue" else Share
    names = broken.group_by("higher", maintain_order=True).len().sort("len", descending=True)
    values |= {
        "broken": broken.height,
        "names": _listed([class_words(name) for name in names["higher"]]),
        **{side: class_words(worst[side]) for side in ("higher", "lower")},
        **{f"{side}_value": measured(worst[f"{side}_value"]) for side in ("higher", "lower")},
    }
    if measured is Money:
        return {"key": "compare.order_broken_revenue", **values}
    return {"key": "compare.order_broken_rate", **values}


def recommendation(comparison: pl.DataFrame) -> dict:
    """Which axis told best what customers did next and holds still, or why none is recommended.

    Args:
        comparison: the table `axis_comparison`.
    """
    tried = _tried(comparison)
    if tried.is_empty():
        return {"key": "compare.untested"}
    best = recommended(comparison)
    if best is None:
        return _none_recommended(tried)
    row = tried.row(by_predicate=pl.col("axis") == best, named=True)
    values = _auc(row) | {"level": _others(tried)}
    if row["stability"] is None:
        return {"key": "compare.recommended_untried", **values}
    return {"key": "compare.recommended", "stability": Share(row["stability"]), **values}


def against_score(comparison: pl.DataFrame) -> dict:
    """How far the recommended axis, or else the one that separates best, lies behind a score."""
    tried = _tried(comparison)
    if tried.is_empty():
        return {"key": "compare.untested"}
    axis = recommended(comparison) or tried["axis"][0]
    row = tried.row(by_predicate=pl.col("axis") == axis, named=True)
    score = comparison.row(by_predicate=pl.col("axis") == SCORE, named=True)
    values = {
        "axis": axis_words(axis),
        "score": f"{score['auc']:.3f}",
        "gap": f"{abs(row['behind']):.3f}",
        "low": f"{row['behind_low']:+.3f}",
        "high": f"{row['behind_high']:+.3f}",
    }
    if row["behind_low"] > 0:
        return {"key": "compare.score_ahead", **values}
    if row["behind_high"] < 0:
        return {"key": "compare.score_behind", **values}
    return {"key": "compare.score_level", **values}


def revenue(comparison: pl.DataFrame) -> dict:
    """Which axis foretold next-period revenue best, and how much of it."""
    known = _axes(comparison).drop_nulls("explained")
    if known.is_empty():
        return {"key": "compare.revenue_untested"}
    best = known.sort("explained", "classes", "axis", descending=[True, False, False])
    if best["explained"][0] == 0:
        return {"key": "compare.revenue_none"}
    score = comparison.row(by_predicate=pl.col("axis") == SCORE, named=True)
    return {
        "key": "compare.revenue",
        "axis": axis_words(best["axis"][0]),
        "share": Share(best["explained"][0]),
        "score": Share(score["explained"]),
    }


def no_help(comparison: pl.DataFrame) -> dict:
    """Which axes say nothing about who will buy."""
    tried = _tried(comparison)
    if tried.is_empty():
        return {"key": "compare.untested"}
    silent = tried.filter(pl.col("verdict") == "chance").sort("axis")["axis"]
    if silent.is_empty():
        return {"key": "compare.all_help"}
    return {"key": "compare.no_help", "axes": _listed([axis_words(axis) for axis in silent])}


def readable_comparison(comparison: pl.DataFrame) -> pl.DataFrame:
    """The table `axis_comparison` as text, the best first: six columns, headings from the catalogue."""
    rows = [
        (
            _axis_and_classes(row),
            _number(row["auc"], row["auc_low"], row["auc_high"]),
            _number(row["behind"], row["behind_low"], row["behind_high"]),
            _share(row["explained"]),
            _share(row["stability"]),
            label(f"compare.verdict.{row['verdict']}"),
        )
        for row in _ranked(comparison).iter_rows(named=True)
    ]
    heads = [label(f"compare.head.{name}") for name in ("auc", "behind", "explained", "stability")]
    names = [text("axis"), *heads, text("verdict")]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def readable_rates(rates: pl.DataFrame, axis: str, settings: Settings) -> pl.DataFrame:
    """The classes of an axis with what their members did next, as text, the most active first."""
    rows = [
        (
            row["class"],
            form(row["customers"], "count", settings),
            percent(row["rate"]),
            label("compare.range", low=percent(row["low"]), high=percent(row["high"])),
            form(row["revenue_per_customer"], "money", settings),
        )
        for row in rates.filter(pl.col("axis") == axis).sort("rank").iter_rows(named=True)
    ]
    heads = [label(f"compare.head.{name}") for name in ("rate", "interval")]
    money = label("compare.head.revenue_per_customer", currency=settings.currency)
    names = ["class", "customers", *heads, money]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def readable_order(name_order: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The pairs of names that came out the other way round, as text; those beyond chance first."""
    wrong = name_order.filter(pl.col("verdict") != "kept").sort("verdict", maintain_order=True)
    rows = []
    for row in wrong.iter_rows(named=True):
        kind = "money" if row["measure"] == "revenue" else "share"
        sides = [
            label("compare.side", name=class_words(row[side]), value=form(value, kind, settings))
            for side, value in (("higher", row["higher_value"]), ("lower", row["lower_value"]))
        ]
        why = label(f"compare.why.{row['why']}")
        rows.append((row["axis"], *sides, why, label(f"compare.order.{row['verdict']}")))
    heads = [label(f"compare.head.{name}") for name in ("higher", "lower", "why")]
    names = ["axis", *heads, text("verdict")]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def axis_words(axis: str) -> str:
    """An axis, or a row that stands beside the axes, as readers call it."""
    return (group("axis") | group("compare.row")).get(axis, axis)


def class_words(name: str) -> str:
    """A class as readers call it; one that comes from the data stands for itself."""
    entry = group("class").get(name)
    return entry["en"] if entry else name


def _others(tried: pl.DataFrame) -> str:
    """What is to be said of the axes beside the recommended one."""
    as_good = tried.filter(pl.col("verdict") == "as_good")["axis"]
    if as_good.len():
        return label("compare.level", axes=_listed([axis_words(axis) for axis in as_good]))
    return label("compare.alone" if tried.height > 1 else "compare.only")


def _none_recommended(tried: pl.DataFrame) -> dict:
    unstable = tried.filter(pl.col("verdict") == "unstable")
    if unstable.is_empty():
        return {"key": "compare.none_separates"}
    row = unstable.row(0, named=True)
    return {"key": "compare.none_stable", "stability": Share(row["stability"]), **_auc(row)}


def _axes(comparison: pl.DataFrame) -> pl.DataFrame:
    return comparison.filter(~pl.col("axis").is_in([SCORE, NO_CLASSES]))


def _ranked(comparison: pl.DataFrame) -> pl.DataFrame:
    return comparison.sort("auc", "axis", descending=[True, False], nulls_last=True)


def _tried(comparison: pl.DataFrame) -> pl.DataFrame:
    """The axes of more than one class that could be tested, the highest AUC first."""
    tested = _axes(comparison).filter(pl.col("auc").is_not_null() & (pl.col("classes") > 1))
    return _ranked(tested)


def _auc(row: dict) -> dict:
    numbers = {name: f"{row[name]:.3f}" for name in ("auc", "auc_low", "auc_high")}
    return {"axis": axis_words(row["axis"]), **numbers}


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return label("compare.and_more", shown=shown, more=more) if more > 0 else shown


def _axis_and_classes(row: dict) -> str:
    words = axis_words(row["axis"])
    if row["classes"] is None or row["axis"] == NO_CLASSES:
        return words
    return label("compare.axis_classes", axis=words, classes=row["classes"])


def _number(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return label("compare.nothing")
    if low == high:
        return f"{value:.3f}"
    numbers = {"value": f"{value:.3f}", "low": f"{low:.3f}", "high": f"{high:.3f}"}
    return label("compare.number", **numbers)


def _share(value: float | None) -> str:
    return label("compare.nothing") if value is None else percent(value)
