"""What lists of customers to contact would have caught in windows that are closed by now.

Each list is made from what was known at its cut-off, of repeat buyers, as long as the profit and the
capacity allow: by expected profit, by silence, by the spend of the year before, and at random (its
expectation). Lost is what those who then bought nothing had spent in the year before, a fact and no
estimate, but not what contacting them would have saved. Spend counts up to its 99th percentile among
repeat buyers, so that one large customer does not decide.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from analysis.churn.check import MOST_WINDOWS
from analysis.churn.predictors import choose, score
from analysis.churn.profit import curve, expected_profit
from analysis.churn.snapshots import Snapshot, Snapshots
from analysis.clv.fit import fit_gamma_gamma
from analysis.clv.models import Models
from analysis.clv.value import discounted_purchases, recent_spend
from analysis.intervals import Z
from analysis.run.settings import Settings

YEAR_DAYS = 365
CAP = 0.99
RANKED_BY = {"profit": "profit", "idle_time": "idle_days", "recent_spend": "spent"}
RANDOM = "random"


@dataclass(frozen=True)
class Window:
    """Repeat buyers at a cut-off whose window is closed, and how long the lists of that day are.

    `members` has one row per repeat buyer: `customer_id`, `idle_days`, `profit` (expected), `spent`
    (in the year before, capped), `left` (bought nothing in the window), `lost` (`spent` where left,
    else 0).
    """

    cut_off: date
    members: pl.DataFrame
    contacts: int

    def chosen(self, by: str) -> pl.DataFrame:
        """The list by a column, the highest first."""
        ordered = self.members.sort([by, "customer_id"], descending=[True, False])
        return ordered.head(self.contacts)


def windows(snapshots: Snapshots, settings: Settings) -> list[Window]:
    """The last closed windows, up to six, the earliest first."""
    return [
        _window(snapshots, snapshot, settings)
        for snapshot in snapshots.closed(snapshots.as_of, MOST_WINDOWS)
    ]


def lists(closed: list[Window]) -> pl.DataFrame:
    """What each list caught in each window.

    Returns:
        One row per cut-off and list: `cut_off`, `list`, `contacts`, `left` (of the list, bought
        nothing), `precision`, `lost_caught` and `lost` (money, by all repeat buyers), `lost_share`
        (null where nothing was lost, as `precision` where nobody is listed).
    """
    schema = {"cut_off": pl.Date, "list": pl.String, "contacts": pl.Int64, "left": pl.Float64}
    schema |= dict.fromkeys(("precision", "lost_caught", "lost", "lost_share"), pl.Float64)
    rows = [row for one in closed for row in _rows(one)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def together(caught: pl.DataFrame) -> pl.DataFrame:
    """All windows together.

    Args:
        caught: as `lists` returns it.

    Returns:
        One row per list, the most caught first: `list`, `windows`, `contacts`, `precision`,
        `lost_caught`, `lost_share`.
    """
    sums = caught.group_by("list").agg(
        pl.len().cast(pl.Int64).alias("windows"),
        pl.col("contacts", "left", "lost_caught", "lost").sum(),
    )
    shares = sums.select(
        *("list", "windows", "contacts"),
        precision=_ratio("left", "contacts"),
        lost_caught=pl.col("lost_caught").round(4),
        lost_share=_ratio("lost_caught", "lost"),
    )
    return shares.sort("lost_caught", "list", descending=[True, False])


def caught_more(closed: list[Window], than: str) -> tuple[float, float, float] | None:
    """How much more of the loss the list by profit caught than another, over all windows.

    Args:
        than: a key of `RANKED_BY`, or `RANDOM`.

    Returns:
        The difference as a share of all that was lost, with its 95 % interval: customers are drawn,
        each with all windows that they are in (a ratio of sums, linearised). None where nothing was
        lost.
    """
    if not closed:
        return None
    each = pl.concat(_against(one, than) for one in closed)
    each = each.group_by("customer_id").agg(pl.col("more", "lost").sum())
    total = float(each["lost"].sum())
    if not total:
        return None
    share = float(each["more"].sum()) / total
    scatter = (each["more"] - share * each["lost"]).to_numpy()
    half = Z * float(np.sqrt((scatter**2).sum())) / total
    return share, share - half, share + half


def _against(one: Window, than: str) -> pl.DataFrame:
    """Per repeat buyer: what the list by profit caught beyond the other, and what was lost."""
    ours = one.chosen("profit")["customer_id"].implode()
    mine = pl.col("customer_id").is_in(ours).cast(pl.Float64)
    if than == RANDOM:
        theirs = pl.lit(one.contacts / max(one.members.height, 1))
    else:
        listed = one.chosen(RANKED_BY[than])["customer_id"].implode()
        theirs = pl.col("customer_id").is_in(listed).cast(pl.Float64)
    return one.members.select("customer_id", "lost", more=(mine - theirs) * pl.col("lost"))


def _window(snapshots: Snapshots, snapshot: Snapshot, settings: Settings) -> Window:
    cut_off = snapshot.cut_off
    chance = score(snapshots, cut_off, choose(snapshots, cut_off).method).chance
    profit = expected_profit(chance, _values(snapshot, settings), settings)
    spent = recent_spend(snapshots.sources.purchases(cut_off), cut_off, YEAR_DAYS)
    members = (
        snapshot.features.select("customer_id", "idle_days", "purchases")
        .with_columns(profit=pl.Series(profit), left=pl.Series(snapshot.no_purchase))
        .join(spent, on="customer_id", how="left", validate="1:1")
        .filter(pl.col("purchases") > 1)
        .select("customer_id", "idle_days", "profit", "left", spent=pl.col("spend").fill_null(0.0))
        .with_columns(pl.col("spent").clip(upper_bound=pl.col("spent").quantile(CAP, "lower")))
        .with_columns(lost=pl.col("spent") * pl.col("left"))
        .sort("customer_id")
    )
    contacts = curve(members["profit"].to_numpy(), settings.churn.contact_capacity).contacted
    return Window(cut_off, members, contacts)


def _values(snapshot: Snapshot, settings: Settings) -> np.ndarray:
    """Expected value of each customer within the horizon of `[clv]`, as known at the cut-off."""
    rows = snapshot.customers
    models = Models.of(rows, snapshot.models.purchases, fit_gamma_gamma(rows))
    purchases = discounted_purchases(rows, models, settings)
    return purchases * models.expected_spend(rows) * settings.clv.gross_margin


def _rows(one: Window) -> list[tuple]:
    size, people = one.contacts, one.members
    lost = float(people["lost"].sum())
    found = {
        name: (float(listed["left"].sum()), float(listed["lost"].sum()))
        for name, listed in ((name, one.chosen(by)) for name, by in RANKED_BY.items())
    }
    share = size / max(people.height, 1)
    found[RANDOM] = (share * float(people["left"].sum()), share * lost)
    return [
        (one.cut_off, name, size, left, _share(left, size), caught, lost, _share(caught, lost))
        for name, (left, caught) in found.items()
    ]


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
