"""How friendly or angry a text is, by a lexicon of Chinese and English words.

A lexicon and not a trained model: every verdict can be traced to words in `lexicon.toml`, which a company
can extend, and nothing needs to be downloaded or labelled.
"""

import math
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import polars as pl

from analysis.feedback.words_of_text import CLAUSE_MARKS

LEAST = 0.12  # a tone nearer to 0 is neutral
_LONGEST_PHRASE = 4  # tokens
_HALF = 2.0  # the sum of weights at which the tone is 0.71
_STRONGER, _WEAKER = 1.4, 0.6
_TURNED, _SOFTENED = (
    -0.9,
    -0.6,
)  # a negated good word is nearly a bad one; a negated bad one less good
_BARE_NEGATION = -0.4  # something expected did not happen: `is not delivered`
_BEFORE_CONTRAST, _AFTER_CONTRAST = 0.4, 1.4
_AT_RIVAL = -0.6
_CANNOT = -1.0  # verbs with 不了: 用不了, 改不了
_CANNOT_BUT_GOOD = frozenset(["少不了", "免不了", "忘不了", "错不了", "大不了"])


@dataclass(frozen=True)
class Lexicon:
    """Weights of words and phrases, and the words that change them."""

    weights: dict[str, float]
    negations: frozenset[str]
    degrees: dict[str, float]
    contrast: frozenset[str]
    rivals: frozenset[str]
    questions: frozenset[str]
    thanks: frozenset[str]
    reach: int

    @cached_property
    def phrases(self) -> frozenset[str]:
        """Everything that may be made of several tokens."""
        listed = (self.negations, self.contrast, self.rivals, self.questions, self.degrees)
        return frozenset(self.weights).union(*listed)

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """What a phrase may begin with; most words begin none, so that few are joined in vain."""
        return frozenset(one[:end] for one in self.phrases for end in range(1, len(one)))


def tone(texts: pl.Series, tokens: pl.Series) -> pl.DataFrame:
    """The tone of each text.

    Weights of opinion words are summed. A negation turns the next four words; degree words strengthen or
    weaken; what stands before a `but` counts less and what follows more; clauses that ask count
    nothing; praise of a rival counts against the company. Each distinct text is judged once.

    Args:
        texts: what customers wrote; only to tell missing texts from others.
        tokens: as `words_of_text.read_words` returns them.

    Returns:
        One row per text in the same order: `tone` (-1 to 1; 0 where nothing is said), `tone_label`
        (`negative`, `neutral`, `positive`; null where there is no text).
    """
    asked = pl.DataFrame({"text": texts.cast(pl.String), "tokens": tokens}).with_columns(
        joined=pl.col("tokens").list.join("\t").fill_null("")
    )
    distinct = asked["joined"].unique().sort()
    judged = [_judge(one.split("\t")) if one else 0.0 for one in distinct]
    known = pl.DataFrame({"joined": distinct, "tone": pl.Series(judged, dtype=pl.Float64)})
    found = asked.join(known, on="joined", how="left", maintain_order="left")
    verdict = (
        pl.when(pl.col("text").fill_null("").str.strip_chars() == "")
        .then(None)
        .when(pl.col("tone") <= -LEAST)
        .then(pl.lit("negative"))
        .when(pl.col("tone") >= LEAST)
        .then(pl.lit("positive"))
        .otherwise(pl.lit("neutral"))
    )
    return found.select("tone", tone_label=verdict)


@cache
def lexicon() -> Lexicon:
    """The lexicon of the package."""
    text = (files("analysis.feedback") / "lexicon.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    turning = content["turning"]
    weights = {}
    for language in ("weights", "weights_en"):
        for weight, listed in content[language].items():
            weights |= dict.fromkeys(_words(listed), float(weight))
    degrees = dict.fromkeys(_words(turning["stronger"]), _STRONGER)
    degrees |= dict.fromkeys(_words(turning["weaker"]), _WEAKER)
    return Lexicon(
        weights=weights,
        degrees=degrees,
        reach=turning["reach"],
        **{
            name: frozenset(_words(turning[name]))
            for name in ("negations", "contrast", "rivals", "questions", "thanks")
        },
    )


def _words(listed: str) -> list[str]:
    return [one.replace("_", " ") for one in listed.split()]


def _judge(tokens: list[str]) -> float:
    """The tone of one text from its tokens."""
    known, total, clause, asked = lexicon(), 0.0, [], False
    for token in [*tokens, "."]:
        if token not in CLAUSE_MARKS:
            clause.append(token)
            continue
        phrases, clause = _phrases(clause, known), []
        asks = token == "?" or not known.questions.isdisjoint(phrases)
        score, turns = _judge_clause(phrases, known)
        if asks or (asked and known.thanks.issuperset(phrases)):
            score = 0.0
        total = total * (_BEFORE_CONTRAST if turns else 1.0) + score
        asked = asked or asks
    return total / math.hypot(total, _HALF)


def _phrases(clause: list[str], known: Lexicon) -> list[str]:
    """The clause with tokens joined where the lexicon has them as one, the longest first."""
    found, place = [], 0
    while place < len(clause):
        longest = phrase = clause[place]
        after, gap = place + 1, " " if phrase.isascii() else ""
        for following in range(after, min(place + _LONGEST_PHRASE, len(clause))):
            if phrase not in known.beginnings:
                break
            phrase += gap + clause[following]
            if phrase in known.phrases:
                longest, after = phrase, following + 1
        found.append(longest)
        place = after
    return found


def _judge_clause(phrases: list[str], known: Lexicon) -> tuple[float, bool]:
    """The sum of a clause, and whether it turns against what stands before it."""
    score, turns, degree, open_negation, left = 0.0, False, 1.0, False, 0
    bare, said = 0.0, False
    for place, word in enumerate(phrases):
        follows = phrases[place + 1] if place + 1 < len(phrases) else ""
        if word in known.contrast:
            score, turns, left = score * _BEFORE_CONTRAST, True, 0
        elif word in known.negations or word.endswith("n't"):
            open_negation, left = not (open_negation and left > 0), known.reach
            bare = min(bare, known.weights.get(word, _BARE_NEGATION))
        elif word in known.degrees and (word not in known.weights or known.weights.get(follows)):
            degree = known.degrees[word]
            continue
        else:
            weight = known.weights.get(word, _cannot(word))
            if weight and open_negation and left > 0:
                weight *= _TURNED if weight > 0 else _SOFTENED
                open_negation = False
            said = said or bool(weight)
            score += weight * degree * (_AFTER_CONTRAST if turns else 1.0)
            left -= 1
        degree = 1.0
    if bare and not said:
        score = bare
    if known.rivals.intersection(phrases):
        score = _AT_RIVAL - abs(score)
    return score, turns


def _cannot(word: str) -> float:
    """Verbs that did not work out, such as 用不了, are in no list since any verb may be one."""
    return _CANNOT if word.endswith("不了") and word not in _CANNOT_BUT_GOOD else 0.0
