"""The robustness statement: what is said of two networks, line by line, beside what the judge measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.threat import Norm
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.judging import held_up, kept_back, proven, voted
from labkit.defenses.certification import clopper_pearson
from labkit.metrics import Rate, certified_accuracy
from labkit.models import TorchClassifier

__all__ = ["LINES", "Line", "check_lines", "judged_lines", "linf_reach", "measured_lines"]

USEFUL = 0.25
"""How far below what is measured a line may lie and still tell its reader something."""

LINES: Mapping[str, str] = {
    "clean": "The hardened network reads at least this share of unchanged inputs correctly",
    "robust": "Under PGD with 40 steps at the budget of the threat model it still reads at least this share",
    "certified": "Of the smoothed network at least this share is certified in L2 at the radius of the task",
    "reach": "Up to this change of every pixel (L-infinity) the same share is certified",
    "proven": "Intervals prove at least this share of the hardened network at the task's small box",
}
"""The lines of a statement, by key, in words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement, judged.

    Attributes
    ----------
    name : str
        A key of :data:`LINES`.
    said : float
    measured : Rate
        What the judge found; for ``"reach"`` the exact figure, without an interval.
    verdict : str
        ``"stands"``, ``"too much"`` or ``"too little"``.
    """

    name: str
    said: float
    measured: Rate
    verdict: str


def check_lines(lines: Mapping[str, Any]) -> dict[str, float]:
    """Return the lines of a statement as numbers from 0 to 1.

    Raises
    ------
    InvalidInputError
        When one is missing, unknown, or no number from 0 to 1.
    """
    if not isinstance(lines, Mapping) or set(lines) != set(LINES):
        got = ", ".join(map(str, lines)) if isinstance(lines, Mapping) else type(lines).__name__
        raise InvalidInputError(f"expected the lines {', '.join(LINES)}; got {got or 'none'}")
    numbers = {}
    for name in LINES:
        try:
            numbers[name] = float(lines[name])
        except (TypeError, ValueError):
            numbers[name] = math.nan
        if not 0 <= numbers[name] <= 1:
            raise InvalidInputError(f"expected {name} from 0 to 1, got {lines[name]!r}: 93 % is 0.93")
    return numbers


def linf_reach(case: RobustnessCase) -> float:
    """Return how far the certified L2 radius of the scenario reaches when every value may move."""
    return case.setting("certified_epsilon") / math.sqrt(math.prod(case.input_shape))


def measured_lines(
    case: RobustnessCase, hardened: TorchClassifier, smoothed: TorchClassifier, noise_std: float, n: int
) -> dict[str, Rate]:
    """Return what the judge finds for each line, on inputs that are kept back."""
    y, found = kept_back(case).y, held_up(case, hardened)
    votes, boxes = voted(case, smoothed, noise_std, n), proven(case, hardened)
    reach = linf_reach(case)
    return {
        "clean": found.clean,
        "robust": found.robust,
        "certified": certified_accuracy(votes, y, case.setting("certified_epsilon"), Norm.L2),
        "reach": Rate(reach, reach, reach, len(y)),
        "proven": certified_accuracy(boxes, y, case.setting("interval_epsilon"), Norm.LINF),
    }


def judged_lines(said: Mapping[str, float], measured: Mapping[str, Rate]) -> list[Line]:
    """Return every line with its verdict.

    A share says too much above the upper end of the judge's 99 % interval, and too little more
    than 25 points below what was measured: two samples of a hundred and fifty inputs differ.
    The reach is arithmetic: it says too much above the exact figure, and too little below nine
    tenths of it.
    """
    judged = []
    for name, value in said.items():
        rate = measured[name]
        exact = name == "reach"
        most = rate.value + 5e-4 if exact else _upper(rate)
        least = 0.9 * rate.value if exact else rate.value - USEFUL
        verdict = "too much" if value > most else "too little" if value < least else "stands"
        judged.append(Line(name, value, rate, verdict))
    return judged


def _upper(rate: Rate) -> float:
    return clopper_pearson(round(rate.value * rate.n), rate.n, 0.99)[1]
