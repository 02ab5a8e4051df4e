"""The board as tables for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from labkit.classroom.board import Board
from labkit.classroom.seats import Seat
from labkit.core.tables import for_spreadsheet
from labkit.course.quiz import Gain

__all__ = ["as_csv", "quiz_csv"]

_HEADINGS = (
    "participant",
    "lab",
    "checkpoint",
    "state",
    "attempts",
    "hints",
    "minutes_in_lab",
    "pre",
    "post",
    "gain",
    "stuck",
)
_QUIZ_HEADINGS = ("participant", "domain", "items", "before", "after", "gain")


def as_csv(boards: Sequence[Board]) -> str:
    """Return one line for each participant, lab and checkpoint.

    Every cell is quoted, and where a spreadsheet would run a name as a formula, an apostrophe
    stands in front: names come from participants (CWE-1236).
    """
    return _table(_HEADINGS, _lines(boards))


def quiz_csv(seats: Sequence[Seat], results: Mapping[str, Mapping[str, Gain]]) -> str:
    """Return one line for each participant and domain of the quiz, and one for all domains together.

    Parameters
    ----------
    seats : sequence of Seat
    results : mapping of participant to gains by domain
        See :func:`~labkit.classroom.quizzes.quiz_results`.
    """
    return _table(
        _QUIZ_HEADINGS,
        (
            (
                for_spreadsheet(seat.name),
                domain,
                each.items,
                *map(_share, (each.before, each.after, each.gain)),
            )
            for seat in seats
            for domain, each in results.get(seat.id, {}).items()
        ),
    )


def _lines(boards: Sequence[Board]) -> Iterable[Sequence[object]]:
    for board in boards:
        for row in board.rows:
            for cell in row.cells:
                stuck = row.stuck.why if row.stuck and row.stuck.checkpoint == cell.checkpoint else ""
                about_row = (f"{row.seconds / 60:.1f}", *map(_share, (row.before, row.after, row.gain)))
                about_cell = (cell.checkpoint, cell.state, cell.attempts, cell.hints)
                yield (for_spreadsheet(row.seat.name), board.lab.id, *about_cell, *about_row, stuck)


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(headings)
    table.writerows(rows)
    return text.getvalue()


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
