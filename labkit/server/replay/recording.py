"""Run the dashboard of a lab once, for nobody, and keep what its cells showed.

The namespace and the widgets stay in this process, for the kernels that are forked from it;
what the page is made of is a :class:`Record`, which the server gets as JSON.

A recording is refused where the page could say something of the neutral session later on:
when anything but the opened lab holds on to that session, when a cell showed something that is no
widget after it had looked at the learner's progress, or when a cell failed.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import nbformat

from labkit.course import Lab, ProgressLog
from labkit.server.replay.neutral import NeutralSession, NotNeutralError, Rehearsal
from labkit.server.replay.record import HIDDEN_TAG, WIDGET, Output, Record
from labkit.server.replay.shell import PlainShell, shell
from labkit.ui.assistive import SCRIPT
from labkit.ui.opening import standing_in
from labkit.ui.session import LabSession

__all__ = ["Recording", "cells_of", "digest", "notebook_of", "record", "rehearse"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A record, and what stays in the process that made it.

    Attributes
    ----------
    record : Record
    lab : LabSession
        The lab that the notebook opened, still nobody's.
    namespace : dict
        What its cells defined.
    """

    record: Record
    lab: LabSession
    namespace: dict[str, Any]


def record(lab: Lab, scenario: str, *, rehearsed: bool = False) -> Recording:
    """Run the cells of a lab's dashboard for nobody.

    Parameters
    ----------
    lab : Lab
        Its notebook is built.
    scenario : str
        Id of one of its scenarios.
    rehearsed : bool
        Whether :func:`rehearse` came first.

    Raises
    ------
    NotNeutralError
        When the page of this lab depends on who opens it in a way that cannot be mended later.
    LabkitError
        When a cell fails.
    """
    namespace: dict[str, Any] = {}
    outputs, opened = _record(lab, scenario, namespace)
    _check_released(opened)
    made = Record(lab.id, scenario, digest(notebook_of(lab)), outputs, rehearsed)
    return Recording(made, opened, namespace)


def rehearse(lab: Lab, scenario: str) -> None:
    """Run the cells of a dashboard, and its first panel, for nobody, and let go of everything.

    What they load (data, victims, modules, the kernels of torch) stays, and is shared by every
    kernel that is forked from here.  A cell that fails will fail again when it is recorded.
    """
    from ipywidgets import Widget

    with (
        standing_in(lambda asked, _: Rehearsal(asked, scenario), held=False),
        _no_log(),
        shell({}, PlainShell) as run,
    ):
        for source in cells_of(lab).values():
            run(source)
    Widget.close_all()


def _record(lab: Lab, scenario: str, namespace: dict[str, Any]) -> tuple[dict[str, list[Output]], LabSession]:
    """Run the cells of a dashboard in ``namespace``; return what each showed, and the lab they opened."""
    session = NeutralSession(lab, scenario)
    outputs: dict[str, list[Output]] = {}
    with (
        standing_in(lambda asked, _: _only(lab, asked, session)) as opened,
        _no_log(),
        shell(namespace) as run,
    ):
        for name, source in cells_of(lab).items():
            looked = session.looked
            shown = outputs[name] = run(source)
            if session.looked > looked and not all(map(_stays_right, shown)):
                raise NotNeutralError(
                    f"cell {name} of {lab.id} shows something fixed after it looked at the learner's progress"
                )
    if len(opened) != 1:
        raise NotNeutralError(f"expected the notebook of {lab.id} to open one lab, it opened {len(opened)}")
    return outputs, opened[0]


def notebook_of(lab: Lab) -> Path:
    """Return the notebook that participants get."""
    return lab.folder / "lab.ipynb"


def cells_of(lab: Lab) -> dict[str, str]:
    """Return the code of a lab's dashboard, cell by cell, by their ids."""
    notebook = nbformat.read(notebook_of(lab), as_version=4)
    return {
        cell.id: cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and HIDDEN_TAG not in cell.metadata.get("tags", [])
    }


def digest(notebook: Path) -> str:
    """Return the SHA-256 of a notebook, in hexadecimal."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def _only(lab: Lab, asked: Lab, session: NeutralSession) -> NeutralSession:
    if asked.id != lab.id:
        raise NotNeutralError(f"expected the notebook of {lab.id} to open itself, it opened {asked.id}")
    return session


def _stays_right(output: Output) -> bool:
    """Whether an output is a widget, which is brought up to date, or the script of every page."""
    data = output.get("data", {})
    return WIDGET in data or data.get("text/html") == f"<script>{SCRIPT}</script>"


def _check_released(lab: LabSession) -> None:
    """Refuse when anything but the opened lab would still ask the neutral session."""
    gc.collect()
    for holder in gc.get_referrers(lab.session):
        if holder is not lab.__dict__ and holder is not lab and not isinstance(holder, FrameType):
            raise NotNeutralError(
                f"a {type(holder).__name__} of {lab.lab.id} keeps the session that its page was opened with; "
                "it has to ask lab.session each time"
            )


@contextmanager
def _no_log() -> Iterator[None]:
    """Refuse to open anybody's progress log while a page is recorded."""
    kept = ProgressLog.__init__

    def refuse(*_: object, **__: object) -> None:
        raise NotNeutralError("the page opened the progress log before there was a participant")

    ProgressLog.__init__ = refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        ProgressLog.__init__ = kept  # type: ignore[method-assign]
