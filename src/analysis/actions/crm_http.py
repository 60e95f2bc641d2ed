"""Calls to a CRM over HTTP: encrypted, paced, never redirected; no key shows in any message.

Three ends of a call are told apart, since they mean different things for a write: an answer, a loss
(whether it arrived is not known), and a refusal.
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from analysis.run.errors import UserError

_HERE = ("localhost", "127.0.0.1", "::1")  # where no one listens in
_HIDDEN = "***"


class LostError(Exception):
    """No answer came, or none that can be read: what was written, or whether, is not known."""


class RefusedError(UserError):
    """The CRM refused a call for good; nothing of it was done."""

    def __init__(self, system: str, code: str, message: str):
        super().__init__(
            f"{system} refused a call (code {code}: {message or 'no message'}). Check the settings under "
            f"[crm.{system}], the key, and what it may do."
        )
        self.code = code


@dataclass(frozen=True)
class Reply:
    """An answer: its status, content, and how long to wait where it says so."""

    status: int
    content: Any
    retry_after: float | None = None


@dataclass(frozen=True)
class Key:
    """A key from the environment; it shows itself to nobody but the call that needs it."""

    name: str
    value: str = field(repr=False)

    def __str__(self) -> str:
        return _HIDDEN


def read_keys(names: Iterable[str]) -> dict[str, Key]:
    """Keys from the environment, by name; raises UserError with the names of all that are missing."""
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise UserError(
            f"The environment lacks {', '.join(missing)}. Keys are never read from settings: set them "
            "in the shell that runs the command, e.g. from the company's safe."
        )
    return {name: Key(name, os.environ[name]) for name in names}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another address."""

    def redirect_request(self, *_: object) -> None:
        return None


class Caller:
    """Makes calls, one after the other.

    Args:
        timeout_seconds: of one call.
        sleep, clock: of seconds; tests give their own.
    """

    def __init__(
        self,
        timeout_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.timeout_seconds, self.sleep, self._clock = timeout_seconds, sleep, clock
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._last: float | None = None
        self._hidden: set[str] = set()

    def hide(self, secret: str) -> None:
        """Keep a text out of every message from now on."""
        self._hidden |= {
            secret,
            urllib.parse.quote(secret, safe=""),
            urllib.parse.quote_plus(secret),
        }

    def clean(self, text: str) -> str:
        """A text without what is to be hidden, on one line of moderate length."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return " ".join(text.split())[:300]

    def call(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: dict | None = None,
        form: dict[str, str] | None = None,
        pace_seconds: float = 0,
    ) -> Reply:
        """Make a call and return what came back, whatever its status.

        Args:
            method: GET, POST or PUT.
            url: must be https, except on this machine.
            headers: beside the type of the content.
            body: sent as JSON; or
            form: sent as a form.
            pace_seconds: least time since the call before.

        Raises:
            LostError: if no answer came in time, or what came is no JSON.
            UserError: if the address is not encrypted.
        """
        self._refuse_open(url)
        self._wait(pace_seconds)
        data, kind = None, "application/json; charset=utf-8"
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
        elif form is not None:
            data, kind = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
        request = urllib.request.Request(url, data=data, method=method)
        for name, value in ({"Content-Type": kind} | headers).items():
            request.add_header(name, value)
        status, text, wait = self._send(request)
        if not text.strip():
            return Reply(status, None, wait)
        try:
            return Reply(status, json.loads(text), wait)
        except ValueError:
            if 200 <= status < 300:
                raise LostError("the answer is no JSON") from None
            return Reply(status, None, wait)

    def _send(self, request: urllib.request.Request) -> tuple[int, str, float | None]:
        try:
            with self._opener.open(request, timeout=self.timeout_seconds) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), None
        except urllib.error.HTTPError as problem:
            return problem.code, _rest_of(problem), _seconds(problem.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException) as problem:
            reason = getattr(problem, "reason", None) or problem
            raise LostError(self.clean(f"{type(reason).__name__}: {reason}")) from None

    def _wait(self, pace_seconds: float) -> None:
        now = self._clock()
        if self._last is not None and (left := self._last + pace_seconds - now) > 0:
            self.sleep(left)
        self._last = self._clock()

    @staticmethod
    def _refuse_open(url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _HERE:
            raise UserError(
                f"{parts.scheme}://{parts.netloc} is not encrypted, and keys would be sent to it. "
                "Write https in `url` of the settings."
            )


def _rest_of(problem: urllib.error.HTTPError) -> str:
    try:
        return problem.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""


def _seconds(text: str | None) -> float | None:
    """How long to wait, where an answer says it in seconds."""
    try:
        return max(float(text), 0) if text else None
    except ValueError:
        return None
