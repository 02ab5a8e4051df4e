"""A page of widgets without a browser: what is on it, and what a participant can do to it.

Keeps the state of every widget as the kernel sends it, finds panels by a button in them and
dials by their label, and moves, picks, ticks and presses as a page's scripts would.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from labkit.core.errors import LabkitError

__all__ = ["WidgetPage"]

_PROTOCOL = "v1.kernel.websocket.jupyter.org"
_LATER = "Show this part"
_LARGEST = 100 * 1024 * 1024
_PREFIX = "IPY_MODEL_"

State = dict[str, Any]


class WidgetPage:
    """The widgets behind one dashboard.

    Parameters
    ----------
    server : str
        Address of the server.
    cookie : str
        Who asks.
    """

    def __init__(self, server: str, cookie: str) -> None:
        self._server, self._cookie = server, cookie
        self._session = uuid.uuid4().hex
        self._states: dict[str, State] = {}
        self._done: dict[str, int] = {}  # how often a button was freed again after its work
        self._channel: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._answered = False
        self._complete = False  # whether the state of every widget has come; changes of some may come before

    # ------------------------------------------------------------ opening and closing

    async def open(self, page: str, patience: float) -> None:
        """Connect to the kernel that ``page`` names, and learn what is on it."""
        found = re.search(r'"kernelId": ?"([0-9a-f-]+)"', page)
        if found is None:
            raise LabkitError("the page names no kernel")
        address = f"{self._server.replace('http', 'ws', 1)}/api/kernels/{found[1]}/channels"
        request = HTTPRequest(
            f"{address}?session_id={self._session}",
            headers={"Origin": self._server, "Cookie": self._cookie},
            request_timeout=patience,
        )
        self._channel = await websocket_connect(request, subprotocols=[_PROTOCOL], max_message_size=_LARGEST)
        self._reader = asyncio.create_task(self._read())
        # As a real page does: what is asked for next is asked once the kernel has answered on this channel.
        await self._send("comm_info_request", {"target_name": "jupyter.widget"})
        await self.until(lambda: self._answered, patience, "the first answer of the kernel")
        comm = uuid.uuid4().hex
        about: State = {
            "comm_id": comm,
            "target_name": "jupyter.widget.control",
            "data": {},
            "target_module": None,
        }
        await self._send("comm_open", about, {"version": "1.0.0"})
        await self._send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        await self.until(lambda: self._complete, patience, "the widgets of the page")
        # Parts far down are built when they are come near; this participant reads the whole page.
        for name in [name for name, state in self._states.items() if state.get("description") == _LATER]:
            await self._custom(name)
        await self.until(
            lambda: (
                not any(name for name in self._shown() if self._states[name].get("description") == _LATER)
            ),
            patience,
            "the parts further down",
        )

    def close(self) -> None:
        """Leave the page."""
        if self._reader is not None:
            self._reader.cancel()
        if self._channel is not None:
            self._channel.close()

    # ------------------------------------------------------------ looking

    def text(self, panel: str | None = None) -> str:
        """Return what a panel, or the page, says."""
        names = list(self._states) if panel is None else list(self._below(panel))
        values = [self._states[name].get("value") for name in names]
        return unescape(re.sub(r"<[^>]+>", " ", " ".join(v for v in values if isinstance(v, str))))

    async def panel(self, button: str, patience: float = 60.0) -> str:
        """Return the panel with this button in it."""
        await self.until(lambda: self._panel(button) is not None, patience, f"a panel with {button!r}")
        found = self._panel(button)
        assert found is not None  # noqa: S101 - waited for
        return found

    async def until(self, fulfilled: Callable[[], bool], patience: float, what: str) -> None:
        """Wait until something is so."""
        try:
            async with asyncio.timeout(patience):
                while not fulfilled():
                    self._changed.clear()
                    if self._reader is not None and self._reader.done():
                        self._reader.result()
                        raise LabkitError("the channel was closed")
                    await self._changed.wait()
        except TimeoutError:
            raise LabkitError(
                f"waited {patience:.0f} s for {what}; the page ends: {self.text()[-300:]}"
            ) from None

    async def says(self, words: str, patience: float = 300.0, panel: str | None = None) -> str:
        """Wait until words (a regular expression) are there, and return the match."""
        await self.until(lambda: re.search(words, self.text(panel)) is not None, patience, repr(words))
        found = re.search(words, self.text(panel))
        assert found is not None  # noqa: S101 - waited for
        return found[found.lastindex or 0]

    # ------------------------------------------------------------ doing

    async def dial(self, panel: str, label: str, value: float) -> None:
        """Move a slider or fill a number."""
        await self._update(self._find(panel, lambda s: _label(s) == label and "value" in s), {"value": value})

    async def write(self, panel: str, label: str, text: str) -> None:
        """Fill a field."""
        await self._update(self._find(panel, lambda s: _label(s) == label), {"value": text})

    async def tick(self, panel: str, begins: str) -> None:
        """Tick the first box whose label has these words."""
        name = self._find(panel, lambda s: begins in _label(s) and s.get("_model_name") == "CheckboxModel")
        await self._update(name, {"value": True})

    async def pick(self, panel: str, label: str, option: str) -> None:
        """Pick an option of a list or of a row of buttons."""
        name = self._find(panel, lambda s: _label(s) == label and "_options_labels" in s)
        labels = list(self._states[name]["_options_labels"])
        if option not in labels:
            raise LabkitError(f"{label!r} has no option {option!r}, but {labels}")
        await self._update(name, {"index": labels.index(option)})

    async def press(self, panel: str, button: str, patience: float = 300.0) -> None:
        """Press a button, once it can be pressed."""
        name = self._find(panel, lambda s: _label(s) == button and s.get("_model_name") == "ButtonModel")
        await self.until(lambda: not self._states[name].get("disabled"), patience, f"{button!r} to be free")
        await self._custom(name)

    async def work(self, panel: str, button: str, patience: float = 300.0) -> None:
        """Press a button, and wait until what it began is done."""
        name = self._find(panel, lambda s: _label(s) == button and s.get("_model_name") == "ButtonModel")
        before = self._done.get(name, 0)
        await self.press(panel, button, patience)
        await self.until(lambda: self._done.get(name, 0) > before, patience, f"{button!r} to be done")

    def options(self, panel: str, label: str) -> list[str]:
        """Return the options of a list."""
        name = self._find(panel, lambda s: _label(s) == label and "_options_labels" in s)
        return list(self._states[name]["_options_labels"])

    # ------------------------------------------------------------ the tree

    def _shown(self) -> set[str]:
        """Return the widgets that hang in another, or hold some."""
        return {child for state in self._states.values() for child in _children(state)}

    def _below(self, name: str) -> Iterator[str]:
        yield name
        for child in _children(self._states.get(name, {})):
            if child in self._states:
                yield from self._below(child)

    def _panel(self, button: str) -> str | None:
        panels = [n for n, s in self._states.items() if "lk-panel" in s.get("_dom_classes", ())]
        holding = [
            panel
            for panel in panels
            if any(_label(self._states[name]) == button for name in self._below(panel))
        ]
        # Panels may lie in panels; the smallest one is meant.
        return min(holding, key=lambda panel: len(list(self._below(panel))), default=None)

    def _find(self, panel: str, fits: Callable[[State], bool]) -> str:
        for name in self._below(panel):
            if fits(self._states[name]):
                return name
        known = sorted({_label(self._states[name]) for name in self._below(panel)} - {""})
        raise LabkitError(f"the panel has no such widget; it has {known}")

    # ------------------------------------------------------------ the wire

    async def _update(self, name: str, state: State) -> None:
        self._states[name].update(state)
        await self._send(
            "comm_msg",
            {"comm_id": name, "data": {"method": "update", "state": state, "buffer_paths": []}},
        )

    async def _custom(self, name: str) -> None:
        await self._send(
            "comm_msg", {"comm_id": name, "data": {"method": "custom", "content": {"event": "click"}}}
        )

    async def _send(self, kind: str, content: State, metadata: State | None = None) -> None:
        assert self._channel is not None  # noqa: S101 - opened before
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        }
        parts = [json.dumps(each).encode() for each in (header, {}, metadata or {}, content)]
        packed = serialize_msg_to_ws_v1(parts, "shell")  # type: ignore[no-untyped-call]
        await self._channel.write_message(packed, binary=True)

    async def _read(self) -> None:
        assert self._channel is not None  # noqa: S101 - opened before
        while True:
            said = await self._channel.read_message()
            if said is None:
                self._changed.set()
                return
            assert isinstance(said, bytes)  # noqa: S101 - the protocol is a binary one
            _, parts = deserialize_msg_from_ws_v1(said)  # type: ignore[no-untyped-call]
            header, _, _, content, *_ = parts
            kind = json.loads(header)["msg_type"]
            if kind == "comm_info_reply":
                self._answered = True
                self._changed.set()
            if kind in ("comm_open", "comm_msg"):
                self._learn(kind, json.loads(content))
                self._changed.set()

    def _learn(self, kind: str, content: State) -> None:
        data = content.get("data", {})
        if "states" in data:
            self._complete = True
            for name, each in data["states"].items():
                self._states[name] = {"_model_name": each.get("model_name"), **each["state"]}
        elif kind == "comm_open":
            self._states[content["comm_id"]] = dict(data.get("state", {}))
        elif data.get("method") == "update":
            if data["state"].get("disabled") is False and self._states.get(content["comm_id"], {}).get(
                "disabled"
            ):
                self._done[content["comm_id"]] = self._done.get(content["comm_id"], 0) + 1
            self._states.setdefault(content["comm_id"], {}).update(data["state"])


def _label(state: State) -> str:
    return str(state.get("description") or "").strip()


def _children(state: State) -> list[str]:
    return [
        str(child).removeprefix(_PREFIX)
        for child in state.get("children") or ()
        if str(child).startswith(_PREFIX)
    ]
