"""Snapshots of CDNOW over thirteen weeks."""

from datetime import date

import pytest
from helpers import read_cdnow

from analysis.churn.features import Sources
from analysis.churn.snapshots import Snapshots


@pytest.fixture(scope="session")
def cdnow_snapshots() -> Snapshots:
    """The full CDNOW file, all 18 months, windows of 91 days."""
    return Snapshots(Sources(read_cdnow("CDNOW_master.txt")), date(1998, 6, 30), 91)
