"""Complaints: how many, how fast and how well they are dealt with, and which months stand out."""

from datetime import date

import polars as pl
from scipy.stats import chi2

from analysis.feedback.service_cases import YEAR_DAYS, a_year_before, within
from analysis.feedback.service_times import FEW, share_of, waiting
from analysis.intervals import CONFIDENCE
from analysis.run.months import Month
from analysis.run.sections import Service

REPEAT_DAYS, SOLVED_DAYS = 90, 30
PER = 100  # orders
SIGMAS = 3
MOST_MONTHS = 24
AGE_BANDS = (2, 7, 14, 30)  # last day of each band but the open one
GROUPS = ("category", "product_category", "dept")
_KPI = {"period": pl.String, "kpi": pl.String} | dict.fromkeys(("value", "low", "high"), pl.Float64)
_KPI |= {"cases": pl.Int64, "left_out": pl.Int64, "small": pl.Boolean}
_GROUP = {"by": pl.String, "group": pl.String, "complaints": pl.Int64, "open": pl.Int64}


def kpis(cases: pl.DataFrame, orders: pl.DataFrame, as_of: date, service: Service) -> pl.DataFrame:
    """The figures of complaints, of the month and of the last 365 days.

    - `rate`: complaints per 100 orders of the period, with the exact Poisson interval (Garwood 1936,
      Biometrika 28), as if complaints came one by one.
    - `repeat`: share of complaining customers with another complaint within 90 days of their first of
      the period; those whose first is not yet 90 days old are left out.
    - `first_contact`: share closed on the day of the first response, without another complaint of the
      customer within 30 days; cases not yet 30 days old are left out.
    - `followed_up`: share of closed cases that were followed up; without an entry left out.
    - `response_median` (hours), `close_median` (days): Kaplan-Meier, open cases counted as long as they
      have waited. `response_in_time`, `close_in_time`: share within the standard, in the same way.
      Left out are cases with a time before the complaint or without any.

    Args:
        cases: as `service_cases.cases` returns it.
        orders: the table `orders`; one row per order counts once.
        as_of: the last day.
        service: the section `service` of the settings.

    Returns:
        One row per period (`month`, `year`) and figure: `period`, `kpi`, `value`, `low`, `high` (95 %;
        null where it cannot be told), `cases` (behind it), `left_out`, `small` (fewer than 20 cases).
    """
    day = pl.col("ordered_at").dt.date()
    rows = []
    for period, first in (("month", Month.of(as_of).first_day), ("year", a_year_before(as_of))):
        some = cases.filter(pl.col("day") >= first)
        bought = orders.filter((day >= first) & (day <= as_of))
        count = bought["order_id"].n_unique() if "order_id" in bought.columns else bought.height
        rows.append((period, "rate", *poisson_rate(some.height, count), some.height, 0))
        rows += [(period, *row) for row in _figures(some, as_of, service)]
    table = pl.DataFrame(rows, schema=list(_KPI)[:-1], orient="row", infer_schema_length=None)
    return table.with_columns(small=pl.col("cases") < FEW).cast(_KPI)


def poisson_rate(count: int, of: int) -> tuple[float | None, float | None, float | None]:
    """Events per 100 with the exact 95 % interval (Garwood 1936); None without anything to count on."""
    if of <= 0:
        return None, None, None
    tail = (1 - CONFIDENCE) / 2
    low = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(1 - tail, 2 * count + 2) / 2
    return count / of * PER, float(low) / of * PER, float(high) / of * PER


def by_group(cases: pl.DataFrame, as_of: date, service: Service) -> pl.DataFrame:
    """The figures of the last 365 days by category, product category and department.

    Args:
        cases: as `service_cases.cases` returns it.

    Returns:
        One row per `by` (`category`, `product_category`, `dept`; left out where no case has any) and
        `group`, the most complaints first: `complaints`, `open`; of each of `repeat`, `first_contact`,
        `followed_up`, `response_in_time`, `close_in_time`, `response_median` (hours), `close_median`
        (days) its value, `_low` and `_high`; `small` (fewer than 20 complaints).
    """
    year, rows = within(cases, as_of, YEAR_DAYS), []
    for by in GROUPS:
        for (group,), part in year.drop_nulls(by).sort(by, "at").group_by(by, maintain_order=True):
            row = {"by": by, "group": group, "complaints": part.height}
            row["open"] = int(part["open"].sum())
            for kpi, value, low, high, *_ in _figures(part, as_of, service):
                row |= {kpi: value, f"{kpi}_low": low, f"{kpi}_high": high}
            rows.append(row)
    names = [name for name, *_ in _figures(cases.clear(), as_of, service)]
    schema = _GROUP | {
        f"{name}{end}": pl.Float64 for name in names for end in ("", "_low", "_high")
    }
    table = pl.DataFrame(rows, schema=schema).with_columns(small=pl.col("complaints") < FEW)
    place = pl.col("by").replace_strict(dict(zip(GROUPS, range(3), strict=True)), default=3)
    return table.sort(place, -pl.col("complaints"), "group")


