"""What is checked before any notebook runs: the month's data, the folders, the disks."""

import shutil
from pathlib import Path
from uuid import uuid4

from analysis.collect.arrivals import Completeness, Survey, check_completeness
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings

# A month needs room for its own tables and pages twice, old and new, and some for the kernels.
LEAST_FREE_BYTES = 200_000_000
FREE_BYTES_PER_INPUT_BYTE = 4


def check_month(found: Survey, month: Month, allow_partial: bool) -> Completeness:
    """Compare the data's end with the month's; raises UserError for a month that is not complete."""
    completeness = check_completeness(found, month)
    if completeness.last_day < month.first_day and not completeness.complete:
        raise UserError(
            f"{month} lies after the data: the last order is of {completeness.last_day}. "
            f"The last month to ask for is {Month.of(completeness.last_day)}."
        )
    if not completeness.complete and not allow_partial:
        raise UserError(
            f"{month} is not complete: the last order is of {completeness.last_day}, "
            f"{completeness.silent_days} days before the month ends, and days with orders are "
            f"usually {completeness.usual_gap} apart. Wait for the rest of the export, or run with "
            "--allow-partial, which marks every page."
        )
    return completeness


def check_folders(settings: Settings) -> None:
    """Make sure that tables and reports can be written before any work is done."""
    for folder in (paths.processed(settings.name), paths.reports() / settings.name):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{uuid4().hex}"  # months of one data set start together
        try:
            probe.write_bytes(b"?")
            probe.unlink()
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, str(folder)) from problem


def check_room(settings: Settings, input_bytes: int) -> None:
    """Make sure that the disks have room; raises UserError if not."""
    needed = LEAST_FREE_BYTES + FREE_BYTES_PER_INPUT_BYTE * input_bytes
    for folder in (paths.processed(settings.name), paths.reports() / settings.name):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise UserError(
                f"The disk of {paths.display(folder)} is full: {free / 1e6:,.0f} MB free, "
                f"{needed / 1e6:,.0f} MB needed. Make room and run the month again; nothing was "
                "changed."
            )


def folder_error(problem: OSError) -> UserError:
    """The error for a folder or disk that cannot be used."""
    where = f"{paths.display(Path(problem.filename))}: " if problem.filename else ""
    return UserError(
        f"{where}{problem.strerror or problem}. The folder must exist, be writable and have room. "
        "Mend it and run the month again; the published report is as it was."
    )
