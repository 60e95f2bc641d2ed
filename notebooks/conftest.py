"""What nbval needs: a published month for the notebooks to read."""

import os

import pytest

from helpers import published_cdnow


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the notebooks under nbval the published month that they read."""
    os.environ["ANALYSIS_ROOT"] = str(published_cdnow(item.session.config._tmp_path_factory))
