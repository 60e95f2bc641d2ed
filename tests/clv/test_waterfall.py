"""The change of the base's value falls into parts that add up exactly."""

from decimal import Decimal

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from analysis.clv.waterfall import waterfall

_SCHEMA = {
    "customer_id": pl.String,
    "frequency": pl.Int64,
    "recency": pl.Float64,
    "T": pl.Float64,
    "monetary_value": pl.Float64,
}


def summary(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_SCHEMA, orient="row")


def old_model(rows: pl.DataFrame) -> np.ndarray:
    return (100 + 10 * rows["frequency"] - rows["T"]).to_numpy()


def new_model(rows: pl.DataFrame) -> np.ndarray:
    return 2 * old_model(rows)


BEFORE = summary(
    ("a", 1, 5.0, 10.0, 7.0),
    ("b", 0, 0.0, 20.0, None),
    ("gone", 0, 0.0, 40.0, None),
)
NOW = summary(
    ("a", 3, 35.0, 40.0, 7.0),
    ("b", 0, 0.0, 50.0, None),
    ("c", 0, 0.0, 1.0, None),
)


def amounts(*months) -> dict[str, Decimal]:
    return dict(waterfall(*months).iter_rows())


def test_the_parts_of_a_hand_worked_month():
    assert amounts(BEFORE, NOW, old_model, new_model) == {
        "start": Decimal(100 + 80 + 60),
        "left": Decimal(-60),
        "new_customers": Decimal(99),
        "purchases": Decimal(20),
        "ageing": Decimal(-60),
        "model": Decimal(239),
        "end": Decimal(478),
    }


def test_a_first_purchase_found_later_is_a_correction_and_not_ageing():
    found_later = NOW.with_columns(T=pl.when(pl.col("customer_id") == "a").then(60).otherwise("T"))
    more = summary(("d", 0, 0.0, 5.0, None), ("e", 0, 0.0, 9.0, None))
    aged = more.with_columns(pl.col("T") + 30)
    before, now = pl.concat([BEFORE, more]), pl.concat([found_later, aged])
    found = amounts(before, now, old_model, old_model)
    assert found["ageing"] == Decimal(4 * -30)
    assert found["purchases"] == Decimal(20 - 20)


def test_a_month_without_change_changes_nothing():
    found = amounts(BEFORE, BEFORE, old_model, old_model)
    assert set(found.values()) == {Decimal(240), Decimal(0)}


def test_from_nobody_and_to_nobody():
    nobody = BEFORE.clear()
    assert amounts(nobody, NOW, old_model, old_model)["new_customers"] == Decimal(239)
    assert amounts(BEFORE, nobody, old_model, new_model)["left"] == Decimal(-240)
    assert set(amounts(nobody, nobody, old_model, new_model).values()) == {Decimal(0)}


ages = st.floats(0, 3000)
people = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 50), ages, ages, st.none())
)
slopes = st.floats(-1e5, 1e5)


@given(people, people, slopes, slopes)
@examples(max_examples=150, deadline=None)
def test_the_parts_always_sum_to_the_end(before, now, first, second):
    old, new = (summary(*((key, *row) for key, row in one.items())) for one in (before, now))
    found = waterfall(
        old,
        new,
        lambda rows: first * old_model(rows) / 7,
        lambda rows: second * old_model(rows) / 3,
    )
    assert found["amount"][:-1].sum() == found["amount"][-1]
    assert found["amount"].to_list() == [one.quantize(Decimal("0.01")) for one in found["amount"]]


def test_the_order_of_customers_does_not_matter():
    turned = waterfall(BEFORE.reverse(), NOW.reverse(), old_model, new_model)
    assert turned.equals(waterfall(BEFORE, NOW, old_model, new_model))
