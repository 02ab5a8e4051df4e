"""The board as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from labkit.classroom.board import Board

__all__ = ["as_csv"]

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
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(boards: Sequence[Board]) -> str:
    """Return one line for each participant, lab and checkpoint.

    A text that a spreadsheet would run as a formula is given a leading apostrophe: names come
    from participants (CWE-1236).
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_HEADINGS)
    for board in boards:
        for row in board.rows:
            for cell in row.cells:
                stuck = row.stuck.why if row.stuck and row.stuck.checkpoint == cell.checkpoint else ""
                about_row = (f"{row.seconds / 60:.1f}", *map(_share, (row.before, row.after, row.gain)))
                about_cell = (cell.checkpoint, cell.state, cell.attempts, cell.hints)
                table.writerow((_plain(row.seat.name), board.lab.id, *about_cell, *about_row, stuck))
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
