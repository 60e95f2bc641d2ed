"""Themes of the planted feedback, their names over the months, rising ones, and bad texts."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from feedback.planted import shop_feedback
from sklearn.metrics import adjusted_mutual_info_score

from analysis.feedback import theme_figures, theme_rates, theme_words
from analysis.feedback.masking import mask
from analysis.feedback.themes import EXAMPLES, LONGEST_EXAMPLE, Themes, examples, find_themes
from analysis.feedback.words_of_text import read_words
from analysis.labels import label

AS_OF = date(2024, 6, 30)


def words(texts: pl.Series) -> pl.Series:
    return read_words(mask(texts))["words"]


def themes_of(feedback: pl.DataFrame, earlier: dict | None = None) -> Themes:
    return find_themes(words(feedback["text"]), earlier)


def agreement(feedback: pl.DataFrame, found: Themes) -> float:
    both = feedback.with_columns(found.of_text).drop_nulls("theme")
    return adjusted_mutual_info_score(both["category"], both["theme"])


@pytest.mark.parametrize(("size", "seed"), [(300, 1), (1_000, 2), (1_000, 3), (5_000, 4)])
def test_planted_categories_are_found(size, seed):
    feedback = shop_feedback(size, seed)
    found = themes_of(feedback)
    assert found.of_text["theme"].null_count() < size / 50
    assert agreement(feedback, found) >= 0.6
    counted = found.of_text.drop_nulls().height
    assert found.listed["texts"].sum() == counted
    assert found.listed["share"].sum() == pytest.approx(1)
    assert (found.listed["low"] <= found.listed["share"]).all()
    assert (found.listed["share"] <= found.listed["high"]).all()
    assert found.listed["theme"].is_unique().all()
    assert found.of_text["typical"].drop_nulls().is_between(0, 1).all()


def test_names_stay_from_month_to_month():
    first = themes_of(shop_feedback(1_000, 1))
    names = set(first.listed["theme"])
    assert first.listed["is_new"].null_count() == len(names)
    month = first
    for seed in (2, 3, 4):
        feedback = shop_feedback(1_000, seed)
        month = themes_of(feedback, month.document)
        assert set(month.listed["theme"]) == names
        assert not month.listed["is_new"].any()
        assert agreement(feedback, month) >= 0.6
    said = theme_words.themes(month, words(feedback["text"]))
    assert [one["key"] for one in said][1] == "themes.all_kept"


def test_a_name_means_the_same_texts_in_both_months():
    one, other = shop_feedback(1_000, 1), shop_feedback(1_000, 5)
    first = themes_of(one)
    second = themes_of(other, first.document)
    before = one.with_columns(first.of_text).select("text", "theme").unique()
    now = other.with_columns(second.of_text).select("text", "theme").unique()
    both = before.join(now, on="text", suffix="_now")
    assert both.height > 200
    assert (both["theme"] == both["theme_now"]).mean() > 0.95


def test_a_month_without_themes_forgets_no_names():
    first = themes_of(shop_feedback(1_000, 1))
    silent = find_themes(words(pl.Series(["", "客服", "颜色"])), first.document)
    assert silent.reason == "too_few_texts"
    back = themes_of(shop_feedback(1_000, 2), silent.document)
    assert set(back.listed["theme"]) == set(first.listed["theme"])
    assert not back.listed["is_new"].any()


TAILS = ["很麻烦。", "太晚了。", "请处理。", "已经两次。", "在哪里？", "怎么回事？"]
PARKING = ["停车场没有车位，", "停车场要排队，", "停车场收停车费，", "停车场指示牌看不清，"]


@pytest.mark.parametrize("gone", [None, "price"])
def test_a_new_subject_is_a_new_theme(gone):
    """Whether it comes beside the others or in the place of one of them."""
    feedback = shop_feedback(1_000, 1)
    first = themes_of(feedback)
    parking = pl.Series("text", [one + tail for one in PARKING for tail in TAILS] * 5)
    others = feedback.filter(pl.col("category").ne_missing(gone))["text"]
    second = find_themes(words(pl.concat([others, parking])), first.document)
    given = second.of_text["theme"].tail(parking.len()).drop_nulls()
    largest = given.value_counts(sort=True)["theme"][0]
    assert second.listed.filter(theme=largest)["is_new"].to_list() == [True]
    assert largest not in set(first.listed["theme"])
    kept = set(first.listed["theme"]) & set(second.listed["theme"])
    assert len(kept) >= len(first.listed) - (gone is not None)


@pytest.mark.parametrize("extra", ["客服", "客服电话", "颜色" * 1_000, "价格运费", "小程序闪退"])
def test_one_more_text_moves_no_other(extra):
    feedback = shop_feedback(1_000, 2)
    first = themes_of(feedback)
    texts = pl.concat([feedback["text"], pl.Series("text", [extra])])
    second = find_themes(words(texts), first.document)
    assert set(second.listed["theme"]) == set(first.listed["theme"])
    assert (second.of_text["theme"].head(1_000) == first.of_text["theme"]).mean() > 0.98


def test_the_order_of_the_rows_changes_nothing():
    feedback = shop_feedback(600, 7).with_row_index("row")
    shuffled = feedback.sample(fraction=1, shuffle=True, seed=3)
    found, again = themes_of(feedback), themes_of(shuffled)
    assert found.document == again.document
    assert found.listed.equals(again.listed)
    back = shuffled.select("row").with_columns(again.of_text).sort("row").drop("row")
    assert back.equals(found.of_text)


def test_examples_are_short_typical_and_masked():
    feedback = shop_feedback(600, 7)
    texts = feedback["text"] + "我叫王小明，电话13812345678，" + "请尽快回复" * 30
    found = find_themes(words(texts))
    shown = examples(texts, words(texts), found.of_text)
    assert set(shown["theme"]) == set(found.listed["theme"])
    assert shown.group_by("theme").len()["len"].max() <= EXAMPLES
    assert shown["example"].str.len_chars().max() <= LONGEST_EXAMPLE + 1
    assert not shown["example"].str.contains("小明|138").any()
    assert shown["example"].str.contains(label("mask.phone"), literal=True).any()
    assert "小明" not in str(found.document)


BAD = {
    "nothing": ([], "no_texts"),
    "missing": ([None] * 60, "no_texts"),
    "empty": (["", "  ", "\n"] * 40, "no_texts"),
    "emoji": (["😀", "👍👍", "❤️"] * 40, "no_texts"),
    "numbers": (["123", "4.5", "！！！"] * 40, "no_texts"),
    "mark_up": (["<br>", "<div class='a'></div>", "&nbsp;"] * 40, "no_texts"),
    "personal": (["13812345678", "li@example.com"] * 40, "no_texts"),
    "one": (["客服一直没人接电话"], "same_texts"),
    "equal": (["客服一直没人接电话"] * 500, "same_texts"),
    "two": (["客服一直没人接电话", "颜色和图片差别很大"] * 100, "too_few_texts"),
    "few": ([f"客服{sign}电话" for sign in "甲乙丙丁"], "too_few_texts"),
    "huge": (["客服电话" * 250_000, "x" * 1_000_000], "too_few_texts"),
    "strange": ([chr(0x4E00 + 7 * n) * 2 + chr(0x5E00 + 5 * n) for n in range(80)], None),
}


@pytest.mark.parametrize(("texts", "reason"), BAD.values(), ids=BAD)
def test_bad_texts_give_a_reason_and_break_nothing(texts, reason):
    asked = pl.Series("text", texts, dtype=pl.String)
    listed = words(asked)
    found = find_themes(listed)
    assert found.reason == (reason or "no_common_words")
    assert found.of_text.height == len(texts)
    assert found.of_text["theme"].null_count() == len(texts)
    assert found.listed.is_empty()
    (said,) = theme_words.themes(found, listed)
    assert label(**{name: str(value) for name, value in said.items()})
    assert repr(theme_figures.shares(found)) != ""
    assert examples(asked, listed, found.of_text).is_empty()


def test_themes_stand_beside_bad_texts():
    feedback = shop_feedback(1_000, 1)
    plain = themes_of(feedback)
    wrapped = pl.format("<div><p style='color:red'>{}</p>&nbsp;</div>", feedback["text"])
    marked_up = feedback.select(wrapped.alias("text"))["text"]
    found = find_themes(words(marked_up))
    assert found.of_text.equals(plain.of_text)
    assert found.document == plain.document
    bad = [None, "", "😀", "<p></p>", "客服" * 500_000, "y" * 1_000_000, "<b>" * 300_000]
    beside = pl.concat([marked_up, pl.Series("text", bad, dtype=pl.String)])
    found = find_themes(words(beside), plain.document)
    assert found.of_text["theme"].tail(len(bad))[:4].null_count() == 4
    assert set(found.listed["theme"]) == set(plain.listed["theme"])
    assert (found.of_text["theme"].head(1_000) == plain.of_text["theme"]).mean() > 0.98


def test_english_texts_have_themes_too():
    subjects = {
        "delivery": ["the courier was late", "parcel arrived late", "the courier lost my parcel"],
        "quality": ["the screen cracked", "battery broke quickly", "the screen and battery broke"],
        "price": ["the price is too expensive", "coupon code failed", "price rose without coupon"],
    }
    ends = ["", " in Leeds", " after Easter", " during lunch", " near Bath", " sadly", " twice"]
    rows = [
        (name, text + end) for name, texts in subjects.items() for text in texts for end in ends
    ]
    feedback = pl.DataFrame(rows * 3, schema=["category", "text"], orient="row")
    found = themes_of(feedback)
    assert found.reason is None
    assert agreement(feedback, found) >= 0.6


def days(*counts: tuple[str, int, int]) -> tuple[pl.Series, pl.Series]:
    """Texts of themes: so many, so many days before the last."""
    rows = [
        (datetime(2024, 6, 30, 12) - timedelta(days=ago), theme)
        for theme, ago, count in counts
        for _ in range(count)
    ]
    frame = pl.DataFrame(rows, schema={"at": pl.Datetime("us"), "theme": pl.String}, orient="row")
    return frame["at"], frame["theme"]


def test_a_theme_that_rose_stands_out():
    at, theme = days(("a", 10, 60), ("b", 10, 40), ("a", 100, 20), ("b", 100, 80), ("a", 400, 99))
    found = theme_rates.rising(at, theme, AS_OF)
    assert found.select("theme", "recent", "before", "is_rising").rows() == [
        ("a", 60, 20, True),
        ("b", 40, 80, False),
    ]
    row = found.row(0, named=True)
    assert (row["share_recent"], row["share_before"]) == (0.6, 0.2)
    # Newcombe on Wilson's .5020-.6906 and .1334-.2888:
    # .4 - sqrt(.0980^2 + .0888^2), .4 + sqrt(.0906^2 + .0666^2).
    assert (row["low"], row["high"]) == pytest.approx((0.2678, 0.5124), abs=2e-4)
    assert theme_words.rising(found)["key"] == "themes.rising"
    assert label(**theme_words.rising(found))
    calm = theme_rates.rising(
        *days(("a", 10, 50), ("b", 95, 50), ("a", 95, 48), ("b", 5, 52)), AS_OF
    )
    assert not calm["is_rising"].any()
    assert theme_words.rising(calm)["key"] == "themes.none_rising"


def test_too_few_texts_to_tell_what_rises():
    for rows in ([], [("a", 10, 19), ("a", 100, 500)], [("a", 10, 500)]):
        found = theme_rates.rising(*days(*rows), AS_OF)
        assert found.is_empty()
        assert label(**theme_words.rising(found))
        assert repr(theme_figures.rising(found)) != ""
    # The last day counts, the day after does not.
    edge = theme_rates.rising(*days(("a", 0, 20), ("a", -1, 9), ("a", 90, 20)), AS_OF)
    assert edge.select("recent", "before").row(0) == (20, 20)


def test_shares_by_month():
    at, theme = days(("a", 1, 3), ("b", 2, 1), ("b", 45, 2))
    found = theme_rates.by_month(at, pl.concat([theme[:-1], pl.Series([None], dtype=pl.String)]))
    assert found.select("month", "theme", "texts", "of").rows() == [
        (date(2024, 5, 1), "a", 0, 1),
        (date(2024, 5, 1), "b", 1, 1),
        (date(2024, 6, 1), "a", 3, 4),
        (date(2024, 6, 1), "b", 1, 4),
    ]
    assert np.isfinite(found["low"].to_numpy()).all()
    assert theme_rates.by_month(at.clear(), theme.clear()).is_empty()
    assert "2024-05" in theme_figures.by_month(found).alt
