"""Computed sentences about themes and tone, as arguments for `run.say` and `run.say_all`."""

import numpy as np
import polars as pl

from analysis.feedback.theme_fit import LEAST_DISTINCT, LEAST_TEXTS
from analysis.feedback.theme_rates import LEAST_IN_WINDOW, WINDOW_DAYS
from analysis.feedback.themes import Themes
from analysis.intervals import wilson
from analysis.labels import label
from analysis.report.show import Share, percent

LEAST_TONE = 10  # texts


def themes(found: Themes, words: pl.Series) -> list[dict]:
    """How many themes there are and which is the largest, or why there are none; whether names stayed.

    Args:
        found: as `themes.find_themes` returns it.
        words: lists of words that it was given.
    """
    if found.reason is not None:
        with_words = int((words.list.len().fill_null(0) > 0).sum())
        facts = {"texts": with_words, "least": LEAST_TEXTS, "distinct": LEAST_DISTINCT}
        return [{"key": f"themes.{found.reason}", **facts}]
    first = found.listed.row(0, named=True)
    said = [
        {
            "key": "themes.summary",
            "texts": int(found.listed["texts"].sum()),
            "themes": found.listed.height,
            "theme": first["theme"],
            **{name: Share(first[name]) for name in ("share", "low", "high")},
        }
    ]
    if found.listed["is_new"].null_count():
        return [*said, {"key": "themes.first_month"}]
    new = found.listed.filter("is_new")["theme"].to_list()
    if not new:
        return [*said, {"key": "themes.all_kept"}]
    return [*said, {"key": "themes.some_new", "themes": "; ".join(new)}]


def rising(rows: pl.DataFrame) -> dict:
    """Which themes rose by more than chance.

    Args:
        rows: as `theme_rates.rising` returns it.
    """
    if rows.is_empty():
        return {"key": "themes.too_few_to_rise", "days": WINDOW_DAYS, "least": LEAST_IN_WINDOW}
    said = risen(rows)
    none = {"key": "themes.none_rising", "days": WINDOW_DAYS, "themes": rows.height}
    return said[0] if said else none


def risen(themes: pl.DataFrame) -> list[dict]:
    """The themes that rose by more than chance, in one sentence; nothing where none did.

    Args:
        themes: with `theme`, `share_before`, `share_recent` and `is_rising`.
    """
    listed = [
        label(
            "themes.rising_one",
            theme=one["theme"],
            before=percent(one["share_before"]),
            recent=percent(one["share_recent"]),
        )
        for one in themes.filter("is_rising").iter_rows(named=True)
    ]
    joined = label("themes.separator").join(listed)
    return [{"key": "themes.rising", "days": WINDOW_DAYS, "themes": joined}] if listed else []


def tone(tones: pl.DataFrame) -> list[dict]:
    """How many texts sound negative, neutral and positive, and how that was judged.

    Args:
        tones: as `tone.tone` returns it.
    """
    labels = tones["tone_label"].drop_nulls()
    if labels.is_empty():
        return [{"key": "tone.nothing"}]
    if labels.len() < LEAST_TONE:
        return [{"key": "tone.too_few", "least": LEAST_TONE, "texts": labels.len()}]
    shares = {one: Share((labels == one).mean()) for one in ("negative", "neutral", "positive")}
    low, high = wilson(np.array(shares["negative"]), np.array(labels.len()))
    interval = {"low": Share(max(low, 0)), "high": Share(min(high, 1))}
    summary = {"key": "tone.summary", "texts": labels.len(), **shares, **interval}
    return [summary, {"key": "tone.by_lexicon"}]


def languages(language: pl.Series) -> dict:
    """How many texts are in which language.

    Args:
        language: as `words_of_text.read_words` returns it.
    """
    if language.is_empty():
        return {"key": "tone.nothing"}
    counts = language.value_counts(name="texts").sort(["texts", language.name], descending=True)
    listed = [
        label("tone.language_one", language=label(f"tone.{name}"), texts=f"{texts:,}")
        for name, texts in counts.iter_rows()
    ]
    return {"key": "tone.language", "languages": ", ".join(listed)}


def stability(spoken: Themes) -> dict:
    """How surely each number of themes is found again in halves of the texts.

    Args:
        spoken: as `themes.find_themes` returns it.
    """
    if not spoken.stability:
        return {"key": "themes.not_tested"}
    listed = [
        label("themes.stable_one", themes=count, agreement=f"{agreement:.2f}")
        for count, agreement in spoken.stability.items()
    ]
    return {"key": "themes.stable", "listed": ", ".join(listed), "themes": spoken.listed.height}
