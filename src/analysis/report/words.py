"""Computed sentences of `09_summary`, as arguments for `run.say`."""

import polars as pl

from analysis.effects import effects_words
from analysis.feedback import satisfaction_words, service_words, theme_words
from analysis.report.show import Money, form, percent
from analysis.run.months import Month
from analysis.run.settings import Settings


def headline(kpis: pl.DataFrame, month: Month) -> dict:
    """The month in one sentence."""
    rows = {row["kpi"]: row for row in kpis.iter_rows(named=True)}
    if not rows["purchases"]["value"]:
        return {"key": "summary.no_orders", "month": month}
    values = {
        "month": month,
        "buyers": int(rows["buyers"]["value"]),
        "purchases": int(rows["purchases"]["value"]),
        "revenue": Money(rows["revenue"]["value"]),
    }
    change = rows["revenue"]["change_on_previous_month"]
    if change is None:
        return {"key": "summary.headline_first", **values}
    return {"key": "summary.headline", "change": signed(change), **values}


def listening(voices: dict[str, pl.DataFrame], heard: dict[str, pl.DataFrame]) -> list[dict]:
    """What customers said: satisfaction, complaints and the rising themes.

    Args:
        voices: the tables `feedback` and `surveys`, empty without a source.
        heard: the tables `satisfaction`, `complaint_kpis`, `themes` and `call_back`.
    """
    levels, feedback = heard["satisfaction"], voices["feedback"]
    nps = levels.filter(measure="nps")
    said = satisfaction_words.no_table(voices["surveys"])
    said = said or satisfaction_words.levels(nps if nps.height else levels)
    if feedback.is_empty():
        return [*said, {"key": "summary.no_feedback"}]
    figures = service_words.figures(heard["complaint_kpis"])[:2]
    rising = theme_words.risen(heard["themes"])
    return [*said, *figures, service_words.called(heard["call_back"]), *rising]


def acted(plan: pl.DataFrame, effects: pl.DataFrame) -> list[dict]:
    """What is planned for the next month, and what the latest campaign that can be measured changed.

    Args:
        plan: the table `action_plan`.
        effects: the table `effects`.
    """
    contacted = plan.filter(pl.col("arm") == "treat").height
    counts = {"contacted": contacted, "alone": plan.height - contacted}
    said = [{"key": "summary.planned", **counts} if plan.height else {"key": "summary.unplanned"}]
    known = effects.filter(pl.col("difference").is_not_null() & (pl.col("measure") == "active"))
    return said + effects_words.effects(known.sort("begins_on", "campaign").tail(1))


def readable_kpis(kpis: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """KPIs as text, each in the form of its unit; money names its currency.

    Args:
        kpis: as `report.kpis.with_changes` returns it.
    """
    rows = []
    for row in kpis.iter_rows(named=True):
        unit = row["unit"]
        values = [
            form(row[name], unit, settings) for name in ("value", "previous_month", "year_ago")
        ]
        changes = [
            "–"
            if row[name] is None
            else points(row[name])
            if unit == "share"
            else signed(row[name])
            for name in ("change_on_previous_month", "change_on_year_ago")
        ]
        currency = f" ({settings.currency})" if unit == "money" else ""
        rows.append((row["kpi"], currency, values[0], values[1], changes[0], values[2], changes[1]))
    names = ["kpi", "currency", "value", "previous_month", "change_on_previous_month"]
    table = pl.DataFrame(rows, schema=[*names, "year_ago", "change_on_year_ago"], orient="row")
    from analysis.report.show import worded

    named = worded(table).with_columns(kpi=pl.col("kpi") + pl.col("currency"))
    return named.drop("currency")


def signed(change: float) -> str:
    """A relative change, e.g. `+4.1%`."""
    return f"+{percent(change)}" if change > 0 else percent(change)


def points(change: float) -> str:
    """A change of a share in percentage points."""
    return f"{100 * change:+.1f} pp"
