"""The draft of a settings file as text: valid TOML, each guess with its reason, each doubt marked."""

import json
import re
import shlex
import textwrap
from collections.abc import Iterable

from analysis.collect.choices import Reading
from analysis.collect.inspect import Findings
from analysis.collect.probe import SAMPLE_ROWS, Note
from analysis.collect.trial import Trial
from analysis.labels import label
from analysis.run import paths
from analysis.run.settings import Source

MARK = "UNSURE:"
_WIDTH = 100
_MOST_NAMED = 3  # files that the command is shown with
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # not allowed in a comment


def write_draft(found: Findings) -> str:
    """The settings file, ready to be saved; what nobody can guess is commented out."""
    blocks = [_top(found)]
    if not found.has_orders:
        needed = {"table": "orders", "path": f"data/raw/{found.name}/orders-*.csv"}
        lines = ["[[sources]]", *_settings(needed)]
        blocks.append([*_comment(label("inspect.orders_needed")), *_commented(lines)])
    blocks += [_source(one) for one in found.sources]
    blocks += [_blocked(one) for one in found.blocked]
    if found.left_out:
        blocks.append(_comment(_left_out(found)))
    body = "\n".join("\n".join([*block, ""]) for block in blocks)
    return "\n".join([*_head(found, count_marks(body)), "", body])


def count_marks(draft: str) -> int:
    """How many doubts a draft holds."""
    return draft.count(f"# {MARK}")


def messages(found: Findings, draft: str) -> list[str]:
    """What a person at the terminal is told beside the draft."""
    unsure = count_marks(draft)
    told = [_left_out(found)] if found.left_out else []
    if not found.has_orders:
        told.append(label("inspect.no_orders"))
    key = "inspect.summary" if unsure else "inspect.summary_sure"
    return [*told, label(key, unsure=unsure)]


def _head(found: Findings, unsure: int) -> list[str]:
    shown = paths.display(found.files[0])
    several = label("inspect.files", files=len(found.files))
    files = shown if len(found.files) == 1 else several
    named = shlex.join(found.given) if len(found.given) <= _MOST_NAMED else "…"
    key = "inspect.month" if found.month else "inspect.no_month"
    return [
        *_comment(
            label("inspect.head" if unsure else "inspect.head_sure", files=files, unsure=unsure)
        ),
        *_comment(label("inspect.sampled", rows=SAMPLE_ROWS)),
        f"# {label('inspect.save', files=named, name=found.name)}",
        f"# {label(key, month=found.month, name=found.name)}",
    ]


def _top(found: Findings) -> list[str]:
    settings = {name: getattr(found, name) for name in ("name", "currency", "time_zone")}
    return _with_notes(settings, found.notes)


def _source(trial: Trial) -> list[str]:
    """One source: what was seen of it, then its settings, each under what is to be said of it."""
    facts = {"path": trial.source.path, "rows": trial.rows}
    if trial.span:
        first, last = trial.span
        seen = label("inspect.dated_source", first=first, last=last, **facts)
    else:
        seen = label("inspect.source", **facts)
    known = ", ".join(f"{ours} = {theirs}" for ours, theirs in trial.known.items())
    lines = _comment(seen)
    if known:
        lines += _comment(label("inspect.known", columns=known))
    if trial.unused:
        lines += _comment(label("inspect.unused", columns=", ".join(trial.unused)))
    return [*lines, "[[sources]]", *_with_notes(_flat(trial.source), trial.notes)]


def _blocked(reading: Reading) -> list[str]:
    """A source that lacks a column: commented out, with the names of what is missing."""
    missing = {f"columns.{name}": "?" for name in reading.missing}
    named = {
        "path": reading.source.path,
        "table": reading.table,
        "missing": ", ".join(reading.missing),
    }
    lines = ["[[sources]]", *_settings(_flat(reading.source) | missing)]
    return [*_comment(label("inspect.incomplete", **named), unsure=True), *_commented(lines)]


def _left_out(found: Findings) -> str:
    names = [label(f"inspect.{why}", path=path) for path, why in found.left_out]
    return label("inspect.left_out", names=", ".join(names))


def _flat(source: Source) -> dict[str, object]:
    """The settings of a source that are not as they are anyway; each column on its own."""
    given = source.model_dump(exclude_defaults=True)
    columns = given.pop("columns", {})
    return given | {f"columns.{ours}": theirs for ours, theirs in columns.items()}


def _with_notes(settings: dict[str, object], notes: Iterable[Note]) -> list[str]:
    """Each setting under its notes; notes on settings that are not made come last."""
    notes, lines = list(notes), []
    for name, value in settings.items():
        lines += [line for note in notes if note.about == name for line in _note(note)]
        lines += _settings({name: value})
    return lines + [line for note in notes if note.about not in settings for line in _note(note)]


def _note(note: Note) -> list[str]:
    said = _comment(label(f"inspect.{note.key}", **note.values), note.unsure)
    return said + _commented(
        [line for choice in note.choices for line in _settings(dict([choice]))]
    )


def _comment(text: str, unsure: bool = False) -> list[str]:
    plain = _CONTROL.sub(" ", f"{MARK} {text}" if unsure else text)
    wrapped = textwrap.wrap(plain, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return _commented(wrapped)


def _commented(lines: Iterable[str]) -> list[str]:
    return [f"# {line}" for line in lines]


def _settings(settings: dict[str, object]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in settings.items()]


def _value(value: object) -> str:
    """A value as TOML: JSON's texts, numbers, lists and truth are TOML's too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
