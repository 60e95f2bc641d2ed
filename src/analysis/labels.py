"""The catalogue of every label and sentence that code produces; another language touches one file."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def _catalogue() -> dict:
    return tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))


def label(key: str, **values: object) -> str:
    """The catalogue's text under a dotted key, with `{name}` places filled.

    Raises:
        KeyError: if the catalogue has no such text.
    """
    entry = _catalogue()
    for part in key.split("."):
        entry = entry[part]
    if not isinstance(entry, str):
        raise KeyError(f"{key} is a group of labels, not a label")
    return entry.format(**values) if values else entry


def group(key: str) -> dict[str, str]:
    """All texts below a dotted key, by their last name."""
    entry = _catalogue()
    for part in key.split("."):
        entry = entry[part]
    return dict(entry)


def text(name: str) -> str:
    """The heading of a column or field, e.g. `frequency`; its name with blanks if it has none."""
    return _catalogue()["column"].get(name, name.replace("_", " "))
