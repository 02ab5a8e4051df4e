"""The instructor's board: participants against objectives, live, and what one can do about it.

Only a server for a class has it, and only the instructor's token opens it; see
:mod:`labkit.server.room`.  The page asks for its table every two seconds and swaps it in when it
changed; everything else on it is a form that works without a script.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jupyter_server.auth.decorator import allow_unauthenticated

from labkit.classroom import (
    Board,
    Row,
    anonymised,
    as_csv,
    band_of,
    needs_visit,
    quiz_csv,
    quiz_gains,
    quiz_results,
)
from labkit.course import DOMAINS, Lab, find_lab, labs
from labkit.course.gate import lab_states
from labkit.course.quiz.answers import PLACE as QUIZ
from labkit.server.board_actions import BoardAction
from labkit.server.room.pages import InstructorPage

__all__ = ["board_routes"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the board shows: one lab in full, and of all labs who is stuck and how they are."""

    board: Board
    stuck: list[tuple[Lab, Row]]
    states: Mapping[str, str]


class _OfBoard(InstructorPage):
    """What the pages of the board share; the log is read beside the event loop."""

    async def shown(self) -> _Shown:
        """Return what the board shows now."""
        seats, now, lab = self.seats(), time.time(), self.asked_lab()

        def computed() -> _Shown:
            boards = self.room.view.boards(labs(), seats, now)
            return _Shown(boards[lab.id], needs_visit(boards.values()), lab_states(self.room.log))

        return await asyncio.get_running_loop().run_in_executor(None, computed)

    def seats(self) -> list[Any]:
        """Return the participants in the order in which they are listed."""
        seats = self.room.seats()
        if self.hidden:
            return list(anonymised(seats))
        return sorted(seats, key=lambda seat: (seat.name.casefold(), seat.id))

    def asked_lab(self) -> Lab:
        """Return the lab that the address names, else the one that most are in."""
        try:
            if asked := self.get_query_argument("lab", ""):
                return find_lab(asked)
        except LookupError:
            pass
        here = self.room.labs_now()
        return max(labs(), key=lambda lab: here[lab.id])  # the first of them when nobody is in any

    @property
    def hidden(self) -> bool:
        """Whether names are left out, for a projector."""
        return self.get_query_argument("names", "") == "hidden"

    def table_values(self, shown: _Shown) -> dict[str, Any]:
        """Return what the template of the table needs."""
        board = shown.board
        return {
            "board": board,
            "lab": board.lab,
            "labs": labs(),
            "hidden": self.hidden,
            "band_of": band_of,
            "stuck": shown.stuck,
            "stuck_here": {row.seat.id for lab, row in shown.stuck if lab.id == board.lab.id},
            "stuck_in": {each.id: sum(lab.id == each.id for lab, _ in shown.stuck) for each in labs()},
            "now_in": self.room.labs_now(),
            "here": sum(row.seat.connected for row in board.rows),
            "states": {lab.id: shown.states.get(lab.id, "open") for lab in labs()},
        }


class BoardPage(_OfBoard):
    """``/board``: the whole page."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Show the board of one lab."""
        shown = await self.shown()
        results = quiz_results(self.room.seats(), self.room.view.events(QUIZ))
        self.show(
            "board.html",
            pushed=self.room.bulletin.pushed()[-5:],
            said=self.get_query_argument("said", ""),
            quiz=quiz_gains(results),
            domains={**DOMAINS, "all": "All domains"},
            query=urlencode({"lab": shown.board.lab.id, "names": "hidden" if self.hidden else "shown"}),
            **self.table_values(shown),
        )


class BoardTable(_OfBoard):
    """``/board/table``: only the part that changes."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Show the table as a piece of a page."""
        self.show("_board_table.html", **self.table_values(await self.shown()))


class _Export(_OfBoard):
    def send(self, name: str, text: str) -> None:
        """Send a table for a spreadsheet."""
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        self.finish("\ufeff" + text)  # the mark tells a spreadsheet that it is UTF-8


class BoardExport(_Export):
    """``/board/export.csv``: every lab, for a spreadsheet."""

    @allow_unauthenticated
    def get(self) -> None:
        """Send the table of all labs that anybody began."""
        begun = self.room.view.begun()
        boards = self.room.view.boards(labs(), self.seats(), time.time())
        self.send("class.csv", as_csv([boards[lab.id] for lab in labs() if lab.id in begun]))


class QuizExport(_Export):
    """``/board/quiz.csv``: the quiz before and after, by participant and domain."""

    @allow_unauthenticated
    def get(self) -> None:
        """Send the results of everybody who began it."""
        seats = self.seats()
        self.send("quiz.csv", quiz_csv(seats, quiz_results(seats, self.room.view.events(QUIZ))))


def board_routes() -> list[tuple[str, Any]]:
    """Return the addresses of the board and what answers there."""
    return [
        (r"/board", BoardPage),
        (r"/board/table", BoardTable),
        (r"/board/act", BoardAction),
        (r"/board/export\.csv", BoardExport),
        (r"/board/quiz\.csv", QuizExport),
    ]
