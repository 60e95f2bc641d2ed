"""Computed sentences and readable tables of the scorecard and of the verdicts on class strategies."""

import polars as pl

from analysis.effects.scorecard_rows import NOTHING
from analysis.labels import group, label
from analysis.report.show import money, percent
from analysis.run.settings import Settings

_LIMITS = ("low", "high", "difference_low", "difference_high")
_SIGNED = ("difference", "difference_low", "difference_high")
_FIGURES = ("value", "reference", "difference", *_LIMITS)
_MONEY = ("difference", "low", "high", "break_even")


def readable(scorecard: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The scorecard for `run.table`: keys as words, figures as text in their unit, intervals joined.

    Args:
        scorecard: the table `scorecard`.
    """
    rows = []
    for row in scorecard.to_dicts():
        shown = _words(row, settings)
        rows.append(
            {
                "item": shown["item"],
                "measure": shown["measure"],
                "value": shown["value"],
                "interval": _interval(row, shown, "low", "high"),
                "against": shown["against"],
                "reference": shown["reference"],
                "difference": shown["difference"],
                "interval_of_difference": _interval(
                    row, shown, "difference_low", "difference_high"
                ),
                "verdict": shown["verdict"],
            }
        )
    return pl.DataFrame(rows, schema=dict.fromkeys(_HEADS, pl.String))


def sentences(scorecard: pl.DataFrame, settings: Settings) -> list[dict]:
    """The scorecard in sentences, as arguments for `run.say`.

    Args:
        scorecard: the table `scorecard`.
    """
    said = [_sentence(row, settings) for row in scorecard.to_dicts()]
    open_windows = scorecard.filter("window_open").unique("made_on").sort("made_on")
    for row in open_windows.to_dicts():
        said.append({"key": "scorecard_page.window_open"} | _dates(row))
    scored = scorecard.filter(pl.col("verdict").cast(pl.String) != "no_data")["item"].cast(
        pl.String
    )
    if "early_warning" in scored:
        said.append({"key": "scorecard_page.why_profit"})
    if "satisfaction" in scored:
        said.append({"key": "scorecard_page.shared_answers"})
    return said


def readable_strategies(verdicts: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The verdicts on class strategies for `run.table`; `class` and `axis` keep their keys for it.

    Args:
        verdicts: the table `strategy_verdicts`.
    """
    amounts = [
        pl.Series(name, [_amount(one, settings, name != "break_even") for one in verdicts[name]])
        for name in _MONEY
    ]
    keyed = {
        "verdict": "strategy_verdict",
        "reason": "strategy_reason",
        "action": "strategy_action",
    }
    words = [pl.col(name).cast(pl.String).replace(group(key)) for name, key in keyed.items()]
    shown = verdicts.with_columns(*amounts, *words)
    names = ("axis", "class", "customers", "verdict", "why", "bought", "left_class")
    return shown.rename({"reason": "why", "rate": "bought"}).select(*names, "action", *_MONEY)


def strategies(verdicts: pl.DataFrame, settings: Settings) -> list[dict]:
    """Which strategies to keep, change and stop, and of how many nothing can be told.

    Args:
        verdicts: the table `strategy_verdicts`.
    """
    if verdicts.is_empty():
        return [{"key": "scorecard_page.no_strategies"}]
    told = verdicts.with_columns(pl.col("verdict", "action").cast(pl.String))
    counts = dict(told.group_by("verdict").len().iter_rows())
    said = [
        {"key": "scorecard_page.strategies"}
        | {name: counts.get(name, 0) for name in group("strategy_verdict")}
    ]
    clear = told.filter(pl.col("verdict") != "cannot_tell")
    names = group("class")
    for row in clear.to_dicts():
        facts = {
            name: _amount(0.0 if row[name] is None else row[name], settings, name != "break_even")
            for name in _MONEY
        }
        action = label(f"strategy_action.{row['action']}")
        name = names.get(row["class"], {}).get("en", row["class"])
        said.append(
            {"key": f"scorecard_page.{row['verdict']}", "action": action, "name": name} | facts
        )
    if clear.filter(~pl.col("own_class")).height:
        said.append({"key": "scorecard_page.whole_campaign"})
    return said


def _sentence(row: dict, settings: Settings) -> dict:
    shown = _words(row, settings)
    if row["verdict"] == "no_data":
        return {"key": "scorecard_page.no_data", "item": shown["item"]}
    if row["item"] == "forecast":
        names = ("item", "measure", "value", "reference", "verdict")
        return {"key": "scorecard_page.forecast"} | _dates(row) | {one: shown[one] for one in names}
    if row["against"] == "plan":
        names = ("item", "value", "reference", "difference", "verdict", "low", "high")
        return {"key": "scorecard_page.plan"} | {one: shown[one] for one in names}
    known = row["difference"] is not None
    names = ("item", "measure", "value", "low", "high", "against")
    names += ("reference", *_SIGNED, "verdict") if known else ()
    key = "scorecard_page.compared" if known else "scorecard_page.alone"
    return {"key": key} | {one: shown[one] for one in names}


def _words(row: dict, settings: Settings) -> dict[str, str]:
    """Keys of a row as words, its figures as text."""
    shown = {name: _figure(row[name], row["unit"], name, settings) for name in _FIGURES}
    against = row["against"]
    if against == NOTHING and row["item"] in ("satisfaction", "churn", "sales"):
        against = "month_before"  # what is missing
    words = {"item": "scorecard_item", "verdict": "scorecard_verdict"}
    shown |= {name: label(f"{key}.{row[name]}") for name, key in words.items()}
    return shown | {
        "against": label(f"scorecard_against.{against}"),
        "measure": _measure(row["measure"]),
    }


def _measure(measure: str) -> str:
    """A measure's name; the item of a survey and the days of a forecast stand in its key."""
    kind, _, item = measure.partition(": ")
    if item.casefold().startswith(kind):
        return item  # a question that names its measure itself
    known = group("scorecard_measure")
    if item:
        return f"{known.get(kind, kind)} {item}"
    if kind.startswith("purchases_"):
        return label("scorecard_measure.purchases_of", days=kind.removeprefix("purchases_"))
    return known.get(kind, kind.replace("_", " "))


def _figure(value: float | None, unit: str, name: str, settings: Settings) -> str:
    if value is None:
        return "–"
    sign = "+" if name in _SIGNED and value > 0 else ""
    if unit == "share":
        return sign + percent(value)
    if unit == "money":
        return f"{sign}{money(value, settings)} {settings.currency}"
    return f"{sign}{value:,.0f}" if unit == "count" else f"{sign}{value:.1f}"


def _amount(value: float | None, settings: Settings, signed: bool = True) -> str | None:
    if value is None:
        return None
    sign = "+" if signed and value > 0 else ""
    return f"{sign}{money(value, settings)} {settings.currency}"


def _interval(row: dict, shown: dict, low: str, high: str) -> str:
    return (
        "–"
        if row[low] is None
        else label("scorecard_page.interval", low=shown[low], high=shown[high])
    )


def _dates(row: dict) -> dict:
    return {"made_on": row["made_on"], "until": row["until"]}


_HEADS = (
    *("item", "measure", "value", "interval", "verdict", "against", "reference"),
    *("difference", "interval_of_difference"),
)
