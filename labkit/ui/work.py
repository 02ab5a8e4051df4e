"""Long work that shows how far it is, can be stopped, and never ends in a traceback.

In a kernel the work runs in a thread of its own, so that every other panel still answers;
where there is no front end (a script, a test) it runs at once and returns when it is done.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import ipywidgets as widgets
from IPython.display import display

from labkit.core import LabkitError
from labkit.ui.controls import button, column, output, row
from labkit.ui.html import callout, escape

__all__ = ["Job", "Progress", "excuse", "guarded", "in_kernel", "on_dashboard", "progress_bar"]

Progress = Callable[[int, int, str], None]
T = TypeVar("T")
_PAUSE = 0.1  # seconds between two signs of progress: a front end draws no faster
_LOG = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The participant pressed Stop."""


def in_kernel() -> bool:
    """Say whether this process is a Jupyter kernel, so that widgets have somebody to talk to."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def on_dashboard() -> bool:
    """Say whether this kernel serves a dashboard, whose page has addresses beside it."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def excuse(error: Exception) -> str:
    """Return the message for an error, as HTML; errors that are not ours are logged as well."""
    if isinstance(error, LabkitError):
        return callout("bad", str(error), title="That did not work.")
    if isinstance(error, MemoryError) or "allocate memory" in str(error):  # torch's own error says so
        return callout(
            "bad", "It needs more memory than there is. Take smaller settings.", title="That did not work."
        )
    _LOG.error("a panel failed", exc_info=error)
    return callout(
        "bad",
        f"{type(error).__name__}: {error}. Nothing that was recorded is lost. Try again; if it happens "
        "again, restart the kernel and report the message.",
        title="Something unexpected went wrong.",
    )


@contextmanager
def guarded(place: Any) -> Iterator[None]:
    """Show an error that the body raises in ``place``, an HTML widget, and go on."""
    try:
        yield
    except Exception as error:
        place.value = excuse(error)


def progress_bar(label: str) -> Progress:
    """Show a bar where a cell puts its output, and return the function that moves it."""
    bar = widgets.FloatProgress(value=0.0, min=0.0, max=1.0, description=label, layout={"width": "30em"})
    display(bar)  # type: ignore[no-untyped-call]
    shown = 0.0

    def move(done: int, total: int, message: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if done >= total or now - shown > _PAUSE:
            shown = now
            bar.value = done / max(1, total)
            bar.description_tooltip = message

    return move


class _Start(NamedTuple):
    """One start of a job."""

    work: Callable[[Progress], Any]
    done: Callable[[Any], object]
    latest: bool

    @property
    def key(self) -> tuple[str, int]:
        """What tells this work from other work: who does it and, unless only the latest counts, with what."""
        given: tuple[Any, ...]
        if isinstance(self.work, partial):
            function, given = self.work.func, (self.work.args, self.work.keywords)
        else:
            function = self.work
            given = tuple(cell.cell_contents for cell in getattr(function, "__closure__", None) or ())
        return f"{function.__module__}.{function.__qualname__}", 0 if self.latest else _hash(given)


def _hash(settings: Any) -> int:
    """Return the same number for the same settings; what cannot be compared is the same as itself only."""
    if isinstance(settings, Mapping):
        return hash(tuple((name, _hash(each)) for name, each in settings.items()))
    if isinstance(settings, list | tuple):
        return hash(tuple(_hash(each) for each in settings))
    try:
        return hash(settings)
    except TypeError:
        return id(settings)


class Job:
    """A progress bar with a Stop button, and the work that it stands for.

    Attributes
    ----------
    view : widget
        To be placed in a panel; takes no room while nothing runs.
    """

    def __init__(self, *triggers: Any, label: str = "Working") -> None:
        self.triggers = list(triggers)
        self._label = label
        self._bar = widgets.FloatProgress(
            value=0.0, min=0.0, max=1.0, description="", layout={"width": "min(22em, 100%)"}
        )
        self._words = output()
        self._stop = button("Stop", self.stop, tip="Stop this work; what was recorded stays")
        self._line = row(self._bar, self._stop)
        self._line.layout.display = "none"
        self.view = column(self._line, self._words)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._runs = ("", 0)  # the key of what runs
        self._waiting: dict[tuple[str, int], _Start] = {}  # by key, in the order of their turns
        self._shown = 0.0

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(
        self, work: Callable[[Progress], T], done: Callable[[T], object], *, latest: bool = False
    ) -> None:
        """Run ``work(progress)`` and then ``done(result)``; the triggers are disabled meanwhile.

        What is started while something else runs waits for its turn: on a busy machine a button
        is pressed before it is seen to be disabled, and no press may be lost. The same work with
        the same settings started twice (a button pressed twice) runs once; with ``latest`` the
        newer start stops the older one, whatever its settings, and takes its place, as a slider
        that moved on wants it.
        """
        start = _Start(work, done, latest)
        with self._lock:
            if self.running:
                again = start.key == self._runs
                if latest or not again:
                    self._waiting[start.key] = start
                if latest and again:
                    self._stopped.set()
                return
            self._begin(start.key)
            if in_kernel():
                self._thread = threading.Thread(target=self._run, args=(start,), daemon=True)
                self._thread.start()
                return
        self._run(start)

    def stop(self) -> None:
        """Ask the work to stop, which it does at its next sign of progress; what waits is dropped."""
        with self._lock:
            self._waiting.clear()
            self._stopped.set()
        self._words.value = _line("Stopping …")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the work is done, and say whether it is."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return not self.running

    def _begin(self, key: tuple[str, int]) -> None:
        self._runs = key
        self._stopped.clear()
        self._show(True)

    def _run(self, start: _Start) -> None:
        failed = ""  # what waits runs all the same, and what failed is said after it
        while True:
            stopped = ""
            try:
                start.done(start.work(self._report))
            except _StoppedError:
                stopped = callout("info", "Stopped before it was done.")
            except Exception as error:
                failed = excuse(error)
            with self._lock:
                if not self._waiting:
                    self._show(False, failed or stopped)
                    self._thread = None
                    return
                start = self._waiting.pop(next(iter(self._waiting)))
                self._begin(start.key)

    def _report(self, done: int, total: int, message: str = "") -> None:
        if self._stopped.is_set():
            raise _StoppedError
        now = time.monotonic()
        if done < total and now - self._shown < _PAUSE:
            return
        self._shown = now
        self._bar.value = done / max(total, 1)
        self._words.value = _line(f"{message or self._label}: {done} of {total}")

    def _show(self, busy: bool, message: str = "") -> None:
        """Show the line of the work, or ``message`` in its place; once a trigger answers, nothing moves."""
        self._bar.value = 0.0
        self._words.value = _line(f"{self._label} …") if busy else message
        self._line.layout.display = "" if busy else "none"
        for trigger in self.triggers:
            trigger.disabled = busy


def _line(words: str) -> str:
    return f'<div class="lk lk-muted" role="status">{escape(words)}</div>'
