"""What a kernel may use, and what follows when it uses more: decided here, done elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from labkit.server.keeping.usage import Usage, address_space

__all__ = [
    "TEXTS",
    "Limits",
    "Reason",
    "guard_memory",
    "is_scarce",
    "reason_to_end",
    "room_limits",
    "warning_for",
]

Reason = Literal["idle", "left", "memory", "work", "died", "newer", "full", "closed", "reset", "removed"]

_MEGABYTE = 1_000_000
_WARN_AT = 0.75  # of the memory limit
_LEAST_LIMIT, _LARGEST_LIMIT = 500 * _MEGABYTE, 2_000 * _MEGABYTE
_SCARCE = 0.06  # of the machine's memory: what is left when it gets tight
_LEAST_LEFT = 250 * _MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """What each kernel of a dashboard may use.

    Attributes
    ----------
    idle : float
        Seconds after which a page on which nothing happens is paused.
    left : float
        Seconds after which a kernel is ended that no page is connected to.
    memory : int or None
        Bytes of its own that a kernel may take; None sets no limit.
    work : float or None
        Processor seconds that one piece of work may take; None sets no limit.
    patience : float
        Processor seconds after which work gives way to that of others.
    """

    idle: float = 2 * 3600.0
    left: float = 15 * 60.0
    memory: int | None = None
    work: float | None = None
    patience: float = 3.0


def room_limits(total: int, capacity: int, *, idle: float | None = None, memory: int | None = None) -> Limits:
    """Return the limits for a class.

    A quarter of what the machine has may go to one lab, between 500 MB and 2 GB: labs at work
    take 60 to 250 MB, so few come near, and two that run away together do not stop the class.

    Parameters
    ----------
    total : int
        Bytes of memory of the machine.
    capacity : int
        Labs that may be open at once.
    idle : float, optional
        Seconds until an idle page is paused; by default 45 minutes.
    memory : int, optional
        Bytes for one lab.
    """
    share = min(_LARGEST_LIMIT, max(_LEAST_LIMIT, total // 4))
    if capacity == 1:
        share = max(share, total // 2)
    return Limits(
        idle=45 * 60.0 if idle is None else idle,
        left=10 * 60.0,
        memory=share if memory is None else memory,
        work=20 * 60.0,
    )


def is_scarce(left: int, total: int) -> bool:
    """Whether the memory of the machine is about to run out."""
    return left < max(_LEAST_LEFT, _SCARCE * total)


def reason_to_end(
    usage: Usage | None,
    limits: Limits,
    *,
    idle: float,
    alone: float,
    work: float = 0.0,
    scarce: bool = False,
) -> Reason | None:
    """Return why a kernel has to end now, or None.

    Parameters
    ----------
    usage : Usage or None
        What it uses; None when that is not known.
    limits : Limits
    idle : float
        Seconds since something last happened on its page.
    alone : float
        Seconds since a page was connected; 0 while one is.
    work : float
        Processor seconds that the longest piece of work has taken so far.
    scarce : bool
        Whether the machine's memory is about to run out: then half the limit holds.
    """
    most = None if limits.memory is None else limits.memory / (2 if scarce else 1)
    if usage is not None and most is not None and usage.memory > most:
        return "memory"
    if limits.work is not None and work > limits.work:
        return "work"
    if alone > limits.left:
        return "left"
    return "idle" if idle > limits.idle else None


def warning_for(usage: Usage | None, limits: Limits) -> str:
    """Return what a participant is told before a limit is reached; empty when none is near."""
    if usage is None or limits.memory is None or usage.memory <= _WARN_AT * limits.memory:
        return ""
    return (
        f"This lab uses {usage.memory // _MEGABYTE} MB of the {limits.memory // _MEGABYTE} MB of memory that "
        "one lab may take in this class. Stop what runs, or take smaller settings; beyond the limit the "
        "lab is stopped. What was handed in is kept."
    )


def guard_memory(process: int, limit: int) -> None:
    """Have the system refuse a single allocation far beyond the limit, which no watch would see in time.

    The watch looks every few seconds.  What a kernel shares with its parent counts here, too, so
    the bound lies above what it has already.
    """
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):
        bound = address_space(process) + 2 * limit
        resource.prlimit(process, resource.RLIMIT_DATA, (bound, bound))


TEXTS: dict[Reason, str] = {
    "idle": "Paused: nothing happened here for {idle}, so the lab makes room for others.",
    "left": "Paused: no page was connected to this lab for a while.",
    "memory": "Stopped: the lab used more memory than one lab may take here ({megabytes} MB). "
    "Take smaller settings than those you had.",
    "work": "Stopped: one piece of work ran for {work} without an end. Take smaller settings.",
    "died": "The lab's Python process ended unexpectedly.",
    "newer": "Closed: you opened other labs, and this one was open longest.",
    "full": "Paused: the room is full, nothing happened here for a while, and somebody else was waiting.",
    "closed": "This lab was closed.",
    "reset": "Begun anew: your instructor began this lab, or the quiz, anew for you.",
    "removed": "Left: your instructor took you out of this class.",
}
