"""Whose request is it: a signed cookie that holds a random id, and nothing else.

The name is what a person gave, so it decides nothing.  The cookie is signed with the secret
of the class (HMAC-SHA256, by Tornado), not readable for scripts, and sent by no other site.

The instructor's cookie makes nobody a participant.  It opens the board, and the live demo of a
lab: there its bearer is :data:`~labkit.course.gate.DEMONSTRATION`, who has no seat.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.identity import IdentityProvider, User
from tornado import web

from labkit.course.gate import DEMONSTRATION

if TYPE_CHECKING:
    from labkit.server.room.room import Room

__all__ = ["RoomIdentity", "board_is_open", "forget", "is_encrypted", "let_in", "open_board"]

_PARTICIPANT = "labkit-participant"
_BOARD = "labkit-board"
_DAYS = 30
_BOARD_DAYS = 7  # a course lasts longer than a day; the token ends with this start of the server, anyway
# What a live demo is made of, beside the kernels that were started for it.
_DEMO = re.compile(r"demo/|dashboards/[^/]+$|labkit/models$|voila/api/themes/")
_KERNEL = re.compile(r"(?:api/kernels|voila/api/shutdown|labkit/kernel)/([0-9a-f-]{36})(?:/channels)?$")


class RoomIdentity(IdentityProvider):
    """The participant that the cookie names; nobody without it, whatever else a request carries."""

    def _token_default(self) -> str:
        return ""

    @property
    def auth_enabled(self) -> bool:
        return True

    @property
    def login_available(self) -> bool:
        return False

    @property
    def logout_available(self) -> bool:
        return False

    def get_user(self, handler: web.RequestHandler) -> User | None:
        """Return the participant, or whoever shows a lab to the room, or None."""
        room: Room | None = handler.settings.get("labkit_room")
        if room is not None and _is_for_demo(handler, room) and board_is_open(handler):
            return User(username=DEMONSTRATION, name="Live demo", display_name="Live demo")
        signed = handler.get_signed_cookie(_name(_PARTICIPANT, handler), max_age_days=_DAYS)
        if room is None or not signed:
            return None
        person = room.people.find(signed.decode("ascii", "replace"))
        if person is None:
            return None
        return User(username=person.id, name=person.name, display_name=person.name)

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Keep quiet: nobody is let in without a cookie of ours."""


def let_in(handler: web.RequestHandler, participant: str) -> None:
    """Give a browser the cookie of a participant."""
    _set(handler, _PARTICIPANT, participant)


def forget(handler: web.RequestHandler) -> None:
    """Take the participant's cookie back."""
    handler.clear_cookie(_name(_PARTICIPANT, handler), path=handler.settings["base_url"])


def open_board(handler: web.RequestHandler, room: Room, token: str) -> bool:
    """Give a browser the instructor's cookie when the token is right; say whether it was."""
    if not hmac.compare_digest(token.encode(), room.board_token.encode()):
        return False
    _set(handler, _BOARD, room.board_token, _BOARD_DAYS)
    return True


def board_is_open(handler: web.RequestHandler) -> bool:
    """Whether this browser was let to the board of this very start of the server."""
    room: Room | None = handler.settings.get("labkit_room")
    signed = handler.get_signed_cookie(_name(_BOARD, handler), max_age_days=_BOARD_DAYS)
    return room is not None and signed is not None and hmac.compare_digest(signed, room.board_token.encode())


def is_encrypted(handler: web.RequestHandler) -> bool:
    """Whether the browser reaches this server over HTTPS; behind a proxy it always has to."""
    return bool(handler.settings.get("labkit_proxy")) or handler.request.protocol == "https"


def _is_for_demo(handler: web.RequestHandler, room: Room) -> bool:
    path = handler.request.path.removeprefix(handler.settings["base_url"])
    if found := _KERNEL.match(path):
        return room.owns(DEMONSTRATION, found[1])
    if path.startswith("dashboards/") and not handler.get_query_argument("demo", ""):
        return False
    return _DEMO.match(path) is not None


def _set(handler: web.RequestHandler, kind: str, value: str, days: int = _DAYS) -> None:
    handler.set_signed_cookie(
        _name(kind, handler),
        value,
        expires_days=days,
        path=handler.settings["base_url"],
        httponly=True,
        samesite="Lax",
        secure=is_encrypted(handler),
    )


def _name(kind: str, handler: web.RequestHandler) -> str:
    # A browser sends cookies of all ports of a machine to each of them.
    port = handler.request.host.rpartition(":")[2]
    return f"{kind}-{port}" if port.isdecimal() else kind
