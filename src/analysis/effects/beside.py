"""Whom a campaign compares, and what other campaigns did to the same customers."""

import polars as pl

from analysis.effects.lists import Lists

_SAME_ARMS = 10.83  # chi-square of one degree of freedom at p = 0.001


def compared(rows: pl.DataFrame) -> pl.DataFrame:
    """The customers of one campaign that are compared, as they were assigned.

    Controls are those of the campaign; where it has none, the standing group stands in for them, and the
    difference is that of all that was done in the window. Customers in both arms are set aside.

    Args:
        rows: of one campaign, as `Lists.of` returns them.

    Returns:
        One row per customer: `customer_id`, `treated` (flag), `stratum`, `contacted`, `cost`.
    """
    against = control_arm(rows)
    kept = rows.filter(pl.col("arm").is_in(["treat", against]))
    alone = kept.filter(pl.len().over("customer_id") == 1)
    treated = pl.col("arm") == "treat"
    return alone.select("customer_id", "stratum", "contacted", "cost", treated=treated).sort(
        "customer_id"
    )


def control_arm(rows: pl.DataFrame) -> str:
    """The arm that the treated of a campaign are compared with: `control`, or else `standing`."""
    arms = set(rows["arm"])
    return "standing" if "standing" in arms and "control" not in arms else "control"


def beside_others(lists: Lists, campaign: str) -> dict:
    """How a campaign stands to the others.

    Where the arms of an earlier campaign were kept, not drawn anew, what that one did is part of the
    difference, and what customers did since is no history: both arms may differ by it. Arms are the same
    where those of the customers in common go together by more than chance (chi-square, p < 0.001).

    Args:
        lists: of all campaigns.
        campaign: the one in question.

    Returns:
        `in_others`: how many of its customers are in another campaign whose window overlaps;
        `arms_since`: first day of the earliest campaign whose arms these are, its own if drawn anew.
    """
    windows = lists.campaigns.select("campaign", begin="begins_on", days="window_days")
    own = windows.filter(pl.col("campaign") == campaign).row(0, named=True)
    mine = lists.of(campaign)
    theirs = (
        lists.assigned.filter(pl.col("campaign") != campaign)
        .join(mine.select("customer_id").unique(), on="customer_id", how="semi")
        .join(windows.drop_nulls("begin"), on="campaign")
    )
    if own["begin"] is None or theirs.is_empty():
        return {"in_others": 0, "arms_since": own["begin"]}
    overlaps = (pl.col("begin") < own["begin"] + pl.duration(days=own["days"])) & (
        pl.col("begin") + pl.duration(days="days") > own["begin"]
    )
    earlier = theirs.filter(pl.col("begin") < own["begin"])
    since = _kept_arms(compared(mine), earlier)["begin"].min()
    return {
        "in_others": theirs.filter(overlaps)["customer_id"].n_unique(),
        "arms_since": min(own["begin"], since) if since else own["begin"],
    }


def _kept_arms(mine: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """The earlier campaigns whose arms go together with these."""
    then, now = pl.col("arm") == "treat", pl.col("treated")
    cells = (now & then, now & ~then, ~now & then, ~now & ~then)
    counts = (
        earlier.join(mine.select("customer_id", "treated"), on="customer_id")
        .group_by("campaign", "begin")
        .agg(
            cell.sum().cast(pl.Float64).alias(name)
            for cell, name in zip(cells, "abcd", strict=True)
        )
    )
    a, b, c, d = (pl.col(name) for name in "abcd")
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    score = (a + b + c + d) * (a * d - b * c) ** 2 / margins
    return counts.filter((margins > 0) & (score > _SAME_ARMS))
