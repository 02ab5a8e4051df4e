"""One learner and the quiz: what to answer next, what came out, and what was learned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.learner import learner_name, own_seed
from labkit.course.progress import ProgressLog
from labkit.course.quiz.answers import PLACE, SURE, Given, given_answers, since_reset
from labkit.course.quiz.collection import bank, find_item
from labkit.course.quiz.forms import FORMS, Forms, draw_forms
from labkit.course.quiz.gain import Gain, gains
from labkit.course.quiz.item import Item
from labkit.course.quiz.marking import Marked, mark
from labkit.course.quiz.practice import Card, Proposal, cards, mastery, next_item
from labkit.course.recorder import Recorder

__all__ = ["Quiz"]


class Quiz:
    """The quiz of one learner.

    Parameters
    ----------
    learner : str, optional
        By default whoever learns here.
    seed : int, optional
        By default the seed of the learner's variants; decides which twins are in which form.
    lab : str, optional
        Id of the lab on whose page the quiz stands: while the instructor of a class has frozen or
        closed it, no answer is taken.
    log : ProgressLog, optional
    clock : function, optional
        Returns the present, with a time zone.
    """

    def __init__(
        self,
        learner: str | None = None,
        *,
        seed: int | None = None,
        lab: str | None = None,
        log: ProgressLog | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.learner = learner_name() if learner is None else learner
        self._recorder = Recorder(ProgressLog() if log is None else log, self.learner)
        self.seed = own_seed(self._recorder) if seed is None else seed
        self._lab = lab
        self._clock = clock or (lambda: datetime.now(UTC))

    # ------------------------------------------------------------ what was answered

    def given(self) -> list[Given]:
        """Return the learner's answers since the last reset, oldest first."""
        return given_answers(self._recorder.events())

    def answer(self, item: str, answer: Any, *, sure: str = "think", form: str = "practice") -> Marked:
        """Mark an answer, record it, and say for everything in the item why it is as it is.

        Raises
        ------
        UnknownNameError
            When there is no such item.
        InvalidInputError
            When the answer is none to it, a form does not take it (again), or the lab around the
            quiz is frozen or closed.
        """
        if self._lab is not None:
            self._recorder.refuse_unless_open(self._lab)
        if sure not in SURE:
            raise InvalidInputError(f"expected how sure you are: {', '.join(SURE)}; got {sure!r}")
        marked = mark(find_item(item), answer)
        if form in FORMS:
            self._refuse_in_form(item, form)
        elif form != "practice":
            raise InvalidInputError(f"expected practice, {' or '.join(FORMS)}; got {form!r}")
        elif item in self.withheld():
            raise InvalidInputError("this item belongs to a test that you have not finished yet")
        forms = self.forms()
        if not self._recorded_forms():
            self._record("forms", {"pre": list(forms.pre), "post": list(forms.post)})
        self._record(
            "quizzed",
            {
                "item": item,
                "form": form,
                "answer": answer,
                "credit": round(marked.credit, 6),
                "right": marked.right,
                "sure": sure,
            },
        )
        return marked

    def reset(self) -> None:
        """Begin the quiz again; nothing is erased, what came before no longer counts."""
        self._record("reset", {})

    # ------------------------------------------------------------ forms and gain

    def forms(self) -> Forms:
        """Return the learner's two forms; they stay the same once an answer was given."""
        recorded = self._recorded_forms()
        return draw_forms(bank().values(), self.seed) if recorded is None else recorded

    def open_items(self, form: str) -> list[Item]:
        """Return the items of a form that were not answered yet, in their order."""
        done = {answer.item for answer in self.given() if answer.form == form}
        return [bank()[name] for name in self.forms().of(form) if name in bank() and name not in done]

    def finished(self, form: str) -> bool:
        """Return whether every item of a form was answered."""
        return not self.open_items(form)

    def gains(self) -> dict[str, Gain]:
        """Return the gain of every domain, and that of all items under ``"all"``."""
        return gains(self.given(), self.forms(), bank())

    # ------------------------------------------------------------ practice

    def withheld(self) -> frozenset[str]:
        """Return the items of forms that are not finished: to practise them would spoil the measure."""
        return frozenset(
            name for form in FORMS if not self.finished(form) for name in self.forms().of(form)
        ) - {answer.item for answer in self.given() if answer.form in FORMS}

    def next(self, *, only_due: bool = False) -> Proposal | None:
        """Return what to practise next, see :func:`labkit.course.quiz.next_item`."""
        return next_item(
            self.given(),
            bank(),
            seed=self.seed,
            now=self._clock(),
            withheld=self.withheld(),
            only_due=only_due,
        )

    def cards(self) -> dict[str, Card]:
        """Return the cards of what was missed or guessed, the one that is due first in front."""
        return {name: card for name, card in cards(self.given(), self._clock()).items() if name in bank()}

    def due(self) -> list[Card]:
        """Return the cards that are due now."""
        now = self._clock()
        return [card for card in self.cards().values() if card.is_due(now)]

    def mastery(self) -> dict[str, float]:
        """Return the expected share of right answers in each domain."""
        return mastery(self.given(), bank())

    @property
    def storage_warning(self) -> str | None:
        """What to tell the learner about storage; None when every answer is on the disk."""
        return self._recorder.warning

    # ------------------------------------------------------------ inside

    def _record(self, kind: str, payload: dict[str, Any]) -> None:
        self._recorder.record(PLACE, kind, payload)

    def _recorded_forms(self) -> Forms | None:
        for event in since_reset(self._recorder.events()):
            if event.kind == "forms" and {"pre", "post"} <= event.payload.keys():
                return Forms(tuple(event.payload["pre"]), tuple(event.payload["post"]))
        return None

    def _refuse_in_form(self, item: str, form: str) -> None:
        if item not in self.forms().of(form):
            raise InvalidInputError(f"the item {item!r} is not in your {form} form")
        if any((answer.item, answer.form) == (item, form) for answer in self.given()):
            raise InvalidInputError("you have answered this item; in a test the first answer counts")
        if form == "post" and not self.finished("pre"):
            raise InvalidInputError(
                "take the test before first: without it nobody can say what you gained. "
                "Its items are others, of the same difficulty."
            )
