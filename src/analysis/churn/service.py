"""What complaints and contacts go with: who stayed away in the closed window, with them and without."""

from datetime import date, timedelta

import polars as pl

from analysis.churn.evaluate import Check, wilson

BEFORE_DAYS = 90  # complaints and contacts of so many days before the cut-off


def by_service(
    check: Check | None, feedback: pl.DataFrame, interactions: pl.DataFrame
) -> pl.DataFrame:
    """Customers with and without a complaint or a contact before the cut-off, and who stayed away.

    The score knows purchases only; where what happened lies off it, the complaint tells more than the
    purchases do. That is association: whoever complains may differ in other ways too.

    Args:
        check: the closed window; None where it could not be checked.
        feedback: the table `feedback`, empty without a source.
        interactions: the table `interactions`, likewise.

    Returns:
        One row per group with customers: `service` (the key of its words), `customers`, `predicted`
        (mean score), `observed` (share without purchase in the window), `low`, `high` (95 % Wilson
        interval); empty where nothing can be said.
    """
    complaints = feedback.filter(kind="complaint")
    sources = {"complaint": (feedback, complaints), "contact": (interactions, interactions)}
    rows = []
    for name, (table, happened) in sources.items():
        if check is None or table.is_empty():
            continue
        with_it = _customers(happened, check.cut_off)
        for key, members in (
            (name, check.scored.join(with_it, on="customer_id", how="semi")),
            (f"no_{name}", check.scored.join(with_it, on="customer_id", how="anti")),
        ):
            if members.height:
                observed = float(members["no_purchase"].mean())
                rows.append((key, members.height, members["model"].mean(), observed))
    schema = {"service": pl.String, "customers": pl.Int64}
    schema |= dict.fromkeys(("predicted", "observed"), pl.Float64)
    table = pl.DataFrame(rows, schema=schema, orient="row")
    low, high = wilson(table["observed"].to_numpy(), table["customers"].to_numpy())
    return table.with_columns(predicted=pl.col("predicted").round(9), low=low, high=high)


def _customers(rows: pl.DataFrame, cut_off: date) -> pl.DataFrame:
    """Who has a row within the days before the cut-off."""
    day = pl.col("at").dt.date()
    recent = (day > cut_off - timedelta(days=BEFORE_DAYS)) & (day <= cut_off)
    return rows.filter(recent).select("customer_id").unique()
