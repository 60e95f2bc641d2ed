"""The chance that a customer buys nothing in the next days, and the money that hangs on it."""

import polars as pl

from analysis.churn.predictors import Scores
from analysis.churn.profit import expected_profit
from analysis.churn.snapshots import Snapshot
from analysis.run.settings import Settings

# A pause counts as long when it exceeds this many of the customer's own mean gaps.
LONG_PAUSE_IN_GAPS = 2
# From this chance on a customer counts as likely to leave.
LIKELY = 0.5
FEW_REPEATS = 2


def churn_table(
    snapshot: Snapshot,
    scores: Scores,
    reasons: pl.DataFrame,
    clv: pl.DataFrame,
    settings: Settings,
) -> pl.DataFrame:
    """Churn score, value at stake and reasons of every customer.

    The score is P(no purchase in the next `horizon_days`), never P(alive) alone, which under BG/NBD
    is 1 for every one-time buyer. Value at stake is that chance times the customer's CLV.

    Args:
        snapshot: at the end of the month.
        scores: of the customers of the snapshot.
        reasons: `customer_id`, `reason_1` to `reason_3`.
        clv: the table `clv`.

    Returns:
        One row per customer, in the columns of the table `churn`.
    """
    scored = (
        snapshot.features.select("customer_id", idle_days=pl.col("idle_days").cast(pl.Int64))
        .with_columns(
            probability_no_purchase=pl.Series(scores.chance),
            horizon_days=pl.lit(snapshot.horizon_days, dtype=pl.Int64),
            method=pl.lit(scores.method),
        )
        .join(clv.select("customer_id", "clv"), on="customer_id", how="left", validate="1:1")
        .join(reasons, on="customer_id", how="left", validate="1:1")
        .sort("customer_id")
    )
    profit = expected_profit(
        scored["probability_no_purchase"].to_numpy(), scored["clv"].to_numpy(), settings
    )
    return scored.with_columns(
        value_at_stake=pl.col("probability_no_purchase") * pl.col("clv"),
        expected_profit=pl.Series(profit),
    ).drop("clv")


def likely_to_leave() -> pl.Expr:
    """Whether no purchase in the window is likelier than one."""
    return pl.col("probability_no_purchase") >= LIKELY


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
