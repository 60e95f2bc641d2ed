"""Themes as groups of words, found by non-negative factors of word weights.

How many themes: for each number the texts are fitted in two halves, five times; the themes of the halves
are paired, and the mean cosine similarity of the pairs is the stability of that number (after Greene et
al. 2014, ECML). The most themes within 0.05 of the most stable number are taken. Last month's number
stays while it is within 0.1 of it, or 0.02 where it is the smaller one, lest it hide a new subject. With
last month's number the fit begins at last month's themes and is kept unless one from scratch leaves 1 %
less unexplained. So themes do not come and go without a reason.
"""

import tomllib
import warnings
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
import polars as pl
from scipy import sparse
from scipy.optimize import linear_sum_assignment

LEAST_TEXTS, LEAST_DISTINCT = 50, 20
FEWEST, MOST = 4, 10
MOST_FITTED = 20_000  # distinct texts; the others are only given to the themes found
_MOST_IN_HALF, _SPLITS = 2_000, 5
_LEAST_USES, _MOST_SHARE, _MOST_WORDS = 3, 0.5, 5_000
_AREA_WEIGHT = 1.0  # the areas that a text touches count together as much as all its words
_AS_STABLE, _STILL_MANY, _STILL_FEW = 0.05, 0.1, 0.02
_AS_GOOD = 1.01  # times the error of a fit from scratch, up to which last month's themes go on
_AREA = "area:"  # before the name of an area among the features; no word holds a colon
SEED = 1


@dataclass(frozen=True)
class Fit:
    """The themes of a month: weights of features per theme, and of themes per text."""

    features: list[str]
    components: np.ndarray  # themes by features, each row of length 1
    weights: np.ndarray  # distinct lists of words by themes
    stability: dict[int, float]


