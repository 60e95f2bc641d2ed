"""Contracts: what keeps them passes, what breaks them is named."""

from datetime import date

import polars as pl
import pytest

from analysis import tables
from analysis.run.errors import UserError
from analysis.run.steps import STEPS


def customers(**changes) -> pl.DataFrame:
    row = {
        "customer_id": "a",
        "first_purchase": date(2024, 1, 1),
        "last_purchase": date(2024, 1, 11),
        "frequency": 1,
        "recency": 10.0,
        "T": 30.0,
        "monetary_value": 5.0,
        "purchases": 2,
        "spend": 9.0,
    }
    return pl.DataFrame([row | changes])


def test_a_table_comes_back_as_it_was_written(tmp_path):
    record = tables.write("customers", customers(), tmp_path)
    assert record["rows"] == 1
    assert tables.read("customers", tmp_path).equals(customers())
    assert record["content"] == tables.content_hash(tables.read("customers", tmp_path))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"customer_id": ""}, "min_length"),
        ({"recency": 40.0}, "recency_within_age"),
        ({"frequency": 0}, "one_time_buyers_have_no_recency"),
        ({"spend": -1.0}, "min"),
        ({"T": float("nan")}, "nan"),
    ],
)
def test_a_broken_rule_is_named_and_nothing_is_written(tmp_path, changes, rule):
    with pytest.raises(ValueError, match=f"customers(.|\n)*{rule}"):
        tables.write("customers", customers(**changes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_repeated_key_is_refused(tmp_path):
    with pytest.raises(ValueError, match="primary_key"):
        tables.write("customers", pl.concat([customers(), customers()]), tmp_path)


def test_a_missing_or_damaged_file_is_told_in_words(tmp_path):
    with pytest.raises(UserError, match="no table customers"):
        tables.read("customers", tmp_path)
    (tmp_path / "customers.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="cannot be used"):
        tables.read("customers", tmp_path)


def test_rows_in_any_order_have_one_content(tmp_path):
    both = pl.concat([customers(), customers(customer_id="b")])
    one = tables.write("customers", both, tmp_path)
    other = tables.write("customers", both.reverse(), tmp_path)
    assert one["content"] == other["content"]


def test_every_table_is_written_by_one_step_and_read_only_later():
    written: list[str] = []
    for step in STEPS:
        assert set(step.reads) <= set(written), step.name
        written += step.writes
    assert sorted(written) == sorted(tables.CONTRACTS)
