"""A participant without a browser: the page, the kernel's channel, and the widgets' protocol.

Does what the page of a dashboard does once its scripts are there: it opens the channel, asks for
the kernel's comms and for the states of all widgets, moves a slider, and waits until a picture
changes.  Scripts are neither fetched nor run, so that twenty of these fit beside a server on a
small machine.  The same participant visits every server that is compared.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

__all__ = ["Participant", "Visit"]

_PROTOCOL = "v1.kernel.websocket.jupyter.org"
_CONTROL = "jupyter.widget.control"
_PICTURES = "lk-strip"
_PATIENCE = 300.0  # seconds; what counts is the patience of the whole visit
_LARGEST = 100 * 1024 * 1024  # bytes of a page or of a message


@dataclass(slots=True)
class Visit:
    """What one participant saw; times are in seconds.

    Attributes
    ----------
    page, interactive : float
        From the request until the page was complete, and until the first slider had answered.
    slides : list of float
        From a move of the slider to its new pictures.
    kernel : str
    widgets : int
    failure : str
        Why it ended early; empty otherwise.
    """

    page: float = float("nan")
    interactive: float = float("nan")
    slides: list[float] = field(default_factory=list)
    kernel: str = ""
    widgets: int = 0
    failure: str = ""


class Participant:
    """Opens a lab and moves its first slider of a name.

    Parameters
    ----------
    url : str
        Address of the page.
    slider : str
        What is written beside the slider; the first one of that name is moved.
    number : int
        Who this is, for random pauses of their own.
    cookie : str
        What the server gave them at its entrance, if it has one.
    """

    def __init__(self, url: str, slider: str, number: int, cookie: str = "") -> None:
        self.url, self._wanted = url, slider
        self._headers = {"Cookie": cookie} if cookie else {}
        self.visit = Visit()
        self._session = uuid.uuid4().hex
        self._random = random.Random(number)
        self._channel: WebSocketClientConnection | None = None
        self._states: dict[str, Any] = {}
        self._slider = ""

    async def open(self, patience: float) -> None:
        """Open the lab until the first slider has answered, or note why that did not happen."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(patience):
                page = await self._get(patience)
                self.visit.page = time.perf_counter() - began
                await self._connect(page)
                await self._learn()
                await self._move()
                self.visit.interactive = time.perf_counter() - began
        except TimeoutError:
            self.visit.failure = f"not interactive within {patience:.0f} s"
        except Exception as error:
            self.visit.failure = f"{type(error).__name__}: {error}"

    async def slide(self, times: int, patience: float, pause: tuple[float, float]) -> None:
        """Move the slider some times, with a pause of a random length before each."""
        if self.visit.failure:
            return
        try:
            for _ in range(times):
                await asyncio.sleep(self._random.uniform(*pause))
                async with asyncio.timeout(patience):
                    self.visit.slides.append(await self._move())
        except TimeoutError:
            self.visit.failure = f"the slider did not answer within {patience:.0f} s"
        except Exception as error:
            self.visit.failure = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """Close the channel, as leaving the page does."""
        if self._channel is not None:
            self._channel.close()

    # ------------------------------------------------------------------ steps

    async def _get(self, patience: float) -> str:
        request = HTTPRequest(
            self.url, headers=self._headers, request_timeout=patience, connect_timeout=patience
        )
        answer = await AsyncHTTPClient().fetch(request)
        return answer.body.decode()

    async def _connect(self, page: str) -> None:
        found = re.search(r'"kernelId": "([0-9a-f-]+)"', page)
        if found is None:
            raise ValueError("the page names no kernel")
        self.visit.kernel = found[1]
        server = "/".join(self.url.split("/", 3)[:3])
        address = (
            f"{server.replace('http', 'ws', 1)}/api/kernels/{found[1]}/channels?session_id={self._session}"
        )
        headers = {"Origin": server, **self._headers}
        request = HTTPRequest(address, headers=headers, request_timeout=_PATIENCE)
        self._channel = await websocket_connect(request, subprotocols=[_PROTOCOL], max_message_size=_LARGEST)

    async def _learn(self) -> None:
        """Ask which comms there are, and for the state of every widget."""
        asked = await self._send("comm_info_request", {"target_name": "jupyter.widget"})
        while True:
            kind, parent, _ = await self._next()
            if kind == "comm_info_reply" and parent == asked:
                break
        comm = uuid.uuid4().hex
        await self._send(
            "comm_open",
            {"comm_id": comm, "target_name": _CONTROL, "data": {}, "target_module": None},
            {"version": "1.0.0"},
        )
        await self._send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        while not self._slider:
            kind, _, content = await self._next()
            if kind == "comm_msg" and content["comm_id"] == comm:
                self._states = content["data"]["states"]
                self.visit.widgets = len(self._states)
                self._slider = next(
                    name
                    for name, each in self._states.items()
                    if each["model_name"] == "FloatSliderModel"
                    and each["state"]["description"] == self._wanted
                )

    async def _move(self) -> float:
        """Move the slider one step, and return the seconds until the pictures had changed."""
        state = self._states[self._slider]["state"]
        step = state["step"]
        state["value"] += step if state["value"] + step <= state["max"] else -5 * step
        began = time.perf_counter()
        data = {"method": "update", "state": {"value": state["value"]}, "buffer_paths": []}
        await self._send("comm_msg", {"comm_id": self._slider, "data": data})
        while True:
            kind, _, content = await self._next()
            if kind == "comm_msg" and content["data"].get("method") == "update":
                shown = content["data"]["state"].get("value")
                if isinstance(shown, str) and _PICTURES in shown:
                    return time.perf_counter() - began

    # ------------------------------------------------------------------ messages

    async def _send(self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None) -> str:
        assert self._channel is not None  # noqa: S101 - connected before
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": kind,
            "session": self._session,
            "username": "",
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        }
        parts = [json.dumps(each).encode() for each in (header, {}, metadata or {}, content)]
        packed = serialize_msg_to_ws_v1(parts, "shell")  # type: ignore[no-untyped-call]
        await self._channel.write_message(packed, binary=True)
        return number

    async def _next(self) -> tuple[str, str, dict[str, Any]]:
        """Return kind, request and content of the next message."""
        assert self._channel is not None  # noqa: S101 - connected before
        said = await self._channel.read_message()
        if said is None:
            raise ConnectionError("the channel was closed")
        assert isinstance(said, bytes)  # noqa: S101 - the protocol is a binary one
        _, parts = deserialize_msg_from_ws_v1(said)  # type: ignore[no-untyped-call]
        header, parent, _, content, *_ = parts
        kind = json.loads(header)["msg_type"]
        wanted = kind in {"comm_msg", "comm_info_reply"}
        return kind, json.loads(parent).get("msg_id", ""), json.loads(content) if wanted else {}
