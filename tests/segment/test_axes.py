"""Rules that class customers, in code and in words; classes set by hand."""

import polars as pl
import pytest

from analysis.labels import group, label
from analysis.run.errors import UserError
from analysis.run.settings import Settings
from analysis.segment.axes import AXES, classify_by_rules, has_evidence, rule_in_words
from analysis.segment.overrides import apply_overrides, load_overrides
from analysis.segment.rfm import CutPoints
from analysis.segment.stages import second_purchase, stage_rates
from analysis.segment.standard import RfmPart, RhythmPart, Standard, ValuePart

ORIGIN = {"fitted_in": "2024-06", "months_seen": 30}
STANDARD = Standard(
    rfm=RfmPart(
        cuts=CutPoints((30, 60, 120, 240), (2, 3, 4, 7), (50, 100, 200, 400)),
        recency_shares=(0.2,) * 5,
        monetary_shares=(0.2,) * 5,
        **ORIGIN,
    ),
    value=ValuePart(revenue=(100, 300), margin=(40, 90), shares=(0.5, 0.3, 0.2), **ORIGIN),
    rhythm=RhythmPart(typical_gap_days=50, **ORIGIN),
)
COLUMNS = {
    "customer_id": pl.String,
    "purchases": pl.Int64,
    "T": pl.Float64,
    "recency": pl.Float64,
    "idle_days": pl.Float64,
    "spend": pl.Float64,
    "spend_365": pl.Float64,
    "margin_365": pl.Float64,
    "own_gap_days": pl.Float64,
    "days_to_second": pl.Int64,
    "lines": pl.Int64,
    "service_share": pl.Float64,
    "discount_share": pl.Float64,
    "age": pl.Int64,
    **dict.fromkeys(
        ("region", "city_tier", "gender", "income_band", "industry", "company_size"), pl.String
    ),
}


def settings(**segment) -> Settings:
    return Settings.model_validate(
        {
            "name": "s",
            "currency": "CNY",
            "time_zone": "Asia/Shanghai",
            "sources": [{"table": "orders", "path": "p"}],
            "segment": segment,
        }
    )


def facts(*rows: dict) -> pl.DataFrame:
    base = {"purchases": 1, "T": 10.0, "recency": 0.0, "idle_days": 10.0, "lines": 0, "spend": 1.0}
    full = [
        {"customer_id": f"c{i}"} | base | {"spend_365": 1.0} | row for i, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=COLUMNS)


def classes(axis: str, *rows: dict, **segment) -> list[str]:
    found = classify_by_rules(facts(*rows), STANDARD, settings(**segment))
    return found[axis]["class"].to_list()


def test_value_tiers_begin_at_the_standards_edges():
    rows = [{"spend_365": value} for value in (99.99, 100.0, 299.99, 300.0)]
    assert classes("value_revenue", *rows) == [
        "low_value",
        "middle_value",
        "middle_value",
        "high_value",
    ]


def test_a_customer_who_costs_more_than_he_brings_is_named():
    rows = [{"margin_365": value} for value in (-0.01, 0.0, 40.0, 90.0)]
    assert classes("value_margin", *rows) == [
        "loss_making",
        "low_margin",
        "middle_margin",
        "high_margin",
    ]


def test_loyal_is_who_bought_often_and_not_long_ago():
    rows = [
        {"purchases": 1},
        {"purchases": 3},
        {"purchases": 4, "idle_days": 365.0},
        {"purchases": 9, "idle_days": 366.0},
    ]
    assert classes("life_cycle", *rows) == ["first_purchase", "repeat", "loyal", "repeat"]
    assert classes("life_cycle", {"purchases": 3}, loyal_purchases=3) == ["loyal"]


def test_the_way_to_the_second_purchase():
    rows = [{"days_to_second": days, "T": 400.0} for days in (30, 31, 60, 90, 91)]
    rows += [{"T": 90.0}, {"T": 91.0}]
    assert classes("onboarding", *rows) == [
        "second_within_30",
        "second_within_60",
        "second_within_60",
        "second_within_90",
        "second_later",
        "second_awaited",
        "no_second",
    ]


def test_activity_is_measured_by_the_own_gap_and_by_the_bases_for_one_time_buyers():
    rows = [
        {"own_gap_days": 10.0, "idle_days": 15.0},
        {"own_gap_days": 10.0, "idle_days": 30.0},
        {"own_gap_days": 10.0, "idle_days": 31.0},
        {"idle_days": 75.0},
        {"idle_days": 151.0},
    ]
    assert classes("activity", *rows) == ["active", "slowing", "silent", "active", "silent"]


