"""The pages of a class: entering, coming back, leaving; and the way to the instructor's board."""

from __future__ import annotations

import hmac
import json
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.iostream import StreamClosedError

from labkit.core.errors import InvalidInputError
from labkit.server.base import Page
from labkit.server.room.identity import board_is_open, forget, let_in, open_board
from labkit.server.room.throttle import Throttle

__all__ = ["BoardEntrance", "EnterPage", "InstructorPage", "LeaveAction", "News"]

_HINT = "labkit-class"  # tells the pages' scripts that this is a class; worth nothing to anybody


class EnterPage(Page):
    """``/enter``: a name, or the code to come back with; whoever is in is sent on."""

    _throttle = Throttle()

    @allow_unauthenticated
    def get(self) -> None:
        """Ask who comes."""
        if self.current_user is not None:
            self.redirect(self.base_url)
            return
        self._ask("")

    @allow_unauthenticated
    def post(self) -> None:
        """Let somebody in, or say what is missing."""
        code = self.get_body_argument("code", "").strip()
        try:
            if code:
                self._come_back(code)
            else:
                self._enter()
        except InvalidInputError as problem:
            self.set_status(400)
            self._ask(str(problem))

    def _enter(self) -> None:
        given = "".join(self.get_body_argument("join", "").split()).upper()
        if self.room.join_code and not hmac.compare_digest(given.encode(), self.room.join_code.encode()):
            self._count_failure()
            raise InvalidInputError("that is not the code of this class: your instructor shows it")
        person, code = self.room.people.enter(self.get_body_argument("name", ""))
        self._let_in(person.id)
        self.show("entered.html", person=person, code=code)

    def _come_back(self, code: str) -> None:
        person = self.room.people.come_back(code)
        if person is None:
            self._count_failure()
            raise InvalidInputError(
                "nobody in this class has that code. It is nine letters and digits; without it, enter a "
                "name and begin anew"
            )
        self._let_in(person.id)
        self.redirect(self.base_url, status=303)

    async def prepare(self, **settings: Any) -> Any:
        """Refuse guessing before anything is looked at."""
        wait = self._throttle.wait_seconds(self._address()) if self.request.method == "POST" else 0.0
        if wait > 0:
            raise web.HTTPError(429, f"Too many wrong codes. Try again in {wait:.0f} seconds.")
        return await super().prepare(**settings)

    def _count_failure(self) -> None:
        self._throttle.failed(self._address())

    def _address(self) -> str:
        return str(self.request.remote_ip)

    def _let_in(self, participant: str) -> None:
        let_in(self, participant)
        self.set_cookie(_HINT, "1", path=self.base_url, samesite="Lax")

    def _ask(self, problem: str) -> None:
        self.show(
            "enter.html",
            problem=problem,
            name=self.get_body_argument("name", ""),
            given=self.get_body_argument("code", ""),
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
        """Send what was missed, then wait for more until the page is closed."""
        after = self.request.headers.get("Last-Event-ID", self.get_query_argument("after", "0"))
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        room, learner = self.room, self.learner
        try:
            with room.present(learner):
                for missed in room.messages_for(learner, int(after) if after.isdecimal() else 0):
                    await self._send(missed)
                self.write(": here\n\n")
                await self.flush()
                async for news in room.listen(learner):
                    await self._send(news)
        except StreamClosedError:
            pass  # the page was closed

    async def _send(self, news: dict[str, Any] | None) -> None:
        if news is None:
            self.write(": still here\n\n")
        else:
            number = f"id: {news['id']}\n" if "id" in news else ""
            self.write(f"{number}data: {json.dumps(news)}\n\n")
        await self.flush()


class InstructorPage(Page):
    """A page for the instructor alone: the board's cookie opens it, a participant's does not."""

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

    _throttle = Throttle(each=5, together=20)

    @allow_unauthenticated
    def get(self) -> None:
        """Exchange the token for a cookie, so that it leaves the address bar."""
        address = str(self.request.remote_ip)
        wait = self._throttle.wait_seconds(address)
        if wait > 0:
            raise web.HTTPError(429, f"Too many wrong tokens. Try again in {wait:.0f} seconds.")
        if not open_board(self, self.room, self.get_query_argument("token", "")):
            self._throttle.failed(address)
            raise web.HTTPError(403, "That is not the token that labkit serve printed for the board.")
        self.redirect(url_path_join(self.base_url, "board"), status=303)
