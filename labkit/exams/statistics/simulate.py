"""Candidates that do not exist, to try a blueprint before anybody sits it.

Items follow the two-parameter logistic model with guessing; a task is a few steps in a row
that share how well this candidate happens to take to this task, so that tasks measure less
than as many independent items would.  The figures in here are assumptions, to be replaced by
what a pilot shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.exams.blueprint import Blueprint
from labkit.exams.statistics.items import correlation
from labkit.exams.statistics.reliability import Matrix

__all__ = ["Assumptions", "Plan", "Section", "Trial", "plan_of", "simulate_scores", "try_plan"]


@dataclass(frozen=True, slots=True)
class Section:
    """Tasks and items, by their places, of which a share has to be reached besides the cut."""

    name: str
    needed: float
    tasks: tuple[int, ...]
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What counts for the score.

    Attributes
    ----------
    tasks, items : tuple of float
        Points of each.
    cut : float
        Share of all points that passes.
    sections : tuple of Section
        What else has to be reached.
    """

    tasks: tuple[float, ...]
    items: tuple[float, ...]
    cut: float
    sections: tuple[Section, ...] = ()

    @property
    def points(self) -> float:
        """Points that can be earned."""
        return math.fsum(self.tasks) + math.fsum(self.items)

    def resized(self, tasks: int, items: int) -> Plan:
        """Return a plan of other length, with the same share of points for each part and the cut alone."""
        share = math.fsum(self.tasks) / self.points if items else 1.0
        share = share if tasks else 0.0
        points = self.points
        return replace(
            self,
            tasks=(share * points / max(1, tasks),) * tasks,
            items=((1 - share) * points / max(1, items),) * items,
            sections=(),
        )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How candidates, items and tasks are drawn; all on the logit scale, ability with mean 0 and SD 1.

    Attributes
    ----------
    discrimination, discrimination_sd : float
        Median slope of an item, and the standard deviation of its logarithm.
    difficulty, difficulty_sd : float
        Of items.
    guessing : float
        Chance of a right answer that knows nothing.
    steps : int
        Steps of a task.
    step_discrimination, step_difficulty, step_difficulty_sd : float
        Of a step.
    person_by_task : float
        Standard deviation of what a candidate brings to one task and no other.
    variant_sd : float
        Standard deviation of the difficulty of the variants of an item or task.
    """

    discrimination: float = 1.7
    discrimination_sd: float = 0.3
    difficulty: float = -0.5
    difficulty_sd: float = 0.8
    guessing: float = 0.2
    steps: int = 5
    step_discrimination: float = 2.0
    step_difficulty: float = -0.5
    step_difficulty_sd: float = 0.7
    person_by_task: float = 0.6
    variant_sd: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a plan would do to its candidates.

    Attributes
    ----------
    tasks, items : int
    reliability : float
        Correlation of two parallel forms.
    sem : float
        Standard error of measurement, as a share of all points.
    accuracy, consistency : float
        Share decided rightly; share that both forms decide alike.
    false_pass, false_fail : float
        Share of all candidates.
    near : float
        Share of candidates within one standard error of the cut.
    pass_rate : float
    """

    tasks: int
    items: int
    reliability: float
    sem: float
    accuracy: float
    consistency: float
    false_pass: float
    false_fail: float
    near: float
    pass_rate: float


def plan_of(blueprint: Blueprint) -> Plan:
    """Return the plan of what a blueprint has to offer now, with everything that it asks for to pass."""
    slots, rule = blueprint.available, blueprint.decision
    places = [domain.id for domain in blueprint.domains for _ in range(domain.items)]
    sections = [Section("the practical part", rule.practical, tuple(range(len(slots))), ())] if slots else []
    for domain in blueprint.domains:
        tasks = tuple(place for place, slot in enumerate(slots) if slot.domain == domain.id)
        items = tuple(place for place, each in enumerate(places) if each == domain.id)
        if domain.weight >= rule.domain_weight and (tasks or items):
            sections.append(Section(f"domain {domain.id}", rule.domain, tasks, items))
    return Plan(
        tuple(slot.points for slot in slots),
        (blueprint.item_worth(),) * blueprint.item_count,
        rule.cut,
        tuple(sections),
    )


def simulate_scores(
    plan: Plan, ability: Matrix, seed: int, assumptions: Assumptions | None = None
) -> tuple[Matrix, Matrix, Matrix]:
    """Return what candidates of these abilities earn on one form, and what they would on average.

    Parameters
    ----------
    plan : Plan
    ability : array of shape ``(candidates,)``
    seed : int
        Draws questions and answers.
    assumptions : Assumptions, optional

    Returns
    -------
    tasks, items : arrays of shape ``(candidates, tasks)`` and ``(candidates, items)``
        Credit from 0 to 1.
    true : array of shape ``(candidates,)``
        Expected share of all points on this form, over everything that chance decides.
    """
    (tasks, items), expected = _draw(plan, ability, seed, assumptions)
    return tasks, items, _share(plan, *expected)


