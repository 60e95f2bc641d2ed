"""The loyalty programme of a month: points, what they are worth, tiers, referrals, members and others."""

from datetime import date

import polars as pl

from analysis.effects.loyalty_members import Compared
from analysis.effects.points import (
    Balance,
    balance,
    balances,
    earned_between,
    lapsing,
    movements,
    year_before,
)
from analysis.effects.referrals import Tree, new_referred
from analysis.effects.scorecard_rows import rate
from analysis.run.months import Month
from analysis.run.sections_effects import Loyalty

NO_TIER = "none"
SCHEMA = {"measure": pl.String, "period": pl.String, "unit": pl.String}
SCHEMA |= dict.fromkeys(("value", "low", "high"), pl.Float64) | {"cases": pl.Int64}
MOVES = {"previous_tier": pl.String, "tier": pl.String, "members": pl.Int64, "direction": pl.String}
_FLOWS = ("earned", "burnt", "expired", "adjusted")


def loyalty_summary(
    loyalty: pl.DataFrame,
    occasions: pl.DataFrame,
    tree: Tree,
    compared: Compared,
    month: Month,
    rules: Loyalty,
) -> pl.DataFrame:
    """All figures of the programme at the end of a month.

    - `earned`, `burnt`, `expired`, `adjusted`: points of the month, the last 365 days, and ever. Earned
      less burnt less expired, with adjustments, is `outstanding`.
    - `liability`: points of the members with a positive balance, and in money where the settings say what
      a point is worth. A negative balance is owed by nobody: `negative_balances` counts them,
      `negative_points` is their sum.
    - `past_term`, `lapsing_30_days`: points outstanding beyond their term and about to reach it.
    - `referrals`, `referrers`, `per_referrer`, `longest_chain`, `in_circles`; `new_referred`: share of
      new customers who were referred.
    - `member_repeat`, `matched_repeat`, `repeat_difference`: who bought again within the last closed
      window. An association: members chose to join.

    Args:
        loyalty: the table `loyalty`; empty without one, then nothing of points is said.
        occasions: the table `occasions`.
        tree: as `referrals.referral_tree` returns it.
        compared: as `loyalty_members.against_matched` returns it.
        rules: the section `loyalty` of the settings.

    Returns:
        One row per measure and period, in the columns of the table `loyalty_summary`.

    Raises:
        ValueError: if the points do not add up, which would be an error of ours.
    """
    rows = [] if loyalty.is_empty() else _points(movements(loyalty, month.last_day), month, rules)
    rows += _referred(tree, occasions, month) if tree.people.height else []
    rows += _compared(compared) if compared.members else []
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def tier_moves(moved: pl.DataFrame, month: Month, tiers: dict[str, float]) -> pl.DataFrame:
    """Who rose and fell between tiers since the month before, by points earned in 365 days.

    Args:
        moved: as `points.movements` returns it.
        tiers: `[loyalty] tiers`: tier = points from which on it holds.

    Returns:
        One row per tier of the month before and tier now: `previous_tier`, `tier` (`none`: below the
        lowest, or no member yet), `members`, `direction`. Empty without tiers.
    """
    if not tiers:
        return pl.DataFrame(schema=MOVES)
    ordered = sorted(tiers.items(), key=lambda one: one[1])
    now, then = (
        _tiers(earned_between(moved, year_before(day), day), ordered)
        for day in (month.last_day, month.previous.last_day)
    )
    both = now.join(then, on="customer_id", how="left", suffix="_before").select(
        tier="tier", previous_tier=pl.col("tier_before").fill_null(NO_TIER)
    )
    return _counted(both, [NO_TIER, *(name for name, _ in ordered)])


def tier_moves_of_records(
    profiles: pl.DataFrame, profiles_before: pl.DataFrame | None, tiers: dict[str, float]
) -> pl.DataFrame:
    """The same by the tier that the customer records say, where they do; as of the day of the export.

    Args:
        profiles: the table `profiles`; a person's latest record with a tier counts.
        profiles_before: that of the month before; None: nothing to compare with.
        tiers: names give the order, where the settings have them.

    Returns:
        As `tier_moves`; empty where either month has no tier in its records.
    """
    if profiles_before is None:
        return pl.DataFrame(schema=MOVES)
    now, then = (_recorded(one) for one in (profiles, profiles_before))
    if now.is_empty() or then.is_empty():
        return pl.DataFrame(schema=MOVES)
    both = now.join(then, on="customer_id", how="full", coalesce=True, suffix="_before").select(
        tier=pl.col("tier").fill_null(NO_TIER),
        previous_tier=pl.col("tier_before").fill_null(NO_TIER),
    )
    ordered = [name for name, _ in sorted(tiers.items(), key=lambda one: one[1])]
    return _counted(both, [NO_TIER, *ordered])


