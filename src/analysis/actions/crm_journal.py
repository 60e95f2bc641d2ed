"""What was sent to a CRM and arrived: the memory by which a broken push goes on without writing twice.

One line before each call and one after it, on disk before the next step. What was begun and not ended
is in doubt, and is read back from the CRM before anything is sent again.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import polars as pl

from analysis.actions.crm_interface import Write
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month

BEGUN, DONE, LEFT = "begun", "done", "left"


class Journal:
    """What is known of each record and label of one system.

    Args:
        path: of the file; need not exist.
        month: whose labels are sent.
        file: to write to; None to read only.
    """

    def __init__(self, path: Path, month: Month, file: TextIO | None = None):
        self._path, self._month, self._file = path, str(month), file
        self.done: dict[tuple[str, str], tuple[str, str]] = {}  # record, label = month, value
        self._begun: dict[tuple[str, str], str] = {}
        self.latest = ""  # the latest month of which anything was sent
        if path.is_file():
            self._read()

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path, month: Month) -> Iterator["Journal"]:
        """The journal to write to, held against others; a line cut off by a kill is dropped.

        Raises:
            UserError: if another push holds it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"Another push to this system is running ({path.name}). Wait until it is done."
                ) from None
            file.seek(0)
            whole = file.read().rpartition("\n")
            if whole[2]:
                file.truncate(len((whole[0] + whole[1]).encode()))
            yield cls(path, month, file)

    def _read(self) -> None:
        whole = self._path.read_text(encoding="utf-8").rpartition("\n")[0]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError):
                raise UserError(
                    f"{paths.display(self._path)}, line {number:,} is damaged, so what was sent is not "
                    "known. Restore the file from a copy; without it labels are sent again."
                ) from None

    def sent(self) -> pl.DataFrame:
        """What is known to have arrived last: `record_id`, `field`, `month`, `sent`; a row for each."""
        rows = [(*key, *value) for key, value in self.done.items()]
        names = ("record_id", "field", "month", "sent")
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

    def begin(self, write: Write) -> None:
        """Note that a call is about to be made."""
        self._note(BEGUN, self._marks(write, write.values))

    def end(self, write: Write, ids: Iterable[str]) -> None:
        """Note which records of a call are known to hold the new values."""
        if marks := self._marks(write, ids):
            self._note(DONE, marks)

    def leave(self, write: Write, codes: dict[str, str]) -> None:
        """Note which records were refused, and with which code."""
        for one, code in codes.items():
            self._note(LEFT, self._marks(write, [one]), code)

    def is_done(self, record: str, marks: dict[str, str]) -> bool:
        """Whether all this is known to have arrived, for the labels of this month."""
        return all(
            self.done.get((record, label)) == (self._month, value) for label, value in marks.items()
        )

    def in_doubt(self, record: str, marks: dict[str, str]) -> bool:
        """Whether a call with all this was begun, in whatever month, and never ended."""
        return all(self._begun.get((record, label)) == value for label, value in marks.items())

    @staticmethod
    def _marks(write: Write, ids: Iterable[str]) -> dict[str, dict[str, str]]:
        records = [write.records[one] for one in ids]
        return {record: write.marks[record] for record in records}

    def _note(self, state: str, marks: dict[str, dict[str, str]], code: str | None = None) -> None:
        entry = {"month": self._month, "state": state, "labels": marks}
        entry |= {} if code is None else {"code": code}
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._take(entry)

    def _take(self, entry: dict) -> None:
        month, state = entry["month"], entry["state"]
        if state != LEFT:
            self.latest = max(self.latest, month)
        for record, labels in entry["labels"].items():
            for label, value in labels.items():
                self._begun.pop((record, label), None)
                if state == BEGUN:
                    self._begun[record, label] = value
                elif state == DONE:
                    self.done[record, label] = (month, value)
