"""Who brought whom: the tree of referrals, its depth, and circles in it."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Tree:
    """The tree of referrals at a day.

    `people` has one row per person in it: `customer_id`, `referrer` (null: nobody brought them),
    `depth` (steps from whoever began the chain, 0 for them; null in or below a circle), `brought`.
    """

    people: pl.DataFrame
    several: int  # referrals left out, of people brought by an earlier referrer already
    selves: int  # referrals of oneself, left out

    @property
    def referrals(self) -> int:
        return int(self.people["brought"].sum())

    @property
    def referrers(self) -> int:
        return self.people.filter(pl.col("brought") > 0).height

    @property
    def depth(self) -> int:
        """Steps of the longest chain; 0 without any."""
        return self.people["depth"].max() or 0

    @property
    def in_circles(self) -> int:
        """People in a circle or below one, whose chain has no beginning."""
        return self.people["depth"].null_count()


def referral_tree(relations: pl.DataFrame, as_of: date) -> Tree:
    """The tree of the relations of kind `referral` known by as_of.

    A person is brought once: the earliest referral counts (then the lesser id); one without a day counts
    as the latest. Depth is found by doubling steps upwards, so a chain of any length takes few passes.

    Args:
        relations: the table `relations`, where `from_id` brought `to_id`.
    """
    known = relations.filter(
        (pl.col("kind") == "referral") & (pl.col("since").fill_null(as_of) <= as_of)
    )
    day = pl.col("since").fill_null(as_of).min()
    pairs = known.group_by("from_id", "to_id").agg(since=day)
    other = pairs.filter(pl.col("from_id") != pl.col("to_id"))
    once = other.sort("to_id", "since", "from_id").unique(
        "to_id", keep="first", maintain_order=True
    )
    people = pl.concat([once["from_id"], once["to_id"]]).unique().sort().to_frame("customer_id")
    referrer = once.select(customer_id="to_id", referrer="from_id")
    brought = once.group_by(customer_id="from_id").agg(brought=pl.len().cast(pl.Int64))
    tree = (
        people.join(referrer, on="customer_id", how="left", maintain_order="left")
        .join(brought, on="customer_id", how="left", maintain_order="left")
        .with_columns(pl.col("brought").fill_null(0))
    )
    tree = tree.with_columns(depth=pl.Series(_depths(tree)).fill_nan(None).cast(pl.Int64))
    return Tree(tree, other.height - once.height, pairs.height - other.height)


def new_referred(tree: Tree, occasions: pl.DataFrame, first: date, last: date) -> tuple[int, int]:
    """Of the customers whose first purchase fell into a span: how many were referred, and how many."""
    day = pl.col("purchase_day")
    firsts = occasions.group_by("customer_id").agg(first=day.min())
    new = firsts.filter(pl.col("first").is_between(first, last))["customer_id"]
    referred = tree.people.filter(pl.col("referrer").is_not_null())["customer_id"]
    return int(new.is_in(referred.implode()).sum()), new.len()


def _depths(tree: pl.DataFrame) -> np.ndarray:
    """Steps to the beginning of each person's chain; NaN where it runs in a circle."""
    count = tree.height
    number = pl.DataFrame({"referrer": tree["customer_id"], "place": range(count)})
    found = tree.select("referrer").join(number, on="referrer", how="left", maintain_order="left")
    itself = np.arange(count)
    above = np.where(found["place"].is_null(), itself, found["place"].fill_null(0).to_numpy())
    steps, up = (above != itself).astype(np.int64), above
    for _ in range(count.bit_length()):
        steps, up = steps + steps[up], up[up]
    begins = above[up] == up
    return np.where(begins, steps, np.nan)
