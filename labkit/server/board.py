"""The instructor's board: participants against objectives, live, and what one can do about it.

Only a server for a class has it, and only the instructor's token opens it; see
:mod:`labkit.server.room`.  The page asks for its table every two seconds and swaps it in when it
changed; everything else on it is a form that works without a script.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.ioloop import IOLoop

from labkit.classroom import Board, anonymised, as_csv, band_of, class_board, quiz_gains
from labkit.core.errors import InvalidInputError
from labkit.course import DOMAINS, Lab, find_lab, labs
from labkit.server.room.pages import InstructorPage

__all__ = ["board_routes"]

_LONGEST_MESSAGE = 500  # characters; what is longer is read by nobody in the middle of a lab


class _OfBoard(InstructorPage):
    """What the pages of the board share."""

    def board(self) -> Board:
        """Return the board of the lab that is asked for, else of the one that most are in."""
        room = self.room
        events = room.log.events()
        known = labs()
        busiest = next((each.lab for each in reversed(events) if each.lab), known[0].id)
        lab = self.asked_lab(default=busiest)
        seats = room.seats()
        if self.hidden:
            seats = list(anonymised(seats, room.secret))
        else:
            seats = sorted(seats, key=lambda seat: (seat.name.casefold(), seat.id))
        return class_board(lab, seats, events, time.time())

    def asked_lab(self, default: str) -> Lab:
        """Return the lab that the address names."""
        try:
            return find_lab(self.get_query_argument("lab", default))
        except LookupError:
            return labs()[0]

    @property
    def hidden(self) -> bool:
        """Whether names are left out, for a projector."""
        return self.get_query_argument("names", "") == "hidden"

    def table_values(self, board: Board) -> dict[str, Any]:
        """Return what the template of the table needs."""
        return {
            "board": board,
            "lab": board.lab,
            "hidden": self.hidden,
            "band_of": band_of,
            "stuck": [row for row in board.rows if row.stuck is not None],
            "here": sum(row.seat.connected for row in board.rows),
            "states": {lab.id: self.room.lab_state(lab.id) for lab in labs()},
        }


class BoardPage(_OfBoard):
    """``/board``: the whole page."""

    @allow_unauthenticated
    def get(self) -> None:
        """Show the board of one lab."""
        board = self.board()
        self.show(
            "board.html",
            room=self.room,
            labs=labs(),
            pushed=self.room.pushed()[-5:],
            said=self.get_query_argument("said", ""),
            quiz=quiz_gains(self.room.seats(), self.room.log.events()),
            domains={**DOMAINS, "all": "All domains"},
            query=urlencode({"lab": board.lab.id, "names": "hidden" if self.hidden else "shown"}),
            **self.table_values(board),
        )


class BoardTable(_OfBoard):
    """``/board/table``: only the part that changes."""

    @allow_unauthenticated
    def get(self) -> None:
        """Show the table as a piece of a page."""
        self.show("_board_table.html", **self.table_values(self.board()))


class BoardExport(_OfBoard):
    """``/board/export.csv``: every lab, for a spreadsheet."""

    @allow_unauthenticated
    def get(self) -> None:
        """Send the table of all labs that anybody began."""
        room, events, now = self.room, self.room.log.events(), time.time()
        begun = {event.lab for event in events}
        seats = sorted(room.seats(), key=lambda seat: (seat.name.casefold(), seat.id))
        boards = [class_board(lab, seats, events, now) for lab in labs() if lab.id in begun]
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="class.csv"')
        self.set_header("Cache-Control", "no-store")
        self.finish("\ufeff" + as_csv(boards))  # the mark tells a spreadsheet that it is UTF-8


class BoardAction(_OfBoard):
    """``POST /board/act``: do one thing, then show the board again."""

    @allow_unauthenticated
    def post(self) -> None:
        """Do what the form asks for."""
        name = self.get_body_argument("action", "")
        if name not in _ACTIONS:
            raise web.HTTPError(400, f"expected one of {', '.join(_ACTIONS)} as action, got {name!r}")
        said = _ACTIONS[name](self)
        back = {key: self.get_body_argument(key, "") for key in ("lab", "names")}
        address = url_path_join(self.base_url, "board")
        self.redirect(f"{address}?{urlencode({**back, 'said': said})}", status=303)

    def participant(self) -> str | None:
        """Return the participant that the form names; None stands for everybody."""
        wanted = self.get_body_argument("participant", "")
        if not wanted:
            return None
        if wanted not in {seat.id for seat in self.room.seats()}:
            raise web.HTTPError(404, "There is no such participant in this class.")
        return wanted


def _push(page: BoardAction) -> str:
    text = page.get_body_argument("text", "").strip()
    if not text:
        return "Nothing was sent: the message was empty."
    if len(text) > _LONGEST_MESSAGE:
        raise InvalidInputError(
            f"expected a message of up to {_LONGEST_MESSAGE} characters, got {len(text)}: shorten it"
        )
    page.room.push(text, participant=page.participant(), lab=page.get_body_argument("lab", "") or None)
    return "Sent."


def _state(page: BoardAction) -> str:
    lab, state = find_lab(page.get_body_argument("lab")), page.get_body_argument("state")
    page.room.set_lab_state(lab.id, state)
    return f"{lab.title} is {state} now."


def _reset(page: BoardAction) -> str:
    participant = page.participant()
    if participant is None:
        raise web.HTTPError(400, "One participant at a time can be reset.")
    lab = find_lab(page.get_body_argument("lab"))
    if kernels := page.room.reset(participant, lab.id):
        IOLoop.current().add_callback(page.shut_down, kernels, "reset")
    return f"{lab.title} begins anew for this participant; what came before stays in the log."


_ACTIONS = {"push": _push, "state": _state, "reset": _reset}


def board_routes() -> list[tuple[str, Any]]:
    """Return the addresses of the board and what answers there."""
    return [
        (r"/board", BoardPage),
        (r"/board/table", BoardTable),
        (r"/board/act", BoardAction),
        (r"/board/export\.csv", BoardExport),
    ]
