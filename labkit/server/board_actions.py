"""What an instructor does from the board: say something, freeze a lab, begin anew, take somebody out."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any
from urllib.parse import urlencode

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado import web

from labkit.core.errors import InvalidInputError
from labkit.course import Lab, ProgressLog, find_lab
from labkit.course.quiz.answers import PLACE as QUIZ
from labkit.server.evidence import own_pack
from labkit.server.room.pages import InstructorPage

__all__ = ["BoardAction"]

_LONGEST_MESSAGE = 500  # characters; what is longer is read by nobody in the middle of a lab


class BoardAction(InstructorPage):
    """``POST /board/act``: do one thing, then show the board again."""

    @allow_unauthenticated
    async def post(self) -> None:
        """Do what the form asks for."""
        act: Any = _ACTIONS.get(self.get_body_argument("action", ""))
        if act is None:
            raise InvalidInputError(f"expected one of {', '.join(_ACTIONS)} as action")
        said = await act(self)
        back = {key: self.get_body_argument(key, "") for key in ("lab", "names")}
        address = url_path_join(self.base_url, "board")
        self.redirect(f"{address}?{urlencode({**back, 'said': said})}", status=303)

    def participant(self) -> str:
        """Return the participant that the form names."""
        wanted = self.get_body_argument("participant", "")
        if self.room.people.find(wanted) is None:
            raise web.HTTPError(404, "There is no such participant in this class.")
        return wanted

    def lab(self) -> Lab:
        """Return the lab that the form names; a name that is none is answered with those there are."""
        return find_lab(self.get_body_argument("lab"))

    async def forget(self, participant: str) -> None:
        """Remove for good what a participant did and made."""
        log = self.room.log

        def work() -> None:
            for each in (log, ProgressLog(log.path.with_name("panels.sqlite"))):
                each.forget(participant)
            shutil.rmtree(own_pack(participant).path, ignore_errors=True)
            self.room.view.begin_anew()

        await asyncio.get_running_loop().run_in_executor(None, work)


async def _push(page: BoardAction) -> str:
    text = page.get_body_argument("text", "").strip()
    if not text:
        return "Nothing was sent: the message was empty."
    if len(text) > _LONGEST_MESSAGE:
        raise InvalidInputError(
            f"expected a message of up to {_LONGEST_MESSAGE} characters, got {len(text)}: shorten it"
        )
    to = page.get_body_argument("participant", "")
    page.room.bulletin.push(
        text,
        participant=page.participant() if to not in ("", "lab") else None,
        lab=page.lab().id if to == "lab" else None,
    )
    return "Sent."


async def _state(page: BoardAction) -> str:
    lab, state = page.lab(), page.get_body_argument("state")
    page.room.set_lab_state(lab.id, state)
    return f"{lab.title} is {state} now."


async def _reset(page: BoardAction) -> str:
    participant, what = page.participant(), page.get_body_argument("what", "lab")
    if what not in ("lab", QUIZ, "all"):
        raise InvalidInputError(f"expected lab, {QUIZ} or all to begin anew, got {what!r}")
    of = {"lab": page.lab().id, QUIZ: QUIZ, "all": None}[what]
    name = {"lab": page.lab().title, QUIZ: "The quiz", "all": "Everything"}[what]
    await page.shut_down(page.room.reset(participant, of), "reset")
    return f"{name} begins anew for this participant; what came before stays in the log."


async def _remove(page: BoardAction) -> str:
    participant, progress = page.participant(), page.get_body_argument("progress")
    if progress not in ("keep", "delete"):
        raise InvalidInputError(f"expected keep or delete for the progress, got {progress!r}")
    await page.shut_down(page.room.remove(participant), "removed")
    if progress == "keep":
        return "Taken out of the class; what they did stays in the log."
    await page.forget(participant)
    return "Taken out of the class; what they did is deleted."


async def _tidy(page: BoardAction) -> str:
    """Take out whoever entered and never did anything: those who entered twice, or filled the room."""
    room = page.room
    active = room.view.active()
    idle = [seat.id for seat in room.seats() if seat.id not in active and not seat.connected]
    for participant in idle:
        await page.shut_down(room.remove(participant), "removed")
    return f"Taken out: {len(idle)} who did nothing and are not here."


_ACTIONS = {"push": _push, "state": _state, "reset": _reset, "remove": _remove, "tidy": _tidy}
