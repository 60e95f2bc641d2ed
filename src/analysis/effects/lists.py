"""What a list of assigned customers is, wherever it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from analysis.tables import MONEY

ARMS = ("treat", "control", "standing")
NAMED = {
    "campaign": pl.String,
    "name": pl.String,
    "source": pl.String,
    "action": pl.String,
    "begins_on": pl.Date,
    "window_days": pl.Int64,
    "cost": MONEY,
    "planned_share": pl.Float64,
    "lost": pl.Int64,
    "off_list": pl.Int64,
    "problem": pl.String,
    "traced": pl.Boolean,
}
ASSIGNED = {
    "campaign": pl.String,
    "customer_id": pl.String,
    "arm": pl.String,
    "stratum": pl.String,
    "contacted": pl.Boolean,
    "cost": MONEY,
}


@dataclass(frozen=True)
class Rules:
    """When a campaign may be measured.

    Args:
        window_days: of outcomes, for campaigns of which no end is known.
        max_leakage: share of the controls that may have been contacted by the same campaign.
        least_per_arm: customers that each arm must have.
        planned_control_share: campaign = share of controls that was planned, where the tables do not
            hold it; without a plan the sizes of the arms cannot be checked.
    """

    window_days: int = 30
    max_leakage: float = 0.05
    least_per_arm: int = 20
    planned_control_share: Mapping[str, float] = field(default_factory=dict)

    def planned(self) -> pl.Expr:
        """The planned share of each row's campaign, null without one."""
        plans = dict(self.planned_control_share)
        return pl.col("campaign").replace_strict(plans, default=None, return_dtype=pl.Float64)


@dataclass(frozen=True)
class Lists:
    """Campaigns and the customers assigned to each.

    `campaigns` has one row per campaign: `campaign`, `name`, `source` (`ledger`, `responses`), `action`,
    `begins_on` (first day of the window), `window_days`, `cost` (of the whole campaign), `planned_share`
    (of controls, null where no plan is known), `lost` (rows that are gone, or whose arm is),
    `off_list` (customers contacted without being on the list), `problem` (of the ledger, null if sound),
    `traced` (whether it is recorded who was contacted).
    `assigned` has one row per campaign, customer and arm: `campaign`, `customer_id`, `arm`, `stratum`,
    `contacted`, `cost` (of this customer). A customer in both arms has two rows.
    """

    campaigns: pl.DataFrame
    assigned: pl.DataFrame

    def of(self, campaign: str) -> pl.DataFrame:
        """The rows of one campaign by customer."""
        rows = self.assigned.filter(pl.col("campaign") == campaign)
        return rows.sort("customer_id", "arm")


def no_lists() -> Lists:
    """Nothing assigned."""
    return Lists(pl.DataFrame(schema=NAMED), pl.DataFrame(schema=ASSIGNED))


def lists(table: pl.DataFrame, assigned: pl.DataFrame) -> Lists:
    """Lists in the order of their days; rows whose arm is none count as lost.

    Args:
        table: one row per campaign with the columns of `Lists.campaigns`; nulls in `lost` and
            `off_list` count as 0.
        assigned: as `arms` returns it.
    """
    gone = assigned.filter(pl.col("arm").is_null())
    counted = gone.group_by("campaign").agg(without_arm=pl.len().cast(pl.Int64))
    lost = pl.col("lost").fill_null(0) + pl.col("without_arm").fill_null(0)
    campaigns = (
        table.join(counted, on="campaign", how="left")
        .with_columns(pl.col("off_list").fill_null(0), lost=lost)
        .select(*NAMED)
        .cast(NAMED)
        .sort("begins_on", "campaign", nulls_last=True)
    )
    kept = assigned.drop_nulls("arm").join(campaigns, on="campaign", how="semi")
    return Lists(campaigns, kept.sort("campaign", "customer_id", "arm"))


def arms(rows: pl.DataFrame, contacted: pl.DataFrame) -> pl.DataFrame:
    """One row per campaign, customer and arm; the same row twice is one.

    Args:
        rows: `campaign`, `customer_id`, `arm` and, where known, `stratum` and `cost`.
        contacted: `campaign` and `customer_id` of those contacted, each once.
    """
    rows = with_missing(rows, {"stratum": pl.String, "cost": MONEY})
    text = rows.with_columns(pl.col("arm", "stratum").cast(pl.String))
    folded = text.group_by("campaign", "customer_id", "arm").agg(
        pl.col("stratum").sort().first(), pl.col("cost").cast(MONEY).max()
    )
    marked = contacted.with_columns(contacted=pl.lit(True))
    joined = folded.join(marked, on=["campaign", "customer_id"], how="left")
    known = joined.with_columns(pl.col("contacted").fill_null(False))
    return known.select(*ASSIGNED).cast(ASSIGNED)


def with_missing(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame with those columns that it lacks, empty."""
    absent = [
        pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in frame.columns
    ]
    return frame.with_columns(absent)
