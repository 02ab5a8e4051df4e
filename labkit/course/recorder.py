"""Record what happens even while the disk refuses: keep it in memory and try again.

A full or read-only disk must not stop a lab.  Events that could not be kept wait here and
are written, in their order and with their own time, before the next event.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labkit.core.errors import StorageError
from labkit.course import gate
from labkit.course.events import Event
from labkit.course.progress import ProgressLog, new_event

__all__ = ["Recorder"]


class Recorder:
    """The events of one learner, on disk when possible and in memory otherwise.

    Attributes
    ----------
    warning : str or None
        What a participant should be told about storage; None when all is well.
    """

    def __init__(self, log: ProgressLog, learner: str) -> None:
        self.learner = learner
        self._log = log
        self._known: list[Event] = []
        self._waiting: list[Event] = []
        self._failure: str | None = None
        self._lock = threading.RLock()

    @property
    def path(self) -> Path:
        """The file of the log."""
        return self._log.path

    @property
    def warning(self) -> str | None:
        if self._failure is None:
            return self._log.notice
        count = len(self._waiting)
        kept = f"{count} events are kept in memory until it works again" if count else "the lab goes on"
        return f"{self._failure} ({kept}; do not close this page.)" if count else f"{self._failure} ({kept}.)"

    def record(self, lab: str, kind: str, payload: Mapping[str, Any] | None = None) -> Event:
        """Keep one event; when the disk refuses, it waits in memory."""
        event = new_event(self.learner, lab, kind, payload)
        with self._lock:
            self._waiting.append(event)
            self.retry()
        return event

    def refuse_unless_open(self, lab: str) -> None:
        """Raise an error while the instructor of a class has frozen or closed this lab."""
        with suppress(StorageError):  # a log that cannot be read freezes nothing
            gate.refuse_unless_open(self._log, lab, self.learner)

    def retry(self) -> bool:
        """Write what waits; return whether nothing waits any more."""
        with self._lock:
            try:
                while self._waiting:
                    self._log.keep(self._waiting[0])
                    self._known.append(self._waiting.pop(0))
            except StorageError as error:
                self._failure = str(error)
                return False
            self._failure = None
            return True

    def events(self) -> list[Event]:
        """Return every event of the learner, those that wait included."""
        with self._lock:
            try:
                self._known = self._log.events(learner=self.learner)
            except StorageError as error:
                # What was read or written before is still true.
                self._failure = str(error)
            return [*self._known, *self._waiting]
