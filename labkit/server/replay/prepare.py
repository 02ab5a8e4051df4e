"""What the warm parent does for one page: record it, warm what its panels use, hand it on.

Runs in a branch of the warm parent (:mod:`labkit.server.warm.parent`); ``begin`` runs in each
kernel that is forked from there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit import data
from labkit.core.machine import set_threads
from labkit.course import Lab, find_lab
from labkit.models import trained
from labkit.server.replay.recording import Recording, record, rehearse
from labkit.ui.opening import adopt

__all__ = ["Adoptable", "prepare"]

_PAGE = {"SERVER_SOFTWARE": "voila/recording", "QUERY_STRING": "", "LABKIT_SCENARIO": ""}


def prepare(name: str) -> Adoptable:
    """Record the page that ``name`` stands for: ``"L02/digits#1"``, a lab, one of its scenarios, a count.

    Raises
    ------
    LabkitError
        When it cannot be recorded; the message says why.
    """
    lab_id, _, scenario = name.partition("#")[0].partition("/")
    lab = find_lab(lab_id)
    set_threads()
    with _page():
        rehearsed = _rehearsed(lab, scenario)
        return Adoptable(record(lab, scenario, rehearsed=rehearsed))


@dataclass(frozen=True)
class Adoptable:
    """A recorded page that waits for its participant."""

    recording: Recording

    @property
    def record(self) -> bytes:
        """What the server needs for the page."""
        return self.recording.record.to_json()

    def begin(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Give the page to the participant of this kernel, and return the namespace of its cells."""
        page = _answer_once()
        with _unheard():
            adopt(self.recording.lab, page)
        return self.recording.namespace


@contextmanager
def _page() -> Iterator[None]:
    """Let cells see the environment of a dashboard that nobody has asked for anything."""
    kept = dict(os.environ)
    os.environ.update(_PAGE)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def _unheard() -> Iterator[None]:
    """Change and make widgets without a message: the page asks for all states when it comes.

    Afterwards every widget talks through the kernel of this process.
    """
    from comm import get_comm_manager
    from ipykernel.comm.comm import BaseComm
    from ipykernel.kernelbase import Kernel

    publish = BaseComm.publish_msg
    BaseComm.publish_msg = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseComm.publish_msg = publish  # type: ignore[method-assign]
    kernel = Kernel.instance() if Kernel.initialized() else None
    comms: dict[str, Any] = dict(get_comm_manager().comms)
    for comm in comms.values():
        comm.kernel = kernel


def _rehearsed(lab: Lab, scenario: str) -> bool:
    """Rehearse the page, unless its victim would have to be trained first; say whether it was done.

    That is left to the first kernel, which shows how far it is.
    """
    declared = lab.find_scenario(scenario)
    if declared.dataset and declared.victim and not trained(declared.victim, data.load(declared.dataset)):
        return False
    rehearse(lab, scenario)
    return True


def _answer_once() -> threading.Event | None:
    """Have the states of all widgets made once for a page that asks for them, not twice.

    ipywidgets 8 also makes them for its manager then, and drops what it has made.

    Returns
    -------
    threading.Event or None
        Set when the page was answered; None where ipywidgets is not as it was.
    """
    from ipywidgets import Widget

    given = Widget.__dict__.get("_handle_control_comm_msg")
    if not isinstance(given, classmethod) or "get_manager_state" not in Widget.__dict__:
        return None
    answered = threading.Event()
    answer = given.__func__

    def handle(cls: type[Widget], message: Mapping[str, Any]) -> None:
        kept = cls.__dict__["get_manager_state"]
        cls.get_manager_state = staticmethod(lambda *_, **__: {})
        try:
            answer(cls, message)
        finally:
            cls.get_manager_state = kept
            answered.set()

    Widget._handle_control_comm_msg = classmethod(handle)
    return answered
