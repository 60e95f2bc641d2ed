"""Where every month stands, and whether the environment is the locked one."""

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from analysis.collect.arrivals import survey
from analysis.run import paths, provenance, publish
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import load
from analysis.run.steps import STEPS

LOCK = "requirements.lock"


@dataclass(frozen=True)
class MonthStatus:
    """One month of one data set."""

    dataset: str
    month: str
    state: str
    published_at: str = ""


def month_states() -> list[MonthStatus]:
    """Every month that was published, failed, or was left half done.

    `published` may be followed by: `partial` (data stopped before its end), `stale` (an earlier month
    that it took tables from has changed since), `pages changed` (not the files it published).
    """
    found = []
    for dataset in publish.datasets():
        for path in paths.month_folders(dataset):
            found.append(_published(dataset, Month.parse(path.name)))
        for path in paths.staged_months(dataset):
            found.append(MonthStatus(dataset, path.name, "begun, not published"))
    for path in paths.failed_months():
        found.append(MonthStatus(path.parent.name, path.name, f"failed: {paths.display(path)}/"))
    return found


def _published(dataset: str, month: Month) -> MonthStatus:
    manifest = publish.read_manifest(dataset, month)
    if manifest is None:
        return MonthStatus(dataset, str(month), "manifest cannot be read; run the month again")
    marks = ["published"]
    if manifest["partial"]:
        marks.append("partial")
    if is_stale(dataset, month, manifest):
        marks.append("stale: an earlier month has changed since, run it again")
    if not publish.pages_intact(dataset, month):
        marks.append("pages changed since, run it again")
    return MonthStatus(dataset, str(month), ", ".join(marks), manifest.get("published_at", ""))


def is_stale(dataset: str, month: Month, manifest: dict) -> bool:
    """Whether the earlier months are no longer those that this month took its tables from."""
    now = {}
    for step in STEPS:
        now |= provenance.taken_tables(step, dataset, month)
    return now != manifest["taken"]


def environment_problems() -> list[str]:
    """Packages whose installed version is not the locked one, as sentences."""
    lock = paths.CHECKOUT / LOCK
    if not lock.is_file():
        return [f"{LOCK} is missing from {paths.CHECKOUT}."]
    problems = []
    for name, version in locked_versions(lock).items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            problems.append(f"{name} is {installed}, the lock says {version}. Run: make install")
    return problems


def locked_versions(lock: Path) -> dict[str, str]:
    """Package = version of a pinned requirements file, as far as it applies to this machine."""
    lines = re.findall(r"^[A-Za-z0-9][^\\\n]*", lock.read_text(encoding="utf-8"), re.MULTILINE)
    pins = [Requirement(line.strip()) for line in lines]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in here}


def config_problems() -> list[str]:
    """What is wrong with the settings files and the raw files that they name, as sentences."""
    problems = []
    for path in paths.configs():
        try:
            survey(load(path), Month.parse("9999-12"))
        except UserError as problem:
            problems.append(str(problem))
    return problems
