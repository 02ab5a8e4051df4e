"""Count what happened over the last minute, by address and altogether: wrong codes, and entries.

Whoever shares an address with somebody who guesses must not be locked out with them, so this
refuses nobody by itself: a right code or token is let in at any time, and what makes guessing
hopeless is their length.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

__all__ = ["Throttle"]

_WINDOW = 60.0  # seconds


class Throttle:
    """Counts over the last minute.

    Parameters
    ----------
    each, together : int
        How often a minute it may happen from one address, and from all of them.
    clock : function
        Returns seconds; only differences matter.
    """

    def __init__(
        self, each: int = 10, together: int = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each, self._together, self._clock = each, together, clock
        # No more than these can matter, however many come.
        self._counted: deque[tuple[float, str]] = deque(maxlen=4 * max(each, together))

    def wait_seconds(self, address: str) -> float:
        """Return how long this address has to wait; 0 when it may go on."""
        now = self._clock()
        while self._counted and self._counted[0][0] <= now - _WINDOW:
            self._counted.popleft()
        own = [at for at, who in self._counted if who == address]
        waits = [0.0]
        if len(own) >= self._each:
            waits.append(own[-self._each] + _WINDOW - now)
        if len(self._counted) >= self._together:
            waits.append(self._counted[-self._together][0] + _WINDOW - now)
        return max(waits)

    def count(self, address: str) -> None:
        """Count one more."""
        self._counted.append((self._clock(), address))
