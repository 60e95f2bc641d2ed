"""Loyalty index (客户忠诚度) of a customer, on scales that do not move with the other customers."""

from datetime import date

import polars as pl

from analysis.run.months import DAYS_PER_MONTH
from analysis.tables import Frame

LONG_TENURE_MONTHS = 36  # from here on, tenure counts in full
YEAR_MONTHS = 12
MANY_REFERRALS = 3  # from here on, referrals count in full
PARTS = ("tenure", "repeat_share", "active_months", "referrals")


def loyalty(
    customers: pl.DataFrame,
    occasions: Frame,
    relations: pl.DataFrame,
    points: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """How loyal each customer is, from 0 to 100: the mean of four parts, each from 0 to 1.

    - tenure: months from the first to the last purchase, 36 or more count in full. Who has not come
      back has not stayed, however long ago the first purchase was.
    - repeat share: purchases after the first, as a share of all.
    - active months: months with a purchase among the last twelve calendar months.
    - referrals: customers brought, 3 or more count in full. Where no table says anything of
      referrals the part is unknown and left out of the mean.

    Args:
        customers: the table `customers`.
        occasions: the table `occasions`.
        relations: the table `relations`, where `from_id` brought `to_id`; empty without a source.
        points: the table `loyalty`; empty without a source.
        as_of: last day that counts.

    Returns:
        One row per customer: `customer_id`, `tenure` (months), `repeat_share`, `active_months`
        (0 to 12), `referrals` (null: unknown), `loyalty_index` (0 to 100).
    """
    months = _active_months(occasions, as_of)
    brought = _referrals(relations, points, as_of)
    known = pl.lit(brought is not None)
    if brought is None:
        brought = pl.DataFrame(schema={"customer_id": pl.String, "referrals": pl.Int64})
    parts = (
        customers.lazy()
        .join(months, on="customer_id", how="left")
        .join(brought.lazy(), on="customer_id", how="left")
        .select(
            "customer_id",
            tenure=pl.col("recency") / DAYS_PER_MONTH,
            repeat_share=pl.col("frequency") / pl.col("purchases"),
            active_months=pl.col("active_months").fill_null(0),
            referrals=pl.when(known).then(pl.col("referrals").fill_null(0)),
        )
    )
    return parts.with_columns(loyalty_index=_index()).sort("customer_id").collect()


def _index() -> pl.Expr:
    scaled = pl.mean_horizontal(
        (pl.col("tenure") / LONG_TENURE_MONTHS).clip(0, 1),
        pl.col("repeat_share"),
        pl.col("active_months") / YEAR_MONTHS,
        (pl.col("referrals") / MANY_REFERRALS).clip(0, 1),
    )
    return (100 * scaled).round(6)


def _active_months(occasions: Frame, as_of: date) -> pl.LazyFrame:
    day = pl.col("purchase_day")
    past = pl.lit(as_of).dt.truncate("1mo").dt.offset_by(f"-{YEAR_MONTHS - 1}mo")
    recent = occasions.lazy().filter((day >= past) & (day <= as_of))
    months = day.dt.truncate("1mo").n_unique().cast(pl.Int64)
    return recent.group_by("customer_id").agg(active_months=months)


def _referrals(relations: pl.DataFrame, points: pl.DataFrame, as_of: date) -> pl.DataFrame | None:
    """Customers brought by each customer; None where no table says anything.

    A referral that earned points usually stands in both tables, so the larger count is taken.
    """
    related = relations.filter(
        (pl.col("kind") == "referral") & (pl.col("since").fill_null(as_of) <= as_of)
    ).filter(pl.col("from_id") != pl.col("to_id"))
    earned = points.filter((pl.col("kind") == "referral") & (pl.col("at").dt.date() <= as_of))
    if related.is_empty() and earned.is_empty():
        return None
    counts = [
        related.group_by(customer_id="from_id").agg(referrals=pl.col("to_id").n_unique()),
        earned.group_by("customer_id").agg(referrals=pl.len()),
    ]
    both = pl.concat([one.with_columns(pl.col("referrals").cast(pl.Int64)) for one in counts])
    return both.group_by("customer_id").agg(pl.col("referrals").max())
