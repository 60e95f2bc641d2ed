"""The purchases of three bases, looked at from their last month's end."""

from datetime import date

import polars as pl
import pytest
from helpers import make_root, read_cdnow, read_retail

from analysis.clv.origins import Past
from analysis.customers import purchase_occasions

CALIBRATION_END, CDNOW_END = date(1997, 9, 30), date(1998, 6, 30)


@pytest.fixture(scope="session")
def sample_past(tenth) -> Past:
    """The 1/10 sample of CDNOW, all 18 months."""
    return Past(tenth, CDNOW_END)


@pytest.fixture(scope="session")
def cdnow_past() -> Past:
    """The full CDNOW file, all 18 months."""
    return Past(read_cdnow("CDNOW_master.txt"), CDNOW_END)


@pytest.fixture(scope="session")
def retail_past(tmp_path_factory) -> Past:
    """The slice of Online Retail up to November 2011."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(make_root(tmp_path_factory.mktemp("retail"))))
        _, orders = read_retail()
    return Past(purchase_occasions(orders.lazy()).collect(), date(2011, 11, 30))


@pytest.fixture(scope="session")
def shop_past(shop_root) -> Past:
    """The simulated shop up to June 2024."""
    table = shop_root / "data" / "processed" / "shop" / "2024-06" / "occasions.parquet"
    return Past(pl.read_parquet(table), date(2024, 6, 30))
