"""Computed sentences on migration, as arguments for `run.say`."""

import polars as pl

from analysis.labels import label
from analysis.report.show import Money, Share, worded
from analysis.run.months import Month, month_range
from analysis.segment.migration import CAUSES, LEAST_RESIDUAL, unusual_flows, with_direction

MOST_FLOWS = 3
CHANCE_OF_MARK = 0.0455  # of a normal variable beyond two standard errors


def compared(before: Month | None, month: Month) -> dict:
    """Which earlier month the month is compared with, and which ones were skipped."""
    if before is None:
        return {"key": "migration.first_month"}
    if before == month.previous:
        return {"key": "migration.compared", "before": before, "month": month}
    missing = month_range(before.plus(1), month.previous)
    values = {"before": before, "month": month}
    if len(missing) == 1:
        return {"key": "migration.skipped_one", "missing": missing[0], **values}
    months = len(missing) + 1
    ends = {"first": missing[0], "last": missing[-1]}
    return {"key": "migration.skipped", "months": months, **ends, **values}


def moved(parts: pl.DataFrame, axis: str) -> dict:
    """What share of the known customers changed class on an axis, and by which cause.

    Args:
        parts: as `segment.migration.parts` returns it.
    """
    row = parts.filter(pl.col("axis") == axis)
    if row.is_empty():
        return {"key": "migration.nobody_comparable", "axis": word("axis", axis)}
    row = row.row(0, named=True)
    causes = _causes(row)
    values = {"known": row["known"], "axis": word("axis", axis)}
    if row["moved"]:
        share = Share(row["moved"] / row["known"])
        values |= {"moved": row["moved"], "share": share, "causes": causes}
        return {"key": "migration.moved", **values}
    if causes:
        return {"key": "migration.nobody_moved_offset", "causes": causes, **values}
    return {"key": "migration.nobody_moved", **values}


def value_moved(migration: pl.DataFrame, ranks: pl.DataFrame, axis: str) -> dict:
    """What those who moved up and down had spent.

    Args:
        migration: the table `migration`.
        ranks: as `segment.migration.with_direction` takes it.
    """
    flows = with_direction(migration.filter(pl.col("axis") == axis), ranks)
    spend = {way: _spend(flows, pl.col("direction") == way) for way in ("up", "down")}
    if flows.filter(pl.col("direction").is_not_null() & (pl.col("customers") > 0)).is_empty():
        return {"key": "migration.no_value_moved", "axis": word("axis", axis)}
    all_spend = float(flows["spend"].sum())
    changed = _spend(flows, pl.col("previous_class") != pl.col("class"))
    return {
        "key": "migration.value_moved",
        "axis": word("axis", axis),
        "up": Money(spend["up"]),
        "down": Money(spend["down"]),
        "share": Share(changed / all_spend if all_spend else 0.0),
    }


def unusual(migration: pl.DataFrame, axis: str) -> dict:
    """Which flows of an axis earlier months do not explain, beside what chance would mark."""
    judged = migration.filter(
        (pl.col("axis") == axis)
        & (pl.col("previous_class") != pl.col("class"))
        & pl.col("residual").is_not_null()
    )
    values = {"axis": word("axis", axis)}
    if judged.is_empty():
        return {"key": "migration.no_history", **values}
    values |= {"flows": judged.height, "residual": f"{LEAST_RESIDUAL:.0f}"}
    found = unusual_flows(migration, axis)
    if found.is_empty():
        return {"key": "migration.all_usual", **values}
    shown = [
        label(
            "migration.flow",
            previous=word("class", row["previous_class"]),
            name=word("class", row["class"]),
            customers=f"{row['customers']:,}",
            expected=f"{row['expected']:,.0f}",
        )
        for row in found.head(MOST_FLOWS).iter_rows(named=True)
    ]
    chance = f"{CHANCE_OF_MARK * judged.height:.0f}"
    values |= {"unusual": found.height, "chance": chance, "flow_list": "; ".join(shown)}
    return {"key": "migration.unusual", **values}


def emptied(migration: pl.DataFrame, profile: pl.DataFrame, axis: str) -> dict:
    """Which classes of before have no member now, and where their members went.

    Args:
        migration: the table `migration`.
        profile: one row per axis and class of this month: `axis`, `class`, `customers`, with the
            customers who are new this month, whom `migration` does not know.
    """
    alive = profile.filter(pl.col("customers") > 0).select("axis", pl.col("class"))
    gone = (
        migration.filter((pl.col("axis") == axis) & (pl.col("customers") > 0))
        .join(alive.rename({"class": "previous_class"}), on=["axis", "previous_class"], how="anti")
        .sort("previous_class", "customers", "class", descending=[False, True, False])
        .group_by("previous_class", maintain_order=True)
        .agg(pl.col("class").first(), members=pl.col("customers").sum())
    )
    if gone.is_empty():
        return {"key": "migration.none_emptied", "axis": word("axis", axis)}
    told = [
        label(
            "migration.emptied_class",
            previous=word("class", row["previous_class"]),
            customers=f"{row['members']:,}",
            name=word("class", row["class"]),
        )
        for row in gone.iter_rows(named=True)
    ]
    return {"key": "migration.emptied", "classes": ", ".join(told), "axis": word("axis", axis)}


def movers(movers: pl.DataFrame) -> dict:
    """How many movers matter, which way they went, and what they spend.

    Args:
        movers: the table `movers`; a customer who moved on several axes is counted once.
    """
    if movers.is_empty():
        return {"key": "migration.no_movers"}
    people = movers.unique("customer_id", maintain_order=True)
    values = {"customers": people.height, "spend": Money(people["spend"].sum())}
    for way in ("up", "down"):
        one = movers.filter(pl.col("direction") == way).unique("customer_id", maintain_order=True)
        values |= {way: one.height, f"spend_{way}": Money(one["spend"].sum())}
    return {"key": "migration.movers", **values}


def word(column: str, key: str) -> str:
    """The text of one key as tables show it, e.g. of `class`; data stand for themselves."""
    return worded(pl.DataFrame({column: [key]}))[column][0]


def signed(number: str) -> str:
    """A formatted number with the typographic minus."""
    return number.replace("-", "−")


def _causes(row: dict) -> str:
    """The parts that are not zero, signed, the greatest first."""
    parts = {cause: row[f"moved_by_{cause}"] for cause in CAUSES}
    ordered = sorted(parts.items(), key=lambda part: -abs(part[1]))
    told = ", ".join(
        label("migration.cause", cause=label(f"migration.{cause}"), customers=signed(f"{part:+,}"))
        for cause, part in ordered
        if part
    )
    return told + label("migration.kept") if min(parts.values()) < 0 else told


def _spend(flows: pl.DataFrame, chosen: pl.Expr) -> float:
    return round(float(flows.filter(chosen)["spend"].sum()), 4)
