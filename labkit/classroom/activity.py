"""Time on task: how long somebody was at work, from the gaps between what they did."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from labkit.course.events import Event

__all__ = ["PAUSE_SECONDS", "seconds_on_task"]

PAUSE_SECONDS = 300.0
"""A longer gap than this counts as this much work and then a break."""


def seconds_on_task(events: Iterable[Event]) -> float:
    """Return how many seconds the events of one participant span, breaks left out.

    Reading leaves no event, so a gap counts in full up to :data:`PAUSE_SECONDS`; of a longer
    one nobody knows more than that.  An event alone counts as nothing.
    """
    times = sorted(event.time for event in events)
    return sum(min(later - earlier, PAUSE_SECONDS) for earlier, later in pairwise(times))
