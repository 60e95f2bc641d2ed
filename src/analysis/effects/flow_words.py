"""Words of the flow of work: what stands in its boxes, and what is said of it."""

import polars as pl

from analysis.effects.flow import LEAST_CASES, OWN_STEPS
from analysis.labels import group, label
from analysis.report.show import money
from analysis.run.settings import Settings


def step_name(step: str) -> str:
    """A step's name for readers; one of the table `steps` is called as it is there."""
    return group("flow_step").get(step, step) if step in OWN_STEPS else step


def box(row: dict, settings: Settings) -> list[str]:
    """The lines of a step's box below its name, without its decision.

    Args:
        row: a row of the table `process_flow`.
    """
    lines = [_counts(row)]
    if row["money"] is not None:
        what = label(f"flow_money.{row['money_of']}")
        amount = money(row["money"], settings)
        lines.append(label("flow_page.money", money=amount, currency=settings.currency, what=what))
    if row["timed"]:
        lines.append(_waiting(row))
    owner = row["owner"]
    lines.append(label("flow_page.owner", owner=owner) if owner else label("flow_page.no_owner"))
    if row["due_days"] is not None:
        lines[-1] += "; " + label("flow_page.due", days=f"{row['due_days']:g}")
    return lines


def sentences(flow: pl.DataFrame, left_out: list[str]) -> list[dict]:
    """What is said below the chart, as arguments for `run.say`.

    Args:
        flow: the table `process_flow`.
        left_out: as `flow.unplaced` returns it.
    """
    said = [{"key": "flow_page.rule", "few": LEAST_CASES}, narrowest(flow)]
    if left_out:
        said.append({"key": "flow_page.unplaced", "listed": ", ".join(left_out)})
    return said


def narrowest(flow: pl.DataFrame) -> dict:
    """Which step is the narrowest and why, as arguments for `run.say`."""
    marked = flow.filter("narrowest")
    if marked.is_empty():
        return {"key": "flow_page.narrowest_none", "few": LEAST_CASES}
    row = marked.row(0, named=True)
    facts = {"step": step_name(row["step"])}
    if row["overdue"]:
        late = {"overdue": row["overdue"], "timed": row["timed"]}
        return {"key": "flow_page.narrowest_late", **facts, **late}
    return {"key": "flow_page.narrowest_slow", **facts, "median": _median(row)}


def alt(flow: pl.DataFrame) -> str:
    """The alternative text of the chart."""
    said = narrowest(flow)
    finding = label(said.pop("key"), **said)
    missing = flow.height - int(flow["has_data"].sum())
    return label("flow_page.alt", steps=flow.height, missing=missing, narrowest=finding)


def _counts(row: dict) -> str:
    if not row["has_data"]:
        if row["step"] in OWN_STEPS:
            return label("flow_page.no_data", table=row["step"])
        return label("flow_page.no_steps")
    counts = {"cases": f"{row['cases']:,}"}
    if row["customers"] is not None:
        counts["customers"] = f"{row['customers']:,}"
    if row["step"] in OWN_STEPS:
        return label(f"flow_count.{row['step']}", **({"customers": "–"} | counts))
    return label("flow_page.cases_of" if "customers" in counts else "flow_page.cases", **counts)


def _median(row: dict, key: str = "median") -> str:
    if row["median_days"] is None:
        return label("flow_page.not_half")
    names = {"median": "median_days", "low": "low", "high": "high"}
    shown = {name: f"{row[one]:.1f}" for name, one in names.items() if row[one] is not None}
    ends = "" if len(shown) == len(names) else "_open"  # too few are done for an upper limit
    return label(f"flow_page.{key}{ends}", **({"low": "0"} | shown))


def _waiting(row: dict) -> str:
    median = _median(row, "median_short")
    if row["timed"] < LEAST_CASES:
        median += " " + label("flow_page.few", timed=row["timed"])
    if row["overdue"] is None:
        return label("flow_page.waiting_no_limit", median=median, open=row["open"])
    return label("flow_page.waiting", median=median, open=row["open"], overdue=row["overdue"])
