"""``open_lab``: which lab, scenario and prepared state a page or a caller asks for, and for whom."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from labkit import course
from labkit.course import DemoState, Lab, Session
from labkit.ui.session import LabSession

__all__ = ["adopt", "open_lab", "standing_in"]

_stand_in: Callable[[Lab, str | None], Session] | None = None
_opened: list[LabSession] = []
_held = False


def open_lab(name: str, scenario: str | None = None, seed: int | None = None) -> LabSession:
    """Open a lab, in the scenario that the page or the caller asks for.

    Parameters
    ----------
    name : str
        Id, slug or both: ``"L02"``, ``"evasion-range"``, ``"L02-evasion-range"``.
    scenario : str or None
        Id of a scenario; None takes ``?scenario=`` of the page, then ``LABKIT_SCENARIO``,
        then the first that the lab declares.
    seed : int or None
        Decides the participant's variant; None takes the one that belongs to the learner.

    Raises
    ------
    UnknownNameError
        When there is no such lab or scenario; the message names those that there are.
    """
    query = _query()
    lab = course.find_lab(name)
    asked = scenario or query.get("scenario") or os.environ.get("LABKIT_SCENARIO") or None
    warning = None if scenario else _warning(lab, asked)
    if warning:
        asked = None
    if _stand_in is not None and seed is None:
        _opened.append(LabSession(_stand_in(lab, asked), held=_held))
        return _opened[-1]
    demo = _demo(lab, query.get("demo"))
    session = Session(lab, scenario=asked, seed=seed, opened=demo is None)
    return LabSession(session, demo=demo, warning=warning)


@contextmanager
def standing_in(
    make: Callable[[Lab, str | None], Session], *, held: bool = True
) -> Iterator[list[LabSession]]:
    """Have :func:`open_lab` open ``make(lab, scenario)`` instead.

    For recording the page of a lab before its participant is known: with ``held``, panels
    are held back until :meth:`LabSession.adopt`.  Yields a list of what was opened.
    """
    global _stand_in, _held
    _stand_in, _held = make, held
    opened: list[LabSession] = []
    _opened[:] = []
    try:
        yield opened
    finally:
        opened += _opened
        _opened[:] = []
        _stand_in = None


def adopt(lab: LabSession, page: threading.Event | None = None) -> None:
    """Give a lab that was opened for nobody to the participant of this process and its page.

    ``page`` is set when the page was told of its widgets.
    """
    query = _query()
    demo = _demo(lab.lab, query.get("demo"))
    session = Session(lab.lab, scenario=lab.scenario.id, opened=demo is None)
    asked = query.get("scenario") or os.environ.get("LABKIT_SCENARIO") or None
    lab.adopt(session, demo, _warning(lab.lab, asked), page)


def _warning(lab: Lab, asked: str | None) -> str | None:
    if asked is None or asked in {s.id for s in lab.scenarios}:
        return None
    # The page's address is nothing that a participant typed in Python: say it, and go on.
    return f"This lab has no scenario {asked!r}; the first one was opened instead."


def _query() -> dict[str, str]:
    """Return the query of the page that this kernel serves; empty where there is no page."""
    return {key: values[-1] for key, values in parse_qs(os.environ.get("QUERY_STRING", "")).items()}


def _demo(lab: Lab, number: str | None) -> DemoState | None:
    """Return the prepared state with this number, counted from one."""
    if number is None or not number.isdecimal():
        return None
    position = int(number) - 1
    return lab.demo[position] if 0 <= position < len(lab.demo) else None
