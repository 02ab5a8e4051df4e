"""Questions: recall at the start, the short test before and after, predictions before a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from labkit.course import Item, Option, Recall
from labkit.course.events import Answer
from labkit.ui.controls import button, column, output, panel, radio, tick
from labkit.ui.html import badge, callout, escape
from labkit.ui.work import guarded

__all__ = ["Question", "Questions"]


class Question:
    """One question; every option is explained after the answer.

    Parameters
    ----------
    number : str
        How the question is headed, for example ``"Question 1 of 3"``.
    text : str
        The question itself.
    options : sequence of Option
        One or several of them are correct.
    answered : function
        Called with the indices that were picked.
    """

    def __init__(
        self,
        number: str,
        text: str,
        options: Sequence[Option],
        answered: Callable[[list[int]], object],
    ) -> None:
        self.options, self._answered = options, answered
        self.single = sum(option.correct for option in options) == 1
        self.place = output()
        if self.single:
            self.radio = radio("Your answer", [(option.text, i) for i, option in enumerate(options)])
            fields = [self.radio]
        else:
            self.ticks = [tick(option.text) for option in options]
            fields = self.ticks
        self.submit = button("Answer", self.answer, tip=f"Answer: {text}")
        more = "" if self.single else " <em>Several are right.</em>"
        heading = output(f'<div class="lk"><h3>{escape(number)}</h3><p>{escape(text)}{more}</p></div>')
        self.view = column(heading, *fields, self.submit, self.place)

    def chosen(self) -> list[int]:
        """Return the indices that are picked now."""
        if self.single:
            return [] if self.radio.value is None else [int(self.radio.value)]
        return [i for i, box in enumerate(self.ticks) if box.value]

    def answer(self) -> None:
        """Record the answer, and say for every option why it is right or not."""
        chosen = self.chosen()
        if not chosen:
            self.place.value = callout("warn", "Pick an answer first; a guess teaches more than a look.")
            return
        with guarded(self.place):
            self._answered(chosen)
            self.explain(chosen)

    def explain(self, chosen: Sequence[int]) -> None:
        """Say for every option why it is right or not, and which were picked."""
        self.place.value = explain_options(self.options, chosen)
        self.submit.description = "Answer again"


def explain_options(options: Sequence[Option], chosen: Sequence[int]) -> str:
    """Return every option with its reason, and which of them were picked."""
    right = {i for i, option in enumerate(options) if option.correct} == set(chosen)
    verdict = badge("good", "right") if right else badge("bad", "not right")
    lines = "".join(
        f"<li>{badge('good', 'right') if option.correct else badge('info', 'wrong')} "
        f"{escape(option.text)}{' <strong>(your answer)</strong>' if i in chosen else ''}<br>"
        f'<span class="lk-muted">{escape(option.why)}</span></li>'
        for i, option in enumerate(options)
    )
    return f'<div class="lk" role="status"><p>{verdict}</p><ul class="lk-plain">{lines}</ul></div>'


class Questions:
    """Several questions, one below the other, with what was answered on an earlier visit.

    Parameters
    ----------
    items : sequence of Recall or Item
    answered : function
        ``answered(position, chosen)`` records an answer.
    earlier : function
        Returns what was answered earlier, by position.
    word : str
        How each question is headed.
    """

    def __init__(
        self,
        items: Sequence[Recall | Item],
        answered: Callable[[int, list[int]], object],
        earlier: Callable[[], Mapping[int, Answer]],
        *,
        word: str = "Question",
    ) -> None:
        self._earlier = earlier
        self._questions = []
        for i, item in enumerate(items):
            source = f", from {item.source}" if isinstance(item, Recall) and item.source else ""
            head = f"{word} {i + 1} of {len(items)}{source}" if len(items) > 1 else f"{word}{source}"
            record = partial(answered, i)
            self._questions.append(Question(head, item.question, item.options, record))
        self.view = panel(*(each.view for each in self._questions))
        self.refresh()

    def refresh(self) -> None:
        """Explain again what was answered on an earlier visit."""
        for position, answer in self._earlier().items():
            if position < len(self._questions) and answer.chosen:
                self._questions[position].explain(answer.chosen)
