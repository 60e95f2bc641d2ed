"""The standard is fitted once, kept, confirmed by a year of data, and fitted anew only after drift."""

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.segment import classes, migration, rfm
from analysis.segment.classes import classify, look
from analysis.segment.decide import Bases, decide, months_seen, stability_index
from analysis.segment.evidence import TABLES, TIMED, Evidence
from analysis.segment.standard import Standard

SETTINGS = Settings.model_validate(
    {
        "name": "s",
        "currency": "USD",
        "time_zone": "UTC",
        "sources": [{"table": "orders", "path": "p"}],
        "segment": {"minimum_customers": 100, "minimum_days": 30},
    }
)
NOBODY = pl.DataFrame(schema={"customer_id": pl.String})
SHUFFLES = 20


def orders_of(occasions: pl.DataFrame) -> pl.DataFrame:
    """Each occasion as one order."""
    return tables.conform(
        "orders",
        occasions.sort("customer_id", "purchase_day").select(
            "customer_id",
            "purchase_day",
            "amount",
            file=pl.lit("f"),
            row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
            customer_id_received="customer_id",
            order_id=pl.lit(None, pl.String),
            ordered_at=pl.col("purchase_day").cast(pl.Datetime("us")),
            quantity=pl.lit(None, pl.Float64),
            **dict.fromkeys(("product_id", "channel", "store"), pl.lit(None, pl.String)),
            **dict.fromkeys(("is_fee", "is_outlier", "before_signup", "merged"), pl.lit(False)),
        ),
    )


def evidence_of(occasions: pl.DataFrame, last: date) -> Evidence:
    known = occasions.filter(pl.col("purchase_day") <= last)
    found = {name: tables.empty(name) for name in (*TABLES, *TIMED)}
    return Evidence(known, found | {"orders": orders_of(known)})


def bases_of(occasions: pl.DataFrame, month: Month) -> Bases:
    seen = look(evidence_of(occasions, month.last_day), month.last_day, SETTINGS)
    return Bases(seen.facts, seen.features, NOBODY)


def run_of(month: Month, previous: tuple | None = None) -> SimpleNamespace:
    """What `classify_month` asks of a notebook's run."""
    before, segments, standard = previous or (None, None, None)
    return SimpleNamespace(
        settings=SETTINGS,
        month=month,
        as_of=month.last_day,
        latest_month=before,
        read_earlier=lambda table, back: segments,
        read_earlier_document=lambda name: standard,
    )


def classified(occasions: pl.DataFrame, month: Month, previous: tuple | None = None):
    evidence = evidence_of(occasions, month.last_day)
    return classes.classify_month(run_of(month, previous), evidence)


def as_previous(month: Month, found) -> tuple:
    return month, found.segments, found.decision.standard.model_dump(mode="json")


@pytest.fixture(scope="module")
def may(tenth):
    return classified(tenth, Month(1998, 5))


@pytest.fixture(scope="module")
def june(tenth, may):
    return classified(tenth, Month(1998, 6), as_previous(Month(1998, 5), may))


def happened(decision) -> dict[str, str]:
    return dict(decision.log.select("part", "happened").iter_rows())


def test_months_are_counted_from_the_first_purchase(tenth):
    bases = bases_of(tenth, Month(1997, 6))
    assert months_seen(bases.facts, Month(1997, 6)) == 6
    assert months_seen(bases.facts, Month(1998, 6)) == 18


def test_the_stability_index_is_zero_for_equal_shares_and_grows_with_the_shift():
    assert stability_index((0.5, 0.5), (0.5, 0.5)) == 0
    assert stability_index((0.5, 0.5), (0.6, 0.4)) == pytest.approx(0.0405, abs=1e-4)
    assert stability_index((1.0, 0.0), (0.5, 0.5)) > 1


def test_a_first_standard_is_provisional_until_a_year_of_data_confirms_it(tenth):
    first = decide(None, bases_of(tenth, Month(1997, 11)), Month(1997, 11), SETTINGS)
    assert set(happened(first).values()) == {"first", "too_little"}
    assert first.standard.rfm.provisional
    again = decide(first.standard, bases_of(tenth, Month(1997, 12)), Month(1997, 12), SETTINGS)
    told = happened(again)
    assert {told["rfm"], told["value"]} <= {"confirmed", "refitted"}
    kept = [name for name, what in told.items() if what == "confirmed"]
    assert kept
    for name in kept:
        part = getattr(again.standard, name)
        assert (part.fitted_in, part.confirmed_in) == ("1997-11", "1997-12")
        assert not part.provisional


def test_without_drift_every_part_is_kept_as_it_was(tenth, may):
    bases = bases_of(tenth, Month(1998, 5))
    again = decide(may.decision.standard, bases, Month(1998, 6), SETTINGS)
    assert set(happened(again).values()) <= {"kept", "too_little"}
    assert again.standard == may.decision.standard


def test_what_is_fitted_anew_had_drifted_and_the_rest_is_as_it_was(may, june):
    for row in june.decision.log.filter(pl.col("fitted_in").is_not_null()).iter_rows(named=True):
        old, new = (getattr(one.decision.standard, row["part"]) for one in (may, june))
        if row["happened"] == "refitted":
            assert row["drift"] > row["allowed"]
        else:
            assert new == old


def test_a_base_that_has_drifted_is_measured_anew(tenth, may):
    dearer = tenth.with_columns(pl.col("amount") * 20)
    decision = decide(
        may.decision.standard, bases_of(dearer, Month(1998, 6)), Month(1998, 6), SETTINGS
    )
    told = happened(decision)
    assert (told["rfm"], told["value"]) == ("refitted", "refitted")
    assert told["rhythm"] == "kept"
    row = decision.log.row(by_predicate=pl.col("part") == "rfm", named=True)
    assert row["drift"] > row["allowed"] == 0.25
    assert decision.standard.rfm.fitted_in == "1998-06"


