"""The watch over the kernels of dashboards: every two seconds it looks, and acts where it has to.

Kernels of hands-on notebooks are not watched: what is in them is the participant's own.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from labkit.course.gate import DEMONSTRATION
from labkit.server.keeping.courtesy import at_work, give_way
from labkit.server.keeping.limits import (
    TEXTS,
    Limits,
    Reason,
    guard_memory,
    is_scarce,
    reason_to_end,
    warning_for,
)
from labkit.server.keeping.machine import memory_left, memory_total
from labkit.server.keeping.turns import Turns
from labkit.server.keeping.usage import Usage, survey

if TYPE_CHECKING:
    from labkit.server.room import Room

__all__ = ["Keeper", "Kept"]

_BEAT = 2.0  # seconds between two looks
_REMEMBERED = 500  # kernels that ended, whose pages may still ask why
_RESERVED = 30.0  # seconds that a place is kept for a page whose kernel is being started
_UNATTENDED = 20.0  # seconds without a page, after which a kernel gives way in a full room
_QUIET = 10 * 60.0  # seconds without anything happening, after which a page does


@dataclass
class Kept:
    """A kernel that is watched; ``owner`` is whose page it serves, times are of the monotonic clock."""

    owner: str
    process: int | None
    connected: float
    usage: Usage | None = None
    warning: str = ""
    measured: float = 0.0
    working: dict[int, float] = field(default_factory=dict)
    courteous: set[int] = field(default_factory=set)


class Keeper:
    """Watches kernels, ends those that have to go, and knows why each ended.

    Parameters
    ----------
    kernels : MappingKernelManager
        Of the server.
    limits : Limits
    room : Room or None
        The class that is served; None on a server of one's own.
    log : logging.Logger
    clock : function
        Returns seconds; only differences matter.
    """

    def __init__(
        self,
        kernels: Any,
        limits: Limits,
        room: Room | None,
        log: logging.Logger,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kernels, self.limits, self._room, self._log, self._clock = kernels, limits, room, log, clock
        self._kept: dict[str, Kept] = {}
        self._ended: OrderedDict[str, tuple[str, Reason]] = OrderedDict()
        self._reserved: dict[str, float] = {}
        self.turns = Turns()
        self._task: asyncio.Task[None] | None = None
        self._total = memory_total()
        self._pending: set[asyncio.Task[None]] = set()  # so that none is collected before it is done

    # ------------------------------------------------------------ what pages ask

    def adopt(self, kernel: str, owner: str) -> None:
        """Watch a kernel from now on."""
        process = _process_of(self._kernels.get_kernel(kernel))
        self._kept[kernel] = Kept(owner, process, self._clock())
        self._reserved.pop(owner, None)
        if process is not None and self.limits.memory is not None:
            guard_memory(process, self.limits.memory)

    def known(self, kernel: str) -> Kept | None:
        """Return a kernel that is watched."""
        return self._kept.get(kernel)

    def ending(self, kernel: str) -> tuple[str, Reason] | None:
        """Return whose kernel it was and why it ended; None when it runs or was never here."""
        return self._ended.get(kernel)

    def admit(self, owner: str) -> bool:
        """Say whether there is room for a page of this participant, and keep a place for it.

        In a full room whoever left, or has done nothing for long, makes room for whoever waits.
        Somebody who has a lab open may always open another: their own oldest makes room.
        """
        room = self._room
        if room is None or owner == DEMONSTRATION:
            return True
        self._forget_closed()
        now = self._clock()
        self._reserved = {who: until for who, until in self._reserved.items() if until > now}
        if owner not in self._reserved and self._is_full(room, owner):
            quietest = self._quietest()
            if quietest is None:
                return False
            room.ended(quietest)
            self._later(self.end(quietest, "full"))
        self._reserved[owner] = now + _RESERVED
        return True

    def _is_full(self, room: Room, owner: str) -> bool:
        if room.is_full(owner, coming=len(self._reserved)):
            return True
        inside = room.kernels_of(owner) or not room.known_kernels()
        return not inside and is_scarce(memory_left(), self._total)

    def _quietest(self) -> str | None:
        """Return the kernel that can best be spared, if one can."""
        waits = {
            kernel: (self._alone(kernel, kept), self._idle(kernel))
            for kernel, kept in self._kept.items()
            if kept.owner != DEMONSTRATION  # it takes nobody's place
        }
        spare = [kernel for kernel, (alone, idle) in waits.items() if alone > _UNATTENDED or idle > _QUIET]
        return max(spare, key=lambda kernel: waits[kernel], default=None)

    # ------------------------------------------------------------ ending

    async def end(self, kernel: str, reason: Reason) -> None:
        """End a kernel; its page is told why."""
        kept = self._kept.pop(kernel, None)
        if kept is not None:
            self._ended[kernel] = (kept.owner, reason)
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        if self._room is not None:
            self._room.ended(kernel)
        try:
            if kernel in self._kernels:
                with suppress(KeyError):  # it may end by itself meanwhile
                    await self._kernels.shutdown_kernel(kernel, now=True)
        except Exception:
            if kept is not None and kernel in self._kernels:
                self._kept[kernel] = kept  # the watch tries again
            raise
        finally:
            _close_pages(kernel)

    def text(self, reason: Reason) -> str:
        """Return what a participant is told."""
        limits = self.limits
        return TEXTS[reason].format(
            idle=_span(limits.idle),
            megabytes=(limits.memory or 0) // 1_000_000,
            work=_span(limits.work or 0.0),
        )

    # ------------------------------------------------------------ the watch

    def start(self) -> None:
        """Begin to watch, in the running event loop."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            with self._noted("(all)"):
                await self.look()

    async def look(self) -> None:
        """Look once at every kernel, and act."""
        self._forget_closed()
        for kernel, kept in list(self._kept.items()):
            with self._noted(kernel):
                if not await self._lives(kernel, kept):
                    await self.end(kernel, "died")
        with self._noted("(all)"):
            await self._measure()
        scarce = is_scarce(memory_left(), self._total)
        for kernel, kept in list(self._kept.items()):
            with self._noted(kernel):
                await self._hold_to_limits(kernel, kept, scarce=scarce)

    async def _hold_to_limits(self, kernel: str, kept: Kept, *, scarce: bool) -> None:
        reason = reason_to_end(
            kept.usage,
            self.limits,
            idle=self._idle(kernel),
            alone=self._alone(kernel, kept),
            work=max(kept.working.values(), default=0.0),
            scarce=scarce,
        )
        if reason is not None:
            self._log.warning("kernel %s of %s ends: %s", kernel, kept.owner, reason)
            await self.end(kernel, reason)

    @contextmanager
    def _noted(self, kernel: str) -> Iterator[None]:
        """Write an error down and go on: what is wrong with one kernel must not spare the others."""
        try:
            yield
        except Exception:
            self._log.exception("the watch over kernel %s stumbled; it goes on", kernel)

    def _forget_closed(self) -> None:
        """Forget kernels that were shut down because their page said that it was closed."""
        for kernel in [each for each in self._kept if each not in self._kernels]:
            del self._kept[kernel]
            if self._room is not None:
                self._room.ended(kernel)

    async def _measure(self) -> None:
        processes = {kept.process: kept for kept in self._kept.values() if kept.process is not None}
        if not processes:
            return
        limit = self.limits.memory
        exact = sys.maxsize if limit is None else limit // 3
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, lambda: survey(list(processes), exact_above=exact))
        for process, kept in processes.items():
            with self._noted(f"of {kept.owner}"):
                self._take_down(kept, found.get(process))

    def _take_down(self, kept: Kept, usage: Usage | None) -> None:
        now, before = self._clock(), kept.usage.threads if kept.usage else {}
        threads = usage.threads if usage else {}
        if kept.measured:
            kept.working = at_work(before, threads, now - kept.measured, kept.working)
        kept.usage, kept.measured = usage, now
        kept.warning = warning_for(usage, self.limits)
        give_way(kept.working, kept.courteous, after=self.limits.patience)

    async def _lives(self, kernel: str, kept: Kept) -> bool:
        manager = self._kernels.get_kernel(kernel)
        # A kernel that was started again by itself is an empty one; the page's widgets are gone.
        return _process_of(manager) == kept.process and await manager.is_alive()

    def _idle(self, kernel: str) -> float:
        """Return for how many seconds nothing has happened; work in silence is something."""
        if kernel not in self._kernels or self._kept[kernel].working:
            return 0.0
        last: datetime | None = getattr(self._kernels.get_kernel(kernel), "last_activity", None)
        return 0.0 if last is None else (datetime.now(UTC) - last).total_seconds()

    def _alone(self, kernel: str, kept: Kept) -> float:
        if self._kernels._kernel_connections.get(kernel, 0) > 0:
            kept.connected = self._clock()
        return self._clock() - kept.connected

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)


def _span(seconds: float) -> str:
    """Return a span of time in words."""
    count, unit = (round(seconds / 60), "minute") if seconds >= 60 else (round(seconds), "second")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _process_of(manager: Any) -> int | None:
    process = getattr(getattr(manager, "provisioner", None), "pid", None)
    return int(process) if process else None


def _close_pages(kernel: str) -> None:
    """Close the channels of pages to a kernel that is gone; the pages then ask what happened."""
    for connection in list(ZMQChannelsWebsocketConnection._open_sockets):
        if connection.kernel_id == kernel:
            handler: Any = connection.websocket_handler
            handler.close()
