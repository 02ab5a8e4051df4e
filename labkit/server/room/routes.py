"""The addresses that only a class has."""

from __future__ import annotations

from typing import Any

from labkit.server.board import board_routes
from labkit.server.room.pages import BoardEntrance, EnterPage, LeaveAction, News

__all__ = ["room_routes"]


def room_routes() -> list[tuple[str, Any]]:
    """Return the addresses of a class and what answers there."""
    return [
        (r"/enter", EnterPage),
        (r"/leave", LeaveAction),
        (r"/room/news", News),
        (r"/board/enter", BoardEntrance),
        *board_routes(),
    ]
