"""Languages and words of what customers write, in Chinese and English."""

import logging
import re
import tomllib
import warnings
from functools import cache
from importlib.resources import files

import polars as pl

from analysis.feedback.masking import marks

LONGEST = 2_000  # signs of a text that are read for its words
CLAUSE_MARKS = frozenset(",.!?\n")
_HAN = r"\u4e00-\u9fff"
_PIECE = re.compile(rf"[{_HAN}]+|[A-Za-z]+(?:['’][A-Za-z]+)?|[,，;；:：、。.!！?？\n…~～]")
_MARK_OF = dict(zip(",，;；:：、。.!！?？\n…~～", ",,,,,,,..!!??\n...", strict=True))
_TAG = r"(?s)<[^<>]{1,300}>|&(?:[a-zA-Z]{2,8}|#\d{1,6});"


def read_words(texts: pl.Series) -> pl.DataFrame:
    """Language and words of each text; each distinct text is read once.

    Chinese is cut into words by jieba, English at signs that are no letters, and a text in both by
    both. Numbers, emoji, tags of HTML and the marks of masked data are dropped, and so is what
    lies behind the first 2,000 signs.

    Args:
        texts: what customers wrote, masked, one per row; may be missing.

    Returns:
        One row per text in the same order: `language` (`zh`, `en`, `other`), `tokens` (list: all words
        in their order, small letters, and `,` `.` `!` `?` where a clause ends), `words` (list: those
        without stop words and marks). Missing and empty texts have empty lists.
    """
    asked = pl.DataFrame({"text": texts.cast(pl.String).fill_null("")})
    distinct = asked["text"].unique().sort()
    plain = distinct.str.slice(0, LONGEST).str.replace_all(_TAG, " ")
    for mark in marks():
        plain = plain.str.replace_all(mark, " ", literal=True)
    stop = stop_words()
    tokens = [_tokens(one) for one in plain]
    words = [[one for one in listed if one not in stop] for listed in tokens]
    lists = pl.List(pl.String)
    known = pl.DataFrame(
        {
            "text": distinct,
            "language": _languages(plain),
            "tokens": pl.Series(tokens, dtype=lists),
            "words": pl.Series(words, dtype=lists),
        }
    )
    return asked.join(known, on="text", how="left", maintain_order="left").drop("text")


@cache
def stop_words() -> frozenset[str]:
    """Words that say nothing about a subject, of both languages, and the marks of clauses."""
    text = (files("analysis.feedback") / "stop_words.toml").read_text(encoding="utf-8")
    return CLAUSE_MARKS.union(*(listed.split() for listed in tomllib.loads(text).values()))


def _languages(texts: pl.Series) -> pl.Series:
    """By the letters: a sign of Chinese says as much as four Latin letters."""
    frame = pl.DataFrame({"text": texts})
    count = pl.col("text").str.count_matches
    counted = frame.select(
        zh=4 * count(r"\p{Han}").cast(pl.Int64),
        en=count(r"\p{Latin}").cast(pl.Int64),
        other=4 * count(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]").cast(pl.Int64)
        + count(r"[\p{Cyrillic}\p{Arabic}\p{Thai}\p{Hebrew}\p{Greek}]").cast(pl.Int64),
    )
    # Japanese has Chinese signs as well, so a third of its own signs is enough to know it.
    foreign = 2 * pl.col("other") > pl.col("zh") + pl.col("en")
    return counted.select(
        pl.when(foreign)
        .then(pl.lit("other"))
        .when((pl.col("zh") >= pl.col("en")) & (pl.col("zh") > 0))
        .then(pl.lit("zh"))
        .when(pl.col("en") > 0)
        .then(pl.lit("en"))
        .otherwise(pl.lit("other"))
    ).to_series()


def _tokens(text: str) -> list[str]:
    found = []
    for piece in _PIECE.findall(text):
        if piece in _MARK_OF:
            found.append(_MARK_OF[piece])
        elif piece[0].isascii():
            found.append(piece.lower().replace("’", "'"))
        else:
            found.extend(_cut()(piece, HMM=False))
    return found


@cache
def _cut():
    """jieba's cutter, silent, and without the file that it would share with all users in /tmp."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source holds escapes that Python warns of
        import jieba
    jieba.setLogLevel(logging.CRITICAL)
    cutter = jieba.Tokenizer()
    # As `initialize` does it, but never from or to a cache file: others could have put it there.
    cutter.FREQ, cutter.total = cutter.gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True
    for word in _own_words():
        cutter.add_word(word)
    return cutter.lcut


def _own_words() -> list[str]:
    """Words of trade that the dictionary of jieba cuts apart."""
    text = (files("analysis.feedback") / "areas.toml").read_text(encoding="utf-8")
    listed = " ".join(tomllib.loads(text).values()).split()
    return sorted({one for one in listed if len(one) > 1 and not one.isascii()})
