"""Which items have to be read again, and which give their answer away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from labkit.course.quiz.item import Item
from labkit.governance.obligations import STALE_AFTER_DAYS, changes_ahead

__all__ = ["Finding", "lint"]

TELLING = 1.6
"""A right option that is this many times as long as the longest wrong one is a hint."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be looked at in an item.

    Attributes
    ----------
    item : str
    kind : str
        ``"old"``, ``"changes"`` or ``"telling"``.
    problem : str
    """

    item: str
    kind: str
    problem: str


def lint(items: Iterable[Item], today: date, days: int = STALE_AFTER_DAYS) -> list[Finding]:
    """Return what is to be looked at.

    ``old``: the facts were read more than ``days`` ago.  ``changes``: a source names a day
    that was ahead when it was read and has come, so the answer may have changed.  ``telling``:
    the right option stands out by its length.
    """
    found = []
    for item in items:
        read = date.fromisoformat(item.as_of)
        if (today - read).days > days:
            age = (today - read).days
            found.append(Finding(item.id, "old", f"its facts were read {age} days ago, on {read}"))
        found += [Finding(item.id, "changes", text) for text in _come(item, read, today)]
        for part in item.parts:
            right = [len(option.text) for option in part.options if option.correct]
            wrong = [len(option.text) for option in part.options if not option.correct]
            if len(right) == 1 and right[0] > TELLING * max(wrong):
                found.append(Finding(item.id, "telling", "the right option is much longer than the others"))
    return found


def _come(item: Item, read: date, today: date) -> list[str]:
    ids = {source.id for source in item.sources}
    return [
        f"{', '.join(sorted(ids & set(change.entries)))}: something begins on {change.day}"
        for change in changes_ahead(read)
        if change.day <= today and ids & set(change.entries)
    ]
