"""The candidate's desk: where everything is, one task or item at a time, and the way to submit."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import ipywidgets as widgets

from labkit.exams.form import parse_time
from labkit.exams.sitting import AnswerReceipt, Place, Sitting, State, SubmitReceipt, open_sitting
from labkit.exams.sitting.answering import is_complete
from labkit.ui.answering import AnswerField
from labkit.ui.assistive import show_script
from labkit.ui.controls import button, change_options, choice, column, live, output, panel, row, tick, toggle
from labkit.ui.exam.clock import Clock, time_called, time_left
from labkit.ui.exam.questions import asked, question
from labkit.ui.exam.result import practice_result
from labkit.ui.exam.tasks import task_page
from labkit.ui.html import badge, callout, escape
from labkit.ui.theme import style
from labkit.ui.work import Job, guarded, in_kernel

__all__ = ["ExamDesk", "exam_desk"]

_SURE = {"guess": "I guessed", "think": "I think so", "know": "I know it"}
_AGAIN = 20.0  # seconds after which what was not received is sent again
_SIGNS = {"answered": "✔", "flagged": "▲", "untouched": "○"}
_KINDS = {"answered": "good", "flagged": "warn", "untouched": "open"}


def exam_desk(sitting: Sitting | None = None) -> Any:
    """Return the desk of a sitting, as something that a notebook cell shows.

    Parameters
    ----------
    sitting : Sitting, optional
        By default the one in the folder of the notebook.
    """
    show_script()
    desk = ExamDesk(open_sitting() if sitting is None else sitting)
    while _BEFORE:
        _BEFORE.pop().close()
    _BEFORE.append(desk)
    desk.start()
    return column(output(style()), desk.view)


# The desk that this kernel shows: one that stayed behind in another cell would go on beside it.
_BEFORE: list[ExamDesk] = []


class ExamDesk:
    """Everything of a sitting on one page.

    What is answered is kept at once, so there is no button to save; what another page of the same
    sitting changed is shown when its task or item is opened.
    """

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self._field: AnswerField | None = None
        state = sitting.state()
        self._order = [place.id for place in (*state.tasks, *state.items)]
        self.here = self._order[0]
        self._showing = False
        self.time, self.calls, self.overview = output(), live(), output()
        self.kept, self.said = live(), output()
        self.go = choice(
            "Go to", self._entries(state), self.here, tip="Every task and item, and how far it is"
        )
        self.go.layout.width = "min(46em, 100%)"
        self.back = button("Previous", lambda: self._step(-1), tip="The task or item before this one")
        self.on = button("Next", lambda: self._step(1), primary=True, tip="The next task or item")
        self.flag = tick("Come back to this one", tip="Marks it in the list; marks are not handed in")
        self.large = tick("Large type", tip="Larger letters on this page")
        self.sure = toggle(
            "How sure?", [(words, key) for key, words in _SURE.items()], list(_SURE.values()), "think"
        )
        self.note = widgets.Textarea(
            placeholder="Notes of your own; they are not handed in",
            description="Notes",
            continuous_update=False,
            rows=3,
            style={"description_width": "9.5em"},
            layout={"width": "min(46em, 100%)"},
        )
        self.body = column()
        self.closing = _Closing(sitting, self.refresh)
        self.view = panel(
            row(self.time, self.large),
            self.calls,
            self.overview,
            self.go,
            self.body,
            self.sure,
            self.kept,
            self.said,
            row(self.back, self.on, self.flag),
            self.note,
            self.closing.view,
        )
        self.view.add_class("lk-desk")
        self.go.observe(lambda change: self._moved(change["new"]), "value")
        self.flag.observe(lambda change: self._flagged(bool(change["new"])), "value")
        self.note.observe(lambda change: self._noted(str(change["new"])), "value")
        self.sure.observe(lambda _: self._answered(), "value")
        self.large.observe(lambda change: self._sized(bool(change["new"])), "value")
        self.clock = Clock(self._tick)
        self.show(self.here)

    def show(self, place: str, *, arrive: bool = False) -> None:
        """Open a task or an item; with ``arrive`` it takes the focus."""
        self._showing = True
        try:
            with guarded(self.said):
                self.said.value = self.kept.value = ""
                self.here = place
                item = self.sitting.items().get(place)
                kept = self.sitting.answers().get(place, {})
                if item is None:
                    self._field = None
                    self.body.children = (task_page(self.sitting, place, arrive=arrive),)
                else:
                    self._field = asked(item, kept.get("answer"))
                    number = list(self.sitting.items()).index(place) + 1
                    head = question(item, f"Item {number} of {len(self.sitting.items())}", arrive=arrive)
                    self.body.children = (output(head), self._field.view)
                    self._field.watch(self._answered)
                    self.sure.value = kept.get("confidence") or "think"
                self.sure.layout.display = "none" if item is None else ""
                self.note.value = self.sitting.notes().get(place, "")
                self.refresh()
        finally:
            self._showing = False

    def look_again(self) -> None:
        """Show what was changed elsewhere, if anything was."""
        with guarded(self.said):
            if _far(self.sitting.state()) != self._far:
                self.show(self.here)

    def refresh(self) -> None:
        """Say anew how far everything is."""
        state = self.sitting.state()
        self._far = _far(state)
        showing, self._showing = self._showing, True
        try:
            self._say_time(state)
            self.overview.value = _overview(state)
            change_options(self.go, self._entries(state), self.here)
            mine = next(place for place in (*state.tasks, *state.items) if place.id == self.here)
            self.flag.value = mine.state == "flagged"
            at = self._order.index(self.here)
            self.back.disabled, self.on.disabled = at == 0, at == len(self._order) - 1
        finally:
            self._showing = showing

    def _entries(self, state: State) -> list[tuple[str, str]]:
        return [(_entry(number, place), place.id) for number, place in _numbered(state)]

    def start(self) -> None:
        """Watch the time, and look again after every cell: cells hand in and answer too."""
        self.clock.start()
        if in_kernel():
            from IPython import get_ipython

            get_ipython().events.register("post_run_cell", self._after_cell)

    def close(self) -> None:
        """Leave to another desk what this one did; it may be called twice."""
        self.clock.stop()
        self.view.children = [output('<p class="lk">Your desk was opened again, in another cell.</p>')]
        if in_kernel():
            from IPython import get_ipython

            with suppress(ValueError):  # it was never started
                get_ipython().events.unregister("post_run_cell", self._after_cell)

    def _after_cell(self, _: object) -> None:
        self.look_again()

    def _moved(self, place: str | None) -> None:
        if place is not None and not self._showing:
            self.show(place)

    def _step(self, by: int) -> None:
        at = self._order.index(self.here) + by
        if 0 <= at < len(self._order):
            self.show(self._order[at], arrive=True)

    def _answered(self) -> None:
        field = self._field
        if self._showing or field is None:
            return
        with guarded(self.said):
            self.said.value = self.kept.value = ""
            answer = field.so_far()
            receipt = self.sitting.answer(self.here, answer, str(self.sure.value))
            self.refresh()
            self.kept.value = f'<div class="lk lk-muted">{_kept(receipt, answer)}</div>'

    def _flagged(self, flagged: bool) -> None:
        if not self._showing:
            with guarded(self.said):
                self.sitting.flag(self.here, flagged)
                self.refresh()

    def _noted(self, text: str) -> None:
        if not self._showing:
            with guarded(self.said):
                self.sitting.note(text, self.here)

    def _sized(self, large: bool) -> None:
        (self.view.add_class if large else self.view.remove_class)("lk-large")

    def _say_time(self, state: State) -> None:
        self.time.value, self.calls.value = time_left(state), time_called(state)

    def _tick(self) -> int | None:
        """Say how much time is left; what an exam says at its end, and does by itself, it does here."""
        state = self.sitting.state()
        if state.mode == "exam" and state.over and not state.submitted:
            # Time may have been added a moment ago.
            state = self.sitting.state(ask=True)
        self._say_time(state)
        # Sealing cannot be undone: a clock that is wrong, or does not know of time that was added, must not.
        if state.mode == "exam" and ((state.over and state.certain) or state.submitted):
            self.closing.by_itself()
        elif state.submitted:
            return None
        return None if self.closing.done else state.seconds_left


class _Closing:
    """The way to submit: one looks at what is open, ticks that one means it, and presses."""

    def __init__(self, sitting: Sitting, refresh: Callable[[], None]) -> None:
        self._sitting, self._refresh = sitting, refresh
        self._receipt: SubmitReceipt | None = None
        self._tried = 0.0
        self.sure = tick("I want to submit. Afterwards nothing can be changed.", tip="Unlocks the button")
        self.submit = button("Submit", self._submit, primary=True, tip="Seals what was handed in")
        self.receipt, self.said = output(), output()
        self.job = Job(label="Grading")
        self.again = button("Send again", self._send, primary=True, tip="Sends the sealed file once more")
        self.sending = Job(self.again, label="Sending")
        self.view = column(
            output('<div class="lk"><h2>Submit</h2></div>'),
            row(self.sure, self.submit),
            self.receipt,
            self.job.view,
            self.said,
            self.again,
            self.sending.view,
        )
        self.submit.disabled = True
        self.again.layout.display = "none"
        self.sure.observe(lambda change: setattr(self.submit, "disabled", not change["new"]), "value")
        if sitting.submitted:
            self._submit(arrive=False)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: the sitting is sealed, and received where somebody receives it."""
        return self._receipt is not None and (
            self._receipt.arrival is not None or self._sitting.form.receiver is None
        )

    def by_itself(self) -> None:
        """Submit when the time of an exam is over, and send again what was not received."""
        if self._receipt is None:
            self._submit(arrive=False)
        elif not self.done and time.monotonic() - self._tried > _AGAIN:
            self._send()

    def _send(self) -> None:
        self._tried = time.monotonic()
        self.sending.start(lambda _: self._sitting.submit(), self._tell)

    def _tell(self, receipt: SubmitReceipt, *, arrive: bool = False) -> None:
        self._receipt = receipt
        kind, title = ("good", "Your exam is submitted.") if self.done else ("info", "Your exam is sealed.")
        if receipt.problem:
            kind, title = "warn", "Your exam is sealed, and was not received yet."
        # The button that was pressed is held back now, so the focus goes to the receipt.
        takes = " data-lk-arrive" if arrive else ""
        words = callout(kind, str(receipt), title=title)
        self.receipt.value = f'<div class="lk-place" tabindex="-1"{takes}>{words}</div>'
        self.again.layout.display = "" if receipt.problem else "none"

    def _submit(self, *, arrive: bool = True) -> None:
        self.sure.disabled = True
        with guarded(self.said):
            self._tell(self._sitting.submit(send=False), arrive=arrive)
            self.submit.disabled = True
            self._refresh()
            if self._sitting.form.mode == "exam":
                if not self.done:
                    self._send()
                return
            self.job.start(
                lambda _: practice_result(self._sitting),
                lambda markup: setattr(self.said, "value", markup),
            )


