"""Send the changed labels of a month to the CRMs; unless told otherwise only say what would be sent.

A write that was lost on the way is never repeated blindly: the records are read back first, and only
those without the new values are written again. All else (pace, waiting, keys) the interfaces know.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from analysis import tables
from analysis.actions.crm_fxiaoke import FxiaokeInterface
from analysis.actions.crm_http import Caller, LostError, RefusedError
from analysis.actions.crm_interface import Interface, Write
from analysis.actions.crm_jiandaoyun import JiandaoyunInterface
from analysis.actions.crm_journal import Journal
from analysis.actions.crm_zoho import ZohoInterface
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings

INTERFACES = {one.system: one for one in (JiandaoyunInterface, FxiaokeInterface, ZohoInterface)}
NO_RECORD, NOT_APPLIED = "no_record", "not_applied"
_MOST_REFUSED = 3  # calls in a row, after which the rest would be refused too


@dataclass
class Pushed:
    """What a push to one system did, or would do."""

    system: str
    sent: bool
    calls: list[tuple[str, str, dict]]  # method, address, body: of the writes
    records: int  # with something to write
    done: int = 0  # records that hold their labels now
    known: int = 0  # writes in doubt from an earlier push that had arrived
    left: dict[str, str] = field(default_factory=dict)  # record = code of its refusal


def push(
    settings: Settings,
    month: Month,
    system: str | None = None,
    send: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[Pushed]:
    """Send the changed labels of a published month, or say what would be sent.

    Args:
        settings: of the data set.
        month: published, with a table `crm_labels`.
        system: one of the CRMs that are sources of customers; all of them if None.
        send: really send; keys are read from the environment only then.
        sleep, clock: in seconds; for tests.

    Returns:
        One entry per system. What arrived is noted in a journal beside the campaigns of the data set;
        the same command again sends only what is missing.

    Raises:
        UserError: if the system is no source, the month has no labels or is older than what was sent,
            a key is missing or refused, or the CRM cannot be reached or used up its calls.
    """
    systems, folder = _systems(settings, system), paths.tables(settings.name, month)
    if not tables.table_path("crm_labels", folder).is_file():
        raise UserError(
            f"{month} of {settings.name} has no labels to push. Run the month first: "
            f"analysis run {month} with the same settings file."
        )
    table = tables.read("crm_labels", folder)
    done = []
    for name in systems:
        interface = INTERFACES[name](
            settings.crm, Caller(settings.crm.timeout_seconds, sleep, clock)
        )
        path = paths.campaigns(settings.name) / f"crm_{name}.jsonl"
        own = table.filter(pl.col("system") == name)
        if send:
            interface.read_keys()
            with Journal.opened(path, month) as journal:
                done.append(_Push(interface, journal, own, month).send())
        else:
            done.append(_Push(interface, Journal(path, month), own, month).say())
    return done


def _systems(settings: Settings, system: str | None) -> list[str]:
    known = settings.crm_systems
    if not known:
        raise UserError(
            f"No source of customers of {settings.name} says which CRM it comes from. Give it a "
            "`preset` (jiandaoyun, fxiaoke, zoho) in the settings, and run the month again."
        )
    if system is not None and system not in known:
        raise UserError(
            f'system = "{system}" is not one of the CRMs that the sources of {settings.name} name. '
            f"Allowed: {', '.join(known)}."
        )
    return known if system is None else [system]


class _Push:
    """One system's part of a push."""

    def __init__(self, interface: Interface, journal: Journal, own: pl.DataFrame, month: Month):
        self._interface, self._journal, self._month = interface, journal, month
        self._changes = self._outstanding(own)
        records = self._changes["record_id"].n_unique()
        self._result = Pushed(interface.system, False, [], records)
        self._refused = 0
        self._proven = False

    def say(self) -> Pushed:
        """The calls that `send` would make, with the fields and ids as far as they are known."""
        for write in self._interface.writes(self._changes):
            self._result.calls.append((write.method, write.url, self._interface.body(write)))
        return self._result

    def send(self) -> Pushed:
        """Make the calls."""
        if self._journal.latest > str(self._month):
            raise UserError(
                f"Labels of {self._journal.latest} were sent to {self._interface.system} already; those "
                f"of {self._month} are older and would replace them. Push the later month."
            )
        self._result.sent = True
        if self._changes.is_empty():
            return self._result
        self._interface.field_names()
        self._find_ids()
        open_records: dict[str, int] = {}
        for write in self._interface.writes(self._changes):
            for record in write.records.values():
                open_records[record] = open_records.get(record, 0) + 1
            for record in self._carry_out(write):
                open_records[record] -= 1
        self._result.done = sum(count == 0 for count in open_records.values())
        return self._result

    def _outstanding(self, own: pl.DataFrame) -> pl.DataFrame:
        """The labels to send: changed this month, or other than what was sent last; less what arrived."""
        joined = own.join(
            self._journal.sent(), on=["record_id", "field"], how="left", validate="1:1"
        )
        now = pl.col("month") == str(self._month)
        arrived = pl.col("sent").eq_missing(pl.col("value")) & (~pl.col("changed") | now)
        wanted = pl.col("changed") | pl.col("sent").is_not_null()
        return joined.filter(wanted & ~arrived).select(
            *("record_id", "api_id", "field", "value"), before=pl.coalesce("sent", "previous")
        )

    def _find_ids(self) -> None:
        """Fill in the ids that the export lacks; records that the CRM does not know are left."""
        unknown = self._changes.filter(pl.col("api_id").is_null())["record_id"].unique().to_list()
        if not unknown:
            return
        found = self._interface.look_up(unknown)
        named = pl.col("record_id").replace_strict(found, default=None, return_dtype=pl.String)
        self._changes = self._changes.with_columns(api_id=pl.coalesce("api_id", named))
        self._result.left |= dict.fromkeys(sorted(set(unknown) - found.keys()), NO_RECORD)
        self._changes = self._changes.filter(pl.col("api_id").is_not_null())

    def _carry_out(self, write: Write) -> list[str]:
        """Make a call until it is known what became of each record; returns those that are done."""
        ids = [
            one
            for one, record in write.records.items()
            if record not in self._result.left
            and not self._journal.is_done(record, write.marks[record])
        ]
        doubtful = [
            one
            for one in ids
            if self._journal.in_doubt(write.records[one], write.marks[write.records[one]])
        ]
        arrived = self._read_back(write, doubtful)
        self._result.known += len(arrived)
        pending = [one for one in ids if one not in arrived]
        for attempt in range(self._interface.crm.attempts):
            if not pending:
                break
            if attempt:
                self._interface.wait(attempt - 1)
            pending = self._attempt(write.only(pending), attempt)
        self._leave(write, dict.fromkeys(pending, NOT_APPLIED))
        return [record for record in write.records.values() if record not in self._result.left]

    def _attempt(self, write: Write, attempt: int) -> list[str]:
        """Send once; returns the records that are known not to hold the new values."""
        self._journal.begin(write)
        self._result.calls.append((write.method, write.url, self._interface.body(write)))
        try:
            answer = self._interface.send(write)
        except LostError:
            answer = {}
            self._interface.wait(attempt)  # it may be under way
        except RefusedError as problem:
            self._refuse(write, problem)
            return []
        self._refused = 0
        codes = {one: code for one, code in answer.items() if code is not None}
        self._leave(write, codes)
        done = [one for one in write.values if one in answer and one not in codes]
        self._prove(write, done)
        self._journal.end(write, done)
        unsure = [one for one in write.values if one not in answer]
        arrived = self._read_back(write, unsure)
        return [one for one in unsure if one not in arrived]

    def _read_back(self, write: Write, ids: list[str]) -> set[str]:
        """Which of these records hold the new values by what the CRM says now."""
        if not ids:
            return set()
        state = self._interface.read(ids)
        arrived = [one for one in ids if self._interface.holds(write, one, state)]
        self._journal.end(write, arrived)
        return set(arrived)

    def _prove(self, write: Write, done: list[str]) -> None:
        """Read back the first record that the CRM calls done: it may ignore a field."""
        if self._proven or not done:
            return
        for attempt in range(self._interface.crm.attempts):
            if self._interface.holds(write, done[0], self._interface.read(done[:1])):
                self._proven = True
                return
            self._interface.wait(attempt)  # what is written may show late
        raise UserError(
            f"{self._interface.system} says that record {write.records[done[0]]} is written, but it "
            f"holds other values. Look at the fields under [crm.{self._interface.system}] and at "
            "what the app may write; nothing more was sent."
        )

    def _refuse(self, write: Write, problem: RefusedError) -> None:
        self._leave(write, dict.fromkeys(write.values, problem.code))
        self._refused += 1
        if self._refused >= _MOST_REFUSED:
            raise UserError(
                f"{problem} {self._refused} calls in a row were refused, so no more were made. Give the "
                "same command when it is corrected: what arrived is not sent again."
            )

    def _leave(self, write: Write, codes: dict[str, str]) -> None:
        self._journal.leave(write, codes)
        self._result.left |= {write.records[one]: code for one, code in codes.items()}
