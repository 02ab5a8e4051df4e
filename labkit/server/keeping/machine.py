"""How much memory there is for this server: that of the machine, or of the container around it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["memory_left", "memory_total"]

_GROUPS = Path("/sys/fs/cgroup")


def memory_total() -> int:
    """Return the bytes of memory that this server and its kernels may use together."""
    own = [limit for group in _groups() if (limit := _number(group / "memory.max")) is not None]
    return min([psutil.virtual_memory().total, *own])


def memory_left() -> int:
    """Return the bytes of memory that can still be had, caches counted as free."""
    left = [psutil.virtual_memory().available]
    for group in _groups():
        limit, used = _number(group / "memory.max"), _number(group / "memory.current")
        if limit is not None and used is not None:
            left.append(limit - used + _cached(group))
    return max(0, min(left))


def _groups() -> Iterator[Path]:
    """Yield the control groups (version 2) that this process is in, the innermost first."""
    if sys.platform != "linux":
        return
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                group = _GROUPS / line[3:].strip("/")
                # A container may see its own group at the root, under the name it has outside.
                while not group.is_dir() and group != _GROUPS:
                    group = group.parent
                yield from (each for each in (group, *group.parents) if each.is_relative_to(_GROUPS))


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())  # "max" is no number: no limit
    return None


def _cached(group: Path) -> int:
    with suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "inactive_file":
                return int(value)
    return 0
