"""A client that takes a kernel for ready as soon as that is proven."""

from __future__ import annotations

import asyncio
import time
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

__all__ = ["PromptClient"]

_FIRST, _LONGEST = 0.1, 1.0  # seconds until a question that was not answered is asked again


class PromptClient(AsyncKernelClient):
    """Waits for the reply and for the idle status of one request, and not for silence.

    The status comes over the channel that all output takes: once it is here, nothing that
    the kernel says from now on is lost.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers on both channels.

        Raises
        ------
        RuntimeError
            When the kernel died, or did not answer within ``timeout`` seconds.
        """
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        patience = _FIRST
        while not await self._answers(patience):
            if not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")
            patience = min(_LONGEST, 1.5 * patience)

    async def _answers(self, patience: float) -> bool:
        """Ask once; whether the reply and the idle status of this request came in time."""
        request = self.kernel_info()
        end = time.monotonic() + patience
        reply = await self._next(self.shell_channel, request, end)
        while reply is None and time.monotonic() < end:
            reply = await self._next(self.shell_channel, request, end)
        if reply is None:
            return False
        self._handle_kernel_info_reply(reply)
        # Before its first status has come we do not listen yet; asking again costs less than waiting.
        end = time.monotonic() + min(patience, 0.1)
        while time.monotonic() < end:
            said = await self._next(self.iopub_channel, request, end)
            if said is not None and said["content"].get("execution_state") == "idle":
                return True
        return False

    async def _next(self, channel: Any, request: str, end: float) -> dict[str, Any] | None:
        """Return the next message if it belongs to ``request``."""
        try:
            message = await channel.get_msg(timeout=max(0.001, end - time.monotonic()))
        except Empty:
            await asyncio.sleep(0)
            return None
        return message if message["parent_header"].get("msg_id") == request else None
