"""What a class learned: the normalised gain from the questions before to those after.

Hake, "Interactive-engagement versus traditional methods", American Journal of Physics 66
(1998), gives the measure and the bands.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.course.events import LabProgress

__all__ = ["BANDS", "ClassGain", "band_of", "class_gain"]

BANDS = ((0.3, "low"), (0.7, "medium"), (float("inf"), "high"))
"""Upper end of each band, and its name."""


@dataclass(frozen=True, slots=True)
class ClassGain:
    """Pre and post of those who gave both.

    Attributes
    ----------
    people : int
        How many answered both forms.
    before, after : float or None
        Mean share of right answers; None when nobody answered both.
    gain : float or None
        Of the means, ``(after - before) / (1 - before)``; None where undefined.
    """

    people: int
    before: float | None = None
    after: float | None = None
    gain: float | None = None


def class_gain(progress: Iterable[LabProgress]) -> ClassGain:
    """Return the gain of a class in one lab, over those who answered both forms."""
    pairs = [
        (before, after)
        for each in progress
        if (before := each.score("pre")) is not None and (after := each.score("post")) is not None
    ]
    if not pairs:
        return ClassGain(0)
    before, after = (statistics.fmean(column) for column in zip(*pairs, strict=True))
    return ClassGain(len(pairs), before, after, None if before == 1 else (after - before) / (1 - before))


def band_of(gain: float) -> str:
    """Return ``"low"``, ``"medium"`` or ``"high"``."""
    return next(name for upper, name in BANDS if gain < upper)
