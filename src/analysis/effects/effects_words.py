"""Computed sentences about the effects of campaigns, as arguments for `run.say`."""

from datetime import date, timedelta

import polars as pl

from analysis.effects.pooled import MEASURED
from analysis.labels import group, label
from analysis.report.show import Money, Share

TAIL_TO_WARN_OF = 0.1
_KEYS = {"measure": "effect_measure", "verdict": "effect_verdict", "reason": "effect_reason"}
_KEYS |= {"control_kind": "effect_controls", "group": "organic_group"}


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Any frame of this part with the keys of its columns replaced by words, for `run.table`."""
    names = [name for name in _KEYS if name in frame.columns]
    return frame.with_columns(
        pl.col(name).cast(pl.String).replace(group(_KEYS[name])) for name in names
    )


def shown(effects: pl.DataFrame, measure: str) -> pl.DataFrame:
    """The effects of one measure for a table: what was measured, or why not.

    Campaigns of the ledger that were too small or owed to everybody stand in a sentence of `lists`.

    Args:
        effects: as `measured.effects` returns it.
        measure: `active` (differences in percentage points) or `spend` (money per customer).
    """
    rows = effects.filter((pl.col("measure") == measure) & ~_brief())
    if measure == "active":
        points = ("difference", "low", "high", "mde")
        rows = rows.with_columns(
            pl.Series(
                name, [None if one is None else f"{100 * one:.1f}" for one in rows[name]], pl.String
            )
            for name in points
        )
    names = ("name", "begins_on", "verdict", "difference", "low", "high", "value_treat")
    chance = [None if p is None else _chance(p) for p in rows["p"]]
    found = rows.with_columns(p=pl.Series(chance, dtype=pl.String)).select(
        *names, "value_control", "assigned", "controls", "p", "mde", "reason"
    )
    return readable(found)


def worth_a_row(checked: pl.DataFrame) -> pl.DataFrame:
    """Campaigns without those of the ledger that were too small or owed to everybody."""
    return checked.filter(~_brief())


def lists(checked: pl.DataFrame, as_of: date) -> list[dict]:
    """Who was assigned, and what is wrong with the lists.

    Args:
        checked: as `checks.check` returns it.
        as_of: the last day that counts.
    """
    if checked.is_empty():
        return [{"key": "effects.no_lists", "as_of": as_of}]
    said = []
    for row in checked.filter(~_brief()).iter_rows(named=True):
        if row["treated"] or row["controls"]:
            said.append(_sizes(row))
        if row["reason"] in _WHY:
            said.append(_why(row, row["reason"]))
        said += _blemishes(row)
    recent = pl.col("last_day") > as_of - timedelta(days=_RECENT_DAYS)
    return said + _briefly(checked.filter(_brief() & recent))


def effects(found: pl.DataFrame) -> list[dict]:
    """What each campaign that could be measured changed, both measures.

    Args:
        found: as `measured.effects` returns it.
    """
    said = []
    for row in found.iter_rows(named=True):
        name = {"name": row["name"], "days": row["window_days"]}
        if row["verdict"] not in MEASURED:
            if row["reason"] in _WHY_SPEND:
                said.append({"key": f"effects.why_{row['reason']}", **name})
            continue
        told = _amounts(row, ("value_treat", "value_control", "difference", "low", "high"))
        said.append({"key": f"effects.{row['measure']}_{row['verdict']}", **name, **told})
        if row["mde"] is not None and row["verdict"] == "not_distinguishable":
            told = _amounts(row, ("mde",))
            said.append({"key": f"effects.{row['measure']}_mde", **name, **told})
        if (row["tail_share"] or 0) > TAIL_TO_WARN_OF:
            said.append({"key": "effects.tail", **name, "share": Share(row["tail_share"])})
    return said or [{"key": "effects.none_measured"}]


def payoff(found: pl.DataFrame, gross_margin: float) -> list[dict]:
    """Whether each campaign pays for what it cost.

    Args:
        found: as `payoff.payoff` returns it.
        gross_margin: share of revenue kept.
    """
    said = []
    for row in found.iter_rows(named=True):
        if row["reason"] == "no_cost":
            said.append({"key": "effects.payoff_no_cost", "name": row["name"]})
        elif row["reason"] is None:
            amounts = {
                "cost": row["cost"],
                "each": row["cost_per_customer"],
                "profit": row["profit_per_customer"],
                "low": row["profit_low"],
                "high": row["profit_high"],
            }
            chance = {"chance": Share(row["chance_pays"]), "margin": Share(gross_margin)}
            money = {name: Money(value) for name, value in amounts.items()}
            said.append({"key": "effects.payoff", "name": row["name"], **money, **chance})
    if gross_margin == 1 and found["chance_pays"].count():
        said.append({"key": "effects.payoff_whole"})
    return said


def pooled(found: pl.DataFrame) -> list[dict]:
    """What all campaigns together say, by measure and window.

    Args:
        found: as `pooled.pooled` returns it.
    """
    last = found.group_by("measure", "window_days", maintain_order=True).last()
    said = []
    for row in last.iter_rows(named=True):
        if row["campaigns"] < 2:
            continue
        facts = {"campaigns": row["campaigns"], "days": row["window_days"]}
        told = _amounts(row, ("difference", "low", "high"))
        said.append({"key": f"effects.pooled_{row['measure']}_{row['verdict']}", **facts, **told})
        if row["verdict"] != "not_distinguishable":
            holds = row["running_low"] > 0 or row["running_high"] < 0
            ends = {"low": row["running_low"], "high": row["running_high"]}
            key = "effects.running_holds" if holds else "effects.running_open"
            said.append({"key": key, **_amounts(row | ends, ("low", "high"))})
        if row["q_p"] < 0.05:
            said.append(
                {"key": "effects.apart", "share": Share(row["i2"]), "p": _chance(row["q_p"])}
            )
    return said or [{"key": "effects.nothing_to_pool"}]


def organic(base: pl.DataFrame) -> list[dict]:
    """What customers do with no action.

    Args:
        base: as `organic.base_rates` returns it.
    """
    quiet = base.filter("quiet")
    if quiet.is_empty():
        return [{"key": "effects.organic_none"}]
    said = []
    lapsed = quiet.filter(pl.col("group") == "lapsed")
    if lapsed.height:
        said.append({"key": "effects.organic_lapsed", **_range(lapsed, "rate")})
    for name in ("best", "active"):
        rows = quiet.filter(pl.col("group") == name).drop_nulls("change")
        if rows.is_empty():
            continue
        less = rows["change"].max() < 0
        facts = _range(rows.with_columns(-pl.col("change")) if less else rows, "change")
        said.append({"key": f"effects.organic_{name}_{'less' if less else 'varies'}", **facts})
    return said


def same_kind(found: pl.DataFrame, effects: pl.DataFrame) -> list[dict]:
    """What customers like those of each campaign did unprompted, beside what its controls did.

    Args:
        found: as `organic.same_kind_rates` returns it.
        effects: as `measured.effects` returns it.
    """
    active = effects.filter((pl.col("measure") == "active") & ~_brief())
    said = []
    for row in active.iter_rows(named=True):
        rows = found.filter((pl.col("group") == row["campaign"]) & pl.col("quiet"))
        if rows.is_empty():
            said.append({"key": "effects.same_kind_none", "name": row["name"]})
            continue
        facts = {"name": row["name"], **_range(rows, "rate")}
        if row["value_control"] is None:
            said.append({"key": "effects.same_kind_alone", **facts})
        else:
            control = {"control": Share(row["value_control"]), "treat": Share(row["value_treat"])}
            said.append({"key": "effects.same_kind", **facts, **control})
    return said


_WHY = {  # what each sentence needs besides the name
    "no_day": (),
    "no_list": (),
    "list_lost": ("lost", "off_list"),
    "list_changed": (),
    "in_both": ("in_both",),
    "no_controls": ("treated",),
    "too_few": ("treated", "controls"),
    "no_treated": ("controls",),
    "contaminated": ("leaked", "controls"),
    "sample_ratio": ("treated", "controls", "planned_share", "ratio_p"),
    "not_random": ("balance_p",),
    "open": ("last_day",),
}
_BRIEF = ("owed", "too_few", "no_controls")  # of drawn campaigns: one line together says enough
_RECENT_DAYS = 92
_WHY_SPEND = ("no_purchases", "no_history", "no_spread")


def _why(row: dict, reason: str) -> dict:
    facts = {name: row[name] for name in _WHY[reason]}
    for name in ("ratio_p", "balance_p"):
        if name in facts:
            facts[name] = _chance(facts[name])
    if "planned_share" in facts:
        facts["planned_share"] = Share(facts["planned_share"])
    return {"key": f"effects.why_{reason}", "name": row["name"], **facts}


def _brief() -> pl.Expr:
    """Campaigns of the ledger (only these have an action) that were never meant to show anything."""
    of_ledger = pl.col("action").is_not_null()
    return of_ledger & pl.col("reason").cast(pl.String).is_in(_BRIEF).fill_null(False)


def _briefly(rows: pl.DataFrame) -> list[dict]:
    """Campaigns that cannot be measured for a plain reason, in a line for each reason."""
    said = []
    for (reason,), some in rows.sort("reason", "campaign").group_by("reason", maintain_order=True):
        counts = some.select("name", "treated", "controls").iter_rows()
        listed = [label("effects.size", name=n, treated=t, controls=c) for n, t, c in counts]
        said.append({"key": f"effects.all_{reason}", "listed": ", ".join(listed)})
    return said


def _sizes(row: dict) -> dict:
    names = ("name", "treated", "contacted", "controls")
    key = "effects.list" if row["control_kind"] == "campaign" else "effects.list_standing"
    key = key if row["traced"] else f"{key}_untraced"
    facts = {name: row[name] for name in names}
    return {"key": key, "day": row["begins_on"] or "–", "days": row["window_days"], **facts}


def _blemishes(row: dict) -> list[dict]:
    """What does not forbid measuring, but has to be said."""
    said, name = [], {"name": row["name"]}
    if row["leaked"] and row["reason"] != "contaminated":
        share = Share(row["leaked"] / row["controls"])
        counts = {"leaked": row["leaked"], "controls": row["controls"], "share": share}
        said.append({"key": "effects.leaked", **name, **counts})
    if row["in_both"] and row["reason"] != "in_both":
        said.append({"key": "effects.set_aside", **name, "in_both": row["in_both"]})
    if row["arms_since"] is not None and row["arms_since"] < row["begins_on"]:
        said.append({"key": "effects.same_arms", **name, "since": row["arms_since"]})
    if row["in_others"]:
        counts = {"in_others": row["in_others"], "assigned": row["assigned"]}
        said.append({"key": "effects.in_others", **name, **counts})
    if row["verdict"] in ("measurable", "open"):
        if row["ratio_p"] is None:
            said.append({"key": "effects.ratio_unknown", **name})
        said.append({"key": "effects.balance", **name, "p": _chance(row["balance_p"])})
    return said


def _amounts(row: dict, names: tuple[str, ...]) -> dict:
    """Differences as points or money, rates as shares, as the row's measure asks for."""
    if row["measure"] == "spend":
        return {name: Money(row[name]) for name in names}
    shares = {name: Share(row[name]) for name in names if name.startswith("value")}
    sign = {name: "" if name == "mde" else "+" for name in names}
    return {name: f"{row[name] * 100:{sign[name]}.1f}" for name in names} | shares


def _range(rows: pl.DataFrame, name: str) -> dict:
    days = rows["window_days"][0]
    ends = {"least": Share(rows[name].min()), "most": Share(rows[name].max())}
    return {**ends, "days": days, "months": rows.height}


def _chance(p: float) -> str:
    return label("effects.below") if p < 0.001 else f"{p:.3f}"


def headline(found: pl.DataFrame) -> str:
    """The measured campaigns in one line, for a figure's alt text."""
    rows = found.filter(pl.col("verdict").is_in(MEASURED))
    listed = []
    for row in rows.iter_rows(named=True):
        scale = 100 if row["measure"] == "active" else 1
        listed.append(f"{row['name']} {row['difference'] * scale:+.1f}")
    return "; ".join(listed)
