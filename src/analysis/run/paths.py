"""Every folder of the project, named once."""

import os
from pathlib import Path

from analysis.run.months import Month

CHECKOUT = Path(__file__).resolve().parents[3]


def root() -> Path:
    """The folder that holds data/, reports/ and config/: `ANALYSIS_ROOT`, else the project itself."""
    return Path(os.environ.get("ANALYSIS_ROOT") or CHECKOUT).resolve()


def from_root(path: str | Path) -> Path:
    """A path of the settings: absolute, or relative to the root."""
    return root() / Path(path).expanduser()


def display(path: Path) -> str:
    """A path as people see it: relative to the root where it lies below it."""
    return path.relative_to(root()).as_posix() if path.is_relative_to(root()) else str(path)


def notebooks() -> Path:
    """The notebooks: those below the root if it has some (tests do), else the project's."""
    own = root() / "notebooks"
    return own if own.is_dir() else CHECKOUT / "notebooks"


def raw(dataset: str) -> Path:
    return root() / "data" / "raw" / dataset


def processed(dataset: str) -> Path:
    return root() / "data" / "processed" / dataset


def tables(dataset: str, month: Month) -> Path:
    """Published tables of a month, with manifest.json and export/."""
    return processed(dataset) / str(month)


def lab(dataset: str, month: Month) -> Path:
    """What a notebook writes when it is run by hand."""
    return processed(dataset) / "_lab" / str(month)


def staging(dataset: str, month: Month) -> Path:
    """Where the runner works before it publishes."""
    return processed(dataset) / "_staging" / str(month)


def failed(dataset: str, month: Month) -> Path:
    """What is kept of a failed run."""
    return processed("_failed") / dataset / str(month)


def reports() -> Path:
    return root() / "reports"


def report(dataset: str, month: Month) -> Path:
    """Published pages of a month."""
    return reports() / dataset / str(month)


def report_staging(dataset: str, month: Month) -> Path:
    """Pages waiting to be exchanged; beside the published ones, so that a rename suffices."""
    return reports() / dataset / f".{month}.new"
