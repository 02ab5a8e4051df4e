"""What a learner did, as an append-only log outside the kernel.

Every event is one committed row of an SQLite file (write-ahead log, ``synchronous=FULL``):
an append that returned survives a crash of kernel, browser or machine.  Several processes
may append at once.  Nothing is ever changed or deleted: triggers refuse it, a reset is an
event like any other, and a damaged file is set aside, not removed.  The one exception: a
participant who is to be forgotten is removed as a whole.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.paths import data_dir
from labkit.course.events import Event
from labkit.course.store import EventStore

__all__ = ["ProgressLog", "new_event"]


class ProgressLog:
    """The event log of everybody who learns with this installation.

    Parameters
    ----------
    path : Path, optional
        The SQLite file; by default ``progress.sqlite`` among the user's data.

    Attributes
    ----------
    notice : str or None
        Says where a damaged file was set aside, when that happened.

    Raises
    ------
    StorageError
        From every method, when the file cannot be read or written; the message says what
        to do.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = data_dir() / "progress.sqlite" if path is None else Path(path)
        self._store = EventStore(self.path)

    @property
    def notice(self) -> str | None:
        return self._store.notice

    def append(self, learner: str, lab: str, kind: str, payload: Mapping[str, Any] | None = None) -> Event:
        """Keep one event and return it; when this returns, the event is on the disk.

        Parameters
        ----------
        learner, lab : str
            Who, and in which lab (its id; empty for an event outside any lab).
        kind : str
            What happened, see :mod:`labkit.course.events`.
        payload : mapping
            Details, as JSON can hold them.
        """
        event = new_event(learner, lab, kind, payload)
        self.keep(event)
        return event

    def keep(self, event: Event) -> None:
        """Keep an event that was made before; keeping it twice changes nothing."""
        row = (event.uid, event.at, event.learner, event.lab, event.kind, _dump(event.payload))
        self._store.insert(row)

    def events(
        self,
        learner: str | None = None,
        lab: str | None = None,
        kind: str | None = None,
        *,
        newest_by: Sequence[str] = (),
    ) -> list[Event]:
        """Return the events in the order in which they were kept, filtered by what is given.

        With ``newest_by``, names of entries of the payload, only the newest of those that agree in them.
        """
        wanted = {"learner": learner, "lab": lab, "kind": kind}
        rows = self._store.select(
            {name: value for name, value in wanted.items() if value is not None}, newest_by
        )
        return [
            Event(uid, at, who, where, what, json.loads(payload))
            for uid, at, who, where, what, payload in rows
        ]

    def following(self, mark: tuple[int, str] = (0, "")) -> tuple[list[Event], tuple[int, str]] | None:
        """Return the events behind a mark, and the mark of the last one.

        Parameters
        ----------
        mark : tuple of int and str
            As it was returned before; by default the beginning.

        Returns
        -------
        tuple of list and mark, or None
            None when the event at the mark is no longer there: then everything has to be read anew.
        """
        rows = self._store.after(mark[0])
        if mark[1] and (not rows or rows[0][1] != mark[1]):
            return None
        behind = rows[1:] if mark[1] else rows
        events = [
            Event(uid, at, who, where, what, json.loads(payload))
            for _, uid, at, who, where, what, payload in behind
        ]
        return events, (behind[-1][0], behind[-1][1]) if behind else mark

    def forget(self, learner: str) -> None:
        """Remove everything about a learner for good, who then never was here."""
        self._store.forget(learner)

    def learners(self) -> list[str]:
        """Return everybody who has an event, sorted."""
        return sorted({event.learner for event in self.events()})


def new_event(learner: str, lab: str, kind: str, payload: Mapping[str, Any] | None = None) -> Event:
    """Return an event that happens now, not kept anywhere yet."""
    for name, value in (("learner", learner), ("kind", kind)):
        if not value:
            raise InvalidInputError(f"expected {name} to be a text that is not empty, got {value!r}")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Event(uuid.uuid4().hex, now, learner, lab, kind, dict(payload or {}))


def _dump(payload: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(payload), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected a payload that JSON can hold: {error}") from None
