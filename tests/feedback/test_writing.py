"""What customers wrote: read once, masked first, and stored without the text."""

from datetime import date, datetime

import polars as pl
import pytest

from analysis import tables
from analysis.feedback import themes, writing
from analysis.labels import label

AS_OF = date(2024, 6, 30)
FEEDBACK = pl.DataFrame(
    [
        {
            "row": 1,
            "at": datetime(2024, 6, 1),
            "kind": "complaint",
            "text": "客服态度差，我叫王小明",
        },
        {
            "row": 2,
            "at": datetime(2024, 5, 1),
            "kind": "praise",
            "text": "师傅专业，态度很好，电话13812345678",
        },
        {"row": 3, "at": datetime(2024, 5, 2), "kind": "complaint", "text": "  "},
        {
            "row": 4,
            "at": datetime(2023, 6, 1),
            "kind": "complaint",
            "text": "太慢了",
        },  # too old
        {
            "row": 5,
            "at": datetime(2024, 7, 1),
            "kind": "complaint",
            "text": "以后的事",
        },  # after the month
    ]
).with_columns(file=pl.lit("f.csv"), customer_id=pl.lit("K1"), feedback_id=pl.format("F{}", "row"))
SURVEYS = pl.DataFrame(
    [
        {"row": 1, "response_id": "R1", "item": "NPS", "text": "希望送货快一点"},
        {"row": 2, "response_id": "R1", "item": "CSAT", "text": "希望送货快一点"},  # the same sheet
        {"row": 3, "response_id": None, "item": "NPS", "text": "希望送货快一点"},
        {"row": 4, "response_id": None, "item": "NPS", "text": None},
    ]
).with_columns(file=pl.lit("s.csv"), customer_id=pl.lit("K2"), at=pl.lit(datetime(2024, 5, 20)))


@pytest.fixture(scope="module")
def read() -> pl.DataFrame:
    return writing.texts(FEEDBACK, SURVEYS, AS_OF)


def test_a_text_is_read_once_and_only_in_its_year(read):
    assert read.select("table", "row").rows() == [
        ("feedback", 2),
        ("surveys", 1),
        ("surveys", 3),
        ("feedback", 1),
    ]


def test_personal_data_are_masked_before_words_are_cut(read):
    whole = str(read.select("text", "tokens", "words").to_dicts())
    assert "13812345678" not in whole
    assert "王小明" not in whole
    assert "[phone]" in read["text"][0]


def test_praise_has_words_and_a_tone_but_makes_no_theme(read):
    praise = read.row(0, named=True)
    assert praise["words"]
    assert not praise["subject_words"]
    assert praise["tone_label"] == "positive"


def test_what_is_stored_holds_no_text(read):
    kept = writing.stored(read, themes.find_themes(read["subject_words"]))
    assert "text" not in kept.columns
    assert tables.conform("feedback_texts", kept).height == read.height


def test_every_text_is_accounted_for(read):
    said = writing.counted(FEEDBACK, SURVEYS, read)
    assert (said["rows"], said["texts"], said["read"], said["masked"]) == (9, 6, 4, 2)
    assert label(**said)


def test_no_text_at_all_breaks_nothing():
    nothing = writing.texts(FEEDBACK.clear(), SURVEYS.clear(), AS_OF)
    assert nothing.is_empty()
    assert writing.stored(nothing, themes.find_themes(nothing["subject_words"])).is_empty()
