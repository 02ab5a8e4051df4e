"""How late it is: by the examiner's server where the form names one, else by this machine.

The server is asked in a thread of its own, now and then, and never while somebody waits.  Between two
answers time goes on by a clock that nobody sets, so that moving the clock of the machine moves nothing.
A server can give time; it cannot take any that the signed form gives.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.core.errors import LabkitError
from labkit.exams.form import Form, parse_time
from labkit.exams.receiving.client import Answer, Client, ForgedError

__all__ = ["Clock", "Reading"]

_HERE = "the signed form and the clock of this machine"
_SERVER = "the examiner's server"
_FRESH = 150.0  # seconds for which an answer is good enough to name the server
_OFTEN, _AGAIN = 45.0, 10.0  # seconds between two questions; after one without an answer
_FIRST = 1.0  # seconds that whoever opens a sitting waits for the first answer


@dataclass(frozen=True, slots=True)
class Reading:
    """How late it is, until when the sitting runs, and who says so.

    Attributes
    ----------
    now, deadline : datetime
    source : str
    added : tuple of mapping
        Minutes and reason of time that was added during the exam.
    certain : bool
        Whether it comes from the one whose word counts.  While the server is silent it is false: the
        machine may be wrong, and time may have been added, so nothing that cannot be undone follows from it.
    """

    now: datetime
    deadline: datetime
    source: str
    added: tuple[Mapping[str, Any], ...] = ()
    certain: bool = True


class Clock:
    """The clock of a sitting.

    Parameters
    ----------
    form : Form
    machine : function
        Returns the time of this machine.
    kept : mapping
        What :attr:`raw` was when it was kept; believed as far as its signature goes.
    keep : function
        Called with :attr:`raw` when there is a new answer.
    """

    def __init__(
        self,
        form: Form,
        machine: Callable[[], datetime],
        kept: Mapping[str, Any] | None = None,
        keep: Callable[[Mapping[str, Any]], None] = lambda raw: None,
    ) -> None:
        self._form, self._machine, self._keep = form, machine, keep
        self._answer: Answer | None = None
        self._offset: tuple[datetime, float] | None = None
        self._since: datetime | None = None
        self._why = "could not be reached"
        self._asked, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        if form.receiver is not None and kept:
            # What was altered on the disk is not signed any more, and is worth nothing.
            with suppress(LabkitError):
                self._answer = Answer.from_json(kept, form)

    def __call__(self) -> datetime:
        return self.read().now

    def read(self) -> Reading:
        """Return how late it is; only the first time it waits, for at most a second."""
        if self._form.receiver is None:
            return Reading(self._machine(), parse_time(self._form.deadline), _HERE)
        self._start()
        with self._lock:
            answer, offset, since, why = self._answer, self._offset, self._since, self._why
        deadline = parse_time(self._form.deadline)
        added: tuple[Mapping[str, Any], ...] = ()
        if answer is not None:
            deadline, added = max(deadline, parse_time(answer.deadline)), answer.added
        if offset is None:
            now = self._machine()
            # Time does not go back behind what the server said before.
            now = now if answer is None else max(now, parse_time(answer.at))
            age = _FRESH
        else:
            age = _steady() - offset[1]
            now = offset[0] + timedelta(seconds=age)
        if age < _FRESH:
            return Reading(now, deadline, _SERVER, added)
        # Nothing was answered, and nothing failed yet: it is being asked.
        since = since or self._machine()
        return Reading(now, deadline, f"{_HERE}: the server {why} since {_shown(since)}", added, False)

    def refresh(self) -> bool:
        """Ask the server now, and return whether it answered."""
        if self._form.receiver is None:
            return False
        before = _steady()
        try:
            answer = Client(self._form).time()
        except LabkitError as error:
            with self._lock:
                self._since = self._since or self._machine()
                self._why = (
                    "could not be believed" if isinstance(error, ForgedError) else "could not be reached"
                )
            return False
        finally:
            self._asked.set()
        # The answer was written somewhere between question and arrival.
        after = _steady()
        said = parse_time(answer.at) + timedelta(seconds=(after - before) / 2)
        with self._lock:
            self._answer, self._offset, self._since = answer, (said, after), None
        self._keep(answer.raw)
        return True

    def close(self) -> None:
        """Ask no more."""
        self._wake.set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(
                target=_ask, args=(weakref.ref(self), self._wake), name="exam server", daemon=True
            )
            self._thread.start()
        self._asked.wait(_FIRST)


def _ask(clock: weakref.ref[Clock], stop: threading.Event) -> None:
    """Ask now and then, for as long as somebody holds the clock."""
    while not stop.is_set() and (held := clock()) is not None:
        pause = _OFTEN if held.refresh() else _AGAIN
        del held
        stop.wait(pause)


def _steady() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    # Linux has it under the first name, macOS under the second; on Windows Python's own goes on.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if (which := getattr(time, name, None)) is not None:
            return time.clock_gettime(which)
    return time.monotonic()


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M} (UTC)"
