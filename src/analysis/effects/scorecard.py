"""The scorecard of customer maintenance: the month's results against what they can be held to.

Every row has its interval where there is one, and a verdict that only an interval wholly on one side of
zero gives. What is compared over time counts mostly the same customers twice, so that intervals that
take both sides as independent are too wide rather than too narrow.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.effects.scorecard_rows import (
    ITEMS,
    KEY,
    NOTHING,
    SCHEMA,
    against_row,
    no_data,
    rate,
    rates_apart,
    table,
)
from analysis.intervals import Z, of_difference
from analysis.run.months import Month
from analysis.run.sections_effects import Plan


def scorecard(*parts: pl.DataFrame) -> pl.DataFrame:
    """All parts in the order of the items, each with its measures and what they stand against.

    Args:
        parts: frames in the columns of `scorecard_rows.SCHEMA`.

    Returns:
        One row per item, measure and reference, in the columns of the table `scorecard`.
    """
    place = pl.col("item").replace_strict(dict(zip(ITEMS, range(len(ITEMS)), strict=True)))
    joined = pl.concat([pl.DataFrame(schema=SCHEMA), *parts])
    return joined.sort(place, *KEY[1:], maintain_order=True)


def forecast(outcomes: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Whether what happened lay within the 90 % interval of the forecast, by horizon.

    Args:
        outcomes: the table `forecast_outcomes` of this month.

    Returns:
        One row per horizon whose window is over, the latest such forecast: `value` is what happened,
        `reference` what was expected, with `difference` and its limits (of the forecast);
        `verdict` is `held` or `missed`.
    """
    closed = outcomes.filter(
        pl.col("made_on") + pl.duration(days=pl.col("horizon_days")) <= pl.lit(as_of)
    )
    latest = closed.sort("made_on").unique("horizon_days", keep="last").sort("horizon_days")
    if latest.is_empty():
        return no_data("forecast", "purchases", "count", as_of)
    base = {"item": "forecast", "against": "forecast", "unit": "count", "cases": 1}
    return table(
        [
            base
            | {"measure": f"purchases_{row['horizon_days']}", "made_on": row["made_on"]}
            | {"until": row["made_on"] + timedelta(days=row["horizon_days"])}
            | {"value": float(row["actual"]), "reference": row["expected_purchases"]}
            | {"difference": row["actual"] - row["expected_purchases"]}
            | {"difference_low": row["actual"] - row["high"]}
            | {"difference_high": row["actual"] - row["low"]}
            | {"verdict": "held" if row["hit"] else "missed"}
            for row in latest.to_dicts()
        ]
    )


def satisfaction(
    now: pl.DataFrame | None, before: pl.DataFrame | None, made_on: date, as_of: date
) -> pl.DataFrame:
    """NPS and CSAT of all customers, as this month's report and last month's have them.

    Both count the answers of a year, eleven months of which they share.

    Args:
        now, before: the table `satisfaction` of this month and of the month before.
        made_on: last day of the month before.

    Returns:
        One row per measure and item (`measure` is `nps: item` or `csat: item`; NPS in points, CSAT in
        percent): without the month before no reference, and `cannot_tell`.
    """
    levels = None if now is None else now.filter(pl.col("by") == "all")
    if levels is None or levels.is_empty():
        return no_data("satisfaction", "nps", "points", as_of)
    earlier = levels.clear() if before is None else before.filter(pl.col("by") == "all")
    keys, figures = ["measure", "item"], ("value", "low", "high")
    joined = levels.join(
        earlier.select(*keys, *(pl.col(one).alias(f"{one}_before") for one in figures)),
        on=keys,
        how="left",
    ).sort("measure", "item", descending=[True, False])
    rows = []
    for row in joined.to_dicts():
        name = f"{row['measure']}: {row['item']}"
        base = {"item": "satisfaction", "measure": name, "until": as_of, "cases": row["answers"]}
        base |= {"unit": "points" if row["measure"] == "nps" else "percent"}
        value, then = ([row[f"{one}{end}"] for one in figures] for end in ("", "_before"))
        apart = None
        if then[0] is not None:
            base |= {"against": "month_before", "made_on": made_on}
            low, high = of_difference(tuple(value), tuple(then))
            apart = (value[0] - then[0], float(low), float(high))
        rows.append(against_row(base, tuple(value), then[0], apart))
    return table(rows)


