"""Seven month ends of a real shop: classes hold for whoever does nothing, and moves add up."""

from types import SimpleNamespace

import polars as pl
import pytest
from helpers import make_root, read_retail

from analysis import tables
from analysis.customers import purchase_occasions
from analysis.run.months import Month, month_range
from analysis.segment import classes, migration
from analysis.segment.evidence import TABLES, TIMED, Evidence

MONTHS = month_range(Month(2011, 5), Month(2011, 11))
MOST_CHANGED, MOST_CHANGED_REPEAT = 0.15, 0.30  # of those who did not buy in the month


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Each month end classed by the standard of the month before."""
    root = make_root(tmp_path_factory.mktemp("retail"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(root))
        settings, orders = read_retail()
    occasions = purchase_occasions(orders.lazy()).collect()
    empty = {name: tables.empty(name) for name in (*TABLES, *TIMED)}
    evidence = Evidence(occasions, empty | {"orders": orders})
    found = []
    for month in MONTHS:
        run = SimpleNamespace(
            settings=settings,
            month=month,
            as_of=month.last_day,
            latest_month=MONTHS[len(found) - 1] if found else None,
            read_earlier=lambda table, back: found[-1].segments if found else None,
            read_earlier_document=lambda name: (
                found[-1].decision.standard.model_dump(mode="json") if found else None
            ),
        )
        found.append(classes.classify_month(run, evidence.until(month.last_day)))
    return dict(zip(MONTHS, found, strict=True))


def silent_changes(months) -> pl.DataFrame:
    """Customers known before who bought nothing in the month: `repeat`, `changed` by cluster."""
    rows = []
    for month in MONTHS[1:]:
        facts = months[month].look.facts
        silent = facts.filter(pl.col("last_purchase") < month.first_day)
        known = months[month].segments.filter(
            (pl.col("axis") == "cluster") & pl.col("previous_class").is_not_null()
        )
        rows.append(
            known.join(silent, on="customer_id").select("changed", repeat=pl.col("frequency") > 0)
        )
    return pl.concat(rows)


def test_clusters_hold_for_whoever_does_nothing(months):
    changes = silent_changes(months)
    over_all = changes["changed"].mean()
    among_repeat = changes.filter("repeat")["changed"].mean()
    print(f"changed while silent: {over_all:.3f} over all, {among_repeat:.3f} among repeat buyers")
    assert over_all <= MOST_CHANGED
    assert among_repeat <= MOST_CHANGED_REPEAT


@pytest.mark.parametrize("month", MONTHS[1:], ids=str)
def test_the_three_parts_of_the_moves_add_up_in_every_month(months, month):
    moves = tables.conform("migration", migration.migration(months[month].chain, []))
    parts = migration.parts(moves)
    added = pl.sum_horizontal("moved_by_ageing", "moved_by_behaviour", "moved_by_rescaling")
    assert parts.select((pl.col("moved") == added).all()).item()
    assert parts["moved"].sum() == months[month].segments["changed"].sum()
    assert parts["moved"].sum() > 0


def test_a_year_of_data_makes_the_standard_definite(months):
    first, last = months[MONTHS[0]].decision.standard, months[MONTHS[-1]].decision.standard
    assert first.cluster.provisional
    assert not last.cluster.provisional
