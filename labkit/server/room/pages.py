"""The pages of a class: entering, coming back, leaving; and the way to the instructor's board."""

from __future__ import annotations

import asyncio
import hmac
import json
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.iostream import StreamClosedError

from labkit.core.errors import InvalidInputError
from labkit.server.base import Page
from labkit.server.room.identity import board_is_open, forget, is_encrypted, let_in, open_board
from labkit.server.room.throttle import Throttle

__all__ = ["BoardEntrance", "EnterPage", "InstructorPage", "LeaveAction", "News"]

_HINT = "labkit-class"  # tells the pages' scripts that this is a class; worth nothing to anybody
_PENALTY = 1.0  # seconds that whoever guesses much waits for each answer


class EnterPage(Page):
    """``/enter``: a name, or the code to come back with; whoever is in is sent on."""

    _wrong = Throttle()
    _entries = Throttle(each=60, together=240)  # a class of thirty behind one address, twice over

    @allow_unauthenticated
    def get(self) -> None:
        """Ask who comes."""
        if self.current_user is not None:
            self.redirect(self.base_url)
            return
        self._ask("")

    @allow_unauthenticated
    async def post(self) -> None:
        """Let somebody in, or say what is missing."""
        code = self.get_body_argument("code", "").strip()
        try:
            if code:
                await self._come_back(code)
            else:
                await self._enter()
        except InvalidInputError as problem:
            self.set_status(400)
            self._ask(str(problem))

    async def _enter(self) -> None:
        given = "".join(self.get_body_argument("join", "").split()).upper()
        if self.room.join_code and not hmac.compare_digest(given.encode(), self.room.join_code.encode()):
            await count_wrong(self, self._wrong, "code")
            raise InvalidInputError("that is not the code of this class: your instructor shows it")
        wait = self._entries.wait_seconds(self.address)
        if wait > 0:
            raise web.HTTPError(
                429, f"Very many people enter from your network just now. Try again in {wait:.0f} seconds."
            )
        person, code = self.room.people.enter(self.get_body_argument("name", ""))
        self._entries.count(self.address)
        self._let_in(person.id)
        self.show("entered.html", person=person, code=code)

    async def _come_back(self, code: str) -> None:
        person = self.room.people.come_back(code)
        if person is None:
            await count_wrong(self, self._wrong, "code")
            raise InvalidInputError(
                "nobody in this class has that code. It is nine letters and digits; without it, enter a "
                "name and begin anew"
            )
        self._let_in(person.id)
        self.redirect(self.base_url, status=303)

    def _let_in(self, participant: str) -> None:
        let_in(self, participant)
        self.set_cookie(_HINT, "1", path=self.base_url, samesite="Lax", secure=is_encrypted(self))

    def _ask(self, problem: str) -> None:
        self.show(
            "enter.html",
            problem=problem,
            name=self.get_body_argument("name", ""),
            given=self.get_body_argument("code", ""),
        )


async def count_wrong(page: Page, throttle: Throttle, what: str) -> None:
    """Count a wrong code or token; where there were many, make whoever guesses wait and say so.

    It was looked at before, and a right one never comes here.
    """
    wait = throttle.wait_seconds(page.address)
    throttle.count(page.address)
    if wait > 0:
        await asyncio.sleep(_PENALTY)
        raise web.HTTPError(
            429,
            f"That is not the right {what}, and many wrong ones came from your network just now. Look at it "
            "again: the right one is let in at any time.",
        )


class LeaveAction(Page):
    """``POST /leave``: this browser forgets who it was; progress stays."""

    @web.authenticated
    async def post(self) -> None:
        """Take the cookie back and shut the participant's kernels down."""
        await self.shut_down(self.room.kernels_of(self.learner))
        forget(self)
        self.clear_cookie(_HINT, path=self.base_url)
        self.redirect(url_path_join(self.base_url, "enter"), status=303)


class News(Page):
    """``/room/news``: what the instructor says and does, as it happens (server-sent events)."""

    @web.authenticated
    async def get(self) -> None:
        """Send how everything stands and what was said of late, then more until the page is closed."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        room, learner = self.room, self.learner
        try:
            with room.present(learner), room.bulletin.listening(learner) as following:
                await self._send({"kind": "states", "states": room.restricted()})
                for missed in room.bulletin.messages_for(learner):
                    await self._send(missed)
                while True:
                    news = await following()
                    await self._send(news)
                    if news is not None and news["kind"] == "removed":
                        return
        except StreamClosedError:
            pass  # the page was closed

    async def _send(self, news: dict[str, Any] | None) -> None:
        self.write(": still here\n\n" if news is None else f"data: {json.dumps(news)}\n\n")
        await self.flush()


class InstructorPage(Page):
    """A page for the instructor alone: the board's cookie opens it, a participant's does not."""

    @property
    def is_instructors(self) -> bool:
        """Whether it is the instructor who asks; what refuses a participant is a participant's page."""
        return board_is_open(self)

    async def prepare(self, **settings: Any) -> Any:
        """Refuse everybody else, in words that say how to get in.

        The methods of these pages are marked as open to whoever has no participant's cookie,
        because the instructor has none; this is the check that counts.
        """
        await super().prepare(**settings)
        if not board_is_open(self):
            self.refuse(
                403,
                "This is the instructor's board. It opens with the address that labkit serve printed when it "
                "started; participants have another one.",
            )


class BoardEntrance(Page):
    """``/board/enter?token=…``: the instructor's way in."""

    _wrong = Throttle(each=5, together=20)

    @allow_unauthenticated
    async def get(self) -> None:
        """Exchange the token for a cookie, so that it leaves the address bar."""
        if not open_board(self, self.room, self.get_query_argument("token", "")):
            await count_wrong(self, self._wrong, "token")
            raise web.HTTPError(403, "That is not the token that labkit serve printed for the board.")
        self.redirect(url_path_join(self.base_url, "board"), status=303)
