"""Reading workbooks: text as a person sees it, merged cells filled, odd files told in words."""

import re
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from polars.testing import assert_frame_equal

from analysis.collect import packed, read_workbook
from analysis.collect.inputs import CONTINUES, ROW, Input
from analysis.collect.read_workbook import read_sheet, sheet_names
from analysis.run.errors import UserError
from analysis.run.settings import Source

FORMATS = {"day": "yyyy-mm-dd", "time": "yyyy-mm-dd hh:mm:ss", "clock": "hh:mm:ss", "share": "0%"}
SHEET_XML = "xl/worksheets/sheet1.xml"


def source(path: Path, table: str = "customers", **settings) -> Source:
    return Source(table=table, path=str(path), **settings)


def read(path: Path, sheet: str = "Sheet1", **settings) -> pl.DataFrame:
    return read_sheet(Input(source(path, **settings), path, sheet))


def write(path: Path, rows: list[list], merged: dict[str, object] | None = None) -> Path:
    """A workbook of one sheet; `merged` is cell range = its value."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
        for cells, value in (merged or {}).items():
            sheet.merge_range(cells, value)
    return path


def altered(path: Path, change, member: str = SHEET_XML) -> Path:
    """The same workbook with the text of one member changed."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content[member] = change(content[member].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def with_rows(path: Path, xml: str) -> Path:
    """A workbook whose sheet holds these rows of XML."""
    write(path, [["x"]])
    return altered(
        path, lambda text: re.sub(r"(?s)(<sheetData>).*(?=</sheetData>)", rf"\1{xml}", text)
    )


def test_each_kind_of_cell_reads_as_a_person_sees_it(tmp_path):
    path = tmp_path / "shop.xlsx"
    expected = []
    with xlsxwriter.Workbook(path) as book:
        look = {name: book.add_format({"num_format": code}) for name, code in FORMATS.items()}
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["kind", "value"])

        def add(kind: str, text: str | None, value: object, form: str | None = None) -> None:
            expected.append((kind, text))
            row = len(expected)
            sheet.write_string(row, 0, kind)
            if isinstance(value, str):
                sheet.write_string(row, 1, value)
            elif isinstance(value, datetime):
                sheet.write_datetime(row, 1, value, look[form])
            elif value is not None:
                sheet.write(row, 1, value, look.get(form))

        add("phone as number", "13800138000", 13800138000)
        add("phone as text", "013800138000", "013800138000")
        add("whole", "100", 100.0)
        add("amount", "19.9", 19.9)
        add("float artefact", "0.3", 0.1 + 0.2)
        add("negative", "-30.5", -30.5)
        add("tiny", "0.0000001", 1e-7)
        add("text that looks like a number", "1.0", "1.0")
        add("true", "true", True)
        add("empty", None, None)
        add("blanks", None, "  ")
        add("lines", "a\nb", "a\nb")
        add("sign of an error as text", "#REF!", "#REF!")
        add("day", "2024-01-05 00:00:00", datetime(2024, 1, 5), "day")
        add("last second", "2024-01-05 23:59:59", datetime(2024, 1, 5, 23, 59, 59), "time")
        add("clock", "00:03:25", 205 / 86400, "clock")
        add("share", "0.15", 0.15, "share")
        add("serial day without format", "45296.5", 45296.5)
    found = read(path)
    assert found.select("kind", "value").rows() == expected
    assert set(found.select("kind", "value").dtypes) == {pl.String}


def test_formulas_give_their_last_value(tmp_path):
    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["number", "text", "never computed"])
        sheet.write_formula(1, 0, "=1+1", value=2)
        sheet.write_formula(1, 1, '="a"', value="a")
        sheet.write_formula(1, 2, "=40+2", value=42)
    altered(path, lambda text: text.replace("<v>42</v>", ""))
    assert read(path).select(pl.exclude(ROW, CONTINUES)).rows() == [("2", "a", None)]


@pytest.mark.parametrize(
    "sign", ["#REF!", "#N/A", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"]
)
def test_error_cells_keep_their_sign(tmp_path, sign):
    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(2, 1, ["id", "amount"])
        sheet.write_row(3, 1, ["a", 5])
        sheet.write_string(4, 1, "b")
        sheet.write_formula(4, 2, "=x", value=sign)
    found = read(path, header_row=3)
    assert found["amount"].to_list() == ["5", sign]


def test_an_error_cell_of_a_new_kind_is_told(tmp_path):
    path = with_rows(tmp_path / "shop.xlsx", '<row r="1"><c r="A1" t="e"><v>#SPILL!</v></c></row>')
    with pytest.raises(UserError, match=r"#SPILL!"):
        read(path)


def test_days_of_the_other_calendar_of_spreadsheets_are_the_same_days(tmp_path):
    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "day")
        sheet.write_datetime(
            1, 0, datetime(2024, 1, 5), book.add_format({"num_format": "yyyy-mm-dd"})
        )
    assert read(path)["day"].to_list() == ["2024-01-05 00:00:00"]


