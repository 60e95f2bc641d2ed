"""Samples are written unchanged, once, and never altered."""

import pytest

from analysis.run.errors import UserError
from analysis.samples import cdnow, write_sample
from analysis.tables import file_sha256


def test_the_sample_is_the_file_of_the_package_byte_for_byte(root):
    path = write_sample("cdnow")
    assert path == root / "data" / "raw" / "cdnow" / "CDNOW_master.txt"
    assert path.read_bytes() == cdnow.locate().read_bytes()
    assert file_sha256(path) == cdnow.SHA256["CDNOW_master.txt"]
    before = path.stat().st_mtime_ns
    assert write_sample("cdnow").stat().st_mtime_ns == before


def test_a_raw_file_that_differs_is_left_alone(root):
    path = write_sample("cdnow")
    path.write_text("mine")
    with pytest.raises(UserError, match="never altered"):
        write_sample("cdnow")
    assert path.read_text() == "mine"


def test_an_unknown_sample_lists_those_that_exist(root):
    with pytest.raises(UserError, match="Samples are: cdnow"):
        write_sample("cdno")


def test_the_tenth_is_known_by_its_hash():
    assert file_sha256(cdnow.locate("CDNOW_sample.txt")) == cdnow.SHA256["CDNOW_sample.txt"]
