"""The strategy card of each class: what is done for it, by whom, measured how, for how much.

Cards ship with the package and are overridden by the settings, entry by entry. The check of those
entries runs whenever settings are loaded, so this module imports neither settings nor models.
"""

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import polars as pl

_CARD = ("actions", "owner", "kpi", "budget")


class Strategy(Protocol):
    """An entry `[[strategies]]` of the settings."""

    axis: str
    class_: str
    actions: list[str]
    owner: str | None
    kpi: str | None
    budget: object  # a number, or None


def check(strategies: Sequence[Strategy]) -> list[str]:
    """Every problem of the settings' strategies, in words; an empty list if there is none.

    Args:
        strategies: the entries, in the order of the file.

    Returns:
        One sentence per problem: where, what, and the nearest name or what is allowed.
    """
    classes, problems = _catalogue()["classes"], []
    for place, one in enumerate(strategies, start=1):
        where = f"strategies.{place}"
        if one.axis not in classes:
            problems.append(f'{where}.axis = "{one.axis}" is not an axis{_near(one.axis, classes)}')
            continue
        allowed = classes[one.axis]
        if allowed and one.class_ not in allowed:
            problems.append(
                f'{where}.class = "{one.class_}" is not a class of the axis {one.axis}'
                f"{_near(one.class_, allowed)}"
            )
    named = Counter((one.axis, one.class_) for one in strategies)
    problems += [
        f'strategies: the class "{name}" of the axis {axis} is named {times} times; keep one entry'
        for (axis, name), times in named.items()
        if times > 1
    ]
    return problems


def cards(settings, profile: pl.DataFrame) -> pl.DataFrame:
    """The card of every class that has one, beside its size.

    Args:
        settings: with `strategies`, a list of entries; what an entry does not say (owner, KPI,
            budget) is as shipped.
        profile: the table `segment_profile`.

    Returns:
        One row per axis and class that occurs this month or stands in the settings, in the order of
        the profile: `axis`, `class`, `actions`, `owner`, `kpi`, `budget` (null where none is set),
        `customers`, `spend_365`, `from_settings`.
    """
    own = {(one.axis, one.class_): one for one in settings.strategies}
    defaults = {
        (axis, name): card
        for axis, entries in _catalogue().items()
        if axis != "classes"
        for name, card in entries.items()
    }
    rows = [_card(key, defaults.get(key, {}), own.get(key)) for key in {**defaults, **own}]
    schema = {
        **dict.fromkeys(("axis", "class"), pl.String),
        "actions": pl.List(pl.String),
        **dict.fromkeys(("owner", "kpi"), pl.String),
        "budget": pl.Float64,
        "from_settings": pl.Boolean,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    sizes = profile.select("axis", "class", "rank", "customers", "spend_365")
    joined = table.join(sizes, on=["axis", "class"], how="left")
    shown = joined.filter(pl.col("customers").is_not_null() | pl.col("from_settings"))
    filled = shown.with_columns(pl.col("customers", "spend_365").fill_null(0))
    ordered = filled.sort("axis", "rank", "class", nulls_last=True)
    return ordered.select(*("axis", "class", *_CARD), *("customers", "spend_365", "from_settings"))


@cache
def _catalogue() -> dict[str, dict]:
    path = Path(__file__).with_name("strategies.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _card(key: tuple[str, str], default: dict, own: Strategy | None) -> tuple:
    """One row: the settings' words where they say something, else the shipped ones."""
    told = {name: getattr(own, name, None) for name in _CARD}
    merged = [default.get(name) if told[name] is None else told[name] for name in _CARD]
    budget = merged[-1]
    return (*key, *merged[:-1], None if budget is None else float(budget), own is not None)


def _near(name: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else f"; allowed: {', '.join(sorted(allowed))}"
