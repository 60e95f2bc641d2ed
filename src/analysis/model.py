"""The data model: which tables come in, which columns they have, and what exports call them."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

Kind = Literal["id", "text", "time", "day", "month", "amount", "number", "flag", "list", "choice"]


@dataclass(frozen=True)
class Column:
    """One column of an input table."""

    name: str
    kind: Kind
    required: bool = False
    may_be_empty: bool = False  # an empty value says something: no refund, not opened, no parent
    headings: tuple[str, ...] = ()
    inverted_headings: tuple[str, ...] = ()  # flags whose export says the opposite
    choices: dict[str, list[str]] = field(default_factory=dict)


@cache
def tables() -> dict[str, dict[str, Column]]:
    """Every input table with its columns by name, in the order of the model."""
    return {
        table: {
            name: Column(
                name,
                entry["kind"],
                entry.get("required", False),
                entry.get("may_be_empty", False),
                tuple(entry.get("headings", ())),
                tuple(entry.get("inverted_headings", ())),
                entry.get("choices", {}),
            )
            for name, entry in described["columns"].items()
        }
        for table, described in _content().items()
    }


@cache
def _content() -> dict:
    return tomllib.loads((files("analysis") / "model.toml").read_text(encoding="utf-8"))


def columns(table: str) -> dict[str, Column]:
    """The columns of an input table by name."""
    return tables()[table]


def key(table: str) -> str | None:
    """The column that numbers the rows of a table."""
    return _content()[table].get("key")


def time_column(table: str) -> str | None:
    """The column that dates a row of a table, if rows of it happen at a time."""
    for name in ("ordered_at", "at", "started_at", "sent_at", "start", "month", "since"):
        if name in columns(table):
            return name
    return None
