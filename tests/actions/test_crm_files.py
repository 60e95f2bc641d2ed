"""Import files: read back and applied to the exports they give the new labels and nothing else."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from actions.test_crm_labels import people, shop, source, write

from analysis import tables
from analysis.actions import crm_files, crm_labels, crm_read_back, crm_words
from analysis.actions.crm_records import records
from analysis.contracts.actions import CrmLabels
from analysis.report.workbook import FORMULA_START
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.sections_crm import LABELS, Crm
from analysis.run.settings import load

FIRST = {
    "customer_class": "新客户",
    "value_class": "低价值客户",
    "churn_risk": "低",
    "next_action": "无",
    "channel": "电话",
    "tags": "忠诚客户,活跃客户",
}


def table(system: str, *rows: tuple[str, dict], key: str = "data_id") -> pl.DataFrame:
    """The table of labels: records, and what of the first labels is other now."""
    listed = [
        (system, one, name, "p", key, one, new.get(name, FIRST[name]), FIRST[name])
        for one, new in rows
        for name in LABELS
    ]
    names = ["system", "record_id", "field", "customer_id", "key", "api_id", "value", "previous"]
    found = pl.DataFrame(listed, schema=names, orient="row")
    return found.with_columns(changed=pl.col("value") != pl.col("previous"))


def told(system: str, *rows: tuple) -> pl.DataFrame:
    """Records with their names and own tags."""
    listed = [(system, *row) for row in rows]
    names = dict.fromkeys(["system", "record_id", "customer_name", "own_tags"], pl.String)
    return pl.DataFrame(listed, schema=names, orient="row")


def read_cells(path) -> list[tuple]:
    return crm_read_back.read_file(path).rows()


LONG = ("0065f0000000000000000001", "487651234500012345", "000123", "1E5", "12345678901234567890")


def test_ids_keep_their_zeros_and_all_their_digits(tmp_path):
    labels = table("jiandaoyun", *((one, {"churn_risk": "高"}) for one in LONG))
    crm_files.write_files(labels, told("jiandaoyun"), shop(), tmp_path)
    cells = read_cells(tmp_path / "crm_jiandaoyun_changes.xlsx")
    assert [row[0] for row in cells] == sorted(LONG)
    csv = labels.with_columns(system=pl.lit("zoho"))
    crm_files.write_files(csv, told("zoho", *((one, "n", None) for one in LONG)), shop(), tmp_path)
    assert [row[0] for row in read_cells(tmp_path / "crm_zoho_changes.csv")] == sorted(LONG)


def test_only_changed_records_stand_in_the_file_of_changes(tmp_path):
    labels = table("fxiaoke", ("KH1", {"churn_risk": "高"}), ("KH2", {}), key="客户编号")
    names = told("fxiaoke", ("KH1", "陈玲", None), ("KH2", "王芳", None))
    crm_files.write_files(labels, names, shop(), tmp_path)
    changed = crm_read_back.read_file(tmp_path / "crm_fxiaoke_changes.xlsx")
    assert changed.columns == ["客户编号", "客户名称", *(f"{one}__c" for one in LABELS.values())]
    assert changed.rows() == [
        ("KH1", "陈玲", "新客户", "低价值客户", "高", "无", "电话", "忠诚客户,活跃客户")
    ]
    everything = crm_read_back.read_file(tmp_path / "crm_fxiaoke_all.xlsx")
    assert everything["客户编号"].to_list() == ["KH1", "KH2"]


@pytest.mark.filterwarnings("error")
def test_names_that_look_like_formulas_stay_text_and_stay_whole(tmp_path):
    names = ["=cmd|' /C calc'!A0", "+86 陈", "-10", "@sum", "http://x.example"]
    rows = [(f"KH{place}", name, None) for place, name in enumerate(names)]
    labels = table("fxiaoke", *((row[0], {"tags": "新"}) for row in rows), key="客户编号")
    crm_files.write_files(labels, told("fxiaoke", *rows), shop(), tmp_path)
    path = tmp_path / "crm_fxiaoke_changes.xlsx"
    assert [row[1] for row in read_cells(path)] == names
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
        assert not [name for name in book.namelist() if b"hyperlink" in book.read(name)]
    assert "<f>" not in sheet
    cells = re.findall(r"<c [^>]*>", sheet)
    assert all('t="s"' in cell for cell in cells)  # text, so nothing is computed or cut
    assert 'quotePrefix="1"' in styles  # and stays text when somebody edits the cell
    assert 'numberStoredAsText="1"' in sheet  # so that no cell is marked with a warning


def test_no_cell_of_a_csv_begins_like_a_formula(tmp_path):
    labels = table("zoho", ("1", {"tags": "无"}), ("2", {"tags": "新"}), key="Record Id")
    names = told("zoho", ("1", "n", "-10%,=A1"), ("2", "n", "=A1"))
    crm_files.write_files(labels, names, shop(), tmp_path)
    path = tmp_path / "crm_zoho_changes.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    cells = [cell for row in read_cells(path) for cell in row if cell]
    assert not [cell for cell in cells if re.search(FORMULA_START, cell)]
    assert read_cells(path)[1][-1] == "新,=A1"  # the company's own tag, untouched


def test_tags_of_the_company_stay_and_ours_of_last_month_go():
    labels = table("zoho", ("1", {"tags": "忠诚客户,沉默客户"}), ("2", {"tags": "无"}))
    names = told("zoho", ("1", "n", "VIP； 活跃客户 ,老客户"), ("2", "n", "忠诚客户,老客户"))
    found = crm_files.import_table(labels, names, "zoho", Crm(), True)
    assert found["Tag"].to_list() == ["忠诚客户,沉默客户,VIP,老客户", "老客户"]


def test_long_files_are_cut_as_the_import_asks(tmp_path, monkeypatch):
    monkeypatch.setitem(crm_files._MOST_ROWS, "zoho", 2)
    ids = [str(number) for number in range(5)]
    labels = table("zoho", *((one, {"churn_risk": "高"}) for one in ids), key="Record Id")
    (tmp_path / "crm_zoho_changes_4.csv").write_text("of an earlier run")
    written = crm_files.write_files(
        labels, told("zoho", *((one, "n", None) for one in ids)), shop(), tmp_path
    )
    names = [f"crm_zoho_{kind}_{part}.csv" for kind in ("all", "changes") for part in (1, 2, 3)]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    parts = [read_cells(tmp_path / name) for name in names[3:]]
    assert [[row[0] for row in part] for part in parts] == [["0", "1"], ["2", "3"], ["4"]]


def test_batches_set_equal_changes_100_records_at_a_time():
    many = [(f"d{number:03d}", {"churn_risk": "高"}) for number in range(250)]
    few = [("x1", {"churn_risk": "高", "tags": "新"}), ("x2", {}), ("x3", {"churn_risk": "中"})]
    crm = Crm(jiandaoyun={"app_id": "a", "entry_id": "e", "api_names": {"churn_risk": "_widget_1"}})
    bodies = list(crm_files.batches(table("jiandaoyun", *many, *few), crm))
    assert [len(one["data_ids"]) for one in bodies] == [100, 100, 50, 1, 1]
    assert bodies[2] == {
        "app_id": "a",
        "entry_id": "e",
        "data_ids": [f"d{number:03d}" for number in range(200, 250)],
        "data": {"_widget_1": {"value": "高"}},
    }
    assert bodies[3]["data_ids"] == ["x1"]
    assert bodies[3]["data"] == {"_widget_1": {"value": "高"}, "客户标签": {"value": "新"}}


def test_an_import_changes_only_what_its_rows_name():
    before = pl.DataFrame(
        {"id": ["1", "2", "3"], "城市": ["西安", "成都", None], "级": ["a", None, "c"]}
    )
    file = pl.DataFrame({"id": ["3", "1"], "级": ["z", ""], "新": ["n", None]})
    after = crm_read_back.apply_import(before, file, ["id"])
    assert after.columns == ["id", "城市", "级", "新"]
    assert after.rows() == [
        ("1", "西安", "a", None),
        ("2", "成都", None, None),
        ("3", None, "z", "n"),
    ]
    with pytest.raises(UserError, match="same key"):
        crm_read_back.apply_import(before, file.with_columns(id=pl.lit("1")), ["id"])


def test_a_file_that_went_wrong_is_found_out(root, tmp_path):
    write(root, "zoho.csv", "Record Id,Full Name,Mailing City\n1,陈玲,西安\n2,王芳,成都\n")
    settings = shop(source("zoho.csv", "zoho"))
    known = records(people(("zoho.csv", 1, "p"), ("zoho.csv", 2, "q")), settings)
    labels = table("zoho", ("1", {"churn_risk": "高"}), ("2", {}), key="Record Id")
    crm_files.write_files(labels, known, settings, tmp_path)
    right = crm_read_back.check_files(labels, known, settings, tmp_path)
    assert right.rows() == [("zoho", 1, 0, 0, 0)]
    assert crm_words.checked(right)[0]["key"] == "crm_page.right"
    path = tmp_path / "crm_zoho_changes.csv"
    whole = path.read_text(encoding="utf-8-sig")
    path.write_text(whole.replace("\n1,", "\n3,"), encoding="utf-8-sig")
    wrong = crm_read_back.check_files(labels, known, settings, tmp_path)
    assert wrong.rows() == [("zoho", 1, 1, 1, 0)]
    assert crm_words.checked(wrong)[0]["key"] == "crm_page.wrong"
    other = whole.replace("Record Id,", "Record Id,Mailing City,").replace("\n1,", "\n1,X,")
    path.write_text(other, encoding="utf-8-sig")
    wrong = crm_read_back.check_files(labels, known, settings, tmp_path)
    assert wrong.rows() == [("zoho", 1, 0, 0, 1)]


def copy_of(shop_root: Path, folder: Path, data_ids: bool) -> Path:
    """A root with the months of the shop and exports of its own, with data ids of 简道云 or without."""
    raw, processed = folder / "data" / "raw", folder / "data" / "processed"
    shutil.copytree(shop_root / "data" / "raw" / "shop", raw / "shop")
    processed.mkdir()
    (processed / "shop").symlink_to(shop_root / "data" / "processed" / "shop")
    if not data_ids:
        path = raw / "shop" / "jiandaoyun_customers.xlsx"
        cells = pl.read_excel(path, infer_schema_length=0)
        with xlsxwriter.Workbook(path) as book:
            cells.drop("数据ID").write_excel(book, worksheet="客户")
    return folder


def labels_of_month(settings, month: str, previous: pl.DataFrame | None):
    folder = paths.tables("shop", Month.parse(month))
    read = {
        name: tables.read(name, folder)
        for name in ("profiles", "segments", "churn", "early_warning")
    }
    known = records(read["profiles"], settings)
    actions = read["early_warning"].select("customer_id", "action")
    labels = crm_labels.labels(read["segments"], read["churn"], None, actions, settings.crm)
    return known, CrmLabels.validate(crm_labels.crm_labels(labels, known, previous))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("data_ids", [False, True])
def test_labels_of_the_shop_go_back_to_all_three_systems(
    shop_root, tmp_path, monkeypatch, data_ids
):
    root, out = copy_of(shop_root, tmp_path / "root", data_ids), tmp_path / "out"
    monkeypatch.setenv("ANALYSIS_ROOT", str(root))
    settings = load(str(paths.CHECKOUT / "config" / "shop.toml"))
    _, may = labels_of_month(settings, "2024-05", None)
    known, june = labels_of_month(settings, "2024-06", may)
    files = crm_files.write_files(june, known, settings, out)
    check = crm_read_back.check_files(june, known, settings, out)
    counts = crm_labels.counts(june)
    assert counts["system"].to_list() == ["fxiaoke", "jiandaoyun", "zoho"]
    assert check["rows"].to_list() == counts["changed_records"].to_list()
    assert (check["rows"] > 100).all() and (check["rows"] * 2 < counts["records"]).all()
    assert check.select("not_found", "wrong_records", "other_cells").sum().row(0) == (0, 0, 0)
    assert len(files) == 7
    changed = june.filter(pl.col("system") == "jiandaoyun", pl.col("changed"))
    assert changed["key"].unique().to_list() == ["data_id" if data_ids else "客户编号"]
    text = (out / "crm_jiandaoyun_changes.json").read_text(encoding="utf-8")
    name, headings = "data_ids" if data_ids else "customer_numbers", settings.crm.jiandaoyun.fields
    sent = [
        (one, heading, cell["value"])
        for body in json.loads(text)
        for one in body[name]
        for heading, cell in body["data"].items()
    ]
    rows = changed.select("record_id", "field", "value").rows()
    assert sorted(sent) == sorted((one, headings[field], value) for one, field, value in rows)