def fit(words: pl.Series, counts: pl.Series, earlier: list[dict[str, float]]) -> Fit | str:
    """Fit the themes of distinct lists of words.

    Args:
        words: distinct lists in a fixed order.
        counts: how many texts have each.
        earlier: weights of features of each of last month's themes; may be empty.

    Returns:
        The fit, or why there is none: `same_texts`, `too_few_texts`, `no_common_words`.
    """
    if words.len() == 1:
        return "same_texts"
    if words.len() < LEAST_DISTINCT:
        return "too_few_texts"
    vocabulary = _vocabulary(words, counts)
    if not vocabulary:
        return "no_common_words"
    features, matrix = _matrix(words, vocabulary)
    draws = _draws(words)
    sampled = np.sort(np.argsort(draws)[:MOST_FITTED])
    sample, draws = matrix[sampled], draws[sampled]
    most = min(MOST, sample.shape[0] // 5, sample.shape[1] - 1)
    if most < 2:
        return "no_common_words"
    counts_tried = range(min(FEWEST, most), most + 1)
    stability = {count: _stability(sample, draws, count) for count in counts_tried}
    count = _chosen(stability, len(earlier) or None)
    model, _ = _factors(sample, count)
    if len(earlier) == count:
        model = _continued(sample, model, _rows(earlier, features))
    lengths = np.linalg.norm(model.components_, axis=1)
    used = lengths > 0
    components = model.components_[used] / lengths[used, None]
    weights = model.transform(matrix)[:, used] * lengths[used]
    return Fit(features, components, weights, stability)


def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine similarity of every row of one with every row of the other."""
    return _unit(one) @ _unit(other).T


def pairs(similar: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns paired one to one so that their similarity is the greatest in all."""
    return list(zip(*linear_sum_assignment(similar, maximize=True), strict=True))


def is_area(feature: str) -> bool:
    """Whether a feature is an area and not a word."""
    return feature.startswith(_AREA)


def _matrix(words: pl.Series, vocabulary: list[str]) -> tuple[list[str], sparse.csr_matrix]:
    """Weights of words (TF-IDF) and of the areas that they belong to, one row per text."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    areas = _areas()
    vectorizer = TfidfVectorizer(analyzer=lambda listed: listed, vocabulary=vocabulary)
    listed = words.to_list()
    by_word = vectorizer.fit_transform(listed)
    names = sorted(set(areas.values()))
    place = {name: column for column, name in enumerate(names)}
    touched = np.zeros((len(listed), len(names)))
    for row, one in enumerate(listed):
        touched[row, [place[areas[word]] for word in one if word in areas]] = 1
    by_area = sparse.csr_matrix(_unit(touched) * _AREA_WEIGHT)
    features = [*vocabulary, *(_AREA + name for name in names)]
    return features, sparse.hstack([by_word, by_area]).tocsr()


def _vocabulary(words: pl.Series, counts: pl.Series) -> list[str]:
    """Words that enough texts use, and not nearly all; signs alone only where they name an area."""
    uses = pl.DataFrame({"word": words.list.unique(), "texts": counts}).explode("word")
    named = (pl.col("word").str.len_chars() > 1) | pl.col("word").is_in(list(_areas()))
    shared = uses.filter(named).group_by("word").agg(pl.col("texts").sum(), lists=pl.len())
    shared = shared.filter(
        (pl.col("texts") >= _LEAST_USES) & (pl.col("lists") <= _MOST_SHARE * words.len())
    )
    most = shared.sort(["texts", "word"], descending=[True, False]).head(_MOST_WORDS)
    return most["word"].sort().to_list()


@cache
def _areas() -> dict[str, str]:
    """The area of each word that has one; the first where it stands in several."""
    text = (files("analysis.feedback") / "areas.toml").read_text(encoding="utf-8")
    known: dict[str, str] = {}
    for area, listed in tomllib.loads(text).items():
        for word in listed.split():
            known.setdefault(word, area)
    return known


def _factors(matrix: sparse.csr_matrix, count: int, start: np.ndarray | None = None):
    """Themes of texts, from scratch or beginning at given ones."""
    from sklearn.decomposition import NMF

    how = "nndsvd" if start is None else "custom"
    begin = {} if start is None else {"W": np.asarray(matrix @ start.T), "H": start.copy()}
    model = NMF(count, init=how, random_state=SEED, max_iter=400, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unfinished last digit changes no theme
        weights = model.fit_transform(matrix, **begin)
    return model, weights


def _continued(matrix: sparse.csr_matrix, model, start: np.ndarray):
    """The fit that begins at last month's themes, unless one from scratch explains the texts better."""
    if not start.any(axis=1).all():
        return model
    continued, _ = _factors(matrix, len(start), start)
    worse = continued.reconstruction_err_ > _AS_GOOD * model.reconstruction_err_
    return model if worse else continued


def _rows(themes: list[dict[str, float]], features: list[str]) -> np.ndarray:
    """Weights of the features in each theme; words that no text uses any more are left out."""
    place = {feature: column for column, feature in enumerate(features)}
    rows = np.zeros((len(themes), len(features)))
    for row, weights in enumerate(themes):
        for feature, weight in weights.items():
            if feature in place:
                rows[row, place[feature]] = weight
    return rows


def _draws(words: pl.Series) -> np.ndarray:
    """A fixed random number for each text by its words, so that another text more moves none."""
    joined = words.list.join("\t").to_list()
    numbers = (int.from_bytes(blake2b(one.encode(), digest_size=8).digest()) for one in joined)
    return np.fromiter(numbers, np.uint64, len(joined))


def _stability(matrix: sparse.csr_matrix, draws: np.ndarray, count: int) -> float:
    """The mean over some ways to halve the texts; halves with fewer texts than themes tell nothing."""
    order, found = np.argsort(draws), [0.0]
    for split in range(_SPLITS):
        side = (draws[order] >> np.uint64(split)) & np.uint64(1)
        halves = [np.sort(order[side == one][:_MOST_IN_HALF]) for one in (0, 1)]
        if min(map(len, halves)) < count:
            continue
        first, second = (_factors(matrix[half], count)[0].components_ for half in halves)
        similar = similarity(first, second)
        found.append(np.mean([similar[pair] for pair in pairs(similar)]))
    return float(np.mean(found[1:] or found))


def _chosen(stability: dict[int, float], earlier: int | None) -> int:
    best = max(stability.values())
    most_stable = max(count for count, value in stability.items() if value == best)
    if earlier in stability:
        slack = _STILL_MANY if earlier > most_stable else _STILL_FEW
        if stability[earlier] >= best - slack:
            return earlier
    return max(count for count, value in stability.items() if value >= best - _AS_STABLE)


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
