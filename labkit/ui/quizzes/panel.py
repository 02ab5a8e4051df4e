"""The quiz on a page: practise, take the test before and after, see where one stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.progress import ProgressLog
from labkit.course.quiz import SURE, Item, Quiz, bank
from labkit.ui.controls import button, column, output, panel, toggle
from labkit.ui.html import callout
from labkit.ui.quizzes.asking import AskedItem, close_all
from labkit.ui.quizzes.showing import form_result, item_head, reasons, standing
from labkit.ui.session import LabSession
from labkit.ui.work import guarded

__all__ = ["QuizPanel", "quiz_panel"]

_MODES = {
    "practice": ("Practise", "Items that you missed come back; new ones where you have most to gain"),
    "pre": ("Test before", "Twenty-one items, three from each domain; reasons at the end"),
    "post": ("Test after", "The twins of the first test; shows what you gained"),
    "standing": ("Where I stand", "Gain, domains, and what comes back"),
}


def quiz_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the governance quiz.

    Parameters
    ----------
    lab : LabSession
        Any lab; the quiz is the learner's own and the same in all of them.
    state : mapping or None
        ``mode``: practice, pre, post or standing.
    """
    prepared = lab.state("quiz_panel") if state is None else state
    return lab.when_ready(lambda: QuizPanel(lab, prepared).view, "quiz_panel")


class QuizPanel:
    """One item at a time, and one button that answers it and goes on."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        session = lab.session
        self.lab = lab
        log = ProgressLog(session.log_path)
        self.quiz = Quiz(session.learner, seed=session.seed, lab=session.lab.id, log=log)
        self.asked: AskedItem | None = None
        mode = state.get("mode")
        self.mode = toggle(
            "Quiz",
            [(words, name) for name, (words, _) in _MODES.items()],
            [tip for _, tip in _MODES.values()],
            mode if mode in _MODES else "practice",
        )
        lab.remember("quiz_panel", state, mode=self.mode)
        self.head, self.result = output(), output()
        self.place = column()
        self.sure = toggle(
            "How sure?", [(words, key) for key, words in SURE.items()], list(SURE.values()), "think"
        )
        self.on = button(
            "Answer", self.press, primary=True, tip="Hand in the answer, or go on to the next item"
        )
        self.view = panel(self.mode, self.head, self.place, self.sure, self.on, self.result)
        self.mode.observe(lambda _: self.ask(), "value")
        self.ask()

    def press(self) -> None:
        """Hand in the answer, or go on when it was handed in."""
        with guarded(self.result):
            if self.asked is None:
                self.ask()
            else:
                self._answer(self.asked)

    def ask(self) -> None:
        """Show the next item of the mode, or what there is to say when there is none."""
        with guarded(self.result):
            self._clear()
            mode = str(self.mode.value)
            if mode == "standing":
                self._say(standing(self.quiz))
            elif mode == "practice":
                self._practise()
            else:
                self._test(mode)
            if warning := self.quiz.storage_warning:
                self.result.value += callout("warn", warning, title="Your answers are not being kept.")

    def _practise(self) -> None:
        proposal = self.quiz.next()
        if proposal is None:
            self._say(callout("good", "Nothing is due, and nothing new is left. Come back tomorrow."))
            return
        head = "It comes back" if proposal.repeated else "A new item"
        self._show(proposal.item, head, proposal.why)

    def _test(self, form: str) -> None:
        if form == "post" and not self.quiz.finished("pre"):
            words = "Take the test before first: without it nobody can say what you gained."
            self._say(callout("info", words))
            return
        waiting = self.quiz.open_items(form)
        count = len(self.quiz.forms().of(form))
        if not waiting:
            self._attach()
            self._say(form_result(self.quiz, form, bank()))
            return
        place = count - len(waiting) + 1
        self._show(waiting[0], f"{_MODES[form][0]}: {place} of {count}", "The reasons follow at the end.")

    def _answer(self, asked: AskedItem) -> None:
        mode = str(self.mode.value)
        try:
            answer = asked.read()
        except InvalidInputError as error:
            self.result.value = callout("warn", f"{error}.", title="Not yet:")
            return
        marked = self.quiz.answer(asked.item.id, answer, sure=str(self.sure.value), form=mode)
        if mode != "practice":
            self.ask()
            return
        asked.disable()
        self.asked = None
        self.result.value = reasons(asked.item, marked)
        self.sure.layout.display = "none"
        self.on.description = "Next item"

    def _show(self, item: Item, heading: str, note: str) -> None:
        self.asked = AskedItem(item, self.quiz.seed)
        self.head.value = item_head(item, heading, note)
        self.place.children = (self.asked.view,)
        self.sure.value = "think"
        self.sure.layout.display = self.on.layout.display = ""
        self.on.description = "Answer"

    def _say(self, markup: str) -> None:
        self.head.value = markup
        self.sure.layout.display = self.on.layout.display = "none"

    def _clear(self) -> None:
        old = self.place.children
        self.place.children = ()
        for view in old:
            close_all(view)
        self.asked = None
        self.head.value = self.result.value = ""

    def _attach(self) -> None:
        """Put the gain among the files of the lab's evidence."""
        found = {
            name: {"items": gain.items, "before": gain.before, "after": gain.after, "gain": gain.gain}
            for name, gain in self.quiz.gains().items()
        }
        self.lab.attach("governance-quiz.json", json.dumps(found, indent=1))