def _points(moved: pl.DataFrame, month: Month, rules: Loyalty) -> list[tuple]:
    starts = {
        "month": month.first_day,
        "year": _after(year_before(month.last_day)),
        "to_date": None,
    }
    spans = {name: balance(moved, first) for name, first in starts.items()}
    opening = balance(moved.filter(pl.col("day") <= month.previous.last_day))
    people = balances(moved)
    whole = spans["to_date"]
    _check(whole, opening, spans["month"], people)
    rows = [
        (kind, name, "points", getattr(span, kind), *_NONE, span.movements[kind])
        for kind in _FLOWS
        for name, span in spans.items()
    ]
    positive, negative = (people.filter(expr) for expr in _SIGNS)
    owed = round(float(positive["points"].sum()), 2)
    rows += [
        _row("members", "customers", float(people.height), people.height),
        (
            "active_members",
            "month",
            "customers",
            float(spans["month"].active),
            *_NONE,
            people.height,
        ),
        (
            "active_members",
            "year",
            "customers",
            float(spans["year"].active),
            *_NONE,
            people.height,
        ),
        ("opening", "month", "points", opening.outstanding, *_NONE, people.height),
        _row("outstanding", "points", whole.outstanding, people.height),
        _row("liability", "points", owed, positive.height),
        _row("negative_balances", "customers", float(negative.height), people.height),
        _row(
            "negative_points", "points", round(float(negative["points"].sum()), 2), negative.height
        ),
    ]
    if rules.point_value is not None:
        worth = round(owed * float(rules.point_value), 4)
        rows.append(_row("liability_value", "money", worth, positive.height))
    terms = lapsing(moved, month.last_day, rules.expiry_days)
    for name, value in zip(("past_term", "lapsing_30_days"), terms or (), strict=False):
        rows.append(_row(name, "points", value, people.height))
    return rows


def _check(whole: Balance, opening: Balance, flows: Balance, people: pl.DataFrame) -> None:
    """The points add up: over members, and from the month before to this one."""
    sums = round(float(people["points"].sum()), 2)
    closing = round(opening.outstanding + flows.outstanding, 2)
    if whole.outstanding != sums or whole.outstanding != closing:
        raise ValueError(
            f"loyalty points do not add up: {whole.outstanding} by kind, {sums} by member, "
            f"{closing} from the month before"
        )


def _referred(tree: Tree, occasions: pl.DataFrame, month: Month) -> list[tuple]:
    each = tree.referrals / tree.referrers
    rows = [
        _row("referrals", "count", float(tree.referrals), tree.referrals),
        _row("referrers", "customers", float(tree.referrers), tree.referrals),
        _row("per_referrer", "count", each, tree.referrers),
        _row("longest_chain", "count", float(tree.depth), tree.people.height),
        _row("in_circles", "customers", float(tree.in_circles), tree.people.height),
    ]
    spans = {"month": month.first_day, "year": _after(year_before(month.last_day))}
    for name, first in spans.items():
        brought, new = new_referred(tree, occasions, first, month.last_day)
        rows.append(("new_referred", name, "share", *(rate(brought, new) or (None, *_NONE)), new))
    return rows


def _compared(one: Compared) -> list[tuple]:
    difference = (one.difference, one.low, one.high)
    return [
        _row("member_repeat", "share", one.member_rate, one.matched),
        _row("matched_repeat", "share", one.other_rate, one.others),
        ("repeat_difference", "to_date", "share", *difference, one.matched),
    ]


def _tiers(earned: pl.DataFrame, ordered: list[tuple[str, float]]) -> pl.DataFrame:
    tier = pl.lit(NO_TIER)
    for name, least in ordered:
        tier = pl.when(pl.col("earned") >= least).then(pl.lit(name)).otherwise(tier)
    return earned.select("customer_id", tier=tier)


def _recorded(profiles: pl.DataFrame) -> pl.DataFrame:
    known = profiles.filter(pl.col("member_tier").is_not_null())
    latest = pl.col("member_tier").sort_by("file", "row").last()
    return known.group_by(customer_id="person_id").agg(tier=latest).sort("customer_id")


def _counted(both: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Pairs with their members, the lowest earlier tier first; unknown tiers have no direction."""
    places = dict(zip(order, range(len(order)), strict=True))
    before, now = (
        pl.col(name).replace_strict(places, default=None, return_dtype=pl.Int64)
        for name in ("previous_tier", "tier")
    )
    direction = (
        pl.when(pl.col("tier") == pl.col("previous_tier"))
        .then(pl.lit("stayed"))
        .when(now > before)
        .then(pl.lit("up"))
        .when(now < before)
        .then(pl.lit("down"))
        .otherwise(pl.lit("unordered"))
    )
    counts = both.group_by("previous_tier", "tier").agg(members=pl.len().cast(pl.Int64))
    ordered = counts.with_columns(direction=direction).sort(
        before, now, "previous_tier", "tier", nulls_last=True
    )
    return ordered.select(*MOVES)


def _row(measure: str, unit: str, value: float | None, cases: int) -> tuple:
    return (measure, "to_date", unit, value, *_NONE, cases)


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


_NONE = (None, None)
_SIGNS = (pl.col("points") > 0, pl.col("points") < 0)
