"""What a row of the scorecard holds, and how a difference with its interval is judged."""

from datetime import date

import numpy as np
import polars as pl

from analysis.intervals import of_difference, wilson

NOTHING = "nothing"  # stands beside no reference
ITEMS = ("early_warning", "recommendations", "forecast", "satisfaction", "churn", "sales")
KEY = ("item", "measure", "against")
_FIGURES = ("value", "low", "high", "reference", "difference", "difference_low", "difference_high")
SCHEMA = {
    **dict.fromkeys(KEY, pl.String),
    **dict.fromkeys(("made_on", "until"), pl.Date),
    "window_open": pl.Boolean,
    "unit": pl.String,
    "cases": pl.Int64,
    **dict.fromkeys(_FIGURES, pl.Float64),
    "verdict": pl.String,
}


def table(rows: list[dict]) -> pl.DataFrame:
    """Rows as a frame in the columns of the table `scorecard`; what a row does not name is null."""
    defaults = {"window_open": False, "cases": 0, "against": NOTHING}
    return pl.DataFrame([dict.fromkeys(SCHEMA) | defaults | row for row in rows], schema=SCHEMA)


def no_data(item: str, measure: str, unit: str, until: date) -> pl.DataFrame:
    """The row of an item that nothing can be said about."""
    row = {"item": item, "measure": measure, "unit": unit, "until": until, "verdict": "no_data"}
    return table([row])


def judged(low: float | None, high: float | None, less_is_better: bool = False) -> str:
    """The verdict on a difference: only an interval wholly on one side of zero says anything.

    Returns:
        `better`, `worse` or `cannot_tell`.
    """
    if low is None or high is None or low <= 0 <= high:
        return "cannot_tell"
    return "better" if (low > 0) != less_is_better else "worse"


def rate(count: int, of: int) -> tuple[float, float, float] | None:
    """A share with Wilson's limits; None of nobody."""
    if of <= 0:
        return None
    share = np.array([count / of])
    low, high = wilson(share, np.array([of]))
    return float(share[0]), float(np.clip(low[0], 0, 1)), float(np.clip(high[0], 0, 1))


def rates_apart(first: tuple[int, int], second: tuple[int, int]) -> tuple | None:
    """The difference of two independent shares with its interval (Newcombe 1998, method 10).

    Args:
        first, second: how many, of how many.

    Returns:
        Difference, low, high; None where one is a share of nobody.
    """
    one, other = rate(*first), rate(*second)
    if one is None or other is None:
        return None
    low, high = of_difference(one, other)
    return one[0] - other[0], float(low), float(high)


def against_row(
    base: dict, value: tuple, reference: float, apart: tuple | None, less=False
) -> dict:
    """A row of a value against a reference.

    Args:
        base: item, measure, against and what else the row names.
        value: value, low and high.
        reference: what it stands against.
        apart: the difference with its limits, None where it cannot be told.
        less: whether less is better.
    """
    difference = apart or (None, None, None)
    names = ("difference", "difference_low", "difference_high")
    figures = dict(zip(("value", "low", "high"), value, strict=True)) | {"reference": reference}
    verdict = judged(*difference[1:], less)
    return base | figures | dict(zip(names, difference, strict=True)) | {"verdict": verdict}
