"""Tables, sentences, figures and workbooks as readers get them."""

import base64
from datetime import date

import polars as pl
import pytest

from analysis.labels import label
from analysis.report.privacy import shown_ids
from analysis.report.show import Cents, Money, Picture, Prose, Share, Table, form
from analysis.report.workbook import neutralise, sheet_names, write_workbook
from analysis.run.months import Month
from analysis.run.settings import Settings

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
YEN = SHOP.model_copy(update={"currency": "JPY"})


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1234.5, "money", "1,234"),
        (12.345, "money", "12.35"),
        (0.1234, "share", "12.3%"),
        (1234567, "count", "1,234,567"),
        (3.74422, "number", "3.74"),
        (4.0, "number", "4"),
        (None, "money", "–"),
        (float("nan"), "number", "–"),
        (date(2024, 1, 5), "date", "2024-01-05"),
    ],
)
def test_each_kind_of_value_has_its_form(value, kind, expected):
    assert form(value, kind, SHOP) == expected


def test_money_has_the_places_of_its_currency():
    assert form(12.3, "money", YEN) == "12"


def test_what_comes_from_data_is_escaped():
    frame = pl.DataFrame({"customer_id": ["<script>alert(1)</script>"], "spend": [1.0]})
    html = Table(frame, "<b>", SHOP, {})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<caption><span>&lt;b&gt;</span></caption>" in html
    assert 'scope="col"' in html


def test_keys_become_words_and_money_names_its_currency():
    frame = pl.DataFrame({"class": ["loyal"], "spend": [3.0]})
    html = Table(frame, "c", SHOP, {"spend": "money"})._repr_html_()
    assert label("class.loyal.en") in html
    assert "(EUR)" in html


def test_a_sentence_prints_each_value_in_its_form():
    values = {
        "month": Month(1998, 6),
        "buyers": 1506,
        "purchases": 1955,
        "revenue": Money(76109.3),
        "change": Share(0.072),
    }
    sentence = repr(Prose("summary.headline", values, SHOP))
    assert sentence == (
        "June 1998: 1,506 customers bought 1,955 times for 76,109 EUR, 7.2% on the month before."
    )


def test_a_figure_carries_its_alt_text():
    from analysis.report.style import canvas

    figure, axes = canvas()
    axes.set_title("订单 Ünïcode")
    data, metadata = Picture(figure, "A finding in words.")._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "A finding in words."
    assert base64.b64encode(data["image/png"]).startswith(b"iVBOR")


def test_figures_know_chinese(recwarn):
    from analysis.report.style import canvas

    figure, axes = canvas()
    axes.set_title("客户维护管理")
    Picture(figure, "alt")._repr_mimebundle_()
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


def test_cells_that_start_like_a_formula_are_neutralised(tmp_path):
    frame = pl.DataFrame({"customer_id": ["=1+1", "+49", "-1", "@x", "ok", "007"], "n": [1] * 6})
    expected = ["'=1+1", "'+49", "'-1", "'@x", "ok", "007"]
    assert neutralise(frame)["customer_id"].to_list() == expected
    write_workbook(frame, tmp_path / "a" / "list.xlsx")
    back = pl.read_excel(tmp_path / "a" / "list.xlsx", infer_schema_length=0)
    assert back["customer"].to_list() == expected


def test_several_lists_are_sheets_whose_names_a_workbook_allows(tmp_path):
    lists = {"all": pl.DataFrame({"n": [1, 2]}), "Ann/Bob": pl.DataFrame({"n": [1]})}
    write_workbook(lists, tmp_path / "lists.xlsx")
    back = pl.read_excel(tmp_path / "lists.xlsx", sheet_id=0)
    assert {name: sheet.height for name, sheet in back.items()} == {"all": 2, "Ann Bob": 1}


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (["all", "ALL", "all"], ["all", "ALL 2", "all 3"]),
        (["x" * 40, "x" * 41], ["x" * 31, "x" * 29 + " 2"]),
        (["[a]:*?/\\", "'b'", ""], ["a", "b", "_"]),
        (["林晓雯"], ["林晓雯"]),
    ],
)
def test_names_of_sheets_are_short_plain_and_no_two_alike(wanted, given):
    assert sheet_names(wanted) == given


def test_a_table_without_rows_is_one_sentence():
    shown = Table(pl.DataFrame(schema={"n": pl.Int64}), "Rows <set> aside", SHOP, {})._repr_html_()
    assert shown == '<p class="computed">Rows &lt;set&gt; aside: none.</p>'


def test_reconciled_money_is_shown_to_the_cent():
    assert form(12_840_981.5, "cents", SHOP) == "12,840,981.50"
    assert form(None, "cents", SHOP) == "–"
    values = dict.fromkeys(["read", "kept", "merged", "aside"], 1)
    money = {f"money_{one}": Cents(1234.5) for one in values}
    assert "1,234.50 EUR kept" in repr(Prose("clean.adds_up", values | money, SHOP))


@pytest.mark.parametrize(
    ("column", "ids", "hashed"),
    [
        ("买家昵称", ["买家00001"], True),
        ("customer_name", ["a"], True),
        ("id", ["ann@example.com"], True),
        ("id", ["13800138000"], True),
        ("id", ["00042"], False),
    ],
)
def test_ids_that_are_or_look_like_a_person_are_hashed(column, ids, hashed):
    source = {"table": "orders", "path": "p"}
    shop = Settings(name="s", currency="EUR", time_zone="UTC", sources=[source])
    shown = shown_ids(pl.Series(ids), shop, [column]).to_list()
    assert (shown != ids) is hashed
    assert shown_ids(pl.Series(ids), shop, [column]).to_list() == shown