def try_plan(
    plan: Plan, *, candidates: int = 20000, seed: int = 0, assumptions: Assumptions | None = None
) -> Trial:
    """Return what a plan would do, from two parallel forms taken by the same candidates.

    A candidate deserves to pass whose expected scores, in the mean of both forms, reach the cut and
    every section.

    Raises
    ------
    InvalidInputError
        When there is nothing to earn, or there are fewer than 100 candidates.
    """
    candidates = whole("candidates", candidates, at_least=100)
    if plan.points <= 0:
        raise InvalidInputError("expected a plan with points to earn, got none")
    rng = np.random.default_rng(seed)
    ability, seeds = rng.standard_normal(candidates), rng.integers(2**31, size=2)
    drawn = [_draw(plan, ability, int(each), assumptions) for each in seeds]
    scores = [_share(plan, *earned) for earned, _ in drawn]
    true = [np.mean([expected[part] for _, expected in drawn], axis=0) for part in (0, 1)]
    deserves = _share(plan, *true) >= plan.cut
    passes, again = (score >= plan.cut - 1e-9 for score in scores)
    for section in plan.sections:
        deserves &= _reaches(plan, section, *true)
        passes &= _reaches(plan, section, *drawn[0][0])
        again &= _reaches(plan, section, *drawn[1][0])
    reliability = correlation(*scores)
    error = float(scores[0].std()) * math.sqrt(max(0.0, 1 - reliability))
    return Trial(
        len(plan.tasks),
        len(plan.items),
        reliability,
        error,
        float((passes == deserves).mean()),
        float((passes == again).mean()),
        float((passes & ~deserves).mean()),
        float((~passes & deserves).mean()),
        float((np.abs(scores[0] - plan.cut) <= error).mean()),
        float(passes.mean()),
    )


_Pair = tuple[Matrix, Matrix]


def _draw(plan: Plan, ability: Matrix, seed: int, assumptions: Assumptions | None) -> tuple[_Pair, _Pair]:
    """Return credit of tasks and items as it was drawn, and as it would be on average."""
    told, rng = assumptions or Assumptions(), np.random.default_rng(seed)
    tasks, expected_tasks = _tasks(len(plan.tasks), ability, told, rng)
    items, expected_items = _items(len(plan.items), ability, told, rng)
    return (tasks, items), (expected_tasks, expected_items)


def _share(plan: Plan, tasks: Matrix, items: Matrix) -> Matrix:
    return (tasks @ np.array(plan.tasks) + items @ np.array(plan.items)) / plan.points


def _reaches(plan: Plan, section: Section, tasks: Matrix, items: Matrix) -> np.ndarray:
    chosen, asked = list(section.tasks), list(section.items)
    points, worth = np.array(plan.tasks)[chosen], np.array(plan.items)[asked]
    earned = tasks[:, chosen] @ points + items[:, asked] @ worth
    return earned >= section.needed * (points.sum() + worth.sum()) - 1e-9


def _items(count: int, ability: Matrix, told: Assumptions, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    slope = told.discrimination * np.exp(told.discrimination_sd * rng.standard_normal(count))
    place = told.difficulty + told.difficulty_sd * _spread(count, rng)
    away = told.variant_sd * rng.standard_normal((ability.size, count))

    def chance(shift: Matrix | float) -> Matrix:
        return told.guessing + (1 - told.guessing) * _logistic(slope * (ability[:, None] - place - shift))

    return (rng.random((ability.size, count)) < chance(away)).astype(float), chance(0.0)


def _tasks(count: int, ability: Matrix, told: Assumptions, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    place = told.step_difficulty + told.step_difficulty_sd * _spread(count * told.steps, rng)
    place = place.reshape(count, told.steps)
    own = math.hypot(told.person_by_task, told.variant_sd)
    shift = own * rng.standard_normal((ability.size, count, 1))

    def chance(shift: Matrix | float) -> Matrix:
        return _logistic(told.step_discrimination * (ability[:, None, None] + shift - place))

    done = rng.random((ability.size, count, told.steps)) < chance(shift)
    # What a candidate brings to one task averages out; three points stand for its distribution.
    reach = own * math.sqrt(3)
    expected = (chance(-reach) + 4 * chance(0.0) + chance(reach)) / 6
    return done.mean(axis=2), expected.mean(axis=2)


def _spread(count: int, rng: np.random.Generator) -> Matrix:
    """Return standard normal difficulties that every form spreads alike, in an order of its own."""
    from scipy.stats import norm

    return rng.permutation(norm.ppf((np.arange(count) + 0.5) / max(1, count)))


def _logistic(z: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-z))
