"""What a learner answered, read from the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labkit.course.events import Event

__all__ = ["SURE", "Given", "given_answers", "since_reset"]

SURE = {"guess": "I guessed", "think": "I think so", "know": "I know it"}
"""How sure a learner was, and how it is said."""

PLACE = "quiz"
"""What stands for a lab in the events of the quiz."""

_NEEDED = frozenset({"item", "form", "answer", "credit", "right", "sure"})


@dataclass(frozen=True, slots=True)
class Given:
    """One answer.

    Attributes
    ----------
    item : str
    at : datetime
        In UTC.
    form : str
        ``"pre"``, ``"post"`` or ``"practice"``.
    answer : list
        See :mod:`labkit.course.quiz.marking`.
    credit : float
        0 to 1.
    right : bool
    sure : str
        Key of :data:`SURE`.
    """

    item: str
    at: datetime
    form: str
    answer: Any
    credit: float
    right: bool
    sure: str


def since_reset(events: Iterable[Event]) -> list[Event]:
    """Return the events of the quiz since it was last begun again."""
    own = [event for event in events if event.lab == PLACE]
    resets = [position for position, event in enumerate(own) if event.kind == "reset"]
    return own[resets[-1] + 1 :] if resets else own


def given_answers(events: Iterable[Event]) -> list[Given]:
    """Return the answers that count, oldest first; events that are not whole are passed over."""
    return [
        Given(
            about["item"],
            datetime.fromisoformat(event.at),
            about["form"],
            about["answer"],
            float(about["credit"]),
            bool(about["right"]),
            about["sure"],
        )
        for event in since_reset(events)
        if event.kind == "quizzed" and (about := event.payload).keys() >= _NEEDED
    ]
