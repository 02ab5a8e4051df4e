"""How many processor threads the small models of the lab should use.

A small model spends more time handing work between threads than working.  On a quiet
machine with two cores a second thread saved a third of the time at best; with one busy
neighbour it made everything 2 to 300 times slower (``python -m benchmarks threads``
measures both).  A participant's browser is such a neighbour, and so is a classroom.
One thread also adds numbers up in one order, so a victim turns out the same every time.

So labkit trains and measures its own models under :func:`threads`, which puts back what
it found, and gives the kernels it starts :func:`thread_environment`.  Nothing else is
changed: a participant's own cells keep the setting that the kernel started with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.core.errors import InvalidInputError

__all__ = ["recommended_threads", "set_threads", "thread_environment", "threads"]

_VARIABLE = "LABKIT_THREADS"
_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def recommended_threads() -> int:
    """Return the number of threads for small models: ``LABKIT_THREADS``, or one.

    Raises
    ------
    InvalidInputError
        When ``LABKIT_THREADS`` is set to anything but a whole number from 1 up.
    """
    wanted = os.environ.get(_VARIABLE, "").strip() or "1"
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InvalidInputError(
            f"expected {_VARIABLE} to be a whole number from 1 up, got {wanted!r}: unset it, or set it to 1"
        )
    return int(wanted)


def thread_environment() -> dict[str, str]:
    """Return the environment variables that set the threads of a process yet to be started."""
    return dict.fromkeys(_LIBRARIES, str(recommended_threads()))


def set_threads(number: int | None = None) -> int:
    """Set torch's threads for the rest of this process, and return what was set before.

    For programs of our own (a kernel's start, a benchmark).  Library code uses
    :func:`threads`, which leaves nothing behind.
    """
    import torch

    number = recommended_threads() if number is None else number
    if number < 1:
        raise InvalidInputError(f"expected a number of threads from 1 up, got {number}")
    before = torch.get_num_threads()
    if number != before:
        torch.set_num_threads(number)
    return before


@contextmanager
def threads(number: int | None = None) -> Iterator[int]:
    """Run a block with ``number`` torch threads (None: the recommended number), then put it back."""
    before = set_threads(number)
    try:
        yield before
    finally:
        set_threads(before)