def churn(occasions: pl.DataFrame, month: Month, horizon_days: int) -> pl.DataFrame:
    """Of those active when the window began, how many bought nothing in it.

    Active is who had bought in as many days before the window as it is long. Windows end with the
    month; those of two months running share most of their days.

    Args:
        occasions: the table `occasions`.
        horizon_days: `[churn] horizon_days`, the length of the window.

    Returns:
        Two rows, `measure` `lost_active`: against the month before and the year before, where the data
        reach back two windows.
    """
    now = _left(occasions, month.last_day, horizon_days)
    base = {"item": "churn", "measure": "lost_active", "unit": "share", "until": month.last_day}
    if not now or not now[1]:
        return no_data("churn", "lost_active", "share", month.last_day)
    rows = []
    for name, other in (("month_before", month.previous), ("year_before", month.year_ago)):
        then = _left(occasions, other.last_day, horizon_days)
        one = base | {"against": name, "made_on": other.last_day, "cases": now[1]}
        share = rate(*then) if then else None
        apart = rates_apart(now, then) if then else None
        rows.append(against_row(one, rate(*now), share and share[0], apart, less=True))
    return table(rows)


def _left(occasions: pl.DataFrame, until: date, days: int) -> tuple[int, int] | None:
    """Who left in the window, and who was active before it; None where the data begin later."""
    day, start = pl.col("purchase_day"), until - timedelta(days=days)
    first = occasions["purchase_day"].min()
    if first is None or first > start - timedelta(days=days) + timedelta(days=1):
        return None
    earlier = start - timedelta(days=days)
    active = occasions.filter((day > earlier) & (day <= start))["customer_id"].unique()
    came = occasions.filter((day > start) & (day <= until))["customer_id"].unique()
    stayed = active.is_in(came.implode()).sum()
    return active.len() - int(stayed), active.len()


def sales(occasions: pl.DataFrame, month: Month, plan: Plan) -> pl.DataFrame:
    """Sales of the month against the plan, the month before and the year before.

    Sales are a fact; the interval says how far chance alone moves them, were the customers and what each
    spends a draw: compound Poisson, so the variance is the sum of the customers' squared spends. It says
    whether a difference is more than that, and knows nothing of seasons.

    Args:
        occasions: the table `occasions`.
        plan: the section `plan` of the settings.

    Returns:
        Up to three rows (`plan`, `month_before`, `year_before`), the verdict on the plan `reached` or
        `short`; a month that began before the data is no reference. One row `no_data` without any sale.
    """
    begin = occasions["purchase_day"].min()
    if begin is None:
        return no_data("sales", "revenue", "money", month.last_day)
    now = _sold(occasions, month)
    base = {"item": "sales", "measure": "revenue", "unit": "money", "until": month.last_day}
    base |= {"cases": now[2]}
    value = (now[0], max(now[0] - Z * now[1], 0.0), now[0] + Z * now[1])
    rows = []
    planned = plan.sales.get(str(month))
    if planned is not None:
        goal = float(planned)
        apart = tuple(round(one - goal, 4) for one in value)
        row = against_row(base | {"against": "plan"}, value, goal, apart)
        rows.append(row | {"verdict": "reached" if now[0] >= goal else "short"})
    for name, other in (("month_before", month.previous), ("year_before", month.year_ago)):
        if begin <= other.first_day:
            then = _sold(occasions, other)
            half, middle = Z * float(np.hypot(now[1], then[1])), round(now[0] - then[0], 4)
            one = base | {"against": name, "made_on": other.last_day}
            rows.append(against_row(one, value, then[0], (middle, middle - half, middle + half)))
    return table(rows or [against_row(base | {"against": NOTHING}, value, None, None)])


def _sold(occasions: pl.DataFrame, month: Month) -> tuple[float, float, int]:
    """Sales of a month, their standard deviation, and its customers."""
    here = occasions.filter(pl.col("purchase_day").is_between(month.first_day, month.last_day))
    spent = here.group_by("customer_id").agg(pl.col("amount").sum()).sort("customer_id")
    amounts = spent["amount"].cast(pl.Float64).to_numpy()
    return float(here["amount"].sum()), float(np.sqrt((amounts**2).sum())), spent.height