def test_blank_rows_are_dropped_and_keep_their_number(tmp_path):
    rows = [[], ["", "id", "name"], ["", "1", "a"], [], ["", "  ", None], ["", "2", "b"], []]
    found = read(write(tmp_path / "shop.xlsx", rows), header_row=2)
    expected = pl.DataFrame({"id": ["1", "2"], "name": ["a", "b"], CONTINUES: False, ROW: [1, 4]})
    assert_frame_equal(found, expected)


def test_headings_can_be_given_for_a_sheet_without_them(tmp_path):
    path = write(tmp_path / "shop.xlsx", [["1", "a"], ["2", "b"]])
    found = read(path, headings=["id", "name", "city"])
    assert found.select("id", "name", "city", ROW).rows() == [
        ("1", "a", None, 1),
        ("2", "b", None, 2),
    ]


SUBFORM_ROWS = [
    ["订单编号", "客户", "订单金额", "订单明细", None],
    [None, None, None, "产品编码", "数量"],
    ["S1", "c1", 30, "p1", 1],
    [None, None, None, "p2", 2],
    [None, None, None, None, None],
    ["S2", "c1", 5, "p1", 1],
    ["S3", None, 7, "p3", 1],
    [None, None, None, "p4", 4],
]
SUBFORM_MERGES = {
    "A1:A2": "订单编号",
    "B1:B2": "客户",
    "C1:C2": "订单金额",
    "D1:E1": "订单明细",
    "A3:A5": "S1",
    "B3:B5": "c1",
    "C3:C5": 30,
    "A7:A8": "S3",
    "C7:C8": 7,
}


def test_merged_parents_of_a_sub_form_stand_in_each_of_their_rows(tmp_path):
    path = write(tmp_path / "shop.xlsx", SUBFORM_ROWS, SUBFORM_MERGES)
    expected = pl.DataFrame(
        {
            "订单编号": ["S1", "S1", "S2", "S3", "S3"],
            "客户": ["c1", "c1", "c1", None, None],
            "订单金额": ["30", "30", "5", "7", "7"],
            "订单明细.产品编码": ["p1", "p2", "p1", "p3", "p4"],
            "订单明细.数量": ["1", "2", "1", "1", "4"],
            CONTINUES: [False, True, False, False, True],
            ROW: [1, 2, 4, 5, 6],
        }
    )
    assert_frame_equal(read(path, table="order_lines", subform="订单明细"), expected)


def test_an_order_continues_only_where_its_amount_is_merged(tmp_path):
    """A customer merged over orders of their own makes none of them a part of another."""
    rows = [
        ["客户编号", "订单编号", "下单时间", "订单金额"],
        ["c1", "S1", "2024-01-05", 30],
        [None, "S2", "2024-01-06", 40],
        [None, None, None, None],
    ]
    merges = {"A2:A4": "c1", "B3:B4": "S2", "C3:C4": "2024-01-06", "D3:D4": 40}
    path = write(tmp_path / "shop.xlsx", rows, merges)
    altered(
        path,
        lambda text: text.replace("</row></sheetData>", '<c r="E4"><v>1</v></c></row></sheetData>'),
    )
    found = read(path, table="orders")
    assert found["客户编号"].to_list() == ["c1", "c1", "c1"]
    assert found[CONTINUES].to_list() == [False, False, True]
    assert found["column E"].to_list() == [None, None, "1"]


GROUPED_ROWS = [
    ["2024年", None, None, None],
    ["客户", None, "订单", None],
    ["编号", "名称", "编号", "金额"],
    ["c1", "a", "S1", 3],
]
GROUPED_MERGES = {"A1:D1": "2024年", "A2:B2": "客户", "C2:D2": "订单"}


def test_parent_headings_over_all_columns_are_joined_with_those_below(tmp_path):
    path = write(tmp_path / "shop.xlsx", GROUPED_ROWS, GROUPED_MERGES)
    found = read(path, header_row=2).drop(CONTINUES, ROW)
    assert found.columns == ["客户.编号", "客户.名称", "订单.编号", "订单.金额"]
    assert found.rows() == [("c1", "a", "S1", "3")]
    with pytest.raises(UserError, match="Is it a title"):
        read(path)