def _far(state: State) -> tuple[object, ...]:
    return state.tasks, state.items, state.submitted


def _kept(receipt: AnswerReceipt, answer: Any) -> str:
    if not receipt.answered:
        return "Nothing is answered here."
    left = "" if is_complete(answer) else " A part is still open."
    return f"Kept at {parse_time(receipt.at).astimezone():%H:%M:%S}: {_SURE[receipt.confidence]}.{left}"


def _numbered(state: State) -> list[tuple[str, Place]]:
    tasks = [(place.id, place) for place in state.tasks]
    return tasks + [(f"Item {number}", place) for number, place in enumerate(state.items, start=1)]


def _entry(number: str, place: Place) -> str:
    title = f" {place.title}" if place.title and place.kind == "task" else ""
    version = f", version {place.version}" if place.version else ""
    also = ", answered" if place.state == "flagged" and place.answered else ""
    also += ", a part is open" if place.answered and place.missing else ""
    return f"{_SIGNS[place.state]} {number}{title}: {place.state}{also}{version}"


def _overview(state: State) -> str:
    def line(words: str, places: tuple[Place, ...]) -> str:
        counts = {kind: sum(place.state == kind for place in places) for kind in _SIGNS}
        badges = " ".join(badge(_KINDS[kind], f"{count} {kind}") for kind, count in counts.items() if count)
        return f"<p><strong>{words}:</strong> {badges}</p>" if places else ""

    mode = {"exam": "", "rehearsal": "Rehearsal. ", "practice": "Practice exam. "}[state.mode]
    name = f"<p>{mode}Candidate: {escape(state.candidate)}.</p>"
    return f'<div class="lk">{name}{line("Tasks", state.tasks)}{line("Items", state.items)}</div>'
