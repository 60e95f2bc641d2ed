"""What a notebook cell shows: a figure with its alt text, a table, or a computed sentence."""

import html
import io
import math
import re
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from analysis.labels import group, label, text
from analysis.run.months import Month
from analysis.run.settings import Settings

DPI = 130
# Columns that hold keys of the catalogue, and the group or groups in which their texts stand.
_KEYED = {
    "class": "class who",
    "previous_class": "class",
    "segment": "class",
    "reason": "stage",
    "problem": "stage problem_of_record",
    "reason_1": "reason",
    "reason_2": "reason",
    "reason_3": "reason",
    "potential": "potential",
    "kind": "kind",
    "axis": "axis",
    "method": "method model",
    "metric": "metric",
    "subject": "subject",
    "score": "score",
    "signal": "signal",
    "model": "model",
    "quantity": "quantity",
    "kpi": "kpi",
    "list": "list",
    "cause": "cause",
    "who": "who",
    "finding": "finding",
    "stage": "class",
    "part": "part",
    "happened": "happened",
    "state": "state",
    "cost_kind": "cost_kind",
    "component": "component",
    "served": "served",
    "check": "check",
    "rule": "merge_rule",
    "rfm": "class",
    "cluster": "class",
}


class Picture:
    """A matplotlib figure with a computed alt text that states the finding."""

    def __init__(self, figure, alt: str):
        self.figure, self.alt = figure, alt

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include=None, exclude=None):
        from matplotlib import pyplot

        buffer = io.BytesIO()
        self.figure.savefig(
            buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None}
        )
        pyplot.close(self.figure)
        data = {"image/png": buffer.getvalue(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


class Table:
    """A frame for readers: escaped, captioned, each column in the form that its meaning asks for.

    Args:
        frame: one row per line; ids must already be as reports may show them.
        caption: what the table shows.
        settings: currency and its smallest unit.
        kinds: column name = one of `count`, `number`, `money`, `cents` (money to the smallest unit),
            `share`, `id`, `code`, `text`, `figure` (text set like a number); a column that is not named
            takes its form from its type.
    """

    def __init__(self, frame: pl.DataFrame, caption: str, settings: Settings, kinds: dict):
        self.frame, self.caption, self.settings, self.kinds = (
            worded(frame),
            caption,
            settings,
            kinds,
        )

    def __repr__(self) -> str:
        return f"{self.caption} ({self.frame.height} rows)"

    def _repr_html_(self) -> str:
        if self.frame.is_empty():
            return Sentence(label("page.no_rows", caption=self.caption))._repr_html_()
        kinds = [self._kind(name) for name in self.frame.columns]
        heads = "".join(
            f'<th scope="col" class="{kind}">{html.escape(self._heading(name, kind))}</th>'
            for name, kind in zip(self.frame.columns, kinds, strict=True)
        )
        rows = "\n".join(self._row(row, kinds) for row in self.frame.iter_rows())
        return (
            f'<div class="table"><table><caption><span>{html.escape(self.caption)}</span></caption>'
            f"<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
        )

    def _row(self, row: tuple, kinds: list[str]) -> str:
        cells = []
        for position, (value, kind) in enumerate(zip(row, kinds, strict=True)):
            content = html.escape(form(value, kind, self.settings))
            if kind == "file":  # long names break behind their signs, not within a word
                content = re.sub(r"([/_#?.-])(?=\w)", r"\1<wbr>", content)
            tag = 'th scope="row"' if position == 0 else "td"
            cells.append(f'<{tag} class="{kind}">{content}</{tag[:2]}>')
        return f"<tr>{''.join(cells)}</tr>"

    def _kind(self, name: str) -> str:
        if name in self.kinds:
            return self.kinds[name]
        if name in ("customer_id", "file"):
            return name.removeprefix("customer_")
        kind = self.frame.schema[name]
        if kind.is_temporal():
            return "date"
        if kind.is_integer():
            return "count"
        return "number" if kind.is_numeric() else "text"

    def _heading(self, name: str, kind: str) -> str:
        amount = kind in ("money", "cents")
        return f"{text(name)} ({self.settings.currency})" if amount else text(name)


class Sentence:
    """A sentence where a figure would stand if there were anything to draw."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="computed">{html.escape(self.text)}</p>'


class Prose(Sentence):
    """A sentence of the catalogue with computed values filled in."""

    def __init__(self, key: str, values: dict, settings: Settings):
        shown = {name: _in_sentence(value, settings) for name, value in values.items()}
        super().__init__(label(key, **shown))


class Paragraphs:
    """Several computed sentences, one paragraph each."""

    def __init__(self, sentences: list[Sentence]):
        self.sentences = sentences

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.sentences))

    def _repr_html_(self) -> str:
        return "\n".join(one._repr_html_() for one in self.sentences)


class Money(float):
    """An amount, so that sentences print it with its currency."""


class Cents(float):
    """An amount that sentences print to the smallest unit of its currency."""


class Share(float):
    """A share of one, so that sentences print it as a percentage."""


def worded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with keys of the catalogue replaced by their texts."""
    texts = {}
    for column in set(frame.columns) & _KEYED.keys():
        entries = {key: one for name in _KEYED[column].split() for key, one in group(name).items()}
        words = {key: one if isinstance(one, str) else one["en"] for key, one in entries.items()}
        key = pl.col(column).cast(pl.String)
        texts[column] = key.replace_strict(words, default=key.str.replace_all("_", " "))
    return frame.with_columns(**texts)


def form(value: object, kind: str, settings: Settings) -> str:
    """One value as readers see it; a missing one is a dash."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return label("page.yes" if value else "page.no")
    if kind == "money":
        return money(value, settings)
    if kind == "cents":
        return cents(value, settings)
    if kind == "share":
        return percent(value)
    if kind == "count":
        return f"{value:,.0f}"
    if kind == "number":
        whole = abs(value) >= 100 or float(value).is_integer()
        return f"{value:,.0f}" if whole else f"{value:#.3g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(value)


def money(value: float | Decimal, settings: Settings) -> str:
    """An amount with thousands separators; whole units from 1,000 on."""
    digits = settings.minor_digits if abs(value) < 1_000 else 0
    return f"{value:,.{digits}f}"


def cents(value: float | Decimal, settings: Settings) -> str:
    """An amount with thousands separators, to the currency's smallest unit."""
    return f"{value:,.{settings.minor_digits}f}"


def percent(value: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{value:.1%}"


def _in_sentence(value: object, settings: Settings) -> str:
    if isinstance(value, Money):
        return f"{money(value, settings)} {settings.currency}"
    if isinstance(value, Cents):
        return f"{cents(value, settings)} {settings.currency}"
    if isinstance(value, Share):
        return percent(value)
    if isinstance(value, Month):
        return value.label
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
