"""The ladder of four hints, with time to think between the rungs.

Aleven et al., "Toward Meta-cognitive Tutoring", 2006: more than a third of help requests
skip straight to the answer.  A short wait before the next rung is all it takes to slow
that down, and a refresh of the page does not start it anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.course.events import Event
from labkit.course.lab import Checkpoint, Hint

__all__ = ["OFFER_AFTER", "HintResult", "ladder", "think_seconds"]

OFFER_AFTER = 3
"""Failed checks after which a pre-filled step is offered unasked."""

_DEFAULT_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class HintResult:
    """Where a participant stands on the ladder of one checkpoint.

    Attributes
    ----------
    level : int
        Highest rung shown so far, 0 to 4.
    text : str or None
        The hint of that rung when it was shown just now; None while one has to wait.
    wait_seconds : float
        Time until the next rung may be asked for; 0 when it may be, or when none is left.
    shown : tuple of hints
        Every rung shown so far.
    total : int
        Number of rungs.
    """

    level: int
    text: str | None
    wait_seconds: float
    shown: tuple[Hint, ...]
    total: int

    @property
    def more(self) -> bool:
        """Whether a rung is left."""
        return self.level < self.total

    def __str__(self) -> str:
        if self.text:
            return f"Hint {self.level} of {self.total}: {self.text}"
        if self.wait_seconds:
            return f"Think for {self.wait_seconds:.0f} more seconds, then ask again."
        return f"{self.level} of {self.total} hints shown."


def think_seconds() -> float:
    """Return the wait between two hints: ``LABKIT_THINK_SECONDS``, or 45 seconds."""
    given = os.environ.get("LABKIT_THINK_SECONDS", "")
    if not given:
        return _DEFAULT_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InvalidInputError(f"expected LABKIT_THINK_SECONDS as a number of seconds, got {given!r}")
    return seconds


def ladder(checkpoint: Checkpoint, hinted: Iterable[Event], now: float, *, think: float) -> HintResult:
    """Return the state of the ladder from the ``hinted`` events of this lab.

    Parameters
    ----------
    checkpoint : Checkpoint
    hinted : iterable of events
        Those since the last reset.
    now : float
        Seconds since the epoch.
    think : float
        Seconds between two rungs.
    """
    own = [event for event in hinted if event.payload["checkpoint"] == checkpoint.id]
    level = max((event.payload["level"] for event in own), default=0)
    wait = 0.0
    if own and level < len(checkpoint.hints):
        # A clock that was set back must not lock the ladder for longer than one wait.
        wait = min(think, max(0.0, max(event.time for event in own) + think - now))
    return HintResult(level, None, wait, checkpoint.hints[:level], len(checkpoint.hints))
