"""The plan of the published shop: drawn once, kept in the ledger, and acted on for those treated only."""

import json

import polars as pl
import pytest
from helpers import command

from analysis.actions import ledger
from analysis.run.months import Month

JUNE = Month(2024, 6)
SETTINGS = ("--config", "config/shop.toml")


@pytest.fixture
def june(shop_root, monkeypatch):
    """The folder of June's tables."""
    monkeypatch.setenv("ANALYSIS_ROOT", str(shop_root))
    return shop_root / "data" / "processed" / "shop" / "2024-06"


def read(folder, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_both_months_are_in_the_ledger_as_they_were_published(june):
    kept = ledger.read("shop", JUNE)
    assert kept.problems.is_empty()
    assert set(kept.assignments["month"]) == {"2024-05", "2024-06"}
    own = kept.assignments.filter(pl.col("month") == "2024-06")
    key = ["campaign", "customer_id"]
    assert own.sort(key).equals(read(june, "assignments").cast(own.schema).sort(key))


def test_the_month_says_which_campaigns_it_was_made_from(june):
    taken = json.loads((june / "manifest.json").read_text())["taken"]
    assert "campaigns up to 2024-05" in taken


def test_nobody_is_in_two_campaigns_and_every_candidate_is_accounted_for(june):
    plan, left_out = read(june, "action_plan"), read(june, "plan_left_out")
    assert plan["customer_id"].is_unique().all()
    both = plan.select("customer_id", "action").cast(pl.String)
    again = left_out.select("customer_id", "action").cast(pl.String)
    assert both.join(again, on=["customer_id", "action"], how="semi").is_empty()
    arms = dict(plan["arm"].cast(pl.String).value_counts().iter_rows())
    assert 0 < arms["treat"] <= 400  # contact_capacity of the shop
    assert arms["control"] > 0
    assert arms["standing"] > 0


def test_the_list_to_act_on_holds_nobody_who_is_left_alone(june):
    listed = pl.read_excel(june / "export" / "actions.xlsx", infer_schema_length=0)
    plan = read(june, "action_plan").with_columns(pl.col("arm").cast(pl.String))
    assert listed.height == plan.filter(pl.col("arm") == "treat").height
    alone = plan.filter(pl.col("arm") != "treat")["customer_id"]
    ids = listed.get_column(listed.columns[0])
    assert not ids.is_in(alone.implode()).any()


def test_a_month_made_again_takes_its_draw_from_the_ledger_and_comes_out_the_same(shop_root, june):
    names = ("assignments", "action_plan", "plan_left_out", "effects_campaigns", "scorecard")
    before = {name: read(june, name) for name in names}
    done = command(shop_root, "run", "2024-06", "--only", "07", *SETTINGS)
    assert done.returncode == 0, done.stderr
    assert "07_actions" in done.stderr
    for name in names:
        assert read(june, name).equals(before[name]), name
