"""Every folder of the project, named once."""

import os
import re
from pathlib import Path

from analysis.run.months import Month

CHECKOUT = Path(__file__).resolve().parents[3]

# Folders and files within a month: staged first, published under the same names.
TABLES = "tables"
EXPORT = "export"
NOTEBOOKS = "notebooks"
RECORDS = "steps"
WORK = "work"
LOG = "run.log"
CARD = "customer_card"  # the notebook about one customer; no step of a month
MARK = "step.json"
_MONTH = re.compile(r"(?:19|[2-9][0-9])[0-9]{2}-(?:0[1-9]|1[0-2])")


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
    own = root() / NOTEBOOKS
    return own if own.is_dir() else CHECKOUT / NOTEBOOKS


def configs() -> list[Path]:
    """The settings files of all data sets."""
    return sorted((root() / "config").glob("*.toml"))


def raw(dataset: str) -> Path:
    """Files as received; nothing of ours is ever written into them."""
    return root() / "data" / "raw" / dataset


def all_processed() -> Path:
    """The tables of all data sets."""
    return root() / "data" / "processed"


def processed(dataset: str) -> Path:
    """The tables of a data set, a folder for each month."""
    return all_processed() / dataset


def tables(dataset: str, month: Month) -> Path:
    """Published tables of a month, with manifest.json and export/."""
    return processed(dataset) / str(month)


def customer_pages(dataset: str, month: Month) -> Path:
    """Pages about one customer each, made on demand from a published month; gone with its tables."""
    return tables(dataset, month) / EXPORT / "customers"


def lab(dataset: str, month: Month) -> Path:
    """What a notebook writes when it is run by hand."""
    return processed(dataset) / "_lab" / str(month)


def snapshots(dataset: str) -> Path:
    """What the queries of a data set returned when they were last run."""
    return processed(dataset) / "_queries"


def campaigns(dataset: str) -> Path:
    """Who was assigned to which campaign of any month; nothing in it is ever changed."""
    return processed(dataset) / "campaigns"


def staging(dataset: str, month: Month) -> Path:
    """Where the runner works before it publishes."""
    return processed(dataset) / "_staging" / str(month)


def staged_months(dataset: str) -> list[Path]:
    """Staging folders of months begun and not yet published."""
    return _months_in(processed(dataset) / "_staging")


def month_folders(dataset: str) -> list[Path]:
    """Folders of months that were published."""
    return _months_in(processed(dataset))


def _months_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*") if _MONTH.fullmatch(p.name) and p.is_dir())


def failed_months() -> list[Path]:
    """Folders of failed runs: dataset / month."""
    return sorted(processed("_failed").glob("*/*/"))


def failed(dataset: str, month: Month) -> Path:
    """What is kept of a failed run."""
    return processed("_failed") / dataset / str(month)


def reports() -> Path:
    """The pages of all data sets."""
    return root() / "reports"


def report(dataset: str, month: Month) -> Path:
    """Published pages of a month."""
    return reports() / dataset / str(month)


def report_staging(dataset: str, month: Month) -> Path:
    """Pages waiting to be exchanged; beside the published ones, so that a rename suffices."""
    return reports() / dataset / f".{month}.new"
