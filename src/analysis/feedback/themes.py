"""What customers speak of: themes with names that stay from month to month, and examples."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.feedback import theme_fit
from analysis.feedback.masking import mask
from analysis.feedback.theme_rates import with_share
from analysis.labels import label

EXAMPLES, LONGEST_EXAMPLE = 3, 120
_SAME_THEME = 0.5  # cosine similarity of word weights from which a theme is last month's
_NAME_WORDS = 3
_KEPT_WORDS = 40  # of each theme in the document
_MOST_RETIRED = 60


@dataclass(frozen=True)
class Themes:
    """The themes of a month.

    Attributes:
        reason: why there are none: `no_texts`, `too_few_texts`, `same_texts`, `no_common_words`; None
            where there are some.
        of_text: one row per text in the order asked for: `theme` (name; null where the text has none),
            `typical` (0 to 1: how much of the text's weight is its theme's).
        listed: one row per theme, the largest first: `theme`, `words`, `texts`, `share`, `low`, `high`
            (of all texts with a theme, Wilson 95 %), `is_new` (not in last month's document; null
            where there was none).
        document: `themes_model`, for the next month.
        stability: number of themes = how alike two halves of the texts were.
    """

    reason: str | None
    of_text: pl.DataFrame
    listed: pl.DataFrame
    document: dict
    stability: dict[int, float]


def find_themes(words: pl.Series, earlier: dict | None = None) -> Themes:
    """Find the themes of texts and give each last month's name where it is the same.

    Args:
        words: lists of words as `words_of_text.read_words` returns them, of complaints, suggestions and
            survey texts; texts without words have no theme.
        earlier: last month's document `themes_model`.
    """
    known = [] if earlier is None else earlier.get("themes", [])
    frame = pl.DataFrame({"words": words}).with_columns(
        joined=pl.col("words").list.join("\t").fill_null("")
    )
    distinct = frame.filter(pl.col("joined") != "").group_by("joined")
    distinct = distinct.agg(pl.col("words").first(), texts=pl.len()).sort("joined")
    counted = int((frame["joined"] != "").sum())
    active = [one["words"] for one in known if one["active"]]
    if not counted:
        found = "no_texts"
    elif distinct.height > 1 and counted < theme_fit.LEAST_TEXTS:
        found = "too_few_texts"
    else:
        found = theme_fit.fit(distinct["words"], distinct["texts"], active)
    if isinstance(found, str):
        return _none(found, frame.height, known)
    names, themes = _named(found, known)
    given = _given(found, names, distinct["joined"])
    of_text = frame.join(given, on="joined", how="left", maintain_order="left").select(
        "theme", "typical"
    )
    listed = _listed(of_text, names, found, None if earlier is None else known)
    return Themes(None, of_text, listed, {"themes": themes}, found.stability)


def examples(texts: pl.Series, words: pl.Series, of_text: pl.DataFrame) -> pl.DataFrame:
    """Three short typical texts of each theme, masked, no two of the same words.

    Args:
        texts: what customers wrote; masked again here, so that nothing gets out by a wrong call.
        words: their lists of words.
        of_text: as in `Themes`.

    Returns:
        Up to three rows per theme: `theme`, `example` (at most 120 signs).
    """
    frame = of_text.with_columns(
        text=texts, joined=words.list.join("\t").fill_null(""), length=texts.str.len_chars()
    ).drop_nulls(["theme", "text"])
    typical = pl.col("typical") >= pl.col("typical").median().over("theme")
    chosen = (
        frame.filter(typical)
        .sort("theme", "length", "text")
        .unique(["theme", "joined"], keep="first", maintain_order=True)
        .group_by("theme", maintain_order=True)
        .head(EXAMPLES)
    )
    shown = mask(chosen["text"].rename("example")).str.replace_all(r"\s+", " ")
    cut = pl.when(shown.str.len_chars() > LONGEST_EXAMPLE).then(
        shown.str.slice(0, LONGEST_EXAMPLE) + "…"
    )
    return chosen.select("theme", example=cut.otherwise(shown))


_LISTED = {
    "theme": pl.String,
    "words": pl.String,
    "texts": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "is_new": pl.Boolean,
}


def _none(reason: str, rows: int, known: list[dict]) -> Themes:
    """No themes, but the names of before stay for the months to come."""
    nothing = pl.Series([None] * rows, dtype=pl.String)
    of_text = pl.DataFrame({"theme": nothing, "typical": nothing.cast(pl.Float64)})
    document = {"themes": [one | {"active": False} for one in known]}
    return Themes(reason, of_text, pl.DataFrame(schema=_LISTED), document, {})


def _named(found: theme_fit.Fit, known: list[dict]) -> tuple[list[str], list[dict]]:
    """A name for each theme, and the content of the document: these themes, then those of before."""
    kept = _kept_names(found, known)
    taken = {one["name"] for one in known}
    names = []
    for row, component in enumerate(found.components):
        name = kept.get(row) or _new_name(found.features, component, taken)
        taken.add(name)
        names.append(name)
    themes = [
        {"name": name, "active": True, "words": _word_weights(found.features, component)}
        for name, component in zip(names, found.components, strict=True)
    ]
    retired = [one | {"active": False} for one in known if one["name"] not in names]
    return names, sorted(themes, key=lambda one: one["name"]) + retired[:_MOST_RETIRED]


def _kept_names(found: theme_fit.Fit, known: list[dict]) -> dict[int, str]:
    if not known:
        return {}
    features = sorted({*found.features, *(word for one in known for word in one["words"])})
    place = {feature: column for column, feature in enumerate(features)}
    now = np.zeros((len(found.components), len(features)))
    now[:, [place[one] for one in found.features]] = found.components
    then = np.zeros((len(known), len(features)))
    for row, one in enumerate(known):
        then[row, [place[word] for word in one["words"]]] = list(one["words"].values())
    similar = theme_fit.similarity(now, then)
    return {
        int(row): known[column]["name"]
        for row, column in theme_fit.pairs(similar)
        if similar[row, column] >= _SAME_THEME
    }


def _new_name(features: list[str], component: np.ndarray, taken: set[str]) -> str:
    """The heaviest words, one more of them while the name is another theme's."""
    words = list(_word_weights(features, component, with_areas=False)) or [label("themes.unnamed")]
    for count in range(_NAME_WORDS, len(words) + 1):
        name = label("themes.joined").join(words[:count])
        if name not in taken:
            return name
    name, number = label("themes.joined").join(words[:_NAME_WORDS]), 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}" if name in taken else name


