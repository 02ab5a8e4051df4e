"""What a kernel uses: memory of its own, and processor time by thread.

Kernels that were forked share most of their memory with their parent, so what counts is the
memory that would come back if one ended (its unique set).  That takes the system a millisecond or
more to add up, so it is asked only of kernels whose memory, shared parts included, is large.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

__all__ = ["Usage", "address_space", "survey"]

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kernel, with all processes that it started, uses now.

    Attributes
    ----------
    memory : int
        Bytes that are its own.  An upper bound when that is below what was asked to be exact.
    threads : mapping of int to float
        Processor seconds of every thread beside the main one; empty where the system does not say.
    """

    memory: int
    threads: Mapping[int, float] = field(default_factory=dict)


def survey(processes: Collection[int], *, exact_above: int) -> dict[int, Usage]:
    """Measure kernels, by the number of their process; those that have ended are left out.

    Parameters
    ----------
    processes : collection of int
    exact_above : int
        Bytes; memory that is surely below is not told apart from what is shared.
    """
    families = _families(set(processes))
    found = {}
    for process, members in families.items():
        # Whatever the system says about one of them, the others are measured.
        with suppress(psutil.Error, OSError, ValueError, LookupError):
            memory = sum(_memory(each, exact_above) for each in members)
            found[process] = Usage(memory, _threads(process))
    return found


def _families(wanted: set[int]) -> dict[int, list[int]]:
    """Return each process with all that descend from it."""
    parents = {
        each.pid: each.info["ppid"] for each in psutil.process_iter(["ppid"]) if each.info["ppid"] is not None
    }
    families: dict[int, list[int]] = {process: [process] for process in wanted if process in parents}
    for process in parents:
        above, seen = parents[process], {process}
        while above in parents and above not in wanted and above not in seen:
            seen.add(above)
            above = parents[above]
        if above in families and process not in wanted:
            families[above].append(process)
    return families


def _memory(process: int, exact_above: int) -> int:
    if sys.platform != "linux":
        resident: int = psutil.Process(process).memory_info().rss
        return resident
    try:
        about = _fields(_PROC / str(process) / "status")
    except OSError:
        return 0  # it ended meanwhile
    # One that ended and was not waited for yet has no memory, and no line about it.
    bound = about.get("RssAnon", 0) + about.get("RssShmem", 0)
    if bound <= exact_above:
        return bound
    try:
        rolled = _fields(_PROC / str(process) / "smaps_rollup")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except OSError:  # it may not be read here: rather too much than no limit at all
        return bound
    return rolled.get("Private_Clean", 0) + rolled.get("Private_Dirty", 0)


def _fields(path: Path) -> dict[str, int]:
    """Return the sizes that a file of the kernel lists, in bytes."""
    found = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            found[name] = 1024 * int(value[:-3])
    return found


def _threads(process: int) -> dict[int, float]:
    if sys.platform != "linux":
        return {}
    found = {}
    with suppress(OSError):
        for task in (_PROC / str(process) / "task").iterdir():
            number = int(task.name)
            if number == process:
                continue
            with suppress(OSError, ValueError, IndexError):
                # The name of a thread may hold anything; what follows it does not.
                after = (task / "stat").read_text().rpartition(")")[2].split()
                found[number] = (int(after[11]) + int(after[12])) / _TICKS
    return found


def address_space(process: int) -> int:
    """Return the bytes of private memory that a process has asked for, used or not.

    Raises
    ------
    ProcessLookupError
        When it has ended, also when nobody has waited for it yet.
    """
    size = _fields(_PROC / str(process) / "status").get("VmData")
    if size is None:
        raise ProcessLookupError(f"process {process} has ended")
    return size
