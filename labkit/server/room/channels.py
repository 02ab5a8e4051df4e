"""The wire to a kernel, narrowed to what a dashboard needs.

Whoever reaches a kernel's channels could send it code, and it runs under the account that
serves the class.  So a participant's page may move widgets and ask for their state; every
other message is dropped and written down.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.services.kernels.connection import base

from labkit.server.subscribed import SubscribedConnection

__all__ = ["GuardedConnection", "refusal"]

_v1: Any = base.deserialize_msg_from_ws_v1
_binary: Any = base.deserialize_binary_message

# By channel.  A widget is moved by comm_msg; a page that opens asks for the widgets there are
# through a comm of its own kind.
_ALLOWED = {
    "shell": frozenset({"kernel_info_request", "comm_info_request", "comm_open", "comm_msg", "comm_close"}),
    "control": frozenset({"kernel_info_request"}),
}
_COMM_TARGETS = frozenset({"jupyter.widget.control"})
_LARGEST = 1_000_000  # bytes; the state of a page full of widgets is smaller
_MOST_PARTS = 64  # a message has five, and one for each buffer


class GuardedConnection(SubscribedConnection):
    """Passes on what a dashboard needs."""

    async def connect(self) -> None:  # type: ignore[override]
        """Connect, and count the page as open."""
        self._present = self._presence()
        self._present.__enter__()
        connected = super().connect()
        if connected is not None:
            await connected

    def disconnect(self) -> None:  # type: ignore[override]
        """Disconnect; the page is gone."""
        super().disconnect()  # type: ignore[no-untyped-call]
        present, self._present = getattr(self, "_present", None), None
        if present is not None:
            present.__exit__(None, None, None)

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass a message on to the kernel, unless it is refused."""
        problem = refusal(incoming_msg, self.subprotocol)
        if problem:
            self.log.warning("a page was refused: %s", problem)
            return
        handler: Any = self.websocket_handler
        handler.settings["labkit_room"].seen(handler.current_user.username)
        super().handle_incoming_message(incoming_msg)

    def _presence(self) -> Any:
        handler: Any = self.websocket_handler
        return handler.settings["labkit_room"].present(handler.current_user.username)


def refusal(message: str | bytes, subprotocol: str | None) -> str:
    """Return why a message must not reach a kernel; empty when it may.

    Parameters
    ----------
    message : str or bytes
        As it came over the websocket.
    subprotocol : str or None
        How it is written, as the two sides agreed.
    """
    if len(message) > _LARGEST:
        return f"a message of {len(message)} bytes"
    try:
        channel, header, content = _parts(message, subprotocol)
        kind = header["msg_type"]
        target = content.get("target_name") if kind == "comm_open" else None
    except Exception:
        return "a message that cannot be read"
    if kind not in _ALLOWED.get(channel, ()):
        return f"{str(kind)[:40]!r} on {str(channel)[:20]!r}"
    if kind == "comm_open" and target not in _COMM_TARGETS:
        return f"a comm for {str(target)[:40]!r}"
    return ""


def _parts(message: str | bytes, subprotocol: str | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if isinstance(message, bytes):
        _check_count(message, subprotocol)
    if subprotocol == "v1.kernel.websocket.jupyter.org":
        channel, parts = _v1(message)
        return str(channel), _strict(parts[0]), _strict(parts[3])
    whole = _binary(message) if isinstance(message, bytes) else _strict(message)
    return str(whole["channel"]), whole["header"], whole["content"]


def _check_count(message: bytes, subprotocol: str | None) -> None:
    """Refuse a count of parts that the reader would believe: it makes a list of that length first."""
    little = subprotocol == "v1.kernel.websocket.jupyter.org"
    count = int.from_bytes(message[:8], "little") if little else int.from_bytes(message[:4], "big")
    if not 1 <= count <= _MOST_PARTS:
        raise ValueError(f"{count} parts")


def _strict(text: str | bytes) -> dict[str, Any]:
    """Read JSON in which no key comes twice: two readers may take different ones for the last word."""
    found: dict[str, Any] = json.loads(text, object_pairs_hook=_distinct)
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found
