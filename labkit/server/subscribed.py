"""A wire to a kernel that is open once nothing that the kernel says can be lost.

A kernel publishes to whoever listens, and a page that has just connected does not listen yet.
Jupyter Server asks an idle kernel a question to find out and throws away the first thing that it
hears; a busy kernel it does not ask at all.  So a page that opened while its kernel worked could
miss the state of its widgets, and stand still.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["SubscribedConnection"]

_FIRST, _LONGEST = 0.05, 1.0  # seconds until a question that was not answered is asked again


class SubscribedConnection(ZMQChannelsWebsocketConnection):
    """Opens when it has heard the kernel, and passes on whatever it heard."""

    _unheard = False

    def create_stream(self) -> None:
        """Connect to the kernel's channels, on which nobody has listened so far."""
        super().create_stream()  # type: ignore[no-untyped-call]
        self._unheard = True

    def nudge(self) -> asyncio.Future[None]:
        """Return what is done once this connection hears all that the kernel says."""
        if not self._unheard:
            return super().nudge()
        self._unheard = False
        return asyncio.ensure_future(self._hear())

    async def _hear(self) -> None:
        """Ask until something is heard; the control channel answers while the kernel computes."""
        stream: Any = self.channels["iopub"]
        control: Any = self.kernel_manager.connect_control()
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked: set[str] = set()

        def hear(parts: list[bytes]) -> None:
            message: list[Any] = self.session.feed_identities(parts)[1]
            about = json.loads(message[2]).get("msg_id")
            if about not in asked:  # it belongs to the page
                self.handle_outgoing_message(stream, parts)
            stream.stop_on_recv()
            if not heard.done():
                heard.set_result(None)

        stream.on_recv(hear)
        patience = _FIRST
        try:
            async with asyncio.timeout(self.kernel_info_timeout):
                while not heard.done() and self.kernel_id in self.multi_kernel_manager:
                    if stream.closed() or control.closed():
                        return  # the page has gone
                    question: Any = self.session.send(control, "kernel_info_request")
                    asked.add(question["header"]["msg_id"])
                    await asyncio.wait([heard], timeout=patience)
                    patience = min(_LONGEST, 2 * patience)
        except TimeoutError:
            self.log.warning("the kernel %s says nothing", self.kernel_id)
        finally:
            if not stream.closed():
                stream.stop_on_recv()
            if not control.closed():
                control.close()
