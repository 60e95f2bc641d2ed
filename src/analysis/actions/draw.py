"""The draw of a month: made once, and taken from the ledger ever after."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from analysis.actions import audiences
from analysis.actions.plan import Plan
from analysis.run.settings import Settings

DRAWN_BEFORE = "drawn_before"
_KEY = ("customer_id", "action")


@dataclass(frozen=True)
class Draw:
    """Who is in which arm.

    `assigned`: as the contract `action_plan` has it. `assignments`: what the ledger keeps of it.
    `made`: the plan that it came from; where the month was drawn before, what is planned is what was
    drawn, and an action chosen only now is left out as `drawn_before`.
    """

    assigned: pl.DataFrame
    assignments: pl.DataFrame
    made: Plan


def draw(
    possible: pl.DataFrame, made: Plan, kept: pl.DataFrame, settings: Settings, as_of: date
) -> Draw:
    """Draw the arms of a plan, or take the draw that the ledger holds of this month.

    Args:
        possible: as `candidates.candidates` returns it.
        made: as `plan.plan` returns it.
        kept: the assignments of this month that the ledger holds; no rows where it was not drawn yet.
        settings: `[actions]`.
        as_of: the last day of the month of the report.
    """
    if kept.is_empty():
        assigned = audiences.assign(made.chosen, settings)
        return Draw(assigned, audiences.assignments(assigned, settings, as_of), made)
    assigned = audiences.as_kept(possible, kept)
    drawn = assigned.select(_KEY)
    chosen_now = made.chosen.join(drawn, on=_KEY, how="anti")
    left = made.left_out.join(drawn, on=_KEY, how="anti")
    new = chosen_now.with_columns(reason=pl.lit(DRAWN_BEFORE)).select(left.columns)
    return Draw(assigned, kept, Plan(assigned, pl.concat([left, new]).sort(_KEY)))
