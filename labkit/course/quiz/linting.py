"""Which items have to be read again, on which days ahead, and which give their answer away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from labkit.course.quiz.item import Item
from labkit.course.quiz.tells import bank_tells, item_tells
from labkit.governance.obligations import STALE_AFTER_DAYS, Change, changes_ahead

__all__ = ["Finding", "ReadAgain", "dated_findings", "days_ahead", "lint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be looked at in an item.

    Attributes
    ----------
    item : str
        Empty where it is about the bank as a whole.
    kind : str
        ``"old"``, ``"changes"``, ``"telling"``, ``"ending"``, ``"reason"``, ``"lengths"`` or
        ``"marks"``.
    problem : str
    """

    item: str
    kind: str
    problem: str

    def __str__(self) -> str:
        return f"{self.item or 'the bank'}: {self.problem} ({self.kind})"


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """A day ahead on which items have to be read again, as a source of theirs names it.

    Attributes
    ----------
    day : date
    days_left : int
    titles : tuple of str
        What happens on it, as far as the tables have a title for it.
    items : tuple of str
        Ids, in the order of the bank.
    """

    day: date
    days_left: int
    titles: tuple[str, ...]
    items: tuple[str, ...]


def lint(items: Iterable[Item], today: date, days: int = STALE_AFTER_DAYS) -> list[Finding]:
    """Return what is to be looked at.

    ``old``: the facts were read more than ``days`` ago.  ``changes``: a source names a day
    that was ahead when it was read and has come, so the answer may have changed.  ``telling``
    and ``ending``: the right option stands out by its length or a full stop.  ``reason``: a
    reason gives none.  ``lengths`` and ``marks``: over the bank, or in a domain, one rank by
    length, or the only option with a semicolon or the like, is right too often.
    """
    items = list(items)
    found = dated_findings(items, today, days)
    for item in items:
        found += [Finding(item.id, kind, problem) for kind, problem in item_tells(item)]
    return found + [Finding("", kind, problem) for kind, problem in bank_tells(items)]


def dated_findings(items: Iterable[Item], today: date, days: int = STALE_AFTER_DAYS) -> list[Finding]:
    """Return the findings ``old`` and ``changes`` of :func:`lint`."""
    items = list(items)
    changes = {day: changes_ahead(date.fromisoformat(day)) for day in {item.as_of for item in items}}
    found = []
    for item in items:
        read = date.fromisoformat(item.as_of)
        if (today - read).days > days:
            age = (today - read).days
            found.append(Finding(item.id, "old", f"its facts were read {age} days ago, on {read}"))
        for change in changes[item.as_of]:
            if change.day <= today and (own := _touched(item, change)):
                problem = f"{', '.join(own)}: something begins on {change.day}"
                found.append(Finding(item.id, "changes", problem))
    return found


def days_ahead(items: Iterable[Item], today: date) -> list[ReadAgain]:
    """Return the days after ``today`` that a source of an item names, the nearest first."""
    items = list(items)
    found = []
    for change in changes_ahead(today):
        if own := tuple(item.id for item in items if _touched(item, change)):
            found.append(ReadAgain(change.day, change.days_left, change.titles, own))
    return found


def _touched(item: Item, change: Change) -> list[str]:
    """Return the sources of the item that name the day of the change."""
    return sorted({source.id for source in item.sources} & set(change.entries))
