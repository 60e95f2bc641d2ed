"""Did earlier forecasts come true, and do the parameters hold from month to month?"""

from datetime import date, timedelta

import polars as pl

from analysis.clv.fit import Fit
from analysis.run.session import Run

MONTHS_BACK = range(1, 13)


def kept_forecasts(run: Run) -> pl.DataFrame:
    """The forecasts of the whole base that earlier reports published.

    Returns:
        One row per earlier month and horizon: `made_on` (its last day), `horizon_days`,
        `expected_purchases`, `low`, `high`.
    """
    parts = []
    for months_back in MONTHS_BACK:
        table = run.read_earlier("clv_forecast", months_back)
        if table is not None:
            made_on = pl.lit(_months_before(run, months_back))
            parts.append(table.filter(pl.col("segment") == "all").with_columns(made_on=made_on))
    columns = ("made_on", "horizon_days", "expected_purchases", "low", "high")
    if not parts:
        types = (pl.Date, pl.Int64, pl.Float64, pl.Float64, pl.Float64)
        return pl.DataFrame(schema=dict(zip(columns, types, strict=True)))
    return pl.concat(parts).select(columns)


def against_outcome(forecasts: pl.DataFrame, occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Earlier forecasts whose window is over, with what the customers known then did.

    Args:
        forecasts: as `kept_forecasts` returns it.
        occasions: the table `occasions`.

    Returns:
        One row per forecast, in the columns of the table `forecast_outcomes`, the earliest first.
    """
    first = occasions.group_by("customer_id").agg(first=pl.col("purchase_day").min())
    dated = occasions.join(first, on="customer_id").select("purchase_day", "first")
    closed = forecasts.filter(
        pl.col("made_on") + pl.duration(days=pl.col("horizon_days")) <= as_of
    ).sort("made_on", "horizon_days")
    actual = [
        dated.filter(
            (pl.col("first") <= made_on)
            & (pl.col("purchase_day") > made_on)
            & (pl.col("purchase_day") <= made_on + timedelta(days=days))
        ).height
        for made_on, days in closed.select("made_on", "horizon_days").iter_rows()
    ]
    return closed.with_columns(actual=pl.Series(actual, dtype=pl.Int64)).with_columns(
        hit=pl.col("actual").is_between("low", "high")
    )


def moved_parameters(run: Run, fit: Fit) -> tuple[date | None, list[str]]:
    """Parameters that left the latest earlier fit of the same model by more than two standard errors.

    Returns:
        The last day of that month, None if there is none; and the names.
    """
    for months_back in MONTHS_BACK:
        table = run.read_earlier("clv_fit", months_back)
        if table is None:
            continue
        rows = table.filter((pl.col("fit") == "month") & (pl.col("model") == fit.model))
        before = dict(rows.select("quantity", "value").iter_rows())
        if fit.parameters and set(fit.parameters) <= set(before):
            moved = [
                name
                for name, value in fit.parameters.items()
                if abs(value - before[name]) > 2 * fit.standard_errors[name]
            ]
            return _months_before(run, months_back), moved
    return None, []


def _months_before(run: Run, months_back: int) -> date:
    month = run.month
    for _ in range(months_back):
        month = month.previous
    return month.last_day
