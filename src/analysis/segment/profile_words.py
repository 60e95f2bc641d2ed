"""Computed sentences of the profiles, as arguments for `run.say`."""

import polars as pl

from analysis.labels import label
from analysis.report.show import Money, Share
from analysis.segment import growth as growing
from analysis.segment import timing as times
from analysis.segment import traits as tested
from analysis.segment.cluster_words import class_word

LEAST_GAP = 0.05  # between a share of margin and of spend, to speak of
MOST_OF_ONE, LEAST_CLASS = 0.1, 30  # share of a class's spend in one customer's hands
NONE, WEAK, STRONG = 0.05, 0.1, 0.3  # Cramér's V; weak and strong after Cohen (1988)


def hours_in_words(start: int) -> str:
    """Two hours of the day, e.g. `20:00 to 22:00`."""
    return label("profile.hours", start=start, end=start + times.WINDOW_HOURS)


def time_in_words(part: str, value: int | None) -> str:
    """A weekday or two hours; None where all purchases fall on one other of them."""
    if value is None:
        return label("profile.any_other")
    return label(f"profile.weekday.{value}") if part == "weekday" else hours_in_words(value)


def change_in_words(change: float, digits: int = 1) -> str:
    """A relative change with its sign."""
    return f"{change:+.{digits}%}" if round(change, digits + 2) else f"{0:.{digits}%}"


def top_class(profile: pl.DataFrame) -> dict:
    """Who brings most of the spend.

    Args:
        profile: rows of `segment_profile` of one axis.
    """
    named = profile.filter(~pl.col("class").is_in(tested.NOT_CLASSES))
    if named.is_empty():
        return {"key": "profile.no_classes"}
    ranked = named.sort("share_of_spend_365", "class", descending=[True, False], nulls_last=True)
    row = ranked.row(0, named=True)
    if not row["share_of_spend_365"]:
        return {"key": "profile.no_spend"}
    return {
        "key": "profile.top",
        "name": class_word(row["class"]),
        "spend": Share(row["share_of_spend_365"]),
        "customers": Share(row["share_of_customers"]),
    }


def margin(profile: pl.DataFrame) -> dict:
    """Whether margin is spread over the classes as spend is, or in which class it is least so.

    Args:
        profile: rows of `segment_profile`, of one axis or several.
    """
    gap = (pl.col("share_of_margin_365") - pl.col("share_of_spend_365")).abs()
    known = profile.with_columns(gap=gap).drop_nulls("gap")
    if known.is_empty():
        return {"key": "profile.no_margin"}
    ordered = known.sort("gap", "axis", "class", descending=[True, False, False])
    row = ordered.row(0, named=True)
    if row["gap"] < LEAST_GAP:
        return {"key": "profile.margin_as_spend", "points": f"{100 * LEAST_GAP:.0f}"}
    return {
        "key": "profile.margin_differs",
        "name": _with_axis(row),
        "margin": Share(row["share_of_margin_365"]),
        "spend": Share(row["share_of_spend_365"]),
    }


def one_customer(segments: pl.DataFrame, facts: pl.DataFrame, axis: str) -> dict:
    """Whether a single customer makes much of the spend of a class of some size."""
    spend = facts.select("customer_id", "spend_365")
    members = segments.filter(pl.col("axis") == axis).join(spend, on="customer_id")
    classes = (
        members.group_by("class")
        .agg(n=pl.len(), share=pl.col("spend_365").max() / pl.col("spend_365").sum().round(4))
        .filter((pl.col("n") >= LEAST_CLASS) & pl.col("share").is_finite())
        .sort("share", "class", descending=[True, False])
    )
    if classes.is_empty() or classes["share"][0] <= MOST_OF_ONE:
        return {
            "key": "profile.no_one_customer",
            "share": Share(MOST_OF_ONE),
            "least": LEAST_CLASS,
        }
    share, name = Share(classes["share"][0]), class_word(classes["class"][0])
    return {"key": "profile.one_customer", "share": share, "name": name}


def traits_told(traits: pl.DataFrame) -> dict:
    """How many traits were tested, and how many stand out."""
    if traits.is_empty():
        return {"key": "profile.traits_untested"}
    told = tested.notable(traits).height
    if not told:
        return {"key": "profile.traits_none", "tests": traits.height}
    return {"key": "profile.traits_some", "tests": traits.height, "told": told}


