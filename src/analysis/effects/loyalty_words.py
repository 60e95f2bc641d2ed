"""Computed sentences and readable tables of the loyalty programme."""

import polars as pl

from analysis.effects.loyalty_members import Compared
from analysis.effects.loyalty_programme import NO_TIER
from analysis.effects.referrals import Tree
from analysis.labels import label
from analysis.report.show import Money, Share, money, percent
from analysis.run.settings import Settings


def readable(summary: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The summary for `run.table`: keys as words, figures as text in their unit.

    Args:
        summary: the table `loyalty_summary`.
    """
    rows = [
        {
            "measure": label(f"loyalty_measure.{row['measure']}"),
            "period": label(f"loyalty_period.{row['period']}"),
            **{
                name: _figure(row[name], str(row["unit"]), settings)
                for name in ("value", "low", "high")
            },
        }
        for row in summary.to_dicts()
    ]
    names = ("measure", "period", "value", "low", "high")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def readable_moves(moves: pl.DataFrame) -> pl.DataFrame:
    """Tier moves for `run.table`: one row per earlier tier, a column per tier now.

    Args:
        moves: the table `tier_moves`.
    """
    none = {NO_TIER: label("loyalty_page.no_tier")}
    shown = moves.with_columns(pl.col("previous_tier", "tier").replace(none))
    wide = shown.pivot(on="tier", index="previous_tier", values="members")
    return wide.with_columns(pl.exclude("previous_tier").fill_null(0))


def points(summary: pl.DataFrame) -> list[dict]:
    """What was earned and burnt, what is owed, and who stands below zero, as arguments for `run.say`.

    Args:
        summary: the table `loyalty_summary`.
    """
    values = _values(summary)
    if ("outstanding", "to_date") not in values:
        return [{"key": "loyalty_page.no_table"}]
    ever = ("earned", "burnt", "expired", "adjusted", "outstanding")
    shown = {name: _whole(values[name, "to_date"]) for name in ever}
    said = [{"key": "loyalty_page.identity"} | shown]
    cases = dict(summary.filter(period="to_date").select("measure", "cases").iter_rows())
    owed = {"members": cases["liability"], "points": _whole(values["liability", "to_date"])}
    worth = values.get(("liability_value", "to_date"))
    if worth is None:
        said += [{"key": "loyalty_page.liability"} | owed, {"key": "loyalty_page.no_value"}]
    else:
        said.append({"key": "loyalty_page.liability_value", "value": Money(worth)} | owed)
    below = int(values["negative_balances", "to_date"])
    if below:
        total = _whole(values["negative_points", "to_date"])
        said.append({"key": "loyalty_page.negative", "members": below, "points": total})
    if ("past_term", "to_date") in values:
        past, soon = (_whole(values[name, "to_date"]) for name in ("past_term", "lapsing_30_days"))
        said.append({"key": "loyalty_page.past_term", "points": past, "soon": soon})
    return said


def moves(found: pl.DataFrame) -> dict:
    """How many members rose and fell.

    Args:
        found: the table `tier_moves`.
    """
    if found.is_empty():
        return {"key": "loyalty_page.no_tiers"}
    counts = dict(
        found.group_by(pl.col("direction").cast(pl.String)).agg(pl.col("members").sum()).iter_rows()
    )
    up, down = (counts.get(one, 0) for one in ("up", "down"))
    return {"key": "loyalty_page.moves", "up": up, "down": down}


def referrals(summary: pl.DataFrame, tree: Tree) -> list[dict]:
    """Who brought whom, in sentences.

    Args:
        summary: the table `loyalty_summary`.
        tree: as `referrals.referral_tree` returns it.
    """
    if tree.people.is_empty():
        return [{"key": "loyalty_page.no_referrals"}]
    counts = {"referrals": tree.referrals, "referrers": tree.referrers, "depth": tree.depth}
    said = [{"key": "loyalty_page.referrals"} | counts]
    year = summary.filter(measure="new_referred", period="year").to_dicts()
    if year and year[0]["value"] is not None:
        row = year[0]
        limits = {"low": Share(row["low"]), "high": Share(row["high"])}
        share = {"share": Share(row["value"]), "new": row["cases"]}
        said.append({"key": "loyalty_page.referrals_new"} | share | limits)
    if tree.in_circles:
        said.append({"key": "loyalty_page.circles", "people": tree.in_circles})
    if tree.several or tree.selves:
        left = {"several": tree.several, "selves": tree.selves}
        said.append({"key": "loyalty_page.several"} | left)
    return said


def members(compared: Compared) -> list[dict]:
    """Members against others like them: always called an association.

    Args:
        compared: as `loyalty_members.against_matched` returns it.
    """
    if not compared.matched:
        return [{"key": "loyalty_page.not_matched"}]
    verdict = "more" if compared.low > 0 else "less" if compared.high < 0 else "same"
    rates = {"ours": Share(compared.member_rate), "theirs": Share(compared.other_rate)}
    shown = {name: f"{100 * getattr(compared, name):+.1f}" for name in ("low", "high")}
    shown["difference"] = _points(compared.difference)
    sizes = {name: getattr(compared, name) for name in ("matched", "members", "others")}
    return [
        {"key": f"loyalty_page.compared_{verdict}"} | rates | shown,
        {"key": "loyalty_page.matched"} | sizes,
    ]


def _values(summary: pl.DataFrame) -> dict[tuple[str, str], float]:
    rows = summary.select("measure", pl.col("period").cast(pl.String), "value").iter_rows()
    return {(measure, period): value for measure, period, value in rows}


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _points(value: float) -> str:
    """A difference of shares, in percentage points."""
    return label("loyalty_page.percentage_points", value=f"{100 * value:+.1f}")


def _figure(value: float | None, unit: str, settings: Settings) -> str | None:
    if value is None:
        return None
    if unit == "share":
        return percent(value)
    if unit == "money":
        return f"{money(value, settings)} {settings.currency}"
    return f"{value:,.2f}" if not float(value).is_integer() else f"{value:,.0f}"