def ageing(cases: pl.DataFrame) -> pl.DataFrame:
    """Open complaints by how long they have been open.

    Returns:
        One row per band of days, all of them: `band` (text), `complaints`, `customers`, `oldest_days`
        (null without any).
    """
    starts = (0, *(last + 1 for last in AGE_BANDS))
    names = [f"{a}–{b}" for a, b in zip(starts[:-1], AGE_BANDS, strict=True)] + [
        f"> {AGE_BANDS[-1]}"
    ]
    place = pl.sum_horizontal((pl.col("age_days") > last).cast(pl.Int64) for last in AGE_BANDS)
    counts = (
        cases.filter("open")
        .group_by(place=place)
        .agg(
            complaints=pl.len().cast(pl.Int64),
            customers=pl.col("customer_id").n_unique().cast(pl.Int64),
            oldest_days=pl.col("age_days").max(),
        )
    )
    bands = pl.DataFrame({"place": range(len(names)), "band": names})
    return (
        bands.join(counts, on="place", how="left", maintain_order="left")
        .drop("place")
        .with_columns(pl.col("complaints", "customers").fill_null(0))
    )


def control_chart(cases: pl.DataFrame, orders: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Complaints per 100 orders, month by month, and which months are out of the ordinary.

    A u-chart: the mean is that of all months shown, the limits lie three standard errors of a Poisson
    rate around it, wider in months with fewer orders (Montgomery, Introduction to Statistical Quality
    Control, chapter on control charts for nonconformities).

    Returns:
        One row per month of the last 24 from the first order on, the last up to as_of: `month` (first
        day), `complaints`, `orders`, `rate`, `mean`, `low`, `high` (per 100 orders; null in a month
        without orders), `outside` (`above`, `below` or null).
    """
    day = pl.col("ordered_at").dt.date()
    bought = orders.filter(day <= as_of)
    schema = {"month": pl.Date, "complaints": pl.Int64, "orders": pl.Int64}
    if bought.is_empty():
        figures = dict.fromkeys(("rate", "mean", "low", "high"), pl.Float64)
        return pl.DataFrame(schema=schema | figures | {"outside": pl.String})
    last = Month.of(as_of).first_day
    start = max(
        bought.select(day.min()).item().replace(day=1),
        Month.of(as_of).plus(1 - MOST_MONTHS).first_day,
    )
    number = pl.col("order_id").n_unique() if "order_id" in orders.columns else pl.len()
    months = pl.DataFrame({"month": pl.date_range(start, last, "1mo", eager=True)})
    counts = bought.group_by(month=day.dt.truncate("1mo")).agg(orders=number.cast(pl.Int64))
    told = cases.group_by(month=pl.col("day").dt.truncate("1mo")).agg(
        complaints=pl.len().cast(pl.Int64)
    )
    table = months.join(told, on="month", how="left").join(counts, on="month", how="left")
    table = table.with_columns(pl.col("complaints", "orders").fill_null(0)).sort("month")
    some = table.filter(pl.col("orders") > 0)
    mean = some["complaints"].sum() / max(some["orders"].sum(), 1)
    rate, error = pl.col("complaints") / pl.col("orders"), (mean / pl.col("orders")).sqrt()
    any_order = pl.col("orders") > 0
    table = table.select(
        *schema,
        rate=pl.when(any_order).then(rate * PER),
        mean=pl.lit(mean * PER),
        low=pl.when(any_order).then(((mean - SIGMAS * error) * PER).clip(lower_bound=0)),
        high=pl.when(any_order).then((mean + SIGMAS * error) * PER),
    )
    above, below = pl.col("rate") > pl.col("high"), pl.col("rate") < pl.col("low")
    return table.with_columns(
        outside=pl.when(above).then(pl.lit("above")).when(below).then(pl.lit("below"))
    )


def _figures(some: pl.DataFrame, as_of: date, service: Service) -> list[tuple]:
    """Name, value, limits, cases and cases left out of every figure but the rate."""
    first = some.sort("at", "feedback_id").unique("customer_id", keep="first", maintain_order=True)
    again = pl.col("again_days").fill_null(REPEAT_DAYS + 1)
    seen = first.filter(pl.col("age_days") >= REPEAT_DAYS)
    old = some.filter(pl.col("age_days") >= SOLVED_DAYS)
    dated = old.filter(~pl.col("wrong") & pl.col("close_days").is_not_null())
    closed = some.filter("closed")
    noted = closed["followed_up"].drop_nulls()
    shares = [
        ("repeat", seen.select(again <= REPEAT_DAYS).to_series(), first.height - seen.height),
        (
            "first_contact",
            dated.select(pl.col("same_day") & (again > SOLVED_DAYS)).to_series(),
            some.height - dated.height,
        ),
        ("followed_up", noted, closed.height - noted.len()),
    ]
    found = [(name, *share_of(values), left) for name, values, left in shares]
    response = waiting(some["response_hours"], some["answered"], service.first_response_hours)
    closing = waiting(some["close_days"], some["closed"], service.close_days)
    for name, one in (("response", response), ("close", closing)):
        counts = (one.cases, some.height - one.cases)
        found.append((f"{name}_median", one.median, one.median_low, one.median_high, *counts))
        found.append((f"{name}_in_time", one.share, one.low, one.high, *counts))
    return found
