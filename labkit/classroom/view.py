"""The class as an instructor follows it: every event is read once, and counted again only where one came."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from labkit.classroom.board import Board, Standing, board_of, standing_of
from labkit.classroom.seats import Seat
from labkit.course import ProgressLog
from labkit.course.events import Event
from labkit.course.lab import Lab

__all__ = ["ClassView"]


class ClassView:
    """What happened in a class so far; may be asked from several threads.

    Parameters
    ----------
    log : ProgressLog
    """

    def __init__(self, log: ProgressLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._begin()

    def boards(self, labs: Sequence[Lab], seats: Sequence[Seat], now: float) -> Mapping[str, Board]:
        """Return the board of every lab, by its id."""
        with self._lock:
            self._read()
            return {
                lab.id: board_of(lab, seats, {seat.id: self._standing(lab, seat.id) for seat in seats}, now)
                for lab in labs
            }

    def events(self, lab: str) -> list[Event]:
        """Return everything that happened in a lab, oldest first."""
        with self._lock:
            self._read()
            return [event for (_, where), own in self._events.items() if where == lab for event in own]

    def begun(self) -> set[str]:
        """Return the ids of all labs in which anything happened, and where else events belong."""
        with self._lock:
            self._read()
            return {lab for _, lab in self._events if lab}

    def active(self) -> set[str]:
        """Return everybody who did anything in a lab."""
        with self._lock:
            self._read()
            return {learner for learner, lab in self._events if lab}

    def begin_anew(self) -> None:
        """Forget everything and read it again when it is next asked for."""
        with self._lock:
            self._begin()

    def _begin(self) -> None:
        self._mark = (0, "")
        self._events: dict[tuple[str, str], list[Event]] = {}
        self._standings: dict[tuple[str, str], tuple[int, Standing]] = {}

    def _read(self) -> None:
        found = self._log.following(self._mark)
        if found is None:  # the file was set aside, or somebody was forgotten
            self._begin()
            found = self._log.following()
        if found is not None:
            events, self._mark = found
            for event in events:
                self._events.setdefault((event.learner, event.lab), []).append(event)

    def _standing(self, lab: Lab, learner: str) -> Standing:
        place = (learner, lab.id)
        events = self._events.get(place, [])
        known = self._standings.get(place)
        if known is None or known[0] != len(events):
            known = self._standings[place] = (len(events), standing_of(lab, events))
        return known[1]
