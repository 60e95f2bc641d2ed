"""Computed sentences about the plan, its audiences and the ledger, as arguments for `run.say`."""

from datetime import date

import polars as pl

from analysis.actions.audiences import CONTROL, STANDING, TREAT, in_standing
from analysis.actions.candidates import CALL_BACK
from analysis.actions.ledger import Ledger
from analysis.actions.plan import NO_CONSENT, OVER_CAPACITY, Plan, capacity, counts
from analysis.actions.power import LEAST_PER_ARM, NO_CONTROL, NOTHING
from analysis.feedback import care
from analysis.labels import group, label
from analysis.report.show import Money, Share, worded
from analysis.run.settings import Settings

_KEYS = {"action": "plan_action", "outcome": "plan_outcome", "arm": "plan_arm"}
_KEYS |= {"verdict": "plan_power", "problem": "ledger_problem", "channel": "card.channel"}
_REASONS = ("reason_1", "reason_2", "reason_3")


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Any frame of this part with the keys of its columns replaced by words, for `run.table`."""
    names = [name for name in _KEYS if name in frame.columns]
    signs = [name for name in _REASONS if name in frame.columns]
    words = group("reason") | group("plan_reason")
    left_out = {"reason": group("plan_outcome")} if "reason" in frame.columns else {}
    shown = [pl.col(name).cast(pl.String).replace(group(_KEYS[name])) for name in names]
    shown += [pl.col(name).replace(words) for name in signs]
    shown += [pl.col(name).cast(pl.String).replace(texts) for name, texts in left_out.items()]
    return frame.with_columns(shown)


def planned(made: Plan, assigned: pl.DataFrame, settings: Settings) -> list[dict]:
    """What is planned, and that it keeps to money and hands.

    Args:
        made: as `plan.plan` returns it.
        assigned: as `audiences.assign` returns it.
        settings: `[actions]` and `[churn]`.
    """
    if assigned.is_empty():
        return [{"key": "plan.nothing", "candidates": made.left_out.height}]
    treated = assigned.filter(pl.col("arm") == TREAT)
    alone = {name: assigned.filter(pl.col("arm") == name).height for name in (CONTROL, STANDING)}
    cost, budget = treated["cost"].sum(), settings.actions.budget
    said = {"customers": assigned.height, "contacts": treated.height, **alone}
    said |= {"capacity": capacity(settings), "cost": Money(cost)}
    lines = [
        {"key": "plan.planned", **said}
        if budget is None
        else {"key": "plan.planned_budget", **said, "budget": Money(budget)}
    ]
    known = treated["expected_profit"].drop_nulls()
    if known.len():
        profit = Money(known.sum())
        lines.append({"key": "plan.profit", "customers": known.len(), "profit": profit})
    unknown = treated["expected_profit"].null_count()
    return [*lines, {"key": "plan.no_profit", "customers": unknown}] if unknown else lines


def assumptions(settings: Settings) -> dict:
    """On what expected profit rests."""
    given = settings.churn
    return {
        "key": "plan.assumptions",
        "kept": Share(given.save_share),
        "contact": f"{given.contact_cost:,f} {settings.currency}",
        "offer": f"{given.offer_cost:,f} {settings.currency}",
    }


def left_out(made: Plan) -> list[dict]:
    """How many candidates are not planned, and why; that all add up.

    Args:
        made: as `plan.plan` returns it.
    """
    rows = counts(made)
    total = int(rows["candidates"].sum())
    by_reason = (
        made.left_out.group_by("reason")
        .agg(candidates=pl.len())
        .sort(-pl.col("candidates").cast(pl.Int64), "reason")
    )
    listed = ", ".join(
        label("plan.counted", what=label(f"plan_outcome.{reason}"), count=f"{count:,}")
        for reason, count in by_reason.iter_rows()
    )
    said = {"candidates": total, "planned": made.chosen.height, "left_out": made.left_out.height}
    key = "plan.left_out" if made.left_out.height else "plan.none_left_out"
    lines = [{"key": key, **said, **({"listed": listed} if listed else {})}]
    late = made.left_out.filter(
        (pl.col("action") == CALL_BACK) & (pl.col("reason") == OVER_CAPACITY)
    )
    return [*lines, {"key": "plan.calls_wait", "customers": late.height}] if late.height else lines


def consent(made: Plan, profiles: pl.DataFrame, settings: Settings) -> dict:
    """How many customers may not be written to, and whether that is known.

    Args:
        made: as `plan.plan` returns it.
        profiles: the table `profiles`.
        settings: `[actions] consent_kept_elsewhere`.
    """
    if settings.actions.consent_kept_elsewhere:
        return {"key": "plan.consent_elsewhere"}
    without = made.left_out.filter(pl.col("reason") == NO_CONSENT).select("customer_id").unique()
    if without.is_empty():
        return {"key": "plan.all_agree"}
    people = care.people(profiles)
    refused = without.join(people.filter("said"), on="customer_id", how="semi").height
    unknown = without.height - refused
    return {"key": "plan.no_consent", "refused": refused, "unknown": unknown}


def power(found: pl.DataFrame, settings: Settings) -> list[dict]:
    """The size of effect that each audience can show, told before it is used.

    Args:
        found: as `power.of_campaigns` returns it.
        settings: `[churn] horizon_days`, within which the rate is known.
    """
    said = []
    for row in found.filter(~pl.col("verdict").is_in([NO_CONTROL, NOTHING])).to_dicts():
        line = {"key": f"plan.power_{row['verdict']}", "campaign": row["campaign"]}
        line |= {name: row[name] for name in (TREAT, CONTROL)}
        if row["detectable"] is not None:
            line |= {"points": _points(row["detectable"]), "rate": Share(row["base_rate"])}
            line |= {"days": settings.churn.horizon_days}
        if row["needed"] is not None:
            line |= {"needed": row["needed"], "wanted": _points(row["wanted"])}
        said.append(line)
    mute = found.filter(pl.col("verdict") == NOTHING)
    if mute.height:
        named = mute.select("campaign", TREAT, CONTROL).to_dicts()
        listed = ", ".join(label("plan.power_nothing_one", **one) for one in named)
        said.append({"key": "plan.power_nothing", "listed": listed, "least": LEAST_PER_ARM})
    bare = found.filter(pl.col("verdict") == NO_CONTROL)["campaign"]
    if bare.len():
        said.append({"key": "plan.power_no_control", "listed": ", ".join(bare)})
    return said


def standing(customers: pl.DataFrame, settings: Settings) -> dict:
    """How many buyers the standing control group holds.

    Args:
        customers: the table `customers`.
        settings: `[actions]`.
    """
    inside = in_standing(customers["customer_id"], settings)
    share = Share(settings.actions.standing_control)
    return {"key": "plan.standing", "customers": int(inside.sum()), "share": share}


def overlaps(pairs: pl.DataFrame) -> dict:
    """Whether customers of one campaign were in another of an earlier month.

    Args:
        pairs: as `audiences.overlaps` returns it.
    """
    if pairs.is_empty():
        return {"key": "plan.no_overlaps"}
    most = pairs.sort(-pl.col("left_alone_in_one"), "campaign", "later").row(0, named=True)
    names = {"campaign": most["campaign"], "later": most["later"]}
    counted = {"customers": most["customers"], "blurred": most["left_alone_in_one"]}
    return {"key": "plan.overlaps", "pairs": pairs.height, **names, **counted}


def kept(ledger: Ledger, as_of: date) -> list[dict]:
    """What the ledger holds, and which campaigns of it cannot be measured.

    Args:
        ledger: as `ledger.read` returns it.
        as_of: the last day of the month of the report.
    """
    whole = ledger.assignments["campaign"].n_unique()
    said = [{"key": "plan.ledger", "campaigns": whole, "day": as_of}]
    if not whole and ledger.problems.is_empty():
        said = [{"key": "plan.ledger_empty", "day": as_of}]
    for row in ledger.problems.to_dicts():
        reason = label(f"ledger_problem.{row['problem']}")
        counted = {}
        if row["rows_written"] is not None and row["rows_found"] is not None:
            counted = {"written": row["rows_written"], "found": row["rows_found"]}
        key = "plan.not_measurable_rows" if counted else "plan.not_measurable"
        said.append({"key": key, "campaign": row["campaign"], "reason": reason, **counted})
    return said


def by_action(made: Plan) -> pl.DataFrame:
    """The plan in numbers, for a table.

    Returns:
        One row per action: `action` (in words), `candidates`, `planned`, then one column for each
        reason why candidates were left out; candidates are the sum of the others.
    """
    wide = counts(made).pivot(on="outcome", index="action", values="candidates").fill_null(0)
    order = [name for name in group("plan_outcome") if name in wide.columns]
    total = pl.sum_horizontal(order).alias("candidates")
    return readable(worded(wide.select("action", total, *order)))


def _points(effect: float) -> str:
    return f"{100 * effect:.1f}"
