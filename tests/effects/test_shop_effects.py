"""The simulated shop: what its campaigns do is known."""

from datetime import date

import polars as pl
import pytest

from analysis.contracts.effects import TABLES
from analysis.effects import campaigns, checks, measured, organic, payoff, pooled

AS_OF = date(2024, 6, 30)


@pytest.fixture(scope="module")
def shop(shop_root) -> dict[str, pl.DataFrame]:
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    names = ("campaigns", "responses", "occasions")
    found = {name: pl.read_parquet(folder / f"{name}.parquet") for name in names}
    truth = shop_root / "data" / "raw" / "shop" / "truth" / "campaign_members.csv"
    return found | {"truth": pl.read_csv(truth)}


@pytest.fixture(scope="module")
def effects(shop):
    listed = campaigns.from_responses(shop["campaigns"], shop["responses"], AS_OF)
    checked = checks.check(listed, shop["occasions"], AS_OF)
    return listed, checked, measured.effects(listed, checked, shop["occasions"])


@pytest.fixture(scope="module")
def drawn(effects):
    """The two campaigns whose arms were drawn."""
    _, checked, found = effects
    return checked.filter(pl.col("campaign") != "C3"), found.filter(pl.col("campaign") != "C3")


def test_planted_effects_lie_in_their_intervals(shop, drawn):
    planted = dict(shop["truth"].group_by("campaign_id").agg(pl.col("uplift").mean()).rows())
    active = drawn[1].filter(measure="active")
    assert active["campaign"].to_list() == ["C1", "C2"]
    for row in active.iter_rows(named=True):
        assert row["low"] <= planted[row["campaign"]] <= row["high"], row["campaign"]
    assert active["verdict"].to_list() == ["better", "not_distinguishable"]
    spend = drawn[1].filter(measure="spend")
    assert spend["verdict"].to_list() == ["better", "not_distinguishable"]


def test_its_lists_are_sound(drawn):
    checked, found = drawn
    assert checked["verdict"].to_list() == ["measurable"] * 2
    assert checked["window_days"].to_list() == [60, 60]
    assert checked.select("leaked", "in_both", "in_others", "lost").sum().row(0) == (0, 0, 0, 0)
    assert found.filter(measure="active")["mde"].to_list() == pytest.approx([0.06, 0.06], abs=0.003)
    TABLES["effects_campaigns"].validate(checked, cast=True)
    TABLES["effects"].validate(found, cast=True)


def test_the_campaign_that_went_to_everybody_is_not_measurable(effects):
    _, checked, found = effects
    row = checked.filter(campaign="C3").row(0, named=True)
    assert (row["controls"], row["verdict"], row["reason"]) == (0, "not_measurable", "no_controls")
    assert found.filter(campaign="C3")["difference"].null_count() == 2


def test_a_campaign_whose_customers_staff_chose_is_not_measurable(shop):
    """The same customers, but only those treated were written down."""
    kept = shop["responses"].filter(pl.col("assigned_group") == "treat")
    listed = campaigns.from_responses(shop["campaigns"], kept, AS_OF)
    checked = checks.check(listed, shop["occasions"], AS_OF)
    assert checked["reason"].to_list() == ["no_controls"] * 3
    found = measured.effects(listed, checked, shop["occasions"])
    assert found["difference"].null_count() == 6


def test_customers_picked_because_they_had_just_bought_are_not_random(shop):
    day = date(2024, 3, 4)
    recent = shop["occasions"].filter(
        pl.col("purchase_day").is_between(date(2024, 1, 20), day, closed="left")
    )["customer_id"]
    picked = pl.when(pl.col("customer_id").is_in(recent.unique().implode()))
    by_staff = shop["responses"].with_columns(
        assigned_group=picked.then(pl.lit("treat")).otherwise(pl.lit("control")),
        sent_at=picked.then(pl.lit(day).cast(pl.Datetime("us"))),
        opened_at=pl.lit(None, pl.Datetime("us")),
        clicked_at=pl.lit(None, pl.Datetime("us")),
    )
    listed = campaigns.from_responses(shop["campaigns"], by_staff, AS_OF)
    checked = checks.check(listed, shop["occasions"], AS_OF)
    assert checked.filter(campaign="C2")["reason"].to_list() == ["not_random"]


def test_the_one_that_works_pays_and_the_two_are_not_alike(effects, drawn):
    listed, found = effects[0], drawn[1]
    paid = payoff.payoff(listed, found, 1.0)
    assert paid["cost"].cast(pl.Float64).to_list() == [6000, 3500]
    assert paid["chance_pays"][0] > 0.95 > 0.5 > paid["chance_pays"][1]
    together = pooled.pooled(found).filter(measure="active", campaigns=2).row(0, named=True)
    assert together["q_p"] < 0.001
    assert together["i2"] > 0.9


def test_controls_do_what_customers_of_their_kind_did_before(shop, effects):
    listed, checked, found = (*effects[:2], effects[2].filter(pl.col("campaign") != "C3"))
    kind = organic.same_kind_rates(listed, checked, shop["occasions"])
    for row in found.filter(measure="active").iter_rows(named=True):
        quiet = kind.filter((pl.col("group") == row["campaign"]) & pl.col("quiet"))
        assert quiet.height >= 4  # the windows of the others lie beside the rest
        assert abs(quiet["rate"].mean() - row["value_control"]) < 0.04
    base = organic.base_rates(shop["occasions"], checked, AS_OF)
    assert base.filter(group="best")["change"].max() < -0.5
    TABLES["organic_rates"].validate(pl.concat([base, kind]), cast=True)
