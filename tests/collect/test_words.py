"""Sentences of the first notebook: dates that cannot be true, names within their folder."""

from datetime import datetime

import polars as pl
import pytest

from analysis.collect.words import dates, short_names
from analysis.labels import label


@pytest.mark.parametrize(
    ("names", "folder", "short"),
    [
        (
            ["data/raw/shop/a.csv", "data/raw/shop/b.xlsx#订单"],
            "data/raw/shop",
            ["a.csv", "b.xlsx#订单"],
        ),
        (["data/raw/shop/a.csv"], "data/raw/shop", ["a.csv"]),
        (["data/raw/a/x.csv", "data/raw/b/y.csv"], "data/raw", ["a/x.csv", "b/y.csv"]),
        (["/export/a.csv", "data/b.csv"], ".", ["/export/a.csv", "data/b.csv"]),
        (["sqlite:///shop.db#a/b", "data/b.csv"], ".", ["sqlite:///shop.db#a/b", "data/b.csv"]),
        ([], ".", []),
    ],
)
def test_files_are_named_within_the_folder_that_holds_them_all(names, folder, short):
    frame = pl.DataFrame({"file": names}, schema={"file": pl.String})
    found, shown = short_names(frame)
    assert (found, shown["file"].to_list()) == (folder, short)


def test_dates_before_1970_and_beyond_the_export_are_counted():
    rows = pl.DataFrame({"ordered_at": [datetime(1900, 1, 1), datetime(2024, 1, 5), None]})
    files = pl.DataFrame({"rows_in_future": [1], "rows_later": [5]})
    said = dates(files, rows, later_orders=3)
    assert said == {"key": "collect.dates_impossible", "before": 1, "beyond": 3}
    assert "1 before 1970" in label(**said)
    clean = dates(files.with_columns(rows_in_future=0), rows[1:], later_orders=5)
    assert clean == {"key": "collect.dates_possible"}
