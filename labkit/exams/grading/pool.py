"""Many submissions over a few processes on this machine."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from labkit.core.checks import whole
from labkit.exams.grading.process import GradingProcess
from labkit.exams.grading.starting import Nursery

__all__ = ["grade_here"]

Requests = Iterable[tuple[str, Mapping[str, Any]]]


def grade_here(
    requests: Requests, *, workers: int | None = None, seconds: float = 120.0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Grade submissions, and yield each result as soon as it is there.

    Each of ``workers`` threads minds one grading process, forked from a common nursery where that is
    possible.  A submission that ends its process costs its own points; the others go on, and the next
    is given to a new process.

    Parameters
    ----------
    requests : iterable of (str, mapping)
        Name to what :mod:`labkit.exams.grading.worker` takes.
    workers : int, optional
        Processes; by default as many as the machine has cores.
    seconds : float
        Most time for one submission.

    Yields
    ------
    (str, dict)
        Name and result, in the order in which they end.
    """
    waiting = list(requests)
    count = whole("workers", workers if workers is not None else os.cpu_count() or 1)
    done: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
    left: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
    for each in waiting:
        left.put(each)
    stop = threading.Event()
    # For one submission alone nothing is read ahead: it may have one task of ten.
    nursery = Nursery(waiting[0][1].get("exam") if len(waiting) > 1 else None)

    def work() -> None:
        process = GradingProcess(seconds, nursery)
        try:
            with suppress(queue.Empty):
                while not stop.is_set():
                    name, request = left.get_nowait()
                    done.put((name, _graded(process, request)))
        finally:
            process.close()

    with ThreadPoolExecutor(min(count, len(waiting)) or 1) as threads:
        for _ in range(min(count, len(waiting))):
            threads.submit(work)
        try:
            for _ in waiting:
                yield done.get()
        finally:
            stop.set()
            nursery.close()


def _graded(process: GradingProcess, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return process.grade(request)
    except Exception as error:  # one submission must not take the others along
        return {"status": "failed", "session": None, "reasons": [f"{type(error).__name__}: {error}"]}