def test_need_is_shown_by_lines_enough():
    rows = [
        {"lines": 2, "service_share": 1.0, "discount_share": 0.0},
        {"lines": 3, "service_share": 0.34, "discount_share": 1.0},
        {"lines": 3, "service_share": 0.0, "discount_share": 0.5},
        {"lines": 3, "service_share": 0.0, "discount_share": 0.4},
    ]
    assert classes("need", *rows) == ["unclear", "service", "price_sensitive", "product"]


def test_age_bands_cover_every_age_and_unknown_stays_unknown():
    rows = [{"age": age} for age in (17, 18, 24, 25, 64, 65, 99, None)]
    assert classes("age_band", *rows) == [
        *("under 18", "18-24", "18-24", "25-34", "55-64", "65+", "65+"),
        "unknown",
    ]


def test_an_axis_without_evidence_has_no_classes_and_its_reason_in_words():
    found = classify_by_rules(facts({}), STANDARD, settings())
    absent = set(AXES) - set(found) - {"cluster"}
    assert absent == set(group("missing_axis"))
    assert not any(has_evidence(AXES[key], facts({})) for key in absent - {"psychographic"})


def test_without_a_fitted_standard_the_class_is_too_little_data():
    found = classify_by_rules(facts({}), Standard(), settings())
    assert found["rfm"]["class"].to_list() == ["too_little_data"]
    assert found["life_cycle"]["class"].to_list() == ["first_purchase"]
    assert found["activity"]["class"].to_list() == ["unknown"]


@pytest.mark.parametrize("axis", [one for one in AXES.values() if one.classes], ids=lambda a: a.key)
def test_every_class_of_a_rule_has_its_words_and_its_rule(axis):
    for name in axis.classes:
        assert label(f"class.{name}.en")
        assert label(f"class.{name}.zh")
        rule = rule_in_words(axis.key, name, STANDARD, settings())
        assert "{" not in rule


def test_the_rule_in_words_carries_the_standards_figures():
    words = rule_in_words("value_revenue", "middle_value", STANDARD, settings())
    assert words == "revenue of the last 365 days from 100.00 to 300.00 CNY"


CLASSES = pl.DataFrame(
    {"customer_id": ["a", "b"], "axis": ["need", "need"], "class": ["product", "service"]}
)


def write(root, text: str) -> Settings:
    (root / "hand.csv").write_text(text, encoding="utf-8")
    return settings(overrides="hand.csv")


def test_a_class_set_by_hand_stands_in_place_of_the_rules(root):
    chosen = write(root, "customer_id,axis,class,reason\na,need,service,asked\nz,need,product,x\n")
    set_by_hand = apply_overrides(CLASSES, load_overrides(chosen)).sort("customer_id")
    assert set_by_hand.rows() == [("a", "need", "service", True), ("b", "need", "service", False)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer_id,axis\na,need\n", "must have the columns"),
        ("customer_id,axis,class,reason\na,neeed,service,x\n", '"neeed" is not an axis'),
        ("customer_id,axis,class,reason\na,need,servic,x\n", '"servic" is not a class'),
        ("customer_id,axis,class,reason\n,need,service,x\n", "lacks its customer"),
        (
            "customer_id,axis,class,reason\na,need,service,x\na,need,product,y\n",
            "names customer a twice",
        ),
    ],
)
def test_a_wrong_file_of_overrides_is_told_in_one_sentence(root, text, said):
    with pytest.raises(UserError, match=said):
        load_overrides(write(root, text))


def test_a_missing_file_of_overrides_is_told(root):
    with pytest.raises(UserError, match="cannot be read"):
        load_overrides(settings(overrides="nowhere.csv"))


def test_the_digest_of_the_settings_knows_the_files_that_they_name(root):
    before = write(root, "customer_id,axis,class,reason\n").digest()
    assert write(root, "customer_id,axis,class,reason\na,need,service,x\n").digest() != before


def test_stage_rates_count_everybody_who_reached_a_stage():
    base = facts({"purchases": 1}, {"purchases": 1}, {"purchases": 2}, {"purchases": 5})
    waiting = pl.DataFrame({"customer_id": ["p"]})
    shown = stage_rates(base, waiting, settings()).select("stage", "reached", "went_on").rows()
    assert shown == [("prospect", 5, 4), ("first_purchase", 4, 2), ("repeat", 2, 1)]
    assert stage_rates(base, waiting.clear(), settings())["stage"][0] == "first_purchase"


def test_second_purchases_are_counted_among_those_seen_long_enough():
    base = facts(
        {"T": 29.0},
        {"T": 40.0, "days_to_second": 10},
        {"T": 70.0, "days_to_second": 50},
        {"T": 95.0},
    )
    shown = second_purchase(base).select("within_days", "customers", "share", "median_days").rows()
    assert shown == [(30, 3, 1 / 3, 10.0), (60, 2, 0.5, 50.0), (90, 1, 0.0, None)]
