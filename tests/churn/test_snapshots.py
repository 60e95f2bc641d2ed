"""What is known at a cut-off depends on nothing after it; labels come from closed windows only."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from churn.small_world import (
    AS_OF,
    CUT_OFF,
    DAYS,
    KNOWN_DAYS,
    NO_HISTORY,
    SCHEMAS,
    frame,
    row,
    with_rows,
    world,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis.churn.features import GROUPS, Sources, feature_columns, features, group_of
from analysis.churn.snapshots import Snapshots, closed_cut_offs, open_windows, take
from analysis.clv.origins import Past
from analysis.tables import MONEY

WORLD = world()
H = 60
LATER = st.integers(KNOWN_DAYS + 1, DAYS)
CUSTOMER = st.sampled_from([f"c{number:03}" for number in range(0, 110, 9)])  # some are new
NEWCOMER = st.sampled_from([f"d{number}" for number in range(9)])


@pytest.fixture(scope="module")
def snapshot():
    return take(WORLD, CUT_OFF, H, AS_OF)


@st.composite
def later_rows(draw):
    names = draw(st.lists(st.sampled_from(sorted(SCHEMAS)), max_size=8))
    added: dict[str, list[tuple]] = {name: [] for name in SCHEMAS}
    for name in names:
        # A record has no day: those of customers who come after the cut-off are what is added.
        customer = draw(NEWCOMER if name in NO_HISTORY else st.one_of(CUSTOMER, NEWCOMER))
        added[name].append(row(name, customer, draw(LATER), draw(st.integers(1, 99))))
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
    for name in set(SCHEMAS) - set(NO_HISTORY):
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
    names = [name for name in table.columns if name != "customer_id"]
    assert sorted(feature_columns(table.columns)) == sorted(names)
    assert {group_of(name) for name in names} == set(GROUPS)
    assert group_of("customer_id") is group_of("colour:red") is group_of("colour") is None
    values = table.drop("customer_id").cast(pl.Float64)
    assert values.null_count().sum_horizontal().item() == 0
    assert values.select(pl.all().is_finite().all()).row(0) == (True,) * values.width


def test_tables_that_are_not_there_give_no_columns(snapshot):
    bare = take(Sources(WORLD.occasions), CUT_OFF, H, AS_OF).features
    absent = {"refund_share", "discount_share", "satisfaction", "satisfaction_unknown"}
    starts = ("complaint", "interactions", "city_tier", "first_category")
    absent |= {name for name in snapshot.features.columns if name.startswith(starts)}
    assert set(snapshot.features.columns) - set(bare.columns) == absent
    nothing = {name: frame(name, []) for name in set(SCHEMAS) - {"orders"}}
    empty = Sources(WORLD.occasions, **nothing)
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
        "interactions_90:email": 0.0, "interactions_90:phone": 1.0,
        "interactions_drop:email": 1.0, "interactions_drop:phone": 0.0,
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


def test_features_named_after_values_are_those_of_the_cut_off_in_sorted_order(snapshot):
    named = [name for name in snapshot.features.columns if ":" in name]
    assert named == [
        *(f"first_category:{name}" for name in ("bags", "hats", "shoes")),
        *(f"interactions_90:{name}" for name in ("chat", "email", "phone")),
        *(f"interactions_drop:{name}" for name in ("chat", "email", "phone")),
        *(f"city_tier:{name}" for name in ("first", "second", "third")),
    ]
    assert feature_columns(named) == feature_columns(reversed(named)) == tuple(sorted(named))
    assert group_of("interactions_drop:chat") == "service"
    assert group_of("city_tier:first") == group_of("first_category:a: b") == "profile"


DAY = date(2023, 3, 31)


def first_purchases(customers: int) -> pl.DataFrame:
    rows = [(f"c{number:02}", date(2023, 3, 1), 10) for number in range(customers)]
    schema = {"customer_id": pl.String, "purchase_day": pl.Date, "amount": MONEY}
    return pl.DataFrame(rows, schema=schema, orient="row")


def found_by_name(sources: Sources, start: str) -> dict[str, list[float]]:
    table = features(sources, sources.purchases(DAY), DAY)
    return table.select(pl.selectors.starts_with(start)).to_dict(as_series=False)


def test_a_channel_counts_from_one_contact_in_twenty_up_to_the_cut_off():
    common = [("c00", datetime(2023, 3, 2), "phone")] * 18 + [
        ("c01", datetime(2022, 12, 1), "chat")
    ]
    contacts = [*common, ("c01", datetime(2023, 3, 31, 23), None)]
    later = [("c01", datetime(2023, 4, 1), "robot")] * 9
    names = ("interactions_90", "interactions_90:chat", "interactions_90:phone")
    drops = ("interactions_drop", "interactions_drop:chat", "interactions_drop:phone")
    values = ([18.0, 1.0], [0.0, 0.0], [18.0, 0.0], [-18.0, 0.0], [0.0, 1.0], [-18.0, 0.0])
    sources = Sources(first_purchases(2), interactions=frame("interactions", contacts + later))
    assert found_by_name(sources, "interactions") == dict(zip(names + drops, values, strict=True))
    # With one contact more, chat is below one in twenty.
    sources = Sources(first_purchases(2), interactions=frame("interactions", contacts + common[:1]))
    assert set(found_by_name(sources, "interactions")) == {*names, *drops} - {names[1], drops[1]}


def test_a_city_tier_counts_from_one_customer_in_twenty_and_nobody_else_counts():
    rows = [("c00", "c00", "first", 1), ("c01", "c01", "second", 3), ("c91", "c01", "first", 2)]
    rows += [("c02", "c02", None, 1), ("n1", "n1", "third", 1), ("n2", "n2", "third", 1)]
    records = pl.DataFrame(
        rows, schema=["customer_id", "person_id", "city_tier", "updated_at"], orient="row"
    )
    sources = Sources(first_purchases(20), profiles=records)
    first, second = [1.0] + [0.0] * 19, [0.0, 1.0] + [0.0] * 18
    found = {"city_tier:first": first, "city_tier:second": second}
    assert found_by_name(sources, "city_tier") == found
    assert found_by_name(replace(sources, occasions=first_purchases(21)), "city_tier") == {}
    # The record updated last may not name a city; the one before it then does.
    unknown = pl.when(pl.col("city_tier") != "second").then("city_tier").alias("city_tier")
    changed = replace(sources, profiles=records.with_columns(unknown))
    assert found_by_name(changed, "city_tier") == {"city_tier:first": [1.0, 1.0] + [0.0] * 18}


def test_the_first_category_is_that_of_most_money_on_the_first_day():
    first, later = datetime(2023, 3, 1, 9), datetime(2023, 3, 9)
    rows = [
        ("c00", first, 10, None, 1.0, "p1", None),  # hats, through the product
        ("c00", first, 4, None, 2.0, "p9", "bags"),
        ("c00", later, 90, None, 1.0, "p9", "bags"),
        ("c01", first, 5, None, 2.0, "p9", "shoes"),
        ("c01", first, 10, None, None, "p1", "bags"),  # as much, and before shoes by name
        ("c02", first, 50, None, -1.0, "p9", "shoes"),  # returned
        ("c02", first, None, None, 1.0, "p1", None),  # of no known price
        ("c03", later, 50, None, 1.0, "p1", None),
        ("c04", datetime(2023, 4, 1), 50, None, 1.0, "p9", "novelty"),
    ]
    lines, products = frame("order_lines", rows), frame("products", [("p1", "hats")])
    sources = Sources(first_purchases(5), order_lines=lines, products=products)
    bags, hats = [0.0, 1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0, 0.0]
    found = {"first_category:bags": bags, "first_category:hats": hats}
    assert found_by_name(sources, "first_category") == found
    # Lines may name no category at all, or there may be no table of products.
    named = found_by_name(replace(sources, products=None), "first_category")
    assert named == {"first_category:bags": [1.0, 1.0, 0.0, 0.0, 0.0]}
    bare = replace(sources, order_lines=lines.drop("category"))
    assert found_by_name(bare, "first_category") == {"first_category:hats": [1.0, 1.0, 1.0, 0, 0]}
    neither = replace(bare, products=None)
    assert found_by_name(neither, "first_category") == {}
    amounts = lines.with_columns(
        line_amount=pl.lit(1).cast(MONEY), is_fee=pl.col("category") == "bags"
    )
    fees = replace(sources, order_lines=amounts.with_columns(pl.col("is_fee").fill_null(False)))
    hats, shoes = [1.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]
    found = {"first_category:hats": hats, "first_category:shoes": shoes}
    assert found_by_name(fees, "first_category") == found


def test_a_first_category_counts_from_one_customer_in_twenty_with_lines():
    at = datetime(2023, 3, 1)
    rows = [(f"c{number:02}", at, 5, None, 1.0, None, "bags") for number in range(19)]
    rows.append(("c19", at, 5, None, 1.0, None, "hats"))
    sources = Sources(first_purchases(30), order_lines=frame("order_lines", rows))
    assert set(found_by_name(sources, "first")) == {"first_category:bags", "first_category:hats"}
    rows.append(("c20", at, 5, None, 1.0, None, None))
    sources = replace(sources, order_lines=frame("order_lines", rows))
    assert set(found_by_name(sources, "first")) == {"first_category:bags"}
