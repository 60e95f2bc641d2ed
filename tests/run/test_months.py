"""Real months: a backfill of the 1/10 sample, the same numbers from any number of threads."""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from helpers import command

from analysis import tables

MONTH = "1998-06"


def contents(root: Path, month: str = MONTH) -> dict[str, str]:
    """A hash of each published table's values."""
    folder = root / "data" / "processed" / "tenth" / month
    return {
        name: tables.content_hash(tables.read(name, folder)) for name in sorted(tables.CONTRACTS)
    }


def pages(root: Path) -> dict[str, str]:
    """The published pages without their footers."""
    folder = root / "reports" / "tenth" / MONTH
    cut = re.compile("<footer>.*</footer>", re.DOTALL)
    return {path.name: cut.sub("", path.read_text()) for path in folder.glob("*.html")}


def test_a_backfill_publishes_its_months_in_order(tenth_root):
    index = (tenth_root / "reports" / "tenth" / "index.html").read_text()
    assert index.index("June 1998") < index.index("May 1998") < index.index("April 1998")
    folder = tenth_root / "data" / "processed" / "tenth"
    taken = [
        json.loads((folder / month / "manifest.json").read_text())["taken"]
        for month in ("1998-04", "1998-05", MONTH)
    ]
    assert taken[0] == {}
    # Of further months back, too:
    again = {"migration", "segments", "clv_fit", "clv_forecast", "action_plan"}
    outputs = {"standard", "customers", "kpis", "quality_trend"} | again
    outputs |= {"churn", "early_warning", "themes_model", "crm_labels"}
    outputs |= {"offers", "satisfaction", "profiles"}
    assert set(taken[1]) == {f"1998-04/{name}" for name in outputs}
    assert set(taken[2]) == {f"1998-05/{name}" for name in outputs} | {
        f"1998-04/{name}" for name in again
    }


@pytest.mark.parametrize("threads", ["1", "4"])
def test_a_forced_run_with_other_threads_gives_equal_tables_and_pages(
    tenth_root, tmp_path, threads
):
    copy = tmp_path / "copy"
    shutil.copytree(tenth_root, copy)
    words = ("run", MONTH, "--force", "--config", "config/tenth.toml")
    done = command(copy, *words, POLARS_MAX_THREADS=threads, PYTHONHASHSEED=threads)
    assert done.returncode == 0, done.stderr
    assert contents(copy) == contents(tenth_root)
    assert pages(copy) == pages(tenth_root)


def test_every_table_has_its_grain_and_no_nan(tenth_root):
    folder = tenth_root / "data" / "processed" / "tenth" / MONTH
    customers = tables.read("customers", folder)
    assert customers.height == 2357
    for name in ("clv", "churn"):
        assert tables.read(name, folder)["customer_id"].equals(customers["customer_id"])
    segments = tables.read("segments", folder)
    sizes = segments.group_by("axis").agg(pl.len(), pl.col("customer_id").n_unique())
    assert set(sizes["axis"]) >= {"rfm", "cluster", "life_cycle"}
    assert set(sizes["len"]) == set(sizes["customer_id"]) == {customers.height}
    assert segments["previous_class"].null_count() == 0
    for name in tables.CONTRACTS:
        floats = tables.read(name, folder).select(pl.selectors.float())
        assert not any(column.is_nan().any() for column in floats), name


def test_the_ledger_holds_every_row_and_cent_of_the_file(tenth_root):
    folder = tenth_root / "data" / "processed" / "tenth" / MONTH
    ledger = tables.read("source_ledger", folder).row(0, named=True)
    assert (ledger["rows_read"], ledger["rows_kept"], ledger["rows_merged"]) == (6919, 6696, 223)
    assert ledger["money_read"] == 244091.94
    early = tables.read("source_ledger", folder.with_name("1998-04")).row(0, named=True)
    assert early["rows_read"] + early["rows_later"] == 6919


def test_a_month_sees_nothing_after_its_end(tenth_root):
    folder = tenth_root / "data" / "processed" / "tenth" / "1998-04"
    assert tables.read("occasions", folder)["purchase_day"].max() <= date(1998, 4, 30)
    assert tables.read("raw_orders", folder)["ordered_at"].max().date() <= date(1998, 4, 30)


def test_lists_to_act_on_are_workbooks_beside_the_tables(tenth_root):
    folder = tenth_root / "data" / "processed" / "tenth" / MONTH / "export"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "actions.xlsx",
        "at_risk.xlsx",
        "call_back.xlsx",
        "care.xlsx",
        "customer_classes.xlsx",
        "customer_values.xlsx",
        "due_contacts.xlsx",
        "movers.xlsx",
        "offers.xlsx",
        "second_purchase.xlsx",
    ]
    people = pl.read_excel(folder / "at_risk.xlsx", infer_schema_length=0)
    assert people["customer"][0].isdigit()
    assert people.height > 100


def test_an_export_is_one_file_that_holds_every_page(tenth_root, tmp_path):
    target = tmp_path / "june.html"
    words = ("export", MONTH, "--config", "config/tenth.toml", "--output", str(target))
    done = command(tenth_root, *words)
    assert done.returncode == 0, done.stderr
    from analysis.report import gates
    from analysis.report.gates import Page

    page = Page.read(target)
    assert [line for gate in gates.GATES for line in gate(page)] == []
    for part in (
        "01_collect",
        "02_clean",
        "03_segment",
        "04_clv",
        "05_churn",
        "06_feedback",
        "07_actions",
        "08_effects",
        "09_summary",
    ):
        assert page.soup.find(id=part)
    ids = [tag["id"] for tag in page.soup.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_status_marks_a_month_whose_month_before_has_changed(tenth_root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tenth_root, copy)
    assert "stale" not in command(copy, "status").stdout
    manifest = copy / "data" / "processed" / "tenth" / "1998-05" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["tables"]["segments"]["content"] = "0" * 64
    manifest.write_text(json.dumps(content))
    lines = command(copy, "status").stdout.splitlines()
    assert [line[13:20] for line in lines if "stale" in line] == [MONTH]


def test_a_month_is_opened_from_an_analysts_own_notebook(tenth_root, monkeypatch):
    import analysis

    monkeypatch.setenv("ANALYSIS_ROOT", str(tenth_root))
    month = analysis.open_month("config/tenth.toml", MONTH)
    assert month.read("clv").height == 2357
    with pytest.raises(analysis.UserError, match="analysis run 1998-01"):
        analysis.open_month("config/tenth.toml", "1998-01").read("clv")
