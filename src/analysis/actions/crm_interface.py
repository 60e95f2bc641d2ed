"""What the interfaces of the three CRMs have in common: keys, waiting, refusals, and reading back."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from analysis.actions.crm_http import Caller, Key, LostError, RefusedError, Reply, read_keys
from analysis.run.errors import UserError
from analysis.run.sections_crm import LABELS, Crm

OK, LIMITED, EXPIRED, DAY_OVER, LOST, REFUSED = "ok", "limited", "expired", "day", "lost", "refused"
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0  # seconds
State = dict[str, dict[str, object]]  # id of a record = field of the interface = what stands there


@dataclass(frozen=True)
class Write:
    """One call that writes labels."""

    kind: str
    method: str
    url: str
    values: dict[str, dict[str, str]]  # id of a record = field of the interface = value to be
    records: dict[str, str]  # the same id = the record as `crm_labels` names it
    marks: dict[str, dict[str, str]]  # record = label = value, as the journal notes them

    def only(self, ids: Iterable[str]) -> "Write":
        """The same call for some of its records."""
        return replace(self, values={one: self.values[one] for one in ids})


class Interface(ABC):
    """A CRM that can be written to. Without keys it only says what it would do.

    Args:
        crm: the settings.
        caller: makes the calls.
        names: label = field of the interface; those of the settings until `field_names` was asked.
    """

    system: str
    key_names: tuple[str, ...]
    pace_seconds = 0.1

    def __init__(self, crm: Crm, caller: Caller):
        self.crm, self.caller = crm, caller
        self.own = getattr(crm, self.system)
        self.names = {label: self.own.api_name(label) for label in LABELS}
        self._keys: dict[str, Key] = {}

    def read_keys(self) -> None:
        """Take the keys from the environment; raises UserError for those that are missing."""
        self._keys = read_keys(self.key_names)
        for name, key in self._keys.items():
            if not name.endswith("_ID"):  # ids are no secrets, and short ones stand in many words
                self.caller.hide(key.value)

    @abstractmethod
    def writes(self, changes: pl.DataFrame) -> list[Write]:
        """The calls that bring changes about.

        Args:
            changes: one row per record and label to write: `record_id`, `api_id`, `field`, `value`,
                `before` (what we wrote last, null where nothing).
        """

    @abstractmethod
    def body(self, write: Write) -> dict:
        """What a call sends."""

    @abstractmethod
    def answered(self, write: Write, content: dict) -> dict[str, str | None]:
        """What became of each record of a write: None for done, else a code; absent: not known."""

    @abstractmethod
    def read(self, ids: list[str]) -> State:
        """What the CRM holds of these records; those that it does not have are absent."""

    @abstractmethod
    def kind_of(self, reply: Reply) -> tuple[str, str, str]:
        """What an answer means (one of the kinds above), its code, and its message."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """Headers that carry the key."""

    def address(self, url: str) -> str:
        """The address of one call, where each must have one of its own."""
        return url

    def log_in(self) -> None:
        """Get a new token; of a system without tokens the key itself is refused."""
        raise self._stop(f"it refuses the key. Check {', '.join(self.key_names)}")

    def field_names(self) -> dict[str, str]:
        """Label = field of the interface, asked of the CRM where the settings do not say it."""
        return self.names

    def look_up(self, records: list[str]) -> dict[str, str]:
        """Record = id, of those that an export did not tell and the CRM knows."""
        return {}

    def holds(self, write: Write, one: str, state: State) -> bool:
        """Whether the CRM holds what a write wanted for a record."""
        there = state.get(one, {})
        return one in state and all(
            _text(there.get(name)) == value for name, value in write.values[one].items()
        )

    def send(self, write: Write) -> dict[str, str | None]:
        """Make a write; what became of its records as `answered` says it.

        Raises:
            LostError: if what became of it is not known.
            RefusedError: if nothing of it was done.
        """
        content = self.ask(write.method, write.url, self.body(write), writes=True)
        return self.answered(write, content or {})

    def ask(self, method: str, url: str, body: dict | None = None, writes: bool = False) -> dict:
        """Call until there is an answer: waits where the CRM says so, renews an old token once.

        A write that was lost is not repeated here, since it may have arrived.

        Raises:
            LostError, RefusedError: as `send`.
            UserError: if the day's calls are used up, the key is refused, or waiting does not help.
        """
        renewed = old = False
        for attempt in range(self.crm.attempts):
            try:
                if old:
                    self.log_in()
                    old = False
                reply = self.caller.call(
                    method, self.address(url), self.headers(), body, None, self.pace_seconds
                )
                kind, code, message = self.kind_of(reply)
            except LostError as problem:
                if writes:
                    raise
                kind, code, message, reply = LOST, "lost", str(problem), None
            if kind == OK:
                return reply.content
            if kind == LOST and writes:
                raise LostError(f"answer {code}")
            if kind == REFUSED:
                raise RefusedError(self.system, code, self.caller.clean(message))
            if kind == DAY_OVER:
                raise self._stop(f"its calls of the day are used up (code {code}). Go on tomorrow")
            if kind == EXPIRED:
                if renewed:
                    raise self._stop(
                        f"it refuses the key (code {code}). Check {', '.join(self.key_names)}"
                    )
                renewed = old = True
                continue
            self.wait(attempt, reply.retry_after if reply else None)
        raise self._stop(
            f"it put off or lost {self.crm.attempts} calls in a row (code {code}). Go on later"
        )

    def wait(self, attempt: int, asked_seconds: float | None = None) -> None:
        """Wait before the next attempt: as long as the CRM asks, else longer each time."""
        if asked_seconds is not None and asked_seconds > _LONGEST_WAIT:
            raise self._stop(f"it asks to wait {asked_seconds:,.0f} seconds. Go on after that")
        seconds = _FIRST_WAIT * 2**attempt if asked_seconds is None else asked_seconds
        self.caller.sleep(min(seconds, _LONGEST_WAIT))

    def _resolve(self, listed: list[tuple[str, str]], where: str) -> dict[str, str]:
        """Label = field, where the settings give a field or the heading that people see.

        Args:
            listed: heading and field of each that the CRM has.
            where: what holds them, for messages.
        """
        times, by_heading = Counter(heading for heading, _ in listed), dict(listed)
        known = {name for _, name in listed}
        missing = [one for one in self.names.values() if one not in known | times.keys()]
        if missing:
            raise UserError(
                f"{where} of {self.system} has no field {', '.join(missing)}. Add a text field of this "
                f"name for each, or name the fields under [crm.{self.system}] fields."
            )
        twice = [one for one in self.names.values() if one not in known and times[one] > 1]
        if twice:
            raise UserError(
                f"{where} of {self.system} has several fields {', '.join(twice)}. Say which one it is "
                f"under [crm.{self.system}] api_names."
            )
        self.names = {
            label: one if one in known else by_heading[one] for label, one in self.names.items()
        }
        return self.names

    def _token_of(self, reply: Reply, name: str) -> str:
        """The token of an answer, hidden from messages; raises LostError to try again, or stops."""
        content = reply.content if isinstance(reply.content, dict) else {}
        if token := content.get(name):
            self.caller.hide(token)
            return token
        kind, code, _ = self.kind_of(reply)
        if kind in (LIMITED, LOST):
            raise LostError(f"no token (code {code})")
        raise self._stop(
            f"it gives no token (code {content.get('error', code)}). Check {', '.join(self.key_names)}"
        )

    def _stop(self, why: str) -> UserError:
        return UserError(
            f"The interface of {self.system} was left: {self.caller.clean(why)}, with the same command; "
            "what was written is noted and is not written again."
        )


def _text(value: object) -> str:
    """What stands in a field as text; several values are joined as in a file."""
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return "" if value is None else str(value)
