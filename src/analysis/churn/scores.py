"""The chance that a customer buys nothing in the next days, and why it is high."""

import numpy as np
import polars as pl

from analysis.clv.models import Models
from analysis.run.settings import Settings

# A pause counts as long when it exceeds this many of the customer's own mean gaps.
LONG_PAUSE_IN_GAPS = 2
# From this chance on a customer counts as likely to leave.
LIKELY = 0.5
FEW_REPEATS = 2


def churn_table(
    customers: pl.DataFrame, clv: pl.DataFrame, models: Models, settings: Settings
) -> pl.DataFrame:
    """Churn score, value at stake and reasons of every customer.

    The score is P(no purchase in the next `horizon_days`), never P(alive) alone, which
    under BG/NBD is 1 for every one-time buyer. Value at stake is that chance times the customer's CLV.

    Args:
        customers: the table `customers`.
        clv: the table `clv`.
        models: the month's fits.

    Returns:
        One row per customer, in the columns of the table `churn`.
    """
    days = settings.churn.horizon_days
    no_purchase = 1 - models.probability_active(customers, days)
    scored = customers.with_columns(
        horizon_days=pl.lit(days, dtype=pl.Int64),
        idle_days=idle_days(),
        probability_no_purchase=np.clip(no_purchase, 0, 1),
    ).join(clv.select("customer_id", "clv"), on="customer_id", validate="1:1")
    found = pl.concat_list(_reasons(days)).list.drop_nulls()
    return scored.with_columns(
        value_at_stake=pl.col("probability_no_purchase") * pl.col("clv"),
        reason_1=found.list.get(0, null_on_oob=True),
        reason_2=found.list.get(1, null_on_oob=True),
        reason_3=found.list.get(2, null_on_oob=True),
    )


def idle_days() -> pl.Expr:
    """Days since the last purchase."""
    return (pl.col("T") - pl.col("recency")).cast(pl.Int64)


def likely_to_leave() -> pl.Expr:
    """Whether no purchase in the window is likelier than one."""
    return pl.col("probability_no_purchase") >= LIKELY


def _reasons(days: int) -> list[pl.Expr]:
    """Plain signs of leaving, the most telling first; a customer shows those that hold."""
    repeat = pl.col("frequency") > 0
    own_gap = pl.col("recency") / pl.col("frequency")
    signs = {
        "pause_beyond_own_rhythm": repeat & (pl.col("idle_days") > LONG_PAUSE_IN_GAPS * own_gap),
        "silent_for_long": pl.col("idle_days") > days,
        "one_purchase_only": ~repeat,
        "gap_beyond_window": repeat & (own_gap > days),
        "few_purchases": repeat & (pl.col("frequency") <= FEW_REPEATS),
    }
    return [pl.when(sign).then(pl.lit(reason)) for reason, sign in signs.items()]


def at_risk(churn: pl.DataFrame, customers: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """Repeat buyers who are likely to leave, the most value at stake first.

    Args:
        churn, customers, segments: the tables of these names.

    Returns:
        One row per customer: `customer_id`, `class`, `last_purchase`, `idle_days`, `purchases`,
        `spend`, `probability_no_purchase`, `value_at_stake`, the reasons (keys).
    """
    clusters = segments.filter(pl.col("axis") == "cluster").select("customer_id", "class")
    return (
        churn.join(customers, on="customer_id", validate="1:1")
        .join(clusters, on="customer_id", how="left", validate="1:1")
        .filter(likely_to_leave() & (pl.col("frequency") > 0))
        .sort(["value_at_stake", "customer_id"], descending=[True, False])
        .select(
            "customer_id",
            "class",
            "last_purchase",
            "idle_days",
            "purchases",
            "spend",
            "probability_no_purchase",
            "value_at_stake",
            "reason_1",
            "reason_2",
            "reason_3",
        )
    )


def second_purchase(
    churn: pl.DataFrame, customers: pl.DataFrame, clv: pl.DataFrame, most: int = 1_000
) -> pl.DataFrame:
    """One-time buyers, the likeliest to buy again first.

    Returns:
        Up to `most` rows: `customer_id`, `first_purchase`, `spend`, `probability_no_purchase`,
        `clv`.
    """
    return (
        customers.filter(pl.col("frequency") == 0)
        .join(churn, on="customer_id", validate="1:1")
        .join(clv.select("customer_id", "clv"), on="customer_id", validate="1:1")
        .sort(["probability_no_purchase", "spend", "customer_id"], descending=[False, True, False])
        .select("customer_id", "first_purchase", "spend", "probability_no_purchase", "clv")
        .head(most)
    )


def stake_by_idle_time(churn: pl.DataFrame) -> pl.DataFrame:
    """Customers and value at stake by how long they have been silent.

    Returns:
        One row per band: `idle` (text), `customers`, `value_at_stake`, `likely` (share likely to
        leave).
    """
    edges, names = [30, 90, 180, 365], ["0–30", "31–90", "91–180", "181–365", "over 365"]
    band = pl.col("idle_days").cut(edges, labels=names).cast(pl.Enum(names))
    return (
        churn.group_by(idle=band)
        .agg(
            customers=pl.len().cast(pl.Int64),
            value_at_stake=pl.col("value_at_stake").sum().round(4),
            likely=likely_to_leave().mean(),
        )
        .sort("idle")
        .with_columns(pl.col("idle").cast(pl.String))
    )
