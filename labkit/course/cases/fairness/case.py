"""One participant's variant of the lab about bias as an attack surface.

Nobody of one part of the lab appears in another, and the judge draws people of its own: from the
same structure, by a seed of its own.  So what is measured is what would happen to the next
thirty thousand applicants, and nothing can be looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from torch import Tensor

from labkit.attacks.poisoning import group_label_flip
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.course.cases.fairness.applicants import Applicants, draw
from labkit.course.cases.fairness.branches import BRANCHES, KINDS, drawn_kinds, sent
from labkit.course.cases.fairness.recipes import Desk
from labkit.course.lab import Scenario
from labkit.data.loans import Town
from labkit.models import TorchClassifier, fit_logistic

__all__ = [
    "FairnessCase",
    "deliveries_to_come",
    "fairness_case",
    "hidden_in_branches",
    "judged_people",
    "town_of",
]

Progress = Callable[[int, int, str], None]

_SETTINGS: Mapping[str, Any] = {
    "training_size": 2000,
    "checked_size": 4000,
    "branch_size": 1600,
    "survey_size": 6000,
    "judged_size": 30000,
    "poison_limit": 0.1,
    "delivery_rate": 0.076,
    "proxy_strength": 0.7,
    "portfolio_gap": 1.0,
}
"""What a scenario may set, and what holds otherwise."""

_TO_COME = 5


@dataclass(frozen=True, eq=False)
class FairnessCase:
    """What one participant poisons, repairs, judges and decides.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    x, y : Tensor of shape ``(n, 6)`` and ``(n,)`` int64
        The file on the desk of whoever enters outcomes: without the group.
    checked : Applicants
        A sample of the same town whose outcomes were checked, with the group from a survey.
    delivery : Applicants
        A file in which somebody turned labels; the group from a survey.
    branches : tuple of Applicants
        Four files, attacked or not.
    portfolio, survey : Applicants
        Another town, in which the groups earn differently and nobody turned anything: what the
        model is trained on, and people to measure it on.
    """

    scenario: Scenario
    seed: int
    x: Tensor
    y: Tensor
    checked: Applicants
    delivery: Applicants
    branches: tuple[Applicants, ...]
    portfolio: Applicants
    survey: Applicants

    def setting(self, name: str) -> Any:
        """Return a setting of the scenario, such as ``poison_limit``."""
        return self.scenario.settings.get(name, _SETTINGS[name])

    @property
    def poison_budget(self) -> int:
        """How many outcomes somebody may turn without being noticed."""
        return int(self.setting("poison_limit") * len(self.x))

    @property
    def district(self) -> Tensor:
        """Where the people of the file live, ``(n,)`` int64: what stands in for the group."""
        return Applicants(self.x, self.y, self.y).district

    def train(self, y: Tensor) -> Desk:
        """Train on the file with other outcomes, and open a desk with one threshold for everybody."""
        return Desk(fit_logistic(self.x, y))

    @cached_property
    def victim(self) -> TorchClassifier:
        """The model trained on the file as it was."""
        return self.train(self.y).model


def fairness_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> FairnessCase:
    """Return the variant ``seed`` of ``scenario``.

    Parameters
    ----------
    scenario : Scenario
        Its settings may name sizes, rates, how well the district stands in for the group, and how
        far incomes lie apart in the other town.
    seed : int
        The same seed gives the same case on every machine.
    progress : function, optional
        Not called: making a case takes no time worth showing.

    Raises
    ------
    InvalidInputError
        When the scenario is not about ``loans``, or a setting is out of range.
    """
    if scenario.dataset != "loans":
        raise InvalidInputError(f"expected a scenario about loans, got {scenario.dataset!r}")
    settings = {**_SETTINGS, **scenario.settings}
    town, other = _town(settings), _other_town(scenario)
    file = draw(settings["training_size"], town, seed, "file")
    return FairnessCase(
        scenario=scenario,
        seed=seed,
        x=file.x,
        y=file.y,
        checked=draw(settings["checked_size"], town, seed, "checked"),
        delivery=_poisoned(settings, seed, "delivery"),
        branches=tuple(people for people, _ in _branches(settings, seed)),
        portfolio=draw(settings["training_size"] * 2, other, seed, "portfolio"),
        survey=draw(settings["survey_size"], other, seed, "survey"),
    )


def town_of(case: FairnessCase, proxy_strength: float | None = None) -> Town:
    """Return the town of a case, or one in which the district says more or less about the group.

    Parameters
    ----------
    case : FairnessCase
    proxy_strength : float, optional
        Share of group 1 in district 1, less that of group 0: from 0 (says nothing) to 1.
    """
    settings = {**_SETTINGS, **case.scenario.settings}
    return _town(settings if proxy_strength is None else {**settings, "proxy_strength": proxy_strength})


@lru_cache(maxsize=8)
def judged_people(case: FairnessCase, *, other: bool = False) -> Applicants:
    """Draw people of the town, or of the other town; for whoever judges, and for nobody else."""
    town = _other_town(case.scenario) if other else town_of(case)
    return draw(case.setting("judged_size"), town, case.seed, "judge", int(other))


def deliveries_to_come(case: FairnessCase) -> tuple[Applicants, ...]:
    """Draw deliveries of the weeks to come, by the same hand; for whoever judges, and for nobody else."""
    settings = {**_SETTINGS, **case.scenario.settings}
    return tuple(_poisoned(settings, case.seed, "to come", week) for week in range(_TO_COME))


def hidden_in_branches(case: FairnessCase) -> list[tuple[str, Tensor]]:
    """Draw again what each branch is like, and whose labels were turned there."""
    settings = {**_SETTINGS, **case.scenario.settings}
    kinds = drawn_kinds(case.seed)
    return [(kind, turned) for kind, (_, turned) in zip(kinds, _branches(settings, case.seed), strict=True)]


def _town(settings: Mapping[str, Any]) -> Town:
    strength = float(settings["proxy_strength"])
    if not 0 <= strength <= 1:
        raise InvalidInputError(f"expected proxy_strength from 0 to 1, got {strength:g}")
    return Town(district_shares=(0.5 - strength / 2, 0.5 + strength / 2))


def _other_town(scenario: Scenario) -> Town:
    settings = {**_SETTINGS, **scenario.settings}
    return replace(_town(settings), income_gap=float(settings["portfolio_gap"]))


def _poisoned(settings: Mapping[str, Any], seed: int, *labels: str | int) -> Applicants:
    """Draw a file in which outcomes of one district were turned, of those who were on the edge."""
    people = draw(settings["training_size"], _town(settings), seed, *labels)
    made = group_label_flip(
        people.x,
        people.y,
        group=people.district,
        poison_rate=settings["delivery_rate"],
        seed=derive(seed, *labels, "turned"),
    )
    return Applicants(people.x, made.y_poisoned, people.group)


def _branches(settings: Mapping[str, Any], seed: int) -> list[tuple[Applicants, Tensor]]:
    kinds = drawn_kinds(seed)
    return [
        sent(KINDS[kinds[i]], settings["branch_size"], _town(settings), seed=derive(seed, "branch", i))
        for i in range(BRANCHES)
    ]
