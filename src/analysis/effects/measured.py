"""The effect of each campaign by both measures, or why there is none to tell."""

from datetime import timedelta

import polars as pl

from analysis.effects.beside import compared
from analysis.effects.estimates import (
    Difference,
    active_difference,
    adjusted_difference,
    detectable,
)
from analysis.effects.lists import Lists
from analysis.effects.organic import everybody, spread
from analysis.effects.outcomes import covariates, outcomes, strata, tail_share, winsorised
from analysis.effects.pooled import verdict

MEASURES = ("active", "spend")
_NAMES = ("campaign", "name", "action", "begins_on", "window_days", "controls", "reason")
EFFECTS = {
    "campaign": pl.String,
    "name": pl.String,
    "action": pl.String,
    "measure": pl.String,
    "begins_on": pl.Date,
    "window_days": pl.Int64,
    "assigned": pl.Int64,
    "controls": pl.Int64,
    "value_treat": pl.Float64,
    "value_control": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "error": pl.Float64,
    "p": pl.Float64,
    "mde": pl.Float64,
    "tail_share": pl.Float64,
    "verdict": pl.String,
    "reason": pl.String,
}


def effects(lists: Lists, checked: pl.DataFrame, occasions: pl.DataFrame) -> pl.DataFrame:
    """What being assigned to each campaign changed, whether or not the customer was reached.

    Active: the share with a purchase occasion within the window, with Newcombe's interval. Spend: net
    spend within it, drawn in to its 1 and 99 % quantiles (both arms together), adjusted for the 180
    days before, recency and frequency. Without history there is nothing to adjust for, and unadjusted
    spend is not printed as a test.

    Args:
        lists: the assigned customers.
        checked: as `checks.check` returns it.
        occasions: the table `occasions`, up to as_of.

    Returns:
        One row per campaign and measure (`active`, `spend`), by day: `campaign`, `name`, `action`,
        `measure`, `begins_on`, `window_days`, `assigned` (customers compared), `controls`, `value_treat`,
        `value_control` (share; money per customer, adjusted), `difference`, `low`, `high` (95 %),
        `error`, `p`, `mde` (the least difference that four in five such campaigns would find, by what
        customers of the kind did in the window before; null without one), `tail_share` (of spend, beyond
        the limit), `verdict` (`better`, `worse`, `not_distinguishable`, `open`, `not_measurable`,
        `refused`), `reason` (of the last three).
    """
    rows, before = [], {}
    for one in checked.iter_rows(named=True):
        window = one["begins_on"], one["window_days"]
        if one["begins_on"] is not None and window not in before:
            cut_off = one["begins_on"] - timedelta(days=one["window_days"] + 1)
            before[window] = everybody(occasions, cut_off, one["window_days"])
        rows += _of_campaign(one, lists.of(one["campaign"]), occasions, before.get(window))
    found = pl.DataFrame(rows, schema=EFFECTS)
    told = pl.when(pl.col("verdict") == "measurable").then(verdict(pl.col("low"), pl.col("high")))
    return found.with_columns(verdict=told.otherwise("verdict"))


def _of_campaign(
    one: dict, rows: pl.DataFrame, occasions: pl.DataFrame, before: pl.DataFrame | None
) -> list[dict]:
    base = {name: one[name] for name in _NAMES}
    base |= {"assigned": one["treated"] + one["controls"], "verdict": one["verdict"]}
    least, day = {}, one["begins_on"]
    if day is not None and one["treated"] and one["controls"]:
        found = outcomes(compared(rows), occasions, day, one["window_days"], one["arms_since"])
        least = _detectable(found, one, before)
    told = {name: base | {"measure": name, "mde": least.get(name)} for name in MEASURES}
    if one["verdict"] != "measurable":
        return list(told.values())
    return [told[name] | measure(found) for name, measure in _MEASURE.items()]


def _active(found: pl.DataFrame) -> dict:
    active, treated = found["active"].to_numpy(), found["treated"].to_numpy()
    return _row(active_difference(active, treated, strata(found)))


def _spend(found: pl.DataFrame) -> dict:
    spend = found["spend"].to_numpy()
    if not spend.any():
        return {"verdict": "not_measurable", "reason": "no_purchases"}
    if not found["purchases"].sum():
        return {"verdict": "not_measurable", "reason": "no_history"}
    difference = adjusted_difference(
        winsorised(spend), covariates(found), found["treated"].to_numpy()
    )
    if difference is None or not difference.error > 0:
        return {"verdict": "not_measurable", "reason": "no_spread"}
    return _row(difference) | {"tail_share": tail_share(spend)}


_MEASURE = {"active": _active, "spend": _spend}


def _row(found: Difference) -> dict:
    names = {"treat": "value_treat", "control": "value_control"}
    return {names.get(name, name): float(value) for name, value in found._asdict().items()}


def _detectable(found: pl.DataFrame, one: dict, earlier: pl.DataFrame) -> dict[str, float]:
    """The least differences that the arms can show.

    Args:
        found: outcomes of the customers compared.
        one: their campaign, as `checks.check` has it.
        earlier: outcomes of all customers in the window before.
    """
    varies = spread(found, earlier)
    if varies is None:
        return {}
    return {
        name: detectable(value, one["treated"], one["controls"]) for name, value in varies.items()
    }
