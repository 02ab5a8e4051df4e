"""A kernel that is started ahead of time, so that the next dashboard opens at once.

Most of the wait for a dashboard is a Python process that starts and imports torch.  One such
process waits for the next visitor; it holds no participant's state, is handed out once, and
is replaced after a while, when the page that took it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import psutil

__all__ = ["SpareKernel", "run_silently"]

_IMPORTS = (
    "labkit.ui.opening",
    "labkit.ui.evasion",
    "labkit.ui.plots",
    "labkit.course.cases",
    "labkit.data",
    "labkit.models",
    "labkit.attacks.evasion",
    "labkit.explain",
    "labkit.metrics",
)
_WARM_UP = f"[__import__('importlib').import_module(name) for name in {_IMPORTS!r}]"
_NEEDED_MEMORY = 1_500_000_000  # bytes that must be free for a process nobody asked for yet
_PATIENCE = 120.0  # seconds for the imports, on a slow disk


class SpareKernel:
    """At most one kernel in reserve.

    Parameters
    ----------
    kernels : jupyter_server's MappingKernelManager
        Where kernels are started.
    log : logging.Logger
    wanted : bool
        When false, there never is a spare one.
    """

    def __init__(self, kernels: Any, log: logging.Logger, *, wanted: bool = True) -> None:
        self._kernels, self._log, self._wanted = kernels, log, wanted
        self._ready: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._starting = False

    @property
    def ready(self) -> bool:
        """Whether a kernel waits, with everything imported."""
        return self._ready is not None

    def refill_later(self, delay: float) -> None:
        """Start the next one in ``delay`` seconds, unless one is there or on its way."""
        if self._wanted and self._ready is None and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._refill(delay))

    async def take(self, environment: Mapping[str, str]) -> str | None:
        """Return a kernel that has ``environment`` set, or None when there is none."""
        # Two processes that start at once slow each other down: what has a head start is waited
        # for, and what has not begun waits until this page is there.
        if self._task is not None and self._starting:
            await asyncio.wait({self._task}, timeout=_PATIENCE)
        elif self._task is not None:
            self._task.cancel()
        kernel, self._ready = self._ready, None
        if kernel is None or kernel not in self._kernels:
            return None
        setting = f"__import__('os').environ.update({dict(environment)!r})"
        try:
            if await self._kernels.get_kernel(kernel).is_alive():
                await run_silently(self._kernels.get_kernel(kernel), setting, timeout=5.0)
                return kernel
        except (TimeoutError, RuntimeError):
            self._log.warning("the spare kernel did not answer; another one is started")
        await self._discard(kernel)
        return None

    async def _refill(self, delay: float) -> None:
        await asyncio.sleep(delay)
        if psutil.virtual_memory().available < _NEEDED_MEMORY:
            return
        kernel = None
        self._starting = True
        try:
            kernel = await self._kernels.start_kernel(kernel_name="python3")
            await run_silently(self._kernels.get_kernel(kernel), _WARM_UP, timeout=_PATIENCE)
            self._ready = kernel
        except Exception as error:  # a lab opens without a spare one, too
            self._log.info("no spare kernel: %s", error)
            if kernel is not None:
                await self._discard(kernel)
        finally:
            self._starting = False

    async def _discard(self, kernel: str) -> None:
        if kernel in self._kernels:
            await self._kernels.shutdown_kernel(kernel, now=True)


async def run_silently(manager: Any, code: str, *, timeout: float) -> None:
    """Run code in a kernel, leaving no output and no line in its history.

    Raises
    ------
    RuntimeError
        When the code ended in an error, or the kernel did.
    TimeoutError
        When there was no reply in time.
    """
    client = manager.client()
    client.start_channels()
    try:
        reply = await client.execute(code, silent=True, store_history=False, reply=True, timeout=timeout)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(reply["content"].get("evalue", "the kernel refused"))
    finally:
        client.stop_channels()
