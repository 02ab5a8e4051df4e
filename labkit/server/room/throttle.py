"""Slow down whoever guesses: so many failures a minute from one address, and from all together."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Throttle"]

_WINDOW = 60.0  # seconds


class Throttle:
    """Counts failures over the last minute.

    Parameters
    ----------
    each, together : int
        Failures allowed a minute from one address, and from all of them.
    clock : function
        Returns seconds; only differences matter.
    """

    def __init__(
        self, each: int = 10, together: int = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each, self._together, self._clock = each, together, clock
        self._failures: deque[tuple[float, str]] = deque()

    def wait_seconds(self, address: str) -> float:
        """Return how long this address has to wait; 0 when it may try."""
        now = self._clock()
        while self._failures and self._failures[0][0] <= now - _WINDOW:
            self._failures.popleft()
        own = [at for at, who in self._failures if who == address]
        waits = [0.0]
        if len(own) >= self._each:
            waits.append(own[-self._each] + _WINDOW - now)
        if len(self._failures) >= self._together:
            waits.append(self._failures[-self._together][0] + _WINDOW - now)
        return max(waits)

    def failed(self, address: str) -> None:
        """Count one failure."""
        self._failures.append((self._clock(), address))
