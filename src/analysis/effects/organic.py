"""What happens with no action at all: who comes back, and how far the best fall back.

Of customers lapsed for 90 days one in ten to one in five buys in the next 30 days, and the best spenders
of a month spend a fifth to a half less in the next. A claim that does not take this off is no claim.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from analysis.effects.beside import compared
from analysis.effects.lists import Lists
from analysis.effects.outcomes import TAIL, covariates, outcomes, winsorised
from analysis.intervals import Z, wilson
from analysis.run.months import Month

LAPSED_DAYS = 90
BEST_SHARE = 0.1  # of those who bought in the window before
MOST_CUT_OFFS = 12
_IDLE = (30, 90, 180, 365)  # last day of each band but the open one
_PURCHASES = (1, 3)
_SPENDS = ("spend", "spend_recent")
ORGANIC = {
    "about": pl.String,
    "group": pl.String,
    "cut_off": pl.Date,
    "window_days": pl.Int64,
    "quiet": pl.Boolean,
    "customers": pl.Int64,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "spend_before": pl.Float64,
    "spend_after": pl.Float64,
    "change": pl.Float64,
}


def base_rates(
    occasions: pl.DataFrame, checked: pl.DataFrame, as_of: date, window_days: int = 30
) -> pl.DataFrame:
    """What the company's customers did after earlier month ends, by where they stood then.

    Args:
        occasions: the table `occasions`.
        checked: as `checks.check` returns it; month ends with a campaign's window beside theirs are
            not quiet.
        as_of: the last day that counts; windows must have closed by then.
        window_days: of outcomes.

    Returns:
        One row per group and month end, at most twelve, the latest last: `about` (base), `group`
        (`lapsed`: silent for 90 days or more; `active`: bought in the window before; `best`: the tenth of
        these that spent most; `all`), `cut_off`, `window_days`, `quiet`, `customers`, `rate` (share that
        bought in the window after), `low`, `high` (95 %, Wilson), `spend_before`, `spend_after` (sums of
        the windows before and after, each customer's drawn in to the 99 % limit of both), `change` (null
        where nothing was spent before).
    """
    rows = []
    for cut_off in _cut_offs(occasions, as_of, window_days):
        found = everybody(occasions, cut_off, window_days)
        quiet = _quiet(checked, cut_off, window_days)
        for group, members in _groups(found, window_days).items():
            known = {"about": "base", "group": group, "cut_off": cut_off, "quiet": quiet}
            rows.append(known | {"window_days": window_days} | _of_group(members))
    return pl.DataFrame(rows, schema=ORGANIC).sort("group", "cut_off")


def same_kind_rates(lists: Lists, checked: pl.DataFrame, occasions: pl.DataFrame) -> pl.DataFrame:
    """For each campaign, what customers of its kind did after earlier month ends, unprompted.

    Of its kind are customers of equal recency (up to 30, 90, 180, 365 days, longer) and purchases
    (1, 2 to 3, more), in the proportions of the campaign's list.

    Args:
        lists: the assigned customers.
        checked: as `checks.check` returns it.
        occasions: the table `occasions`.

    Returns:
        As `base_rates`, for month ends whose windows closed before the campaign began: `about` =
        campaign, `group` = its id, `spend_before` and `spend_after` per customer.
    """
    rows = []
    taken: dict[tuple, pl.DataFrame] = {}
    for one in checked.drop_nulls("begins_on").iter_rows(named=True):
        members = compared(lists.of(one["campaign"])).select("customer_id")
        if members.is_empty():
            continue
        day, window = one["begins_on"], one["window_days"]
        audience = outcomes(members, occasions, day, window)
        for cut_off in _cut_offs(occasions, day - timedelta(days=1), window):
            if (cut_off, window) not in taken:
                taken[cut_off, window] = everybody(occasions, cut_off, window)
            found = same_kind(audience, taken[cut_off, window])
            if found is None:
                continue
            known = {"about": "campaign", "group": one["campaign"], "cut_off": cut_off}
            quiet = _quiet(checked, cut_off, window)
            rows.append(known | {"window_days": window, "quiet": quiet} | found)
    return pl.DataFrame(rows, schema=ORGANIC)


def same_kind(audience: pl.DataFrame, earlier: pl.DataFrame) -> dict | None:
    """What customers of the kind of an audience did at an earlier time.

    Args:
        audience, earlier: as `outcomes` returns them, of the audience and of everybody at the earlier
            day.

    Returns:
        `customers` (earlier ones of the kind), `rate`, `low`, `high` (95 %), `spend_before` and
        `spend_after` (means), `change`; None where nobody was of the kind.
    """
    found = _of_the_kind(audience, earlier)
    if found.is_empty():
        return None
    weight = found["weight"].to_numpy()
    active = found["active"].to_numpy().astype(float)
    rate = float(weight @ active)
    reach = Z * float(np.sqrt((weight**2 * (active - rate) ** 2).sum()))
    before, after = (float(weight @ found[name].to_numpy()) for name in ("spend_recent", "spend"))
    return {
        "customers": found.height,
        "rate": rate,
        "low": max(rate - reach, 0.0),
        "high": min(rate + reach, 1.0),
        "spend_before": round(before, 4),
        "spend_after": round(after, 4),
        "change": after / before - 1 if before > 0 else None,
    }


def spread(audience: pl.DataFrame, earlier: pl.DataFrame) -> dict[str, float] | None:
    """How much both measures vary among customers of the kind of an audience.

    Args:
        audience, earlier: as for `same_kind`.

    Returns:
        Standard deviations: `active`, and `spend` (winsorised, less what a weighted regression on
        history tells of it); None where nobody was of the kind.
    """
    found = _of_the_kind(audience, earlier)
    if found.is_empty():
        return None
    weight = found["weight"].to_numpy()
    rate = float(np.clip(weight @ found["active"].to_numpy().astype(float), 0, 1))
    spend = winsorised(found["spend"].to_numpy())
    known = np.column_stack([np.ones(found.height), covariates(found)])
    root = np.sqrt(weight)
    told = known @ np.linalg.lstsq(known * root[:, None], spend * root, rcond=None)[0]
    return {
        "active": float(np.sqrt(rate * (1 - rate))),
        "spend": float(np.sqrt(weight @ (spend - told) ** 2)),
    }


def everybody(occasions: pl.DataFrame, cut_off: date, window_days: int) -> pl.DataFrame:
    """Outcomes of all who had bought by the cut-off, in the days after it, as `outcomes` returns them.

    Spend is drawn in, since one mistyped order would make any change; the limit is the same for both
    windows: 99 % of the amounts that customers spent in either of them lie below it.
    """
    known = occasions.filter(pl.col("purchase_day") <= cut_off)
    customers = known.select(pl.col("customer_id").unique())
    found = outcomes(customers, occasions, cut_off + timedelta(days=1), window_days)
    both = pl.concat([found["spend"], found["spend_recent"]])
    limit = both.filter(both > 0).quantile(1 - TAIL, "linear")
    return found if limit is None else found.with_columns(pl.col(_SPENDS).clip(upper_bound=limit))


def _of_the_kind(audience: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Everybody of the audience's bands, with a `weight` that gives each band the audience's share."""
    shares = audience.group_by(_band()).agg(share=pl.len() / audience.height)
    joined = earlier.with_columns(_band()).join(shares, on="band", how="inner")
    weighted = joined.with_columns(weight=pl.col("share") / pl.len().over("band"))
    return weighted.with_columns(pl.col("weight") / pl.col("weight").sum()).sort("customer_id")


