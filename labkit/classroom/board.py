"""Participants against objectives: one table, computed anew from the log each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.classroom.activity import seconds_on_task
from labkit.classroom.gains import ClassGain, class_gain
from labkit.classroom.seats import Seat
from labkit.classroom.stuck import Stuck, find_stuck
from labkit.course.events import Event, LabProgress, fold
from labkit.course.lab import Lab

__all__ = ["Board", "Cell", "Row", "class_board"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One participant at one checkpoint: ``state`` is ``"reached"``, ``"tried"`` or ``"open"``."""

    checkpoint: str
    state: str
    attempts: int
    hints: int


@dataclass(frozen=True, slots=True)
class Row:
    """One participant in one lab.

    Attributes
    ----------
    seat : Seat
    cells : tuple of Cell
        One for each checkpoint, in the order of the lab.
    seconds : float
        Time on task in this lab.
    before, after, gain : float or None
        Shares of right answers, and the normalised gain.
    stuck : Stuck or None
    """

    seat: Seat
    cells: tuple[Cell, ...]
    seconds: float
    before: float | None
    after: float | None
    gain: float | None
    stuck: Stuck | None

    @property
    def reached(self) -> int:
        """How many checkpoints were reached."""
        return sum(cell.state == "reached" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Board:
    """One lab and everybody in the room."""

    lab: Lab
    rows: tuple[Row, ...]
    gain: ClassGain

    @property
    def reached(self) -> Mapping[str, int]:
        """How many participants reached each checkpoint."""
        return {
            checkpoint.id: sum(row.cells[place].state == "reached" for row in self.rows)
            for place, checkpoint in enumerate(self.lab.checkpoints)
        }


def class_board(lab: Lab, seats: Sequence[Seat], events: Iterable[Event], now: float) -> Board:
    """Return where everybody stands in a lab.

    Parameters
    ----------
    lab : Lab
    seats : sequence of Seat
        Those in the room; events of others are passed over.
    events : iterable of Event
        Of any learner and lab, oldest first.
    now : float
        Seconds since the epoch.
    """
    of: dict[str, list[Event]] = {seat.id: [] for seat in seats}
    for event in events:
        if event.lab == lab.id and event.learner in of:
            of[event.learner].append(event)
    standing = {seat.id: fold(lab, of[seat.id]) for seat in seats}
    rows = tuple(_row(lab, seat, standing[seat.id], of[seat.id], now) for seat in seats)
    return Board(lab, rows, class_gain(standing.values()))


def _row(lab: Lab, seat: Seat, progress: LabProgress, events: Sequence[Event], now: float) -> Row:
    counted = _since_reset(events)
    return Row(
        seat=seat,
        cells=tuple(_cell(checkpoint.id, progress) for checkpoint in lab.checkpoints),
        seconds=seconds_on_task(counted),
        before=progress.score("pre"),
        after=progress.score("post"),
        gain=progress.gain,
        stuck=find_stuck(lab, progress, counted, now, connected=seat.connected),
    )


def _since_reset(events: Sequence[Event]) -> Sequence[Event]:
    resets = [place for place, event in enumerate(events) if event.kind == "reset"]
    return events[resets[-1] + 1 :] if resets else events


def _cell(checkpoint: str, progress: LabProgress) -> Cell:
    attempts = len(progress.attempts.get(checkpoint, ()))
    state = "reached" if checkpoint in progress.passed else "tried" if attempts else "open"
    return Cell(checkpoint, state, attempts, progress.hints.get(checkpoint, 0))
