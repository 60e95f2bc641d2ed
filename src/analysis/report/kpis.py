"""The figures of the month on one page, each beside last month's and last year's."""

import polars as pl

from analysis.churn.scores import likely_to_leave
from analysis.run.months import Month

FORECAST_DAYS = 30
RECENT_DAYS = 90

# KPI = (unit, where its earlier values come from: the orders themselves, what customers said, or last
# month's report). A KPI whose table has no source has no row.
KPIS: dict[str, tuple[str, str]] = {
    "revenue": ("money", "orders"),
    "purchases": ("count", "orders"),
    "buyers": ("count", "orders"),
    "new_customers": ("count", "orders"),
    "revenue_per_purchase": ("money", "orders"),
    "customers": ("count", "orders"),
    "recent_customers": ("count", "orders"),
    "repeat_share": ("share", "orders"),
    "expected_purchases_30_days": ("count", "report"),
    "expected_value": ("money", "report"),
    "customers_at_risk": ("count", "report"),
    "value_at_stake": ("money", "report"),
    "complaints": ("count", "voices"),
    "contacts": ("count", "voices"),
    "survey_answers": ("count", "voices"),
}


def kpi_table(
    occasions: pl.DataFrame,
    voices: dict[str, pl.DataFrame],
    clv: pl.DataFrame,
    forecast: pl.DataFrame,
    churn: pl.DataFrame,
    customers: pl.DataFrame,
    previous: pl.DataFrame | None,
    year_ago: pl.DataFrame | None,
    month: Month,
) -> pl.DataFrame:
    """All KPIs of a month.

    What orders and voices alone decide is counted from them for the earlier months too; what a model
    decides is taken from those months' own reports, if there are any, so that no forecast is rewritten.

    Args:
        voices: the tables `feedback`, `interactions` and `surveys`, empty without a source.
        previous: the table `kpis` of the month before.
        year_ago: that of the same month a year before.

    Returns:
        One row per KPI in the order of `KPIS`, in the columns of the table `kpis`; none for a KPI of
        voices whose table has no source.
    """
    months = (month, month.previous, month.year_ago)
    counted = {one: from_orders(occasions, one) | from_voices(voices, one) for one in months}
    modelled = _from_models(clv, forecast, churn, customers)
    reported = [
        dict(table.select("kpi", "value").iter_rows()) if table is not None else {}
        for table in (previous, year_ago)
    ]
    rows = []
    for kpi, (unit, origin) in KPIS.items():
        if origin == "voices" and kpi not in counted[month]:
            continue
        if origin in ("orders", "voices"):
            values = [counted[one].get(kpi) for one in counted]
        else:
            values = [modelled[kpi], *(report.get(kpi) for report in reported)]
        rows.append((kpi, unit, *values))
    columns = {"kpi": pl.String, "unit": pl.String}
    columns |= dict.fromkeys(("value", "previous_month", "year_ago"), pl.Float64)
    return pl.DataFrame(rows, schema=columns, orient="row")


def from_orders(occasions: pl.DataFrame, month: Month) -> dict[str, float]:
    """What the orders say about a month; empty where the data begin after it.

    Args:
        occasions: the table `occasions`, any span that includes the month's past.
    """
    day = pl.col("purchase_day")
    known = occasions.filter(day <= month.last_day)
    if known.is_empty():
        return {}
    first = known.group_by("customer_id").agg(first=day.min(), last=day.max(), purchases=pl.len())
    here = known.filter(day >= month.first_day)
    revenue = float(here["amount"].sum())
    silent_since = (pl.lit(month.last_day) - pl.col("last")).dt.total_days()
    figures = {
        "revenue": revenue,
        "purchases": here.height,
        "buyers": here["customer_id"].n_unique(),
        "new_customers": first.filter(pl.col("first") >= month.first_day).height,
        "customers": first.height,
        "recent_customers": first.filter(silent_since < RECENT_DAYS).height,
        "repeat_share": float((first["purchases"] > 1).mean()),
    }
    if here.height:
        figures["revenue_per_purchase"] = revenue / here.height
    return figures


def from_voices(voices: dict[str, pl.DataFrame], month: Month) -> dict[str, float]:
    """What customers said in a month, by the tables that have a source and had begun by then.

    Args:
        voices: the tables `feedback`, `interactions` and `surveys`.
    """
    day = pl.col("at").dt.date()
    here = {
        name: table.filter(day.is_between(month.first_day, month.last_day))
        for name, table in voices.items()
        if table.filter(day <= month.last_day).height
    }
    counts = {
        "complaints": ("feedback", lambda rows: rows.filter(kind="complaint").height),
        "contacts": ("interactions", lambda rows: rows.height),
        "survey_answers": (
            "surveys",
            lambda rows: rows.filter(pl.col("score").is_not_null())["customer_id"].n_unique(),
        ),
    }
    return {kpi: count(here[name]) for kpi, (name, count) in counts.items() if name in here}


def _from_models(clv, forecast, churn, customers) -> dict[str, float]:
    next_month = forecast.filter(
        (pl.col("segment") == "all") & (pl.col("horizon_days") == FORECAST_DAYS)
    )
    repeat = customers.filter(pl.col("frequency") > 0).select("customer_id")
    leaving = churn.filter(likely_to_leave()).join(repeat, on="customer_id", how="semi")
    return {
        "expected_purchases_30_days": next_month["expected_purchases"][0],
        "expected_value": round(clv["clv"].sum(), 4),
        "customers_at_risk": leaving.height,
        "value_at_stake": round(leaving["value_at_stake"].sum(), 4),
    }


def with_changes(kpis: pl.DataFrame) -> pl.DataFrame:
    """Add the relative change on last month and on a year ago; null where there is no earlier value.

    Shares change in percentage points, all else relative to the earlier value.
    """
    is_share = pl.col("unit") == "share"

    def change(earlier: str) -> pl.Expr:
        difference = pl.col("value") - pl.col(earlier)
        relative = pl.when(pl.col(earlier) != 0).then(difference / pl.col(earlier))
        return pl.when(is_share).then(difference).otherwise(relative)

    return kpis.with_columns(
        change_on_previous_month=change("previous_month"), change_on_year_ago=change("year_ago")
    )


def revenue_by_month(occasions: pl.DataFrame, month: Month, months: int = 13) -> pl.DataFrame:
    """Revenue and buyers of the last months up to `month`, months without orders included.

    Returns:
        One row per month: `month` (first day), `revenue`, `buyers`.
    """
    first_known = occasions["purchase_day"].min().replace(day=1)
    start = max(month.plus(1 - months).first_day, first_known)
    calendar = pl.DataFrame({"month": pl.date_range(start, month.first_day, "1mo", eager=True)})
    counted = occasions.group_by(month=pl.col("purchase_day").dt.month_start()).agg(
        revenue=pl.col("amount").sum().cast(pl.Float64),
        buyers=pl.col("customer_id").n_unique().cast(pl.Int64),
    )
    joined = calendar.join(counted, on="month", how="left", maintain_order="left")
    return joined.with_columns(pl.col("revenue", "buyers").fill_null(0))
