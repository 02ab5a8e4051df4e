"""Dials that stand where a participant left them, when their page is opened again.

A panel that says ``lab.remember("its-name", epsilon=self.epsilon, ...)`` once its dials are
made gets them back after a refresh, a pause, a new kernel or a restart of the server.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labkit.course import PanelStates
from labkit.ui.work import in_kernel

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["Memory", "PanelMemory"]

_FIRST, _PAUSE = 0.3, 3.0  # seconds from a change to the disk, and between two events of one panel


class Memory:
    """What is remembered of the panels of one page.

    Parameters
    ----------
    lab : LabSession
        Whose page it is may become known later; nothing is read before a panel asks.
    """

    def __init__(self, lab: LabSession) -> None:
        self._lab = lab
        self._states: PanelStates | None = None
        self._given_up: set[str] = set()

    def state(self, panel: str) -> Mapping[str, Any]:
        """Return how a panel was left; empty in a live demo, and for nobody's page."""
        states = self._of_participant()
        return {} if states is None or panel in self._given_up else states.latest(panel)

    def give_up(self, panel: str) -> bool:
        """Go without what is remembered of a panel that cannot be built with it; False if nothing is."""
        if not self.state(panel):
            return False
        self._given_up.add(panel)
        return True

    def watch(self, panel: str, dials: Mapping[str, Any], *, put_back: bool = True) -> PanelMemory:
        """Put dials where they were left, and keep where they are moved to."""
        return PanelMemory(panel, dials, self.state(panel) if put_back else {}, self._of_participant())

    def _of_participant(self) -> PanelStates | None:
        session = self._lab.session
        if self._lab.demo is not None or not session.learner:
            return None
        if self._states is None:
            self._states = PanelStates(session)
        return self._states


class PanelMemory:
    """Keeps the dials of one panel: the latest state wins, and it is written every few seconds at most.

    Parameters
    ----------
    panel : str
    dials : mapping of str to widget
        Anything with a ``value``.
    left : mapping
        How they were left.
    states : PanelStates or None
        Where they are kept; None keeps nothing.
    """

    def __init__(
        self, panel: str, dials: Mapping[str, Any], left: Mapping[str, Any], states: PanelStates | None
    ) -> None:
        self._panel, self._states = panel, states
        self._values = dict(left)
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._written = -math.inf
        for name, dial in dials.items():
            if name in left:
                _put_back(dial, left[name])
            if states is not None:
                dial.observe(lambda change, name=name: self.note(**{name: change["new"]}), "value")
        if states is not None and in_kernel():
            atexit.register(self.flush)

    def note(self, **values: Any) -> None:
        """Keep something that is no dial, such as which page of a table is shown; JSON must hold it."""
        if self._states is None:
            return
        with self._lock:
            self._values.update(values)
            if self._timer is None:
                pause = max(_FIRST, self._written + _PAUSE - time.monotonic())
                self._timer = threading.Timer(pause, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what has changed, now."""
        with self._lock:
            timer, self._timer = self._timer, None
            values = dict(self._values)
            if timer is not None:
                timer.cancel()
                self._written = time.monotonic()
        if timer is not None and self._states is not None:
            self._states.keep(self._panel, values)


def _put_back(dial: Any, value: Any) -> None:
    """Set a dial, unless it no longer takes this value."""
    # A range is a pair; JSON knows only lists.
    kept = tuple(value) if isinstance(dial.value, tuple) and isinstance(value, list) else value
    if dial.value != kept:
        with suppress(Exception):  # traitlets raises what the validator of the widget raises
            dial.value = kept
