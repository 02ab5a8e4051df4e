"""Panels that appear when their victim is ready, and a progress bar until then.

The first panel of a notebook starts the work; all others wait for the same one.  A victim
from the cache is there within a moment, and then nothing is shown in between.  A dashboard
waits for it before the page is shown, and the page says meanwhile how far it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from labkit.core.machine import threads
from labkit.ui.controls import column
from labkit.ui.html import callout
from labkit.ui.work import Job, Progress, excuse, in_kernel, on_dashboard

__all__ = ["Preparation"]

_PATIENCE = 3.0  # seconds that a notebook waits for a cached victim before it shows a progress bar


class Preparation:
    """Work that is done once for every panel of a page.

    Parameters
    ----------
    work : function
        ``work(progress)``; afterwards panels can be built.
    """

    def __init__(self, work: Callable[[Progress], object]) -> None:
        self._work = work
        self._waiting: list[tuple[Any, Callable[[], Any]]] = []
        self._lock = threading.RLock()
        self._job = Job(label="Preparing the victim")
        self._state = "new"
        self._deadline = 0.0
        self._announced = False

    def when_ready(self, build: Callable[[], Any]) -> Any:
        """Return a box that holds ``build()`` as soon as the work is done."""
        box = column()
        with self._lock:
            if self._state == "new":
                self._state = "working"
                self._job.start(self._prepare, lambda _: None)
                self._deadline = time.monotonic() + _PATIENCE
        if on_dashboard():
            # The page is still being put together and says so itself.  Widgets that a thread
            # makes while the browser fetches those of the cells would be lost to it.
            self._job.wait()
        elif in_kernel():
            self._job.wait(max(0.0, self._deadline - time.monotonic()))
        with self._lock:
            if self._state == "working":
                self._waiting.append((box, build))
                box.children = (self._note(),)
                return box
        _fill(box, build)
        return box

    def _prepare(self, progress: Progress) -> None:
        try:
            with threads():
                self._work(progress)
        finally:
            with self._lock:
                self._state = "done"
                waiting, self._waiting = self._waiting, []
        for box, build in waiting:
            _fill(box, build)

    def _note(self) -> Any:
        """Show the bar in the first box that waits, and refer to it in the others."""
        from labkit.ui.controls import output

        words = "Your victim is being trained on this machine, once. The panel appears when it is done."
        if self._announced:
            return output(callout("info", "Waiting for the victim; the bar further up shows how far it is."))
        self._announced = True
        return column(output(callout("info", words)), self._job.view)


def _fill(box: Any, build: Callable[[], Any]) -> None:
    try:
        box.children = (build(),)
    except Exception as error:
        from labkit.ui.controls import output

        box.children = (output(excuse(error)),)
