"""The ledger of assignments: appended once, never changed, checked whenever it is read."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from actions.plan_small import shop

from analysis import tables
from analysis.actions import ledger, plan_words
from analysis.report.show import Prose
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.publish import datasets, published_months

JUNE, JULY = Month(2024, 6), Month(2024, 7)


def drawn(month: Month = JUNE, action: str = "win_back", customers: int = 10) -> pl.DataFrame:
    """An assignment of one campaign; every fifth customer is a control."""
    rows = pl.DataFrame({"customer_id": [f"00{n}" for n in range(customers)]})
    control = pl.int_range(pl.len()) % 5 == 0
    return rows.with_columns(
        campaign=pl.lit(f"{month}-{action}"),
        arm=pl.when(control).then(pl.lit("control")).otherwise(pl.lit("treat")),
        stratum=pl.lit("lost"),
        assigned_on=pl.lit(month.last_day),
        month=pl.lit(str(month)),
        action=pl.lit(action),
        rank=pl.int_range(1, pl.len() + 1),
        cost=pl.when(control).then(Decimal(0)).otherwise(Decimal("1.5")),
        control_share=pl.lit(0.2),
    )


def folder(name: str = "2024-06-win_back") -> Path:
    return paths.campaigns("shop") / name


def content() -> dict:
    """Every file of the ledger and when it was written."""
    files = [path for path in paths.campaigns("shop").rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_what_was_appended_is_read(root):
    both = pl.concat([drawn(), drawn(action="retention", customers=5)])
    assert ledger.append("shop", both) == ["2024-06-retention", "2024-06-win_back"]
    found = ledger.read("shop", JUNE)
    expected = tables.conform("assignments", both)
    assert found.assignments.sort("campaign", "customer_id").equals(expected)
    assert found.problems.is_empty()
    assert found.written.select("campaign", "assigned_on", "rows", "control_share").rows() == [
        ("2024-06-retention", date(2024, 6, 30), 5, 0.2),
        ("2024-06-win_back", date(2024, 6, 30), 10, 0.2),
    ]


def test_the_same_again_writes_nothing_whatever_the_order_of_rows(root):
    ledger.append("shop", drawn())
    before = content()
    assert ledger.append("shop", drawn().sample(fraction=1, shuffle=True, seed=3)) == []
    assert content() == before


def test_other_content_is_refused_and_nothing_is_written(root):
    ledger.append("shop", drawn())
    before = content()
    changed = drawn().with_columns(arm=pl.lit("treat"))
    together = pl.concat([changed, drawn(action="care")])
    assert ledger.differing("shop", together) == ["2024-06-win_back"]
    with pytest.raises(UserError, match="2024-06-win_back") as raised:
        ledger.append("shop", together)
    assert "Nothing was written" in str(raised.value)
    assert content() == before
    assert ledger.differing("shop", drawn()) == []


def test_a_frame_that_breaks_its_contract_is_not_kept(root):
    with pytest.raises(ValueError, match="assignments"):
        ledger.append("shop", drawn().with_columns(arm=pl.lit("both")))
    with pytest.raises(ValueError, match="assignments"):
        ledger.append("shop", pl.concat([drawn(), drawn()]))
    assert not paths.campaigns("shop").exists()


def test_months_add_up_and_later_ones_are_not_read(root):
    ledger.append("shop", drawn())
    ledger.append("shop", drawn(JULY))
    assert ledger.read("shop", JUNE).assignments["month"].unique().to_list() == ["2024-06"]
    assert ledger.read("shop", JUNE).written.height == 1
    found = ledger.read("shop", JULY)
    assert (found.assignments.height, found.written.height) == (20, 2)


def test_a_campaign_of_nobody_and_an_empty_ledger(root):
    assert ledger.append("shop", drawn().clear()) == []
    found = ledger.read("shop", JUNE)
    assert found.assignments.is_empty() and found.written.is_empty() and found.problems.is_empty()
    assert plan_words.kept(found, JUNE.last_day)[0]["key"] == "plan.ledger_empty"


def lose_row(path: Path) -> None:
    frame = tables.read("assignments", path)
    tables.write("assignments", frame[:-1], path)


def change_row(path: Path) -> None:
    frame = tables.read("assignments", path)
    tables.write("assignments", frame.with_columns(stratum=pl.lit("other")), path)


def break_file(path: Path) -> None:
    tables.table_path("assignments", path).write_bytes(b"PAR1 no more")


def forget(path: Path) -> None:
    (path.parent / "manifest.json").write_text("{}", encoding="utf-8")


def garble(path: Path) -> None:
    (path.parent / "manifest.json").write_text("{not json", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "problem", "rows"),
    [
        (lose_row, "rows_lost", (10, 9)),
        (change_row, "changed", (10, 10)),
        (break_file, "unreadable", (10, None)),
        (shutil.rmtree, "lost", (10, None)),
        (forget, "not_recorded", (None, 10)),
        (garble, "not_recorded", (None, 10)),
    ],
)
def test_a_damaged_campaign_is_not_measurable_and_says_why(root, damage, problem, rows):
    ledger.append("shop", drawn())
    damage(folder())
    found = ledger.read("shop", JUNE)
    assert found.assignments.is_empty()
    assert found.problems.rows() == [("2024-06-win_back", problem, *rows)]
    line = plan_words.kept(found, JUNE.last_day)[1]
    values = {name: value for name, value in line.items() if name != "key"}
    assert "2024-06-win_back is not measurable: " in repr(Prose(line["key"], values, shop()))


def test_other_campaigns_stay_measurable(root):
    ledger.append("shop", pl.concat([drawn(), drawn(action="care")]))
    lose_row(folder())
    found = ledger.read("shop", JUNE)
    assert found.assignments["campaign"].unique().to_list() == ["2024-06-care"]
    assert found.problems["campaign"].to_list() == ["2024-06-win_back"]


def test_a_damaged_campaign_is_not_overwritten(root):
    ledger.append("shop", drawn())
    lose_row(folder())
    assert ledger.append("shop", drawn()) == []
    assert ledger.read("shop", JUNE).problems["problem"].to_list() == ["rows_lost"]


def test_a_lost_campaign_comes_back_only_as_it_was(root):
    ledger.append("shop", drawn())
    shutil.rmtree(folder())
    with pytest.raises(UserError):
        ledger.append("shop", drawn(customers=9))
    assert ledger.append("shop", drawn()) == ["2024-06-win_back"]
    assert ledger.read("shop", JUNE).problems.is_empty()


def test_a_kill_between_table_and_entry_is_made_good_by_the_same_content_only(root):
    ledger.append("shop", drawn())
    (paths.campaigns("shop") / "manifest.json").unlink()
    with pytest.raises(UserError, match="assigned before"):
        ledger.append("shop", drawn(customers=9))
    assert ledger.append("shop", drawn()) == ["2024-06-win_back"]
    assert ledger.read("shop", JUNE).problems.is_empty()


def test_a_kill_while_the_table_was_written_leaves_nothing_that_counts(root):
    partial = paths.campaigns("shop") / ".2024-06-win_back.partial"
    partial.mkdir(parents=True)
    (partial / "assignments.parquet").write_bytes(b"half")
    assert ledger.read("shop", JUNE).problems.is_empty()
    assert ledger.append("shop", drawn()) == ["2024-06-win_back"]
    assert not partial.exists()


def test_nothing_is_appended_beside_a_damaged_manifest(root):
    ledger.append("shop", drawn())
    garble(folder())
    with pytest.raises(UserError, match=r"manifest\.json"):
        ledger.append("shop", drawn(JULY))


def test_months_published_side_by_side_both_end_up_in_the_ledger(root):
    months = [Month(2023, number) for number in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda month: ledger.append("shop", drawn(month)), months))
    assert [len(one) for one in done] == [1] * 8
    found = ledger.read("shop", JUNE)
    assert found.written.height == 8 and found.problems.is_empty()


def test_the_ledger_is_no_month_and_no_data_set(root):
    ledger.append("shop", drawn())
    assert datasets() == ["shop"]
    assert published_months("shop") == []
