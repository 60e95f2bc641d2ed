"""What a result was made from: settings, inputs, source, versions, earlier months; hashed into keys."""

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from functools import cache
from pathlib import Path

from analysis.actions import ledger
from analysis.run import paths, publish
from analysis.run.months import Month
from analysis.run.steps import LATEST, Step

# Packages whose version can change a number or a page.
PACKAGES = (
    "polars",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "lifetimes",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbconvert",
    "networkx",
    "dataframely",
)
_SOURCE_ENDINGS = {".py", ".toml", ".j2", ".css", ".json"}


def digest(*parts: object) -> str:
    """A hash of any JSON-able values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def taken_tables(step: Step, dataset: str, month: Month) -> dict[str, str]:
    """What a step takes from earlier months: `YYYY-MM/table` = hash of its values, if published."""
    taken = {}
    for table, months_back in step.takes:
        earlier = earlier_month(dataset, month, months_back)
        manifest = earlier and publish.read_manifest(dataset, earlier)
        if manifest and table in manifest["tables"]:
            taken[f"{earlier}/{table}"] = manifest["tables"][table]["content"]
    return taken | (_campaigns(dataset, month.previous) if step.ledger else {})


def _campaigns(dataset: str, month: Month) -> dict[str, str]:
    """The campaigns assigned up to a month, by a hash of what was written and what is left of it."""
    known = ledger.read(dataset, month)
    if known.written.is_empty() and known.problems.is_empty():
        return {}
    content = digest(known.written.rows(), known.problems.rows())
    return {f"campaigns up to {month}": content}


def earlier_month(dataset: str, month: Month, months_back: int) -> Month | None:
    """The month so many months back, or the latest published one before (LATEST), if any is."""
    if months_back != LATEST:
        return month.plus(-months_back)
    found = [Month.parse(folder.name) for folder in paths.month_folders(dataset)]
    earlier = [one for one in found if one < month and publish.read_manifest(dataset, one)]
    return max(earlier, default=None)


@cache
def versions() -> dict[str, str]:
    """Python and the packages that matter, with their installed versions."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version()} | found


@cache
def source_hash() -> str:
    """A hash of the package's own files."""
    folder = Path(__file__).resolve().parents[1]
    files = sorted(p for p in folder.rglob("*") if p.suffix in _SOURCE_ENDINGS)
    content = [(p.relative_to(folder).as_posix(), p.read_text(encoding="utf-8")) for p in files]
    return digest(content)


def notebook_hash(path: Path) -> str:
    """A hash of what a notebook does and says; its stored outputs do not count."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cells = [
        (cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in content["cells"]
    ]
    return digest(cells)


def git_commit() -> str:
    """The commit of the project, marked where files differ from it; says so where there is no git."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return f"{commit} with uncommitted changes" if changed else commit


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(paths.CHECKOUT), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
