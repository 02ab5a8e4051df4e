"""Who needs a visit: somebody at work on a checkpoint that does not give way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.course.events import Event, LabProgress
from labkit.course.lab import Checkpoint, Lab

__all__ = ["FAILURES", "QUIET_SECONDS", "Stuck", "find_stuck"]

FAILURES = 3
"""Failed checks in a row from which a participant is offered help, here as in the lab itself."""

QUIET_SECONDS = 480.0
"""An open page on which nothing happened for this long, eight minutes."""

LOST_SECONDS = 3600.0
"""After an hour of silence somebody has left; that is no longer being stuck."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """Where somebody is stuck, and how one can tell.

    Attributes
    ----------
    lab, checkpoint : str
        Ids; the checkpoint is the first one that is still open when nothing else says which.
    why : str
        In words, for the instructor.
    since : float
        Seconds since the epoch.
    """

    lab: str
    checkpoint: str
    why: str
    since: float


def find_stuck(
    lab: Lab, progress: LabProgress, events: Sequence[Event], now: float, *, connected: bool
) -> Stuck | None:
    """Return where a participant is stuck in a lab, or None.

    Parameters
    ----------
    lab : Lab
    progress : LabProgress
        What the events add up to.
    events : sequence of Event
        The participant's events in this lab, oldest first.
    now : float
        Seconds since the epoch.
    connected : bool
        Whether a page of theirs is open; silence means something only then.
    """
    if not events or progress.finished or progress.last is None:
        return None
    silent = now - events[-1].time
    if silent > LOST_SECONDS:
        return None
    for checkpoint in lab.checkpoints:
        if (found := _at(checkpoint, lab, progress, events)) is not None:
            return found
    if connected and silent > QUIET_SECONDS:
        first = next(each for each in lab.checkpoints if each.id not in progress.passed)
        return Stuck(lab.id, first.id, f"nothing for {silent / 60:.0f} minutes", events[-1].time)
    return None


def _at(checkpoint: Checkpoint, lab: Lab, progress: LabProgress, events: Sequence[Event]) -> Stuck | None:
    if checkpoint.id in progress.passed:
        return None
    tried = progress.attempts.get(checkpoint.id, ())
    begun = next((each.time for each in events if each.payload.get("checkpoint") == checkpoint.id), 0.0)
    if len(tried) >= FAILURES:
        return Stuck(lab.id, checkpoint.id, f"{len(tried)} checks, none reached the target", begun)
    if progress.hints.get(checkpoint.id, 0) >= len(checkpoint.hints):
        return Stuck(lab.id, checkpoint.id, "read every hint and has not reached the target", begun)
    return None
