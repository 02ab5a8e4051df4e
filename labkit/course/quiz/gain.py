"""How much was learned from the form before to the form after, by domain.

The normalised gain (Hake 1998) is the share of what was not known before that is known after:
``(after - before) / (1 - before)``.  Three items of a domain are a rough measure; the figure
over all domains is the one to look at first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit.course.lab import DOMAINS
from labkit.course.quiz.answers import Given
from labkit.course.quiz.forms import Forms
from labkit.course.quiz.item import Item

__all__ = ["Gain", "gain_band", "gains"]

ALL = "all"


@dataclass(frozen=True, slots=True)
class Gain:
    """Credit in both forms.

    Attributes
    ----------
    domain : str
        Key of :data:`labkit.course.DOMAINS`, or ``"all"``.
    items : int
        How many items each form has of it.
    before, after : float or None
        Mean credit, 0 to 1; None until every item was answered.
    """

    domain: str
    items: int
    before: float | None
    after: float | None

    @property
    def gain(self) -> float | None:
        """Normalised gain; None before both forms, or when there was nothing left to gain."""
        if self.before is None or self.after is None or self.before == 1:
            return None
        return (self.after - self.before) / (1 - self.before)


def gains(given: Iterable[Given], forms: Forms, items: Mapping[str, Item]) -> dict[str, Gain]:
    """Return the gain of every domain, and that of all items under ``"all"``."""
    first: dict[tuple[str, str], float] = {}
    for answer in given:
        first.setdefault((answer.form, answer.item), answer.credit)
    found = {}
    for domain in (*DOMAINS, ALL):
        means, counts = [], []
        for form in ("pre", "post"):
            ids = [i for i in forms.of(form) if i in items and domain in (items[i].domain, ALL)]
            credits = [first.get((form, i)) for i in ids]
            known = [credit for credit in credits if credit is not None]
            means.append(sum(known) / len(known) if known and len(known) == len(ids) else None)
            counts.append(len(ids))
        found[domain] = Gain(domain, counts[0], *means)
    return found


def gain_band(gain: float) -> str:
    """Return how a gain is called: low below 0.3, high from 0.7, else medium (Hake 1998)."""
    return "low" if gain < 0.3 else "medium" if gain < 0.7 else "high"
