"""The ledger of assignments: who was drawn into which arm, kept before anything is sent, never changed.

Each campaign is one table in a folder of its own, `manifest.json` beside them says how many rows each was
written with and their hash. A table appears whole or not at all, and its entry after it, so that a kill
in between leaves a table without entry, which the next append of the same campaign makes good.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from analysis import tables
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.publish import MANIFEST, read_json, write_json

TABLE = "assignments"
LOST, UNREADABLE, NOT_RECORDED = "lost", "unreadable", "not_recorded"
ROWS_LOST, CHANGED = "rows_lost", "changed"
_WRITTEN = {"campaign": pl.String, "assigned_on": pl.Date, "rows": pl.Int64}
_WRITTEN |= {"content": pl.String, "control_share": pl.Float64}
_FIELDS = ("rows", "content", "control_share")
_PROBLEMS = {"campaign": pl.String, "problem": pl.String}
_PROBLEMS |= {"rows_written": pl.Int64, "rows_found": pl.Int64}


@dataclass(frozen=True)
class Ledger:
    """What the ledger holds.

    `assignments`: rows of the contract of that name, of campaigns that are as they were written.
    `written`: one row per campaign that was written, sound or not: `campaign`, `assigned_on`, `rows`,
    `content` (hash of its values), `control_share` (planned, null for service). `problems`: one row
    per campaign that cannot be measured: `campaign`, `problem` (`lost`, `unreadable`, `not_recorded`,
    `rows_lost`, `changed`), `rows_written`, `rows_found` (null where not known).
    """

    assignments: pl.DataFrame
    written: pl.DataFrame
    problems: pl.DataFrame


def append(dataset: str, assignments: pl.DataFrame) -> list[str]:
    """Add the campaigns of a month; those that are there already with the same content are left alone.

    Args:
        dataset: name of the data set.
        assignments: as `audiences.assignments` returns it.

    Returns:
        The campaigns that were written now, sorted; none where all were there.

    Raises:
        UserError: if a campaign is there with other content, or the manifest cannot be read; nothing
            was written then.
        ValueError: if the frame breaks its contract.
    """
    frame = tables.conform(TABLE, assignments)
    if frame.is_empty():
        return []
    with _locked(dataset):
        records = _records(dataset)
        if records is None:
            path = paths.display(paths.campaigns(dataset) / MANIFEST)
            raise UserError(
                f"{path} is damaged, so no campaign can be added. Restore it from a copy; "
                "nothing was written."
            )
        clashing = _clashing(dataset, frame, records)
        if clashing:
            raise UserError(_refusal(dataset, clashing))
        return [_keep(dataset, part, records) for part in _parts(frame, records, dataset)]


def differing(dataset: str, assignments: pl.DataFrame) -> list[str]:
    """Campaigns of a month that the ledger holds with other content, sorted; `append` refuses these.

    Args:
        dataset, assignments: as for `append`.
    """
    frame = tables.conform(TABLE, assignments)
    return _clashing(dataset, frame, _records(dataset) or {})


def read(dataset: str, month: Month) -> Ledger:
    """All campaigns of months up to this one, each checked against what was written; raises for none.

    Args:
        dataset: name of the data set.
        month: later campaigns are not read.
    """
    known = _records(dataset) or {}
    records = {name: one for name, one in sorted(known.items()) if _is_by(name, month)}
    folders = {path.name for path in _folders(dataset) if _is_by(path.name, month)}
    kept, problems = [tables.empty(TABLE)], []
    for campaign in sorted(records.keys() | folders):
        record = records.get(campaign)
        frame, problem = _checked(dataset, campaign, record)
        if problem is None:
            kept.append(frame)
            continue
        rows = None if record is None else record["rows"]
        problems.append((campaign, problem, rows, None if frame is None else frame.height))
    written = [
        (name, date.fromisoformat(one["assigned_on"]), *(one[field] for field in _FIELDS))
        for name, one in records.items()
    ]
    return Ledger(
        pl.concat(kept),
        pl.DataFrame(written, schema=_WRITTEN, orient="row"),
        pl.DataFrame(problems, schema=_PROBLEMS, orient="row"),
    )


def _is_by(campaign: str, month: Month) -> bool:
    """Whether a campaign, whose name begins with its month, is of that month or an earlier one."""
    return campaign[: len(str(month))] <= str(month)


def _checked(dataset: str, campaign: str, record: dict | None) -> tuple:
    """The table of a campaign (None where it cannot be read), and what is wrong with it."""
    folder = paths.campaigns(dataset) / campaign
    if not tables.table_path(TABLE, folder).is_file():
        return None, LOST
    try:
        frame = tables.read(TABLE, folder).sort("campaign", "customer_id")
    except UserError:
        return None, UNREADABLE
    if record is None:
        return frame, NOT_RECORDED
    if frame.height < record["rows"]:
        return frame, ROWS_LOST
    same = tables.content_hash(frame) == record["content"]
    return frame, None if same else CHANGED


def _parts(frame: pl.DataFrame, records: dict, dataset: str) -> list[pl.DataFrame]:
    """The campaigns of which the table or the entry is missing."""
    parts = frame.partition_by("campaign", maintain_order=True)
    return [
        part
        for part in parts
        if part["campaign"][0] not in records
        or not (paths.campaigns(dataset) / part["campaign"][0]).is_dir()
    ]


def _clashing(dataset: str, frame: pl.DataFrame, records: dict) -> list[str]:
    """Campaigns that are there with other content than the frame's."""
    names = []
    for part in frame.partition_by("campaign", maintain_order=True):
        campaign, content = part["campaign"][0], tables.content_hash(part)
        if campaign in records:
            same = records[campaign]["content"] == content
        elif (paths.campaigns(dataset) / campaign).is_dir():
            found, _ = _checked(dataset, campaign, None)
            same = found is not None and tables.content_hash(found) == content
        else:
            same = True
        if not same:
            names.append(campaign)
    return names


