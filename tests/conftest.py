"""Roots to test in: an empty one, the published sample, and the 1/10 sample over three months."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from helpers import SAMPLE_CONFIG, command, make_root, published_cdnow, read_cdnow
from postgres import PASSWORD, Server, run_server

from analysis.customers import summarise_customers
from analysis.run import paths
from analysis.samples import cdnow


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Work in a folder of this session's own: pytest's shared one is cleared by later sessions."""
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="analysis-tests-")
        atexit.register(shutil.rmtree, config.option.basetemp, ignore_errors=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty root that the code under test uses."""
    make_root(tmp_path)
    monkeypatch.setenv("ANALYSIS_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def cdnow_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """May and June 1998 of the full CDNOW data, published."""
    return published_cdnow(tmp_path_factory)


@pytest.fixture(scope="session")
def shop_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """May and June 2024 of the simulated shop, published."""
    root = make_root(tmp_path_factory.mktemp("shop"))
    shutil.copy(paths.CHECKOUT / "config" / "shop.toml", root / "config")
    assert command(root, "sample", "shop").returncode == 0
    done = command(
        root, "run", "--from", "2024-05", "--to", "2024-06", "--config", "config/shop.toml"
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def tenth_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """April to June 1998 of the 1/10 CDNOW sample, published by a backfill of two jobs."""
    root = make_root(tmp_path_factory.mktemp("tenth"))
    (root / "config" / "tenth.toml").write_text(SAMPLE_CONFIG)
    (root / "data" / "raw" / "tenth").mkdir()
    shutil.copy(cdnow.locate("CDNOW_sample.txt"), root / "data" / "raw" / "tenth")
    words = ("--from", "1998-04", "--to", "1998-06", "--jobs", "2")
    done = command(root, "run", *words, "--config", "config/tenth.toml")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def tenth() -> pl.DataFrame:
    """Purchase occasions of the 1/10 sample, the whole 18 months."""
    return read_cdnow("CDNOW_sample.txt")


@pytest.fixture(scope="session")
def calibration(tenth: pl.DataFrame) -> pl.DataFrame:
    """Customer summary of the 1/10 sample up to 1997-09-30, as the literature has it."""
    summary = summarise_customers(tenth.lazy(), date(1997, 9, 30)).collect()
    return summary.sort("customer_id")


@pytest.fixture(scope="session")
def full_calibration() -> pl.DataFrame:
    """Customer summary of the full file up to 1997-09-30."""
    occasions = read_cdnow("CDNOW_master.txt")
    return summarise_customers(occasions.lazy(), date(1997, 9, 30)).collect().sort("customer_id")


@pytest.fixture(scope="session")
def running_server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with run_server() as server:
        yield server


@pytest.fixture
def server(running_server, monkeypatch) -> Iterator[Server]:
    """The server with an empty schema, and its password in the environment."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    running_server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return running_server
