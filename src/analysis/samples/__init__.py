"""Samples: real data sets that come with the packages we use, written below data/raw/."""

import shutil
from pathlib import Path

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.samples import cdnow
from analysis.tables import file_sha256

SAMPLES = {"cdnow": cdnow}


def write_sample(name: str) -> Path:
    """Write a sample's raw file unchanged, its hash checked; leaves an equal file as it is.

    Raises:
        UserError: for an unknown sample, a source with another content, or a raw file that differs.
    """
    if name not in SAMPLES:
        raise UserError(f'There is no sample "{name}". Samples are: {", ".join(SAMPLES)}.')
    sample = SAMPLES[name]
    source, expected = sample.locate(), sample.SHA256[sample.FILE]
    target = paths.raw(name) / sample.FILE
    if not source.is_file() or file_sha256(source) != expected:
        raise UserError(
            f"{source} is not the file we know. Install the lock file again: make install"
        )
    if target.exists():
        if file_sha256(target) == expected:
            return target
        raise UserError(
            f"{paths.display(target)} exists with another content. Raw files are never altered: "
            "move it away, then write the sample again."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
    return target