def _keep(dataset: str, part: pl.DataFrame, records: dict) -> str:
    """Write one campaign: its table, by a rename, then its entry."""
    campaign, first = part["campaign"][0], part.row(0, named=True)
    folder = paths.campaigns(dataset)
    partial, final = folder / f".{campaign}.partial", folder / campaign
    if not final.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
        tables.write(TABLE, part, partial)
        partial.rename(final)
    records[campaign] = {
        "assigned_on": first["assigned_on"].isoformat(),
        "rows": part.height,
        "content": tables.content_hash(part),
        "control_share": first["control_share"],
    }
    write_json(folder / MANIFEST, dict(sorted(records.items())))
    return campaign


def _records(dataset: str) -> dict | None:
    """What the manifest says; empty where there is none, None where it cannot be read."""
    path = paths.campaigns(dataset) / MANIFEST
    try:
        content = read_json(path) if path.is_file() else {}
        whole = all({"assigned_on", *_FIELDS} <= one.keys() for one in content.values())
    except (OSError, ValueError, AttributeError):
        return None
    return content if whole else None


def _folders(dataset: str) -> list[Path]:
    """The folders of campaigns, whole ones only."""
    return sorted(p for p in paths.campaigns(dataset).glob("[0-9]*") if p.is_dir())


def _refusal(dataset: str, clashing: list[str]) -> str:
    where = paths.display(paths.campaigns(dataset))
    return (
        f"These campaigns were assigned before, to other customers or other arms: "
        f"{', '.join(clashing)}. An assignment is kept as it was made, or its effect could not be "
        f"measured; it lies in {where}. Use the lists that were published with it. "
        "Nothing was written."
    )


@contextlib.contextmanager
def _locked(dataset: str) -> Iterator[None]:
    """Hold the ledger of a data set: months that are published together append one after another."""
    folder = paths.campaigns(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
