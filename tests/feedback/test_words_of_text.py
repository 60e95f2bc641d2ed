"""Words and languages of texts, and that the library behind them keeps quiet."""

import os
import subprocess
import sys

import polars as pl
import pytest

from analysis.feedback.words_of_text import CLAUSE_MARKS, LONGEST, read_words, stop_words

READ = """
import polars as pl
from analysis.feedback.words_of_text import read_words
print(read_words(pl.Series(["快递太慢", "the parcel was late"]))["words"].to_list())
"""


@pytest.mark.parametrize("filters", ["default", "always", "error"])
def test_reading_words_writes_nothing_beside_its_result(tmp_path, filters):
    """jieba logs when it loads, and its source makes Python warn when it is compiled anew."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONWARNINGS": ""}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # Warnings of other libraries are theirs: the filter begins where ours is imported.
    work = f"import polars, re, logging, warnings; warnings.simplefilter({filters!r}){READ}"
    done = subprocess.run(
        [sys.executable, "-c", work],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.strip() == "[['快递', '太慢'], ['parcel', 'late']]"
    assert any(tmp_path.rglob("jieba/*.pyc"))  # it was compiled, so it could have warned


def test_no_file_is_shared_with_other_users(tmp_path):
    """jieba would read a dictionary that anybody could have put into the folder for passing files."""
    (tmp_path / "jieba.cache").write_bytes(b"not a dictionary")
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
    assert (tmp_path / "jieba.cache").read_bytes() == b"not a dictionary"


def read(*texts: str | None) -> pl.DataFrame:
    return read_words(pl.Series("text", texts, dtype=pl.String))


def test_both_languages_and_marks_of_clauses():
    found = read("客服一直没人接电话，It wasn’t HELPFUL!", "收到3件！", None, "")
    assert found["tokens"][0].to_list() == [
        *("客服", "一直", "没人接", "电话", ",", "it", "wasn't", "helpful", "!")
    ]
    assert "客服" in found["words"][0]
    assert not set(found["words"][0]) & (stop_words() | CLAUSE_MARKS)
    assert found["tokens"].list.len().to_list()[2:] == [0, 0]


def test_languages():
    texts = [
        "客服不好",
        "bad service",
        "客服 so bad",
        "とても良いサービス",
        "плохо",
        "😀",
        "",
        None,
    ]
    expected = ["zh", "en", "zh", "other", "other", "other", "other", "other"]
    assert read(*texts)["language"].to_list() == expected


def test_mark_up_marks_and_numbers_are_no_words():
    plain = read("颜色 差别")["tokens"][0].to_list()
    wild = read("<p class='x'>颜色</p> 123 [phone] 😀 &nbsp; [e-mail] <br/>差别")["tokens"][
        0
    ].to_list()
    assert wild == plain == ["颜色", "差别"]


def test_only_the_beginning_of_a_long_text_is_read():
    found = read("颜色" * 500_000, "很好" * (LONGEST // 2), "很好" * (LONGEST // 2) + "差劲")
    assert found["tokens"].list.len().max() <= LONGEST
    assert found["tokens"][1].equals(found["tokens"][2])


def test_every_row_has_its_own_words_in_the_order_asked():
    texts = ["颜色差别", "客服电话", "颜色差别", None, "客服电话"]
    found = read(*texts)["words"].to_list()
    assert found[0] == found[2] != found[1] == found[4]
    assert found[3] == []
    assert read().is_empty()
