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

__all__ = ["Board", "Cell", "Row", "Standing", "board_of", "class_board", "needs_visit", "standing_of"]


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
    last : float
        When something last happened, in seconds since the epoch; 0 when nothing did.
    """

    seat: Seat
    cells: tuple[Cell, ...]
    seconds: float
    before: float | None
    after: float | None
    gain: float | None
    stuck: Stuck | None
    last: float = 0.0

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


@dataclass(frozen=True, slots=True)
class Standing:
    """What one participant did in one lab adds up to; depends on their events and nothing else.

    Attributes
    ----------
    progress : LabProgress
    counted : tuple of Event
        Those since the last reset.
    seconds : float
        Time on task.
    """

    progress: LabProgress
    counted: tuple[Event, ...]
    seconds: float


def standing_of(lab: Lab, events: Sequence[Event]) -> Standing:
    """Return where a participant stands who has these events in a lab."""
    resets = [place for place, event in enumerate(events) if event.kind == "reset"]
    counted = tuple(events[resets[-1] + 1 :] if resets else events)
    return Standing(fold(lab, events), counted, seconds_on_task(counted))


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
    return board_of(lab, seats, {who: standing_of(lab, own) for who, own in of.items()}, now)


def board_of(lab: Lab, seats: Sequence[Seat], standings: Mapping[str, Standing], now: float) -> Board:
    """Return the board that standings by participant make."""
    rows = tuple(_row(lab, seat, standings[seat.id], now) for seat in seats)
    return Board(lab, rows, class_gain(standings[seat.id].progress for seat in seats))


def needs_visit(boards: Iterable[Board]) -> list[tuple[Lab, Row]]:
    """Return who is stuck, over all labs, whoever waits longest first.

    Somebody who went on to another lab is no longer stuck in the one before.
    """
    latest: dict[str, tuple[Lab, Row]] = {}
    for board in boards:
        for row in board.rows:
            known = latest.get(row.seat.id)
            if known is None or row.last > known[1].last:
                latest[row.seat.id] = (board.lab, row)
    found = [(lab, row) for lab, row in latest.values() if row.stuck is not None]
    return sorted(found, key=lambda pair: pair[1].stuck.since if pair[1].stuck else 0.0)


def _row(lab: Lab, seat: Seat, standing: Standing, now: float) -> Row:
    progress, counted = standing.progress, standing.counted
    return Row(
        seat=seat,
        cells=tuple(_cell(checkpoint.id, progress) for checkpoint in lab.checkpoints),
        seconds=standing.seconds,
        before=progress.score("pre"),
        after=progress.score("post"),
        gain=progress.gain,
        stuck=find_stuck(lab, progress, counted, now, connected=seat.connected),
        last=counted[-1].time if counted else 0.0,
    )


def _cell(checkpoint: str, progress: LabProgress) -> Cell:
    attempts = len(progress.attempts.get(checkpoint, ()))
    state = "reached" if checkpoint in progress.passed else "tried" if attempts else "open"
    return Cell(checkpoint, state, attempts, progress.hints.get(checkpoint, 0))
