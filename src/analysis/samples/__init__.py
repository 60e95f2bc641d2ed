"""Samples, written below data/raw/: `cdnow`, real purchases, and `shop`, a simulated retailer."""

import shutil
from pathlib import Path

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.samples import cdnow
from analysis.tables import file_sha256

SAMPLES = ("cdnow", "shop")


def write_sample(name: str) -> Path:
    """Write a sample's raw files; leaves equal ones as they are.

    Raises:
        UserError: for an unknown sample, a source with another content, or raw files that differ.
    """
    if name not in SAMPLES:
        raise UserError(f'There is no sample "{name}". Samples are: {", ".join(SAMPLES)}.')
    return _write_cdnow() if name == "cdnow" else _write_shop()


def _write_cdnow() -> Path:
    """Copy the file inside the installed lifetimes package, unchanged, its hash checked."""
    source, expected = cdnow.locate(), cdnow.SHA256[cdnow.FILE]
    target = paths.raw("cdnow") / cdnow.FILE
    if not source.is_file() or file_sha256(source) != expected:
        raise UserError(
            f"{source} is not the file we know. Install the lock file again: make install"
        )
    if target.exists():
        if file_sha256(target) == expected:
            return target
        raise _differs(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)
    return target


def _write_shop() -> Path:
    """Simulate the shop into a folder beside the final one, then exchange or compare."""
    from analysis.samples import shop

    target = paths.raw("shop")
    partial = target.with_name(".shop.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shop.write(partial)
    if not target.exists():
        partial.rename(target)
        return target
    equal = _hashes(partial) == _hashes(target)
    shutil.rmtree(partial)
    if not equal:
        raise _differs(target)
    return target


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def _differs(target: Path) -> UserError:
    return UserError(
        f"{paths.display(target)} exists with another content. Raw files are never altered: move it "
        "away, then write the sample again."
    )
