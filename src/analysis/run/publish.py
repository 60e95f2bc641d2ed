"""Exchange a month's published folders for new ones; a kill in between is rolled forward.

The order is: a record of intent (publish.json), tables, reports, manifest. Until the manifest lies in
its place the month is not published; the record lets the next command finish what was begun.
"""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.tables import file_sha256

MANIFEST = "manifest.json"
INTENT = "publish.json"


@contextlib.contextmanager
def month_lock(dataset: str, month: Month) -> Iterator[None]:
    """Hold a month; raises UserError if another run holds it. The system frees it on any death."""
    staging = paths.staging(dataset, month)
    staging.parent.mkdir(parents=True, exist_ok=True)
    with staging.with_name(f"{month}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{month} of {dataset} is being run by another process. "
                "Wait until it is done, or stop it; nothing was changed."
            ) from None
        yield


def publish(dataset: str, month: Month, manifest: dict) -> None:
    """Make the staged tables and reports of a month the published ones."""
    write_json(paths.staging(dataset, month) / INTENT, manifest)
    roll_forward(dataset, month)


def roll_forward(dataset: str, month: Month) -> bool:
    """Finish a publication that was begun; returns whether there was one. The lock must be held."""
    staging = paths.staging(dataset, month)
    intent = staging / INTENT
    if not intent.is_file():
        return False
    final = paths.tables(dataset, month)
    _exchange(staging / paths.TABLES, final)
    _exchange(paths.report_staging(dataset, month), paths.report(dataset, month))
    write_json(final / MANIFEST, read_json(intent))
    shutil.rmtree(staging)
    return True


def roll_all_forward() -> None:
    """Finish every publication that a killed run left behind."""
    for dataset in datasets():
        for folder in paths.staged_months(dataset):
            month = Month.parse(folder.name)
            with contextlib.suppress(UserError), month_lock(dataset, month):
                roll_forward(dataset, month)


def _exchange(new: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old")
    if new.exists():
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        final.parent.mkdir(parents=True, exist_ok=True)
        new.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def read_manifest(dataset: str, month: Month) -> dict | None:
    """The manifest of a published month, or None."""
    path = paths.tables(dataset, month) / MANIFEST
    if not path.is_file():
        return None
    try:
        return read_json(path)
    except json.JSONDecodeError:
        return None


def published_months(dataset: str) -> list[Month]:
    """The months of a data set whose pages are the ones that their manifest describes."""
    months = [Month.parse(folder.name) for folder in paths.month_folders(dataset)]
    return [month for month in months if pages_intact(dataset, month)]


def datasets() -> list[str]:
    """All data sets that have a processed folder."""
    return sorted(p.name for p in paths.all_processed().glob("[!_.]*") if p.is_dir())


def pages_intact(dataset: str, month: Month) -> bool:
    """Whether every page of a published month is the one that its manifest describes."""
    manifest, folder = read_manifest(dataset, month), paths.report(dataset, month)
    return bool(manifest) and files_intact(folder, manifest["pages"])


def files_intact(folder: Path, hashes: dict[str, str]) -> bool:
    """Whether a folder holds all these files with these contents."""
    return all(
        (folder / name).is_file() and file_sha256(folder / name) == sha256
        for name, sha256 in hashes.items()
    )


def read_json(path: Path) -> dict:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: dict) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)
