"""What exports usually call things: the guesses of hints.toml, asked for one heading or value."""

import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Literal

from analysis.collect.mapping import fold

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u4e00-\u9fff]+")


@cache
def content() -> dict:
    """The whole of hints.toml."""
    return tomllib.loads((files("analysis.collect") / "hints.toml").read_text(encoding="utf-8"))


def rank(ours: str, heading: str) -> int | None:
    """How strongly a heading hints at a column, 0 most; None if it does not."""
    return _first_part(heading, **content()["columns"][ours])


def is_bare_id(heading: str) -> bool:
    """Whether a heading says no more than that it is a number of something."""
    listed, words = content()["bare_id"], _WORD.findall(heading)
    last = words[-1].lower() if words else ""
    named = any(
        last == one or (not one.isascii() and last.endswith(one)) for one in listed["words"]
    )
    return named and not any(one in fold(heading) for one in listed["never"])


def paid_rank(heading: str) -> int:
    """How surely a heading names what the customer paid, 0 most."""
    found = _first_part(heading, content()["paid"]["words"], [])
    return len(content()["paid"]["words"]) if found is None else found


def status_kind(value: str) -> Literal["sale", "no_sale", "unclear"]:
    """Whether an order in this status is a sale."""
    folded = value.casefold()
    for kind in ("unclear", "no_sale", "sale"):
        if any(part in folded for part in content()["status"][kind]):
            return kind
    return "unclear"


def presets_for(headings: list[str], path: str) -> list[str]:
    """The CRMs of which a file may be an export, by its headings, its name, or its folder's."""
    named = path.rsplit("/", 2)[-2:]
    return [
        preset
        for preset, signs in content()["presets"].items()
        if any(fnmatchcase(one, sign) for one in headings for sign in signs["headings"])
        or any(sign in part.casefold() for part in named for sign in signs["names"])
    ]


def currency_in(heading: str) -> str | None:
    """The currency that a heading names, e.g. `price_gbp` or `金额(元)`."""
    words = {word.lower() for word in _WORD.findall(heading)}
    for currency, known in content()["currencies"].items():
        if words & set(known["words"]):
            return currency
    return None


def _first_part(heading: str, words: list[str], never: list[str]) -> int | None:
    folded = fold(heading)
    if any(one in folded for one in never):
        return None
    return next((place for place, one in enumerate(words) if one in folded), None)
