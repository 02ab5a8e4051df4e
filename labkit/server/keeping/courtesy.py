"""Long work gives way to short work: a thread that has worked for a while gets a lower priority.

Panels work in threads that end with their work, so what moves a slider never has to wait for
somebody who trains a model, and the training still gets all that nobody else asks for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["at_work", "give_way"]

_NICER = 10  # than the server
_NICEST = 19
_AT_WORK = 0.05  # of a processor; a crowded one gives no more to somebody who asks for all of it


def at_work(
    before: Mapping[int, float], now: Mapping[int, float], elapsed: float, so_far: Mapping[int, float]
) -> dict[int, float]:
    """Return for how many processor seconds each thread has been at work without a rest.

    Parameters
    ----------
    before, now : mapping of int to float
        Processor seconds by thread, at two looks.
    elapsed : float
        Seconds between them.
    so_far : mapping of int to float
        What was returned at the look before.
    """
    spent = {thread: seconds - before.get(thread, 0.0) for thread, seconds in now.items()}
    return {
        thread: so_far.get(thread, 0.0) + taken
        for thread, taken in spent.items()
        if taken > _AT_WORK * elapsed
    }


def give_way(threads: Mapping[int, float], courteous: set[int], *, after: float) -> None:
    """Lower the priority of threads that have worked for more than ``after`` seconds.

    Parameters
    ----------
    threads : mapping of int to float
        Processor seconds of work by thread.
    courteous : set of int
        Those that were lowered before; added to.
    after : float
    """
    if sys.platform != "linux":  # elsewhere a priority belongs to a process, and there is no way back
        return
    niceness = min(_NICEST, os.getpriority(os.PRIO_PROCESS, 0) + _NICER)
    for thread, seconds in threads.items():
        if seconds > after and thread not in courteous:
            courteous.add(thread)
            with suppress(OSError):
                if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
                    os.setpriority(os.PRIO_PROCESS, thread, niceness)
