"""Kernels of one participant start one after the other, so that nobody gets many by asking at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

__all__ = ["Turns"]


class Turns:
    """What is being opened for whom.

    Parameters
    ----------
    most : int
        How many pages may be prepared for one owner at once.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._open: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    @contextmanager
    def counted(self, owner: str) -> Iterator[bool]:
        """Count a page that is being prepared inside the block; yield whether there may be one more."""
        if self._open[owner] >= self._most:
            yield False
            return
        self._open[owner] += 1
        try:
            yield True
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
                self._locks.pop(owner, None)

    @asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator[None]:
        """Wait until no other kernel of this owner is being started; to be used by counted pages."""
        async with self._locks.setdefault(owner, asyncio.Lock()):
            yield
