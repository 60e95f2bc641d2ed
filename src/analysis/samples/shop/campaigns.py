"""Campaigns with random groups: who takes part, and the purchases that only the campaign brings."""

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import CAMPAIGNS, Campaign, generator
from analysis.samples.shop.purchases import dropouts


def run_campaigns(people: pl.DataFrame, purchases: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Everybody who takes part in a campaign.

    A treated customer who is active and would not buy within the window buys once more with a chance
    such that, over all possible courses, the chance to buy within it grows by exactly the planted
    uplift; where a customer's chance not to buy is smaller than the uplift, by that much.

    Args:
        people: the persons.
        purchases: as `simulate_purchases`.
        seed: of all random numbers.

    Returns:
        One row per campaign and person: `campaign_id`, `person`, `treated`, `active` (not dropped
        out when it was sent), `uplift` (what treatment adds to the chance), `extra_on` (day of the
        purchase that it brought, null without).
    """
    parts = [_run(one, people, purchases, seed) for one in CAMPAIGNS]
    return pl.concat(parts).sort("campaign_id", "person")


def _run(
    campaign: Campaign, people: pl.DataFrame, purchases: pl.DataFrame, seed: int
) -> pl.DataFrame:
    rng = generator(seed, campaign.campaign_id)
    sent, window = campaign.sent_day, campaign.window_days
    reached = purchases.filter(
        (pl.col("day") < sent) & (pl.col("day") >= sent - campaign.reach_days)
    )
    inside = pl.col("day").is_between(sent, sent + window - 1)
    members = (
        reached.select("person")
        .unique()
        .sort("person")
        .join(people.select("person", "rate"), on="person", maintain_order="left")
        .join(dropouts(purchases), on="person", how="left", maintain_order="left")
        .with_columns(
            active=(pl.col("left_on") >= sent).fill_null(True),
            buys=pl.col("person").is_in(purchases.filter(inside)["person"].implode()),
        )
    )
    idle = np.exp(-window * members["rate"].to_numpy())
    uplift = np.where(members["active"], np.minimum(campaign.uplift, idle), 0)
    treated = (rng.permutation(members.height) % 2 == 0) | (not campaign.randomised)
    brought = treated & ~members["buys"].to_numpy() & (rng.random(members.height) < uplift / idle)
    extra_on = sent + 1 + rng.integers(0, window - 1, members.height)
    return members.select(
        "person",
        "active",
        campaign_id=pl.lit(campaign.campaign_id),
        treated=pl.Series(treated),
        uplift=pl.Series(uplift),
        extra_on=pl.when(pl.Series(brought)).then(pl.Series(extra_on)),
    )
