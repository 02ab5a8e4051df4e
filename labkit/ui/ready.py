"""Panels that appear when their victim is ready, and a progress bar until then.

The first panel of a notebook starts the work; all others wait for the same one.  A victim
from the cache is there within a moment, and then nothing is shown in between.  A dashboard
waits for it before the page is shown, and the page says meanwhile how far it is.

On a dashboard only the first panel is built at once, and the one that a live demo is about.
Each of the others is a button until the page comes near it (``assistive.js`` presses it
then) or somebody presses it: twenty pages that open together must not draw a hundred and
forty panels first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from labkit.core.machine import threads
from labkit.ui.controls import button, column
from labkit.ui.html import callout
from labkit.ui.work import Job, Progress, excuse, in_kernel, on_dashboard

__all__ = ["Preparation"]

_PATIENCE = 3.0  # seconds that a notebook waits for a cached victim before it shows a progress bar
_COMING = 60.0  # seconds that a panel waits for the page that is to show it
_AGAIN = 5.0  # seconds after which that page is told once more

Build = Callable[[], Any]


class Preparation:
    """Work that is done once for every panel of a page.

    Parameters
    ----------
    work : function
        ``work(progress)``; afterwards panels can be built.
    held : bool
        Whether nothing is done until :meth:`release`: the page is being recorded, and
        whose panels these will be is not known yet.
    """

    def __init__(self, work: Callable[[Progress], object], *, held: bool = False) -> None:
        self._work = work
        self._held: list[tuple[Any, Build, str]] | None = [] if held else None
        self._page: threading.Event | None = None
        self._waiting: list[tuple[Any, Build]] = []
        self._lock = threading.RLock()
        self._job: Job | None = None
        self._state = "new"
        self._deadline = 0.0
        self._announced = False
        self._shown = 0

    def when_ready(self, build: Build, name: str = "", *, wanted: bool = False) -> Any:
        """Return a box that holds ``build()`` as soon as the work is done.

        Parameters
        ----------
        build : function
        name : str
            What the panel is called.
        wanted : bool
            Whether it is built at once even where others wait for the page to come near.
        """
        box = column()
        if self._held is not None:
            self._held.append((box, build, name))
        else:
            self._place(box, build, wanted, patient=on_dashboard())
        return box

    def release(self, wanted: Callable[[str], bool], page: threading.Event | None = None) -> None:
        """Begin what was held back.

        Parameters
        ----------
        wanted : function
            ``wanted(name)`` says which panel is built at once.
        page : threading.Event or None
            Set when the page was told of the widgets that are there by now, and hears of new ones.
        """
        held, self._held = self._held or [], None
        self._page = page
        for box, build, name in held:
            self._place(box, build, wanted(name), patient=False)

    def _place(self, box: Any, build: Build, wanted: bool, *, patient: bool) -> None:
        self._shown += 1
        if on_dashboard() and self._shown > 1 and not wanted:
            box.children = (self._later(box, build, patient),)
        else:
            self._begin(box, build, patient)

    def _later(self, box: Any, build: Build, patient: bool) -> Any:
        shown = button(
            "Show this part", lambda: self._begin(box, build, patient), tip="It also opens as you come near"
        )
        shown.add_class("lk-later")
        return shown

    def _begin(self, box: Any, build: Build, patient: bool) -> None:
        job = self._started()
        if patient:
            # The page is still being put together and says so itself.  Widgets that a thread
            # makes while the browser fetches those of the cells would be lost to it.
            job.wait()
        elif in_kernel():
            job.wait(max(0.0, self._deadline - time.monotonic()))
        with self._lock:
            if self._state == "working":
                self._waiting.append((box, build))
                box.children = (self._note(job),)
                return
        _fill(box, build)

    def _started(self) -> Job:
        with self._lock:
            if self._job is None:
                self._job = Job(label="Preparing the victim")
                self._state = "working"
                self._job.start(self._prepare, lambda _: None)
                self._deadline = time.monotonic() + _PATIENCE
            return self._job

    def _prepare(self, progress: Progress) -> None:
        try:
            with threads():
                self._work(progress)
        finally:
            with self._lock:
                self._state = "done"
                waiting, self._waiting = self._waiting, []
        page = self._page if waiting else None
        if page is not None:
            # A panel that is made while its page fetches what was there before reaches it in pieces.
            page.wait(_COMING)
        for box, build in waiting:
            _fill(box, build)
        if page is not None:
            # A page that has fetched everything still has to draw it, and what it is told by then is lost.
            time.sleep(_AGAIN)
            for box, _ in waiting:
                box.send_state("children")

    def _note(self, job: Job) -> Any:
        """Show the bar in the first box that waits, and refer to it in the others."""
        from labkit.ui.controls import output

        words = "Your victim is being trained on this machine, once. The panel appears when it is done."
        if self._announced:
            return output(callout("info", "Waiting for the victim; the bar further up shows how far it is."))
        self._announced = True
        return column(output(callout("info", words)), job.view)


def _fill(box: Any, build: Build) -> None:
    try:
        box.children = (build(),)
    except Exception as error:
        from labkit.ui.controls import output

        box.children = (output(excuse(error)),)