def _band() -> pl.Expr:
    """Recency and number of purchases, in bands; null for whoever never bought."""
    idle = pl.col("idle_days").cut(_IDLE).cast(pl.String)
    bought = pl.col("purchases").cut(_PURCHASES).cast(pl.String)
    return pl.concat_str(idle.fill_null("never"), bought, separator=" ").alias("band")


def _groups(found: pl.DataFrame, window_days: int) -> dict[str, pl.DataFrame]:
    active = found.filter(pl.col("idle_days") <= window_days)
    best = active.sort(-pl.col("spend_recent"), "customer_id").head(
        max(round(BEST_SHARE * active.height), min(active.height, 1))
    )
    lapsed = found.filter(pl.col("idle_days") > LAPSED_DAYS)
    groups = {"lapsed": lapsed, "active": active, "best": best, "all": found}
    return {name: members for name, members in groups.items() if members.height}


def _of_group(members: pl.DataFrame) -> dict:
    rate = members["active"].mean()
    low, high = wilson(np.array(rate), np.array(members.height))
    before, after = (round(members[name].sum(), 2) for name in ("spend_recent", "spend"))
    return {
        "customers": members.height,
        "rate": rate,
        "low": float(max(low, 0.0)),
        "high": float(min(high, 1.0)),
        "spend_before": before,
        "spend_after": after,
        "change": after / before - 1 if before > 0 else None,
    }


def _cut_offs(occasions: pl.DataFrame, until: date, window_days: int) -> list[date]:
    """Month ends whose windows before and after lie within what is known, the earliest first."""
    if occasions.is_empty():
        return []
    first = occasions["purchase_day"].min() + timedelta(days=window_days)
    month, found = Month.of(until), []
    while month.last_day >= first and len(found) < MOST_CUT_OFFS:
        if month.last_day + timedelta(days=window_days) <= until:
            found.append(month.last_day)
        month = month.previous
    return found[::-1]


def _quiet(checked: pl.DataFrame, cut_off: date, window_days: int) -> bool:
    """Whether no campaign's window lay beside the one after the cut-off."""
    begin, end = cut_off + timedelta(days=1), cut_off + timedelta(days=window_days)
    beside = (pl.col("begins_on") <= end) & (pl.col("last_day") >= begin)
    return checked.filter(beside).is_empty()
