"""How much time is left, said by itself as it goes by."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Any

from labkit.exams.sitting import State
from labkit.ui.html import escape
from labkit.ui.work import in_kernel

__all__ = ["Clock", "time_called", "time_left"]

_LAST = 300  # seconds before the end from which on seconds are said
_CALLS = (30, 10, 5, 1)  # minutes before the end that are called out
_OFTEN, _SELDOM = 1.0, 20.0
_UNCERTAIN = (
    "The time is over, as far as this machine knows. What you handed in is submitted when the examiner's "
    "server says so; you can submit it yourself."
)
_LOG = logging.getLogger(__name__)


def time_left(state: State) -> str:
    """Return the time that is left in words, and who says how late it is, as HTML."""
    if state.submitted:
        words = "Submitted"
    elif state.over:
        words = "The time is over"
    elif state.seconds_left < _LAST:
        words = f"{state.seconds_left // 60} min {state.seconds_left % 60:02d} s left"
    else:
        hours, minutes = divmod(state.seconds_left // 60, 60)
        words = f"{hours} h {minutes:02d} min left" if hours else f"{minutes} min left"
    extra = f", {state.extra_minutes} of them extra time" if state.extra_minutes else ""
    added = "".join(f" {escape(each)}." for each in state.added)
    return (
        f'<div class="lk" role="timer" aria-live="off"><strong>{words}</strong> '
        f'<span class="lk-muted">of {state.minutes + state.extra_minutes} min{extra}; by '
        f"{escape(state.deadline_source)}.{added}</span></div>"
    )


def time_called(state: State) -> str:
    """Return what is called out about the time, as HTML; it changes only at a few moments."""
    if state.submitted:
        return ""
    words = [f"{each}." for each in state.added]
    # What is left from the start on is no news.
    calls = [call for call in _CALLS if state.seconds_left <= 60 * call <= 30 * state.minutes]
    if state.over:
        words.append("The time is over." if state.certain else _UNCERTAIN)
    elif calls:
        words.append(f"{'One minute is' if calls[-1] == 1 else f'{calls[-1]} minutes are'} left at most.")
        if state.mode == "exam" and calls[-1] <= _LAST // 60:
            words.append("When the time is over, what you handed in is submitted by itself.")
    return f"<strong>{escape(' '.join(words))}</strong>" if words else ""


class Clock:
    """Calls ``tick`` now and then, often near the end; one thread, which ends with the process.

    ``tick`` returns how many seconds are left, or None when nothing is left to say.
    """

    def __init__(self, tick: Callable[[], int | None]) -> None:
        self._tick, self._stopped = tick, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; outside a kernel there is nobody to tell."""
        if not in_kernel() or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="exam clock", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self, *_: Any) -> None:
        """End; it may be called twice."""
        self._stopped.set()

    def _run(self) -> None:
        left: int | None = _LAST
        while left is not None and not self._stopped.wait(_pause(left)):
            try:
                left = self._tick()
            except Exception:  # what failed now may work in a moment, and the end has to be noticed
                _LOG.exception("the clock of the exam could not be read")
                left = 0


def _pause(left: int) -> float:
    """Return how long nothing is said: until the last minutes begin, and from then on a second."""
    return _OFTEN if 0 < left <= _LAST else min(_SELDOM, left - _LAST) if left > _LAST else _SELDOM
