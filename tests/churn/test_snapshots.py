"""What is known at a cut-off depends on nothing after it; labels come from closed windows only."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from churn.small_world import AS_OF, CUT_OFF, DAYS, SCHEMAS, START, frame, row, with_rows, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis.churn.features import GROUP_OF, GROUPS, Sources
from analysis.churn.snapshots import Snapshots, closed_cut_offs, open_windows, take
from analysis.clv.origins import Past
from analysis.tables import MONEY

WORLD = world()
H = 60
KNOWN_DAYS = (CUT_OFF - START).days
LATER = st.integers(KNOWN_DAYS + 1, DAYS)
CUSTOMER = st.sampled_from([f"c{number:03}" for number in range(0, 110, 9)])  # some are new


@pytest.fixture(scope="module")
def snapshot():
    return take(WORLD, CUT_OFF, H, AS_OF)


@st.composite
def later_rows(draw):
    names = draw(st.lists(st.sampled_from(sorted(SCHEMAS)), max_size=8))
    added: dict[str, list[tuple]] = {name: [] for name in SCHEMAS}
    for name in names:
        added[name].append(row(name, draw(CUSTOMER), draw(LATER), draw(st.integers(1, 99))))
    return added


@st.composite
def later_refunds(draw):
    """Money given back after the cut-off for what was bought before it."""
    known = WORLD.orders.filter(pl.col("purchase_day") <= CUT_OFF)
    places = draw(st.lists(st.integers(0, known.height - 1), max_size=4, unique=True))
    refunds = []
    for customer, _, day, amount in known[places].iter_rows():
        refunds.append((customer, datetime(2023, 10, draw(st.integers(1, 31))), day, -amount))
    return refunds


def without_later(sources: Sources, share: float) -> Sources:
    """The first so many of the rows after the cut-off are gone; later closings are forgotten."""
    tables = {}
    for name in SCHEMAS:
        table = getattr(sources, name)
        time = "ordered_at" if "ordered_at" in table.columns else "at"
        is_later = pl.col(time).dt.date() > CUT_OFF
        later = table.filter(is_later)
        tables[name] = pl.concat([table.filter(~is_later), later[int(share * later.height) :]])
    open_then = pl.col("closed_at").dt.date() > CUT_OFF
    forgotten = pl.when(~open_then).then(pl.col("closed_at"))
    tables["feedback"] = tables["feedback"].with_columns(closed_at=forgotten)
    return replace(sources, **tables)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(later_rows(), later_refunds(), st.floats(0, 1))
def test_nothing_after_the_cut_off_changes_a_feature_by_a_bit(snapshot, added, refunds, share):
    added["orders"] = added["orders"] + refunds
    altered = take(with_rows(without_later(WORLD, share), added), CUT_OFF, H, AS_OF)
    assert_frame_equal(altered.features, snapshot.features, check_exact=True)
    assert (altered.btyd == snapshot.btyd).all()


def test_the_order_of_rows_changes_nothing(snapshot):
    shuffled = {
        name: getattr(WORLD, name).sample(fraction=1, shuffle=True, seed=3) for name in SCHEMAS
    }
    again = take(replace(WORLD, **shuffled), CUT_OFF, H, AS_OF)
    assert_frame_equal(again.features, snapshot.features, check_exact=True)


def test_every_feature_is_finite_and_belongs_to_a_group(snapshot):
    table = snapshot.features
    assert set(table.columns) == {"customer_id", *GROUP_OF}
    assert set(GROUP_OF.values()) == set(GROUPS)
    values = table.drop("customer_id").cast(pl.Float64)
    assert values.null_count().sum_horizontal().item() == 0
    assert values.select(pl.all().is_finite().all()).row(0) == (True,) * values.width


def test_tables_that_are_not_there_give_no_columns(snapshot):
    bare = take(Sources(WORLD.occasions), CUT_OFF, H, AS_OF).features
    absent = {"refund_share", "discount_share", "satisfaction", "satisfaction_unknown"}
    absent |= {name for name in GROUP_OF if name.startswith(("complaint", "interactions"))}
    assert set(snapshot.features.columns) - set(bare.columns) == absent
    empty = Sources(WORLD.occasions, feedback=frame("feedback", []), surveys=frame("surveys", []))
    assert take(empty, CUT_OFF, H, AS_OF).features.equals(bare)


def test_a_label_says_whether_anything_was_bought_in_the_window(snapshot):
    bought = WORLD.occasions.filter(
        pl.col("purchase_day").is_between(date(2023, 10, 1), date(2023, 11, 29))
    )["customer_id"]
    table = snapshot.features.with_columns(none=pl.Series(snapshot.no_purchase))
    assert not set(table.filter("none")["customer_id"]) & set(bought)
    assert set(table.filter(~pl.col("none"))["customer_id"]) <= set(bought)
    assert snapshot.closes == date(2023, 11, 29)


def test_an_open_window_has_no_label_and_is_counted():
    assert take(WORLD, date(2023, 11, 30), H, AS_OF).no_purchase is None
    past = Past(WORLD.occasions, AS_OF)
    assert closed_cut_offs(past, H, 2) == [date(2023, 9, 30), date(2023, 10, 31)]
    assert closed_cut_offs(past, H, 2, until=CUT_OFF) == [date(2023, 6, 30), date(2023, 7, 31)]
    assert open_windows(past, H) == 2  # after 30 November and 31 December
    snapshots = Snapshots(WORLD, AS_OF, H)
    assert all(one.closes <= CUT_OFF for one in snapshots.closed(CUT_OFF, 9))


def test_a_day_before_the_first_purchase_is_refused():
    with pytest.raises(ValueError, match="nobody had bought"):
        take(WORLD, date(2022, 12, 31), H, AS_OF)


def test_features_of_a_hand_worked_history():
    rows = [
        ("a", datetime(2023, 1, 1), date(2023, 1, 1), 100),
        ("a", datetime(2023, 1, 31), date(2023, 1, 31), 50),
        ("a", datetime(2023, 3, 2), date(2023, 3, 2), 60),
        ("a", datetime(2023, 3, 9), date(2023, 1, 1), -30),
        ("a", datetime(2023, 5, 9), date(2023, 1, 31), -50),  # after the cut-off
        ("b", datetime(2023, 3, 31), date(2023, 3, 31), 20),
    ]
    feedback = [
        ("a", datetime(2023, 2, 1), "complaint", datetime(2023, 2, 5)),
        ("a", datetime(2023, 3, 21), "complaint", datetime(2023, 4, 5)),
        ("b", datetime(2023, 3, 31), "praise", None),
    ]
    contacts = [("a", datetime(2022, 12, 1), "phone"), ("a", datetime(2023, 3, 1), "phone")]
    contacts = [*contacts, ("a", datetime(2022, 11, 1), "email")]
    answers = [("b", datetime(2023, 1, 1), 2.0, 10.0), ("b", datetime(2023, 2, 1), 8.0, 10.0)]
    sources = Sources(
        pl.DataFrame(schema={"customer_id": pl.String, "purchase_day": pl.Date, "amount": MONEY}),
        orders=frame("orders", rows),
        feedback=frame("feedback", feedback),
        interactions=frame("interactions", contacts),
        surveys=frame("surveys", answers),
    )
    found = take(sources, date(2023, 3, 31), H, AS_OF).features.drop("btyd_log_odds")
    a, b = found.rows(named=True)
    expected = {
        "customer_id": "a", "idle_days": 29.0, "tenure_days": 89.0, "purchases": 3.0,
        "idle_in_gaps": pytest.approx(29 / 30), "idle_in_mean_gaps": pytest.approx(29 / 30),
        "spend": 180.0, "mean_basket": 60.0, "refund_share": pytest.approx(30 / 210),
        "purchases_30": 1.0, "purchases_60": 2.0, "purchases_90": 3.0, "purchases_180": 3.0,
        "spend_30": 60.0, "spend_60": 110.0, "spend_90": 180.0, "spend_180": 180.0,
        "complaints_365": 2.0, "complaint_days": 10.0, "complaints_open": 1.0,
        "interactions_90": 1.0, "interactions_drop": 1.0,
        "satisfaction": 0.8, "satisfaction_unknown": 1.0,
    }  # fmt: skip
    assert a == expected
    assert (b["idle_days"], b["idle_in_gaps"], b["complaint_days"]) == (0.0, 1.0, 365.0)
    assert (b["complaints_open"], b["satisfaction"], b["satisfaction_unknown"]) == (0.0, 0.8, 0.0)


def test_lines_take_customer_and_time_from_an_order_known_by_then():
    orders = WORLD.orders.with_row_index("order_id").cast({"order_id": pl.String})
    lines = orders.select(
        "order_id",
        customer_id=pl.lit(None, pl.String),
        ordered_at=pl.lit(None, pl.Datetime("us")),
        unit_price=pl.lit(8).cast(MONEY),
        list_price=pl.lit(10).cast(MONEY),
        quantity=pl.lit(1.0),
    )
    found = take(replace(WORLD, orders=orders, order_lines=lines), CUT_OFF, H, AS_OF).features
    assert found["discount_share"].to_list() == pytest.approx([0.2] * found.height)


def test_attitudes_are_not_satisfaction():
    surveys = WORLD.surveys.with_columns(item=pl.lit("CSAT"), score=pl.lit(7.0))
    attitudes = surveys.with_columns(item=pl.lit("attitude: price"), score=pl.lit(1.0))
    sources = replace(WORLD, surveys=pl.concat([surveys, attitudes]), attitude_items=("attitude",))
    assert set(take(sources, CUT_OFF, H, AS_OF).features["satisfaction"]) == {0.7}