def strongest_trait(traits: pl.DataFrame, axis: str) -> dict:
    """In which trait the classes of an axis differ most, and how much that is."""
    known = traits.filter(pl.col("axis") == axis).drop_nulls("cramers_v")
    if known.is_empty():
        return {"key": "profile.trait_nothing", "axis": label(f"axis.{axis}")}
    row = known.sort("cramers_v", "trait", descending=[True, False]).row(0, named=True)
    value = row["cramers_v"]
    if value < NONE:
        return {"key": "profile.trait_none", "axis": label(f"axis.{axis}"), "v": f"{value:.2f}"}
    strength = "weak" if value < WEAK else "some" if value < STRONG else "strong"
    return {
        "key": "profile.trait_strongest",
        "axis": label(f"axis.{axis}"),
        "trait": label(f"profile.trait.{row['trait']}"),
        "v": f"{value:.2f}",
        "strength": label(f"profile.strength_{strength}"),
    }


def best_time(timing: pl.DataFrame, part: str, category: str = times.ALL) -> dict:
    """The best weekday or hours of a category, or that none stands out.

    Args:
        timing: the table `purchase_timing`.
        part: `weekday` or `hours`.
    """
    found = timing.filter((pl.col("category") == category) & (pl.col("part") == part))
    few = {"customers": times.LEAST_CUSTOMERS, "weeks": times.LEAST_WEEKS}
    few = {"key": "profile.timing_few", "part": label(f"profile.part.{part}"), **few}
    if found.is_empty():
        return few
    row = found.row(0, named=True)
    if row["best"] is None:
        dates_only = part == "hours" and not row["purchases"]
        return {"key": "profile.no_time_of_day"} if dates_only else few
    values = {name: Share(row[name]) for name in ("share", "low", "high")}
    for name in ("best", "runner_up"):
        values[name] = time_in_words(part, row[name])
    if row["clear"]:
        return {"key": f"profile.best_{part}", **values}
    return {"key": f"profile.no_best_{part}", "even": Share(row["even_share"]), **values}


def timing_by_category(timing: pl.DataFrame) -> dict:
    """How many categories have a clearly best day or clearly best hours."""
    rows = timing.filter(pl.col("category") != times.ALL)
    if rows.is_empty():
        return {"key": "profile.no_categories"}
    clear = rows.filter("clear")
    return {
        "key": "profile.timing_categories",
        "categories": rows["category"].n_unique(),
        "days": clear.filter(pl.col("part") == "weekday").height,
        "hours": clear.filter(pl.col("part") == "hours").height,
    }


def growth_compared(growth: pl.DataFrame) -> dict:
    """What is compared with what, and how all customers together did."""
    row = growth.filter(pl.col("axis") == growing.ALL).row(0, named=True)
    if row["compared_with"] is None:
        return {"key": "profile.growth_no_history"}
    told = {name: label(f"profile.{name}.{row['compared_with']}") for name in ("against", "season")}
    if row["low"] is None:
        return {"key": "profile.growth_compared_few", **told}
    changes = {name: change_in_words(row[name]) for name in ("growth", "low", "high")}
    return {"key": "profile.growth_compared", **told, **changes}


def largest(growth: pl.DataFrame, outlook: str) -> dict:
    """The largest opportunity or risk in money, among classes and regions.

    Args:
        growth: as `growth.growth` returns it.
        outlook: `opportunity` or `risk`.
    """
    found = growth.filter((pl.col("outlook") == outlook) & (pl.col("axis") != growing.ALL))
    if found.is_empty():
        return {"key": f"profile.no_{outlook}"}
    order = [pl.col("change").abs(), pl.col("axis"), pl.col("class")]
    row = found.sort(order, descending=[True, False, False]).row(0, named=True)
    return {
        "key": f"profile.{outlook}",
        "name": _with_axis(row),
        "change": Money(abs(row["change"])),
        **{name: change_in_words(row[name]) for name in ("growth", "low", "high")},
    }


def growth_members(growth: pl.DataFrame) -> dict:
    """Whose spend stands for classes whose rule looks at recent buying."""
    moving = growth.filter(pl.col("axis").is_in(growing.MOVING))
    axes = [axis for axis in growing.MOVING if axis in moving["axis"]]
    if not axes:
        return {"key": "profile.growth_places"}
    named = ", ".join(label(f"axis.{axis}") for axis in axes)
    present = "present" in moving["members"]
    return {"key": f"profile.growth_members{'' if present else '_known'}", "axes": named}


def cards_told(cards: pl.DataFrame) -> dict:
    """How many classes have a card, and how many of them the company wrote."""
    own = int(cards["from_settings"].sum())
    return {"key": "profile.cards", "cards": cards.height, "own": own}


def budget(cards: pl.DataFrame) -> dict:
    """What the budgets add up to."""
    known = cards["budget"].drop_nulls()
    if known.is_empty():
        return {"key": "profile.cards_no_budget"}
    return {"key": "profile.cards_budget", "budget": Money(known.sum())}


def _with_axis(row: dict) -> str:
    return f"{class_word(row['class'])} ({label('axis.' + row['axis'])})"