def test_a_workbook_whose_xml_has_a_prefix_reads_the_same(tmp_path):
    path = write(tmp_path / "shop.xlsx", SUBFORM_ROWS, SUBFORM_MERGES)
    expected = read(path)
    altered(
        path,
        lambda text: re.sub(r"<(/?)([a-zA-Z])", r"<\1x:\2", text).replace(" xmlns=", " xmlns:x="),
    )
    assert_frame_equal(read(path), expected)


def test_a_table_may_begin_anywhere_in_its_sheet(tmp_path):
    rows = [[], [None, None, "id", "city"], [None, None, "1", "a"], [None, None, None, "b"]]
    path = write(tmp_path / "shop.xlsx", rows, {"C3:C4": "1"})
    found = read(path, header_row=2)
    assert found.rows() == [("1", "a", False, 1), ("1", "b", True, 2)]


def test_headings_merged_downwards_serve_from_their_last_row_too(tmp_path):
    merges = {"A1:A2": "id", "B1:B2": "name"}
    path = write(tmp_path / "shop.xlsx", [["id", "name"], [], ["1", "a"], ["2", "b"]], merges)
    expected = [("1", "a", False, 1), ("2", "b", False, 2)]
    assert read(path).rows() == read(path, header_row=2).rows() == expected


def test_nothing_is_filled_without_a_merged_cell(tmp_path):
    rows = [["id", "city"], ["1", "Xi'an"], ["2", None], [None, "Wuhan"]]
    found = read(write(tmp_path / "shop.xlsx", rows))
    assert found["id"].to_list() == ["1", "2", None]
    assert found["city"].to_list() == ["Xi'an", None, "Wuhan"]
    assert not found[CONTINUES].any()


def test_cells_merged_for_looks_change_no_heading(tmp_path):
    rows = [["id", "name", None, "city"], ["1", "a", None, "Wuhan"]]
    found = read(write(tmp_path / "shop.xlsx", rows, {"B1:C1": "name", "B2:C2": "a"}))
    assert found.columns == ["id", "name", "city", CONTINUES, ROW]
    assert found["name"].to_list() == ["a"]


def test_sheets_of_a_chart_are_no_sheets_and_hidden_ones_are(tmp_path):
    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("订单").write(0, 0, "id")
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=订单!$A$1:$A$2"})
        book.add_chartsheet("Chart").set_chart(chart)
        hidden = book.add_worksheet("A&B")
        hidden.write(0, 0, "id")
        hidden.hide()
        book.add_worksheet("blank")
    assert sheet_names(path) == ["订单", "A&B"]


def test_a_number_longer_than_a_float_is_kept_as_written(tmp_path):
    cells = '<c r="A2"><v>1234567890123456789</v></c><c r="B2" t="inlineStr"><is><t>x</t></is></c>'
    head = "".join(f'<c r="{at}1" t="inlineStr"><is><t>{at}</t></is></c>' for at in "AB")
    path = with_rows(tmp_path / "s.xlsx", f'<row r="1">{head}</row><row r="2">{cells}</row>')
    assert read(path)["A"].to_list() == ["1234567890123456789"]


def test_ids_that_lost_their_last_digits_are_refused(tmp_path):
    path = write(tmp_path / "shop.xlsx", [["订单号", "name"], [2234567890123456789, "a"]])
    with pytest.raises(
        UserError, match=r'row 2, column "订单号": 2\.23456789\d+E\+18 has more digits'
    ):
        read(path)
    assert read(path, ignore=["订单号"])["name"].to_list() == ["a"]


@pytest.mark.parametrize(
    ("rows", "merged", "words"),
    [
        (
            [["2024年订单", None], ["id", "name"], ["1", "a"]],
            {"A1:B1": "2024年订单"},
            "Is it a title",
        ),
        ([["2024年订单", None], ["id", "name"], ["1", "a"]], {}, r'"2024年订单"\). Is it a title'),
        ([[], ["id", "name"], ["1", "a"]], {}, "row 1 names 0 of 2 columns"),
        ([["id", "id"], ["1", "a"]], {}, "several columns of one name: id"),
    ],
)
def test_headings_that_name_no_columns_are_told(tmp_path, rows, merged, words):
    with pytest.raises(UserError, match=words):
        read(write(tmp_path / "shop.xlsx", rows, merged))


