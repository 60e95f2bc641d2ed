"""Lists of an earlier month scored by what their customers did since: early warning, recommendations."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.churn.hindsight import CAP, RANDOM, YEAR_DAYS, Window, caught_more
from analysis.effects.scorecard_rows import against_row, no_data, rate, rates_apart, table
from analysis.intervals import Z

HIATUS, SPEND = "idle_time", "recent_spend"
_RULES = {"hiatus": "idle_days", "recent_spend": "spent"}  # column that each rule ranks by
NEW_LISTS = ("try_next",)  # lists that hold only what a customer has not bought yet
POPULAR_DAYS = 365


def early_warning(
    listed: pl.DataFrame | None,
    churn_then: pl.DataFrame | None,
    occasions: pl.DataFrame,
    made_on: date,
    as_of: date,
    horizon_days: int,
) -> pl.DataFrame:
    """The published list of an earlier month: how many of it left, and what loss it caught.

    Left means bought nothing from the day after the list up to its horizon, or up to as_of where that
    comes first: then `window_open` is true, and many of those who seem to have left will still buy.
    Beside it stand lists of the same length of the same repeat buyers: the longest silent (hiatus), the
    largest spenders of the year before, and at random (its expectation). Lists overlap, so that only
    those on one of them differ: the difference of shares is that of these customers, times their part of
    the list. Loss is what those who left had spent in the year before, up to its 99th percentile; its
    interval draws customers (`churn.hindsight`).

    Args:
        listed: the table `early_warning` of that month.
        churn_then: the table `churn` of that month.
        occasions: the table `occasions` of this month.
        made_on: last day of that month.
        horizon_days: `[churn] horizon_days`.

    Returns:
        One row per measure (`bought_nothing`, `loss_caught`: share of all loss) and list it stands
        against (`hiatus`, `recent_spend`, `random`), in the columns of `scorecard_rows.SCHEMA`.
    """
    if listed is None or churn_then is None or listed.is_empty():
        return no_data("early_warning", "bought_nothing", "share", as_of)
    until = min(as_of, made_on + timedelta(days=horizon_days))
    window = _window(listed, churn_then, occasions, made_on, until)
    if not window.contacts:
        return no_data("early_warning", "bought_nothing", "share", as_of)
    full = made_on + timedelta(days=horizon_days)
    base = {"item": "early_warning", "made_on": made_on, "until": until, "unit": "share"}
    base |= {"window_open": full > as_of, "cases": window.contacts}
    return table([*_precision(window, base), *_loss(window, base)])


def _window(listed, churn_then, occasions, made_on: date, until: date) -> Window:
    """The repeat buyers of then, the published list first in the order that `Window` ranks by."""
    day = pl.col("purchase_day")
    recent = day > made_on - timedelta(days=YEAR_DAYS)
    past = occasions.filter(day <= made_on).group_by("customer_id")
    known = past.agg(
        purchases=pl.len(), spent=pl.col("amount").filter(recent).sum().cast(pl.Float64)
    ).filter(pl.col("purchases") > 1)
    came = occasions.filter((day > made_on) & (day <= until))["customer_id"].unique()
    ours, came = listed["customer_id"].implode(), came.implode()
    members = (
        churn_then.select("customer_id", "idle_days")
        .join(known, on="customer_id")
        .with_columns(
            profit=pl.col("customer_id").is_in(ours).cast(pl.Float64),
            left=~pl.col("customer_id").is_in(came),
            spent=pl.col("spent").clip(0, pl.col("spent").quantile(CAP, "lower")),
        )
        .with_columns(lost=pl.col("spent") * pl.col("left"))
        .sort("customer_id")
    )
    return Window(made_on, members, int(members["profit"].sum()))


def _precision(window: Window, base: dict) -> list[dict]:
    ours, size = window.chosen("profit"), window.contacts
    hit = int(ours["left"].sum())
    base, value = base | {"measure": "bought_nothing"}, rate(hit, size)
    rows = []
    for rule, by in _RULES.items():
        theirs = window.chosen(by)
        mine = ours.join(theirs, on="customer_id", how="anti")
        other = theirs.join(ours, on="customer_id", how="anti")
        apart = rates_apart(*((int(one["left"].sum()), one.height) for one in (mine, other)))
        reference = float(theirs["left"].mean())
        row = base | {"against": rule}
        rows.append(against_row(row, value, reference, _scaled(apart, mine.height / size)))
    rest = window.members.join(ours, on="customer_id", how="anti")
    apart = rates_apart((hit, size), (int(rest["left"].sum()), rest.height))
    by_chance = _scaled(apart, rest.height / window.members.height)
    everyone = float(window.members["left"].mean())
    return [*rows, against_row(base | {"against": RANDOM}, value, everyone, by_chance)]


def _loss(window: Window, base: dict) -> list[dict]:
    """The share of all loss that each list caught; nothing where nothing was lost."""
    total = float(window.members["lost"].sum())
    if not total:
        return []
    share = {
        by: float(window.chosen(by)["lost"].sum()) / total for by in ("profit", *_RULES.values())
    }
    base = base | {"measure": "loss_caught"}
    value = (share["profit"], *_loss_limits(window, share["profit"], total))
    expected = window.contacts / window.members.height
    against = (("hiatus", HIATUS, share["idle_days"]), ("recent_spend", SPEND, share["spent"]))
    return [
        against_row(base | {"against": name}, value, reference, caught_more([window], than))
        for name, than, reference in (*against, (RANDOM, RANDOM, expected))
    ]


def _loss_limits(window: Window, share: float, total: float) -> tuple[float, float]:
    """Limits of a ratio of sums over customers, linearised, within 0 and 1."""
    scatter = (window.members["profit"] - share) * window.members["lost"]
    half = Z * float(np.sqrt((scatter.to_numpy() ** 2).sum())) / total
    return max(share - half, 0.0), min(share + half, 1.0)


def _scaled(apart: tuple | None, part: float) -> tuple:
    """A difference of the customers on one list only, as one of the whole lists; 0 of equal lists."""
    return tuple(part * one for one in apart or (0.0, 0.0, 0.0))


def recommendations(
    offers: pl.DataFrame | None,
    order_lines: pl.DataFrame,
    products: pl.DataFrame,
    made_on: date,
    as_of: date,
    new_lists: tuple[str, ...] = NEW_LISTS,
) -> pl.DataFrame:
    """Offers of an earlier month: whose basket since then held an offered product, against popularity.

    Popularity offers each customer as many products as the list does: those that most customers bought
    in the year before, and in lists of new products those of them that the customer had not bought.
    Both are scored on the same buyers, so that the difference is of pairs: adjusted Wald interval of
    Bonett and Price (2012), Journal of Educational and Behavioral Statistics 37.

    Args:
        offers: `customer_id`, `list`, `rank`, `product_id`: what was offered at the end of made_on.
        order_lines, products: the tables of this month; fees, services and returned lines count
            neither as bought nor as popular.
        made_on: last day of the month of the offers.
        new_lists: lists that hold only what a customer had not bought.

    Returns:
        One row per list, in the columns of `scorecard_rows.SCHEMA`: `measure` is the list's name, `cases`
        the customers on the list who bought since.
    """
    if offers is None or offers.is_empty():
        return no_data("recommendations", "due_again", "share", as_of)
    bought = _bought(order_lines, products, as_of)
    before, since = bought.filter(pl.col("day") <= made_on), bought.filter(pl.col("day") > made_on)
    baskets = since.select("customer_id", "product_id").unique()
    popular = _popularity(before, made_on)
    rows = [
        _list_row(name, part, baskets, before, popular, name in new_lists)
        | {"made_on": made_on, "until": as_of}
        for (name,), part in offers.sort("list").group_by("list", maintain_order=True)
    ]
    return table(rows)


def _bought(order_lines: pl.DataFrame, products: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """`customer_id`, `product_id`, `day` of what was bought by as_of and is a product."""
    services = products.filter(pl.col("is_service").fill_null(False))["product_id"]
    day = pl.col("ordered_at").dt.date()
    other = pl.col("is_fee") | pl.col("is_service").fill_null(False)
    returned = (pl.col("quantity") < 0) | (pl.col("line_amount") < 0)
    kept = order_lines.filter(
        ~other.fill_null(False), ~returned.fill_null(False), day <= as_of
    ).filter(~pl.col("product_id").is_in(services.implode()))
    return kept.select("customer_id", "product_id", day=day).drop_nulls()


def _popularity(before: pl.DataFrame, made_on: date) -> pl.DataFrame:
    """`product_id`, `place` (from 1): by the customers of the year before."""
    recent = before.filter(pl.col("day") > made_on - timedelta(days=POPULAR_DAYS))
    counts = recent.group_by("product_id").agg(buyers=pl.col("customer_id").n_unique())
    ordered = counts.sort(["buyers", "product_id"], descending=[True, False])
    return ordered.with_row_index("place", 1).select("product_id", pl.col("place").cast(pl.Int64))


def _list_row(name: str, part, baskets, before, popular, only_new: bool) -> dict:
    base = {"item": "recommendations", "measure": name, "against": "popularity", "unit": "share"}
    size = part.group_by("customer_id").agg(size=pl.len())
    buyers = size.join(baskets.select("customer_id").unique(), on="customer_id")
    base |= {"cases": buyers.height}
    if buyers.is_empty():
        return base | {"verdict": "no_data"}
    ours = part.join(baskets, on=["customer_id", "product_id"])["customer_id"].unique()
    theirs = _popular_hits(buyers, baskets, before, popular, only_new)
    hits = buyers.select(
        ours=pl.col("customer_id").is_in(ours.implode()),
        theirs=pl.col("customer_id").is_in(theirs.implode()),
    )
    value = rate(int(hits["ours"].sum()), hits.height)
    return against_row(base, value, float(hits["theirs"].mean()), _pairs_apart(hits))


def _popular_hits(buyers, baskets, before, popular, only_new: bool) -> pl.Series:
    """Customers whose basket held one of the most popular products, as many as their list has.

    A product's place among those new to the customer is its place less the more popular ones owned.
    """
    held = baskets.join(buyers, on="customer_id").join(popular, on="product_id")
    if only_new:
        owned = before.select("customer_id", "product_id").unique()
        held = held.join(owned, on=["customer_id", "product_id"], how="anti")
        ahead = held.join(
            owned.join(popular, on="product_id"), on="customer_id", how="left", suffix="_owned"
        )
        passed = (pl.col("place_owned") < pl.col("place")).sum()
        keys = ["customer_id", "product_id", "size", "place"]
        held = ahead.group_by(keys).agg(passed=passed)
        held = held.with_columns(place=pl.col("place") - pl.col("passed").cast(pl.Int64))
    return held.filter(pl.col("place") <= pl.col("size"))["customer_id"].unique()


def _pairs_apart(hits: pl.DataFrame) -> tuple[float, float, float]:
    """The difference of two shares of the same customers (Bonett and Price 2012, their interval)."""
    count = hits.height
    only = [int(hits.select(expr.sum()).item()) for expr in _discordant()]
    first, second = ((one + 1) / (count + 2) for one in only)
    middle = first - second
    half = Z * float(np.sqrt((first + second - middle**2) / (count + 2)))
    return (only[0] - only[1]) / count, max(middle - half, -1.0), min(middle + half, 1.0)


def _discordant() -> tuple[pl.Expr, pl.Expr]:
    return pl.col("ours") & ~pl.col("theirs"), ~pl.col("ours") & pl.col("theirs")
