"""One participant in one lab, with everything that a notebook cell can show.

The facts come from :class:`labkit.course.Session`; this module turns them into widgets and
cards.  Nothing here ends in a traceback: an error of ours becomes a message in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from labkit.core import InvalidInputError
from labkit.core.machine import threads
from labkit.course import DemoState, Lab, Scenario, Session
from labkit.course.answers import Outcome
from labkit.course.events import Answer
from labkit.scoring import Feedback
from labkit.ui import overview
from labkit.ui.assistive import show_script
from labkit.ui.cards import feedback_card
from labkit.ui.checkpoint import CheckpointCard
from labkit.ui.controls import column, output
from labkit.ui.demo import PreparedState
from labkit.ui.evidence import EvidencePanel
from labkit.ui.html import Fragment
from labkit.ui.prediction import PredictionView
from labkit.ui.quiz import Questions
from labkit.ui.ready import Preparation
from labkit.ui.records import attach_record, keep_record
from labkit.ui.remember import Memory, PanelMemory
from labkit.ui.reset import ResetButton
from labkit.ui.work import Progress, excuse, guarded, progress_bar

__all__ = ["LabSession"]


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
    attachments : dict
        Files for the evidence pack, by name: text, bytes or tensors.
    records : dict
        What was handed in last, by checkpoint, in labs that say how to write it down.
    memory : Memory
        How the panels were left.
    """

    def __init__(
        self,
        session: Session,
        demo: DemoState | None = None,
        warning: str | None = None,
        *,
        held: bool = False,
    ) -> None:
        self.session = session
        self.demo = demo
        self.shelf: dict[str, Any] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.attachments: dict[str, Any] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self._warning = warning
        self._listeners: list[Callable[[], object]] = []
        self._adopted: list[Callable[[], object]] = []
        self._marked: list[tuple[Any, str]] = []
        self._case_lock = threading.Lock()
        self._held = held
        self._preparation = Preparation(self._prepare, held=held)
        self.memory = Memory(self)

    def adopt(
        self,
        session: Session,
        demo: DemoState | None = None,
        warning: str | None = None,
        page: threading.Event | None = None,
    ) -> None:
        """Give this page to a participant, when it was made before anybody knew whose it will be.

        Every view shows what ``session`` says, and the panels, which were held back, are
        made for its variant.  The page is then what it would be, had it been opened for
        this participant.

        Parameters
        ----------
        session : Session
            Of the same lab and scenario.
        demo : DemoState or None
        warning : str or None
            What the header says about how the page was asked for.
        page : threading.Event or None
            Set when the page was told of the widgets that it shows; a panel whose victim takes
            longer than that appears afterwards.
        """
        if (session.lab, session.scenario) != (self.lab, self.scenario):
            raise InvalidInputError(
                f"expected a session of {self.lab.id}, scenario {self.scenario.id!r}; "
                f"got {session.lab.id}, scenario {session.scenario.id!r}"
            )
        self.session, self.demo, self._warning = session, demo, warning
        for box, name in self._marked:
            self._mark(box, name)
        for view in self._adopted:
            view()
        self.changed()
        self._preparation.release(lambda name: demo is not None and demo.panel == name, page)

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
        """Return the state that a panel starts from: what the live demo asks of it, else how it was left.

        It is looked up when it is read: a page that is being recorded learns of its demo later.
        """
        return PreparedState(self, panel_name)

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
        recall = Questions(
            self.lab.recall,
            lambda i, chosen: self.session.answer_recall(i, chosen),
            lambda: self.session.progress().recalled,
        )
        self.on_adopt(recall.refresh)
        before = self._form("pre", "Before you start")
        return column(recall.view, *([before] if before else []))

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
        keep_record(self, checkpoint, artefacts, feedback)
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

        place = output()

        def look() -> None:
            place.value = installation_card().markup

        self.on_adopt(look)
        if not self._held:  # else it is not the installation of whoever will see it
            look()
        return column(place)

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
        wanted = self.demo is not None and self.demo.panel == panel_name
        box = self._preparation.when_ready(partial(self._built, build, panel_name), panel_name, wanted=wanted)
        self._marked.append((box, panel_name))
        self._mark(box, panel_name)
        return box

    def remember(
        self, panel_name: str, state: Mapping[str, Any] | None = None, /, **dials: Any
    ) -> PanelMemory:
        """Put the dials of a panel where they were left, and keep where they are moved to.

        To be called once the dials are made, before anything is drawn from them or reacts to
        them.  What it returns takes notes of what is no dial.  A ``state`` that somebody gave to
        the panel, instead of :meth:`state`, has the last word.
        """
        given = state is not None and not isinstance(state, PreparedState)
        return self.memory.watch(panel_name, dials, put_back=not given)

    def _built(self, build: Callable[[], Any], panel_name: str) -> Any:
        try:
            return build()
        except Exception:
            # A state that was kept by another version must not keep anybody from their panel.
            if not self.memory.give_up(panel_name):
                raise
            return build()

    def _mark(self, box: Any, panel_name: str) -> None:
        if self.demo is not None and self.demo.panel == panel_name:
            box.add_class("lk-demo-here")

    def on_adopt(self, view: Callable[[], object]) -> None:
        """Have ``view()`` called once the page has its participant, see :meth:`adopt`."""
        self._adopted.append(view)

    def on_change(self, listener: Callable[[], object]) -> None:
        """Have ``listener()`` called after every recorded event and everything put on the shelf."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Tell every listener that something was recorded.

        From the end of the page to its top: what says first how far one has come says it last, so
        that nothing between it and the reader moves any more.
        """
        for listener in self._listeners[::-1]:
            listener()

    def put(self, name: str, thing: Any) -> None:
        """Leave something for other panels."""
        if self.shelf.get(name) is not thing:
            self.shelf[name] = thing
            self.changed()

    def note(self, checkpoint: str, params: Mapping[str, Any]) -> None:
        """Keep how something was made, for the evidence pack."""
        self.notes[checkpoint] = dict(params)
        attach_record(self, checkpoint)

    def attach(self, name: str, content: Any) -> None:
        """Keep a file for the evidence pack: text, bytes or a tensor; a later one takes its place."""
        self.attachments[name] = content

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

        def earlier() -> dict[int, Answer]:
            answered = self.session.progress().answered.items()
            return {position: answer for (of_form, position), answer in answered if of_form == form}

        asked = Questions(
            items, lambda i, chosen: self.session.answer_item(form, i, chosen), earlier, word=title
        )
        self.on_adopt(asked.refresh)
        return asked.view

    def _live(self, draw: Callable[[], str]) -> Any:
        place = output()

        def refresh() -> None:
            with guarded(place):
                place.value = draw()

        self.on_change(refresh)
        refresh()
        return column(place)