def test_below_the_gate_nothing_but_the_rhythm_is_fitted(tenth):
    bases = bases_of(tenth, Month(1997, 6))
    closed = Bases(bases.facts, bases.features, NOBODY, enough=False)
    standard = decide(None, closed, Month(1997, 6), SETTINGS).standard
    assert (standard.rfm, standard.value, standard.cluster) == (None, None, None)
    assert standard.rhythm is not None


def test_plain_json_brings_the_same_classes_back(tenth, may):
    seen = look(evidence_of(tenth, date(1998, 5, 31)), date(1998, 5, 31), SETTINGS)
    document = Standard.model_validate_json(may.decision.standard.model_dump_json())
    assert document == may.decision.standard
    assert_frame_equal(
        classify(seen, document, SETTINGS), classify(seen, may.decision.standard, SETTINGS)
    )


def test_no_label_changes_over_shuffles_and_new_ids(tenth, may):
    expected = may.segments.select("customer_id", "axis", "class").sort("customer_id", "axis")
    ids = tenth["customer_id"].unique().sort()
    for seed in range(SHUFFLES):
        renamed = ids.sample(fraction=1, shuffle=True, seed=seed)
        shuffled = tenth.sample(fraction=1, shuffle=True, seed=seed)
        shuffled = shuffled.with_columns(pl.col("customer_id").replace_strict(ids, renamed))
        seen = look(evidence_of(shuffled, date(1998, 5, 31)), date(1998, 5, 31), SETTINGS)
        found = classify(seen, may.decision.standard, SETTINGS)
        back = found.with_columns(pl.col("customer_id").replace_strict(renamed, ids))
        assert_frame_equal(back.sort("customer_id", "axis"), expected)


def test_a_standard_fitted_on_shuffled_rows_under_new_ids_is_the_same(tenth, may):
    ids = tenth["customer_id"].unique().sort()
    renamed = ids.sample(fraction=1, shuffle=True, seed=5)
    shuffled = tenth.sample(fraction=1, shuffle=True, seed=6)
    shuffled = shuffled.with_columns(pl.col("customer_id").replace_strict(ids, renamed))
    again = classified(shuffled, Month(1998, 5))
    assert again.decision.standard == may.decision.standard


def test_every_customer_has_one_class_on_each_axis_and_the_contract_holds(may):
    segments = tables.conform("segments", may.segments)
    counts = segments.group_by("axis").len()
    assert set(counts["len"]) == {may.look.facts.height}
    assert set(counts["axis"]) == {
        *("rfm", "cluster", "value_revenue", "life_cycle", "onboarding", "activity")
    }
    assert segments["previous_class"].null_count() == segments.height


def test_the_three_parts_of_every_move_add_up_and_prospects_are_no_part_of_them(june):
    moves = tables.conform("migration", migration.migration(june.chain, []))
    parts = migration.parts(moves)
    added = pl.sum_horizontal("moved_by_ageing", "moved_by_behaviour", "moved_by_rescaling")
    assert parts.select((pl.col("moved") == added).all()).item()
    kept = ("life_cycle", "onboarding")  # rules alone, which no refit moves
    unscaled = parts.filter(pl.col("axis").is_in(kept))["moved_by_rescaling"]
    assert unscaled.to_list() == [0, 0]
    assert june.segments["changed"].sum() == parts["moved"].sum()


def test_who_bought_nothing_moves_by_the_clock_alone(june):
    silent = june.look.facts.filter(pl.col("last_purchase") < date(1998, 6, 1))
    still = june.chain.join(silent, on="customer_id", how="semi")
    assert still.filter(pl.col("behaved_class") != pl.col("aged_class")).is_empty()
    ruled = still.filter(pl.col("axis") == "life_cycle")
    assert ruled.filter(pl.col("class") != pl.col("behaved_class")).is_empty()
    assert ruled.height == silent.height


def test_a_month_skipped_in_between_is_compared_with_the_latest_one(tenth, may):
    july = classified(tenth, Month(1998, 6), as_previous(Month(1998, 4), may))
    assert july.segments["previous_class"].null_count() == 0


@pytest.mark.parametrize("kind", ["one", "one_time", "alike"])
def test_odd_bases_are_classed_without_an_error(tenth, kind):
    odd = {
        "one": tenth.filter(pl.col("customer_id") == "00004"),
        "one_time": tenth.sort("purchase_day").unique("customer_id", keep="first"),
        "alike": pl.DataFrame({"customer_id": [f"c{n}" for n in range(300)]}).join(
            tenth.filter(pl.col("customer_id") == "00004").drop("customer_id"), how="cross"
        ),
    }[kind]
    found = classified(odd.select(tenth.columns), Month(1998, 5))
    tables.conform("segments", found.segments)
    clusters = set(found.segments.filter(pl.col("axis") == "cluster")["class"])
    assert clusters == {"too_little_data"}


def test_ranks_follow_the_names_and_put_emptied_classes_last():
    profile = pl.DataFrame(
        {
            "axis": ["rfm", "rfm", "cluster"],
            "class": ["lost", "champions", "quiet"],
            "rank": [1, 2, 1],
        }
    )
    moves = pl.DataFrame({"axis": ["cluster"], "previous_class": ["gone"]})
    shown = {(axis, name): rank for axis, name, rank in classes.ranks(profile, moves).iter_rows()}
    assert shown == {
        ("rfm", "champions"): 1,
        ("rfm", "lost"): 11,
        ("cluster", "quiet"): 1,
        ("cluster", "gone"): 2,
    }
    assert list(rfm.CELLS).index("lost") == 10