def _word_weights(features: list[str], component: np.ndarray, with_areas: bool = True) -> dict:
    heaviest = np.lexsort((features, -component))
    weights = {
        features[one]: round(float(component[one]), 6) for one in heaviest if component[one] > 1e-6
    }
    listed = [one for one in weights if with_areas or not theme_fit.is_area(one)]
    return {one: weights[one] for one in listed[:_KEPT_WORDS]}


def _given(found: theme_fit.Fit, names: list[str], joined: pl.Series) -> pl.DataFrame:
    """The heaviest theme of each distinct text."""
    total, best = found.weights.sum(axis=1), found.weights.argmax(axis=1)
    has_one = total > 1e-9
    typical = found.weights.max(axis=1) / np.where(has_one, total, 1.0)
    theme = [names[one] if known else None for one, known in zip(best, has_one, strict=True)]
    return pl.DataFrame(
        {
            "joined": joined,
            "theme": pl.Series(theme, dtype=pl.String),
            "typical": pl.Series(typical),
        }
    ).with_columns(typical=pl.when(pl.col("theme").is_not_null()).then("typical"))


def _listed(
    of_text: pl.DataFrame, names: list[str], found: theme_fit.Fit, known: list[dict] | None
) -> pl.DataFrame:
    separator = label("themes.joined")
    tops = [
        separator.join(list(_word_weights(found.features, one, with_areas=False))[:6])
        for one in found.components
    ]
    counts = of_text.drop_nulls("theme").group_by("theme").len("texts")
    rows = pl.DataFrame({"theme": names, "words": tops}).join(counts, on="theme", how="left")
    texts = pl.col("texts").fill_null(0).cast(pl.Int64)
    rows = rows.with_columns(texts=texts, of=texts.sum())
    before = None if known is None else [one["name"] for one in known]
    is_new = pl.lit(None, pl.Boolean) if before is None else ~pl.col("theme").is_in(before)
    shared = with_share(rows).with_columns(is_new=is_new).drop("of")
    return shared.sort("texts", "theme", descending=[True, False])
