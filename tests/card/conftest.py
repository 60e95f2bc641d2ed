"""Publish a month written by hand, and open the card of one of its customers."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from card.small import CONFIG, MANIFEST, MONTH

import analysis
from analysis import tables
from analysis.card import card
from analysis.run import paths


@pytest.fixture
def publish_month(root) -> Callable[..., Path]:
    """Write tables and settings as a published month below the test's root; returns its folder."""

    def publish(frames: dict[str, pl.DataFrame], settings: str = "") -> Path:
        (root / "config" / "shop.toml").write_text(CONFIG.format(more=settings))
        folder = paths.tables("shop", MONTH)
        for name, frame in frames.items():
            tables.write(name, frame, folder)
        (folder / "manifest.json").write_text(json.dumps(MANIFEST))
        return folder

    return publish


@pytest.fixture
def open_card(publish_month) -> Callable:
    """Publish tables, then open the card of a customer."""

    def opened(customer: str, frames: dict[str, pl.DataFrame], settings: str = ""):
        publish_month(frames, settings)
        return card.open_card(analysis.open_month("config/shop.toml", str(MONTH)), customer)

    return opened
