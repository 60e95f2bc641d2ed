"""Why the base is worth more or less than a month ago, in parts that add up."""

import math
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import numpy as np
import polars as pl

from analysis.clv.models import Models
from analysis.clv.value import expected_net, models_from_table
from analysis.run.session import Run
from analysis.tables import MONEY

Value = Callable[[pl.DataFrame], np.ndarray]
PARTS = ("left", "new_customers", "purchases", "ageing", "model")


def since_last_month(run: Run, customers: pl.DataFrame, models: Models) -> pl.DataFrame | None:
    """The waterfall from the report of the month before, by the plain fits of both months.

    Args:
        run: the month.
        customers: the table `customers` of this month.
        models: this month's fits.

    Returns:
        As `waterfall`; None where the month before was not reported.
    """
    before, fits = run.read_earlier("customers"), run.read_earlier("clv_fit")
    if before is None or fits is None:
        return None
    worth_before, worth = (
        partial(expected_net, one, run.settings)
        for one in (models_from_table(before, fits), models)
    )
    return waterfall(before, customers, worth_before, worth, unit=run.settings.cent)


def waterfall(
    before: pl.DataFrame,
    now: pl.DataFrame,
    value_before: Value,
    value_now: Value,
    days: float | None = None,
    unit: Decimal = Decimal("0.01"),
) -> pl.DataFrame:
    """From last month's expected value of the base to this month's.

    Each part is the difference that one change makes when the changes are made one after the other:
    customers who are gone are taken out; the others age without a purchase; what they did meanwhile
    is entered; new customers come in; and the model is exchanged. The first four are valued by last
    month's model.

    Args:
        before, now: customer summaries of both months: `customer_id`, `frequency`, `recency`, `T`,
            `monetary_value`.
        value_before, value_now: the expected value of each row under last and this month's model.
        days: between the months' ends; found from `T` if None.
        unit: smallest unit of the currency.

    Returns:
        One row per `part`, with `amount` (exact money): `start`, `left`, `new_customers`,
        `purchases` (with corrections of earlier ones), `ageing`, `model`, `end`. The amounts before
        `end` sum to it exactly.
    """
    before, now = before.sort("customer_id"), now.sort("customer_id")
    kept = before.join(now, on="customer_id", how="semi", maintain_order="left")
    again = now.join(before, on="customer_id", how="semi", maintain_order="left")
    passed = _days_passed(kept, again) if days is None else days
    aged = kept.with_columns(pl.col("T") + passed)

    def total(value: Value, rows: pl.DataFrame) -> Decimal:
        worth = math.fsum(np.asarray(value(rows), dtype=float)) if rows.height else 0.0
        return Decimal(repr(worth)).quantize(unit)

    start, stayed, older = (total(value_before, rows) for rows in (before, kept, aged))
    bought, grown = total(value_before, again), total(value_before, now)
    end = total(value_now, now)
    amounts = {
        "start": start,
        "left": stayed - start,
        "new_customers": grown - bought,
        "purchases": bought - older,
        "ageing": older - stayed,
        "model": end - grown,
        "end": end,
    }
    return pl.DataFrame(
        list(amounts.items()), schema={"part": pl.String, "amount": MONEY}, orient="row"
    )


def _days_passed(kept: pl.DataFrame, again: pl.DataFrame) -> float:
    """How much older most customers are; a few may differ by a first purchase found later."""
    older = (again["T"] - kept["T"]).drop_nulls()
    return float(older.mode().sort()[0]) if older.len() else 0.0
