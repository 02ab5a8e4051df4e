"""How bad a threat is: likelihood times impact, and what controls leave of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InvalidInputError

__all__ = [
    "IMPACT",
    "LIKELIHOOD",
    "Choice",
    "Control",
    "Risk",
    "best_controls",
    "cheapest_controls",
    "level",
    "residual",
]

LIKELIHOOD = {
    1: "hardly: needs means that few have, and luck",
    2: "seldom: needs skill and access that only insiders have",
    3: "possible: has happened to others in this field",
    4: "likely: known to be tried against systems like this one",
    5: "almost certain: is being tried now, by anybody who can reach it",
}
IMPACT = {
    1: "a nuisance for one person",
    2: "hours of work, or a fault that is put right at once",
    3: "wrong decisions about some people, or a report to management",
    4: "harm to people or a notifiable breach",
    5: "harm to many, or the end of the service",
}
_LEVELS = ((5, "low"), (10, "medium"), (15, "high"), (26, "critical"))
EFFECT = 0.8
"""Share of a likelihood that a fitting control takes away; the rest stays, because controls fail."""
_MOST = 20


@dataclass(frozen=True, slots=True)
class Control:
    """Something that can be bought: what it costs, and which risks (by id) it helps against."""

    id: str
    title: str
    cost: int
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """A threat with its rating, from 1 to 5 each."""

    id: str
    likelihood: int
    impact: int

    @property
    def score(self) -> int:
        """Likelihood times impact, 1 to 25."""
        return self.likelihood * self.impact


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of controls, what it costs, and the risk that it leaves."""

    controls: tuple[str, ...]
    cost: int
    residual: float


def level(score: float) -> str:
    """Return ``"low"`` (below 5), ``"medium"`` (below 10), ``"high"`` (below 15) or ``"critical"``."""
    if not 0 <= score <= 25:
        raise InvalidInputError(f"expected a score from 0 to 25, got {score}")
    return next(name for upper, name in _LEVELS if score < upper)


def residual(risks: Sequence[Risk], controls: Sequence[Control], chosen: Collection[str]) -> float:
    """Return the sum of the scores that are left when ``chosen`` are in place.

    Each fitting control leaves a fifth of the likelihood; two that fit leave a fifth of that.
    """
    left = 0.0
    for risk in risks:
        fitting = sum(control.id in chosen and risk.id in control.against for control in controls)
        left += risk.score * (1 - EFFECT) ** fitting
    return left


def best_controls(risks: Sequence[Risk], controls: Sequence[Control], budget: float) -> Choice:
    """Return the affordable set that leaves the least risk; of equals the cheapest.

    Every set is looked at, so the answer is exact; up to twenty controls that help at all.
    """
    useful, costs, left = _all_sets(risks, controls)
    affordable = costs <= budget
    order = np.lexsort((costs[affordable], np.round(left[affordable], 9)))
    return _choice(useful, int(np.flatnonzero(affordable)[order[0]]), costs, left)


def cheapest_controls(risks: Sequence[Risk], controls: Sequence[Control], appetite: float) -> Choice | None:
    """Return the cheapest set that leaves no more than ``appetite``; None when there is none."""
    useful, costs, left = _all_sets(risks, controls)
    enough = np.flatnonzero(left <= appetite + 1e-9)
    if len(enough) == 0:
        return None
    order = np.lexsort((left[enough], costs[enough]))
    return _choice(useful, int(enough[order[0]]), costs, left)


def _all_sets(
    risks: Sequence[Risk], controls: Sequence[Control]
) -> tuple[list[Control], NDArray[np.float64], NDArray[np.float64]]:
    """Return the controls that help, and cost and residual of each set of them: bit ``i``, control ``i``."""
    known = {risk.id for risk in risks}
    useful = [control for control in controls if known & set(control.against)]
    if len(useful) > _MOST:
        raise InvalidInputError(f"expected up to {_MOST} controls that help, got {len(useful)}")
    costs, left = np.zeros(1), np.ones((1, len(risks)))
    for control in useful:
        factor = np.array([1 - EFFECT if risk.id in control.against else 1.0 for risk in risks])
        costs = np.concatenate([costs, costs + control.cost])
        left = np.concatenate([left, left * factor])
    return useful, costs, left @ np.array([float(risk.score) for risk in risks])


def _choice(
    useful: Sequence[Control], place: int, costs: NDArray[np.float64], left: NDArray[np.float64]
) -> Choice:
    chosen = tuple(control.id for bit, control in enumerate(useful) if place >> bit & 1)
    return Choice(chosen, int(costs[place]), float(left[place]))


def all_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every subset, the smallest first."""
    return [each for size in range(len(names) + 1) for each in combinations(names, size)]


def costs_of(controls: Sequence[Control]) -> Mapping[str, int]:
    """Return what each control costs."""
    return {control.id: control.cost for control in controls}
