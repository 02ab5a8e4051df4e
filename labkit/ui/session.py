"""``open_lab``: one participant in one lab, with everything that a notebook cell can show.

The facts come from :class:`labkit.course.Session`; this module turns them into widgets and
cards.  Nothing here ends in a traceback: an error of ours becomes a message in its place.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from labkit import course
from labkit.core.machine import threads
from labkit.course import DemoState, Lab, Scenario, Session
from labkit.course.answers import Outcome
from labkit.scoring import Feedback
from labkit.ui import overview
from labkit.ui.assistive import show_script
from labkit.ui.cards import feedback_card
from labkit.ui.checkpoint import CheckpointCard
from labkit.ui.controls import column, output
from labkit.ui.evidence import EvidencePanel
from labkit.ui.html import Fragment
from labkit.ui.prediction import PredictionView
from labkit.ui.quiz import questions
from labkit.ui.ready import Preparation
from labkit.ui.reset import ResetButton
from labkit.ui.work import Progress, excuse, guarded, progress_bar

__all__ = ["LabSession", "open_lab"]


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
    warning = None
    if scenario is None and asked is not None and asked not in {s.id for s in lab.scenarios}:
        # The page's address is nothing that a participant typed in Python: say it, and go on.
        warning = f"This lab has no scenario {asked!r}; the first one was opened instead."
        asked = None
    session = Session(lab, scenario=asked, seed=seed)
    return LabSession(session, demo=_demo(lab, query.get("demo")), warning=warning)


class LabSession:
    """One participant in one lab; every method returns something that shows itself.

    Attributes
    ----------
    session : labkit.course.Session
        Records what happens and measures what is handed in.
    shelf : dict
        What one panel leaves for another, such as the hardened model.
    notes : dict
        How what was handed in was made, by checkpoint; goes into the evidence pack.
    """

    def __init__(self, session: Session, demo: DemoState | None = None, warning: str | None = None) -> None:
        self.session = session
        self.demo = demo
        self.shelf: dict[str, Any] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self._warning = warning
        self._listeners: list[Callable[[], object]] = []
        self._case_lock = threading.Lock()
        self._preparation = Preparation(self._prepare)

    # ------------------------------------------------------------------ facts

    @property
    def lab(self) -> Lab:
        """The declaration of the lab."""
        return self.session.lab

    @property
    def scenario(self) -> Scenario:
        """The scenario that was opened."""
        return self.session.scenario

    @property
    def case(self) -> Any:
        """The participant's variant: inputs, victim, threat model; made when first used."""
        with self._case_lock:
            return self.session.case

    def target(self, checkpoint: str) -> float:
        """Return the threshold of a checkpoint."""
        return self.lab.find_checkpoint(checkpoint).target.threshold

    def state(self, panel_name: str) -> Mapping[str, Any]:
        """Return the prepared state that the live demo asks of a panel; empty outside a demo."""
        if self.demo is None or self.demo.panel != panel_name:
            return {}
        return self.demo.state

    # ------------------------------------------------------------------ what cells call

    def header(self) -> Any:
        """Show the story, the role, the map, the standards, and where one stands."""
        place = output()

        def refresh() -> None:
            with guarded(place):
                place.value = overview.header(self.session, self._warning, self.demo)

        self.on_change(refresh)
        refresh()
        show_script()
        return column(place)

    def recall(self) -> Any:
        """Show the recall questions, and the question that is asked again at the end."""
        progress = self.session.progress()
        recall = questions(self.lab.recall, self.session.answer_recall, progress.recalled)
        before = self._form("pre", "Before you start")
        return column(recall, *([before] if before else []))

    def predict(self, prediction: str) -> Any:
        """Ask for a prediction and a confidence; afterwards show what came out."""
        return PredictionView(self, self.lab.find_prediction(prediction)).view

    def checkpoint(self, checkpoint: str) -> Any:
        """Show the card of a checkpoint: target, status, hints, worked solution, own attempts."""
        return CheckpointCard(self, self.lab.find_checkpoint(checkpoint)).view

    def check(self, checkpoint: str, **artefacts: Any) -> Fragment:
        """Measure what is handed in, record it, and say what came out and why.

        The result shows itself as a card; ``print`` gives the same as text.  An error, such
        as an input of the wrong shape, becomes a message as well.
        """
        try:
            feedback = self._measured(checkpoint, artefacts)
        except Exception as error:
            return Fragment(excuse(error), f"That did not work. {error}")
        self.changed()
        return feedback_card(feedback)

    def timeline(self) -> Any:
        """Show one's own attempts at every checkpoint, newest last."""
        return self._live(lambda: overview.timeline(self.session))

    def evidence(self) -> Any:
        """Show what this lab adds to the evidence pack, and add it."""
        return EvidencePanel(self).view

    def debrief(self) -> Any:
        """Show what was measured, what changes at scale, and the questions of the end."""
        summary = self._live(lambda: overview.debrief(self.session))
        after = self._form("post", "At the end")
        return column(summary, *([after] if after else []))

    def installation(self) -> Any:
        """Check this installation and show the findings."""
        from labkit.ui.installation import installation_card

        return column(output(installation_card()))

    def report_accuracy(self, checkpoint: str) -> Any:
        """Show a panel that measures the victim and takes a reported accuracy."""
        from labkit.ui.evasion import report_panel

        return report_panel(self, checkpoint)

    def reset_button(self) -> Any:
        """Show a button that starts the lab anew; it asks before it does so."""
        return ResetButton(self).view

    def watch(self, label: str = "Working") -> Progress:
        """Show a progress bar below the cell, and return what a long call tells its progress to."""
        return progress_bar(label)

    # ------------------------------------------------------------------ what panels call

    def when_ready(self, build: Callable[[], Any], panel_name: str = "") -> Any:
        """Return a box that holds ``build()`` as soon as the case is there, and progress until then.

        The panel that a live demo is about is marked, so that the page can scroll to it.
        """
        box = self._preparation.when_ready(build)
        if self.demo is not None and self.demo.panel == panel_name:
            box.add_class("lk-demo-here")
        return box

    def on_change(self, listener: Callable[[], object]) -> None:
        """Have ``listener()`` called after every recorded event and everything put on the shelf."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Tell every listener that something was recorded."""
        for listener in list(self._listeners):
            listener()

    def put(self, name: str, thing: Any) -> None:
        """Leave something for other panels."""
        if self.shelf.get(name) is not thing:
            self.shelf[name] = thing
            self.changed()

    def note(self, checkpoint: str, params: Mapping[str, Any]) -> None:
        """Keep how something was made, for the evidence pack."""
        self.notes[checkpoint] = dict(params)

    def outcome(self, prediction: str) -> Outcome:
        """Run what a prediction is about, and return both."""
        with threads():
            self.case  # noqa: B018 - made here, under its lock
            return self.session.outcome(prediction)

    def _measured(self, checkpoint: str, artefacts: Mapping[str, Any]) -> Feedback:
        with threads():
            self.case  # noqa: B018 - made here, under its lock
            return self.session.check(checkpoint, **artefacts)

    def _prepare(self, progress: Progress) -> None:
        with self._case_lock:
            self.session.on_progress = progress
            try:
                self.session.case  # noqa: B018 - made here, with progress
            finally:
                self.session.on_progress = None

    def _form(self, form: str, title: str) -> Any:
        items = self.lab.form(form)
        if not items:
            return None
        earlier = {
            position: answer
            for (of_form, position), answer in self.session.progress().answered.items()
            if of_form == form
        }
        return questions(
            items, lambda i, chosen: self.session.answer_item(form, i, chosen), earlier, word=title
        )

    def _live(self, draw: Callable[[], str]) -> Any:
        place = output()

        def refresh() -> None:
            with guarded(place):
                place.value = draw()

        self.on_change(refresh)
        refresh()
        return column(place)


def _query() -> dict[str, str]:
    """Return the query of the page that this kernel serves; empty where there is no page."""
    return {key: values[-1] for key, values in parse_qs(os.environ.get("QUERY_STRING", "")).items()}


def _demo(lab: Lab, number: str | None) -> DemoState | None:
    """Return the prepared state with this number, counted from one."""
    if number is None or not number.isdecimal():
        return None
    position = int(number) - 1
    return lab.demo[position] if 0 <= position < len(lab.demo) else None