def test_headings_below_the_last_row_are_told(tmp_path):
    with pytest.raises(UserError, match="row 50 names 0 of 0 columns"):
        read(write(tmp_path / "shop.xlsx", [["id", "name"], ["1", "a"]]), header_row=50)


def test_headings_merged_beyond_the_last_row_have_no_rows(tmp_path):
    found = read(write(tmp_path / "shop.xlsx", [["id", "name"]], {"A1:A60": "id"}))
    assert found.columns == ["id", "name", CONTINUES, ROW]
    assert found.is_empty()


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path):
    path = write(tmp_path / "shop.xlsx", [["id"]])
    with pytest.raises(UserError, match=r'no sheet "订单"\. Its sheets are: Sheet1'):
        read(path, "订单")


def test_an_empty_sheet_is_told(tmp_path):
    with pytest.raises(UserError, match="empty sheet"):
        read(write(tmp_path / "shop.xlsx", []))


def test_a_sheet_of_headings_only_has_no_rows(tmp_path):
    found = read(write(tmp_path / "shop.xlsx", [["id", "name"]]))
    assert found.columns == ["id", "name", CONTINUES, ROW]
    assert found.is_empty()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut or damaged"),
        (b"id,name\n1,a\n", "cut or damaged"),
        (b"<html><table></table></html>", "it is a web page"),
        (OLE + bytes(600), "old kind"),
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "is encrypted"),
    ],
)
def test_files_of_another_kind_are_told(tmp_path, content, words):
    path = tmp_path / "shop.xlsx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"shop\.xlsx .*{words}.*save it as \.xlsx"):
        sheet_names(path)


def test_an_archive_that_is_no_workbook_is_told(tmp_path):
    path = tmp_path / "shop.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("orders.csv", "id\n1\n")
    with pytest.raises(UserError, match="cannot be read"):
        sheet_names(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_torn_workbook_is_told(tmp_path, share):
    path = write(tmp_path / "shop.xlsx", [["id", "name"], *([str(at), "a"] for at in range(99))])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match="cut or damaged"):
        read(path)


def test_a_damaged_workbook_is_told(tmp_path):
    """Each byte of the sheet in turn: it reads the same or is told, and never ends otherwise."""
    path = write(tmp_path / "shop.xlsx", [["id", "name"], ["1", "a"]])
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo(SHEET_XML).header_offset
        size = archive.getinfo(SHEET_XML).compress_size
    told = 0
    for at in range(begin, begin + size, 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :])
        try:
            read(path)
        except UserError:
            told += 1
    assert told > size / 7 / 2


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = write(tmp_path / "shop.xlsx", [["id", "name"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image.bin", bytes(1 << 20))
    assert sheet_names(path) == ["Sheet1"]
    monkeypatch.setattr(packed, "SUSPECT_BYTES", 1 << 19)
    monkeypatch.setattr(packed, "SUSPECT_RATIO", 50)
    with pytest.raises(UserError, match="too large, or made to do harm"):
        sheet_names(path)


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_a_value_far_from_the_table_is_told_instead_of_taking_all_memory(tmp_path, prefix):
    rows = "".join(
        f'<row r="{row}"><c r="{column}{row}"><v>1</v></c></row>'
        for column, row in (("A", 1), ("XFD", 1_048_576))
    )
    path = with_rows(tmp_path / "shop.xlsx", rows.replace("<c", f"<{prefix}c"))
    with pytest.raises(UserError, match=r"column XFD and row 1,048,576, too far"):
        read(path)


def test_a_cell_on_which_the_reader_crashes_is_told(tmp_path):
    """A date beyond all calendars."""
    path = tmp_path / "shop.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "day")
        sheet.write(1, 0, -1e12, book.add_format({"num_format": "yyyy-mm-dd"}))
    with pytest.raises(UserError, match="cut or damaged"):
        read(path)


def test_cells_with_a_format_and_no_value_reach_nowhere(tmp_path):
    path = with_rows(
        tmp_path / "shop.xlsx",
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>',
    )
    assert read(path).columns == ["1", CONTINUES, ROW]


def test_merged_cells_are_found_wherever_the_blocks_of_reading_part(tmp_path, monkeypatch):
    monkeypatch.setattr(read_workbook, "_BLOCK_BYTES", 64)
    path = write(tmp_path / "shop.xlsx", SUBFORM_ROWS, SUBFORM_MERGES)
    assert read(path)["订单编号"].to_list() == ["S1", "S1", "S2", "S3", "S3"]
