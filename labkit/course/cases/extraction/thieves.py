"""The judge's thieves: the same budget, several strategies, one account or four; the strongest counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks.extraction import imitate
from labkit.attacks.oracle import Oracle
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive
from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.guarding import Guard, guarded
from labkit.course.cases.extraction.shares import scan, setting, share_out
from labkit.metrics import Rate, fidelity

__all__ = ["THIEVES", "Spread", "Theft", "held_scans", "steal_from", "strongest", "thieve"]

Progress = Callable[[int, int, str], None]

_SCANS = 4
"""Scans of each picture that fidelity is measured on."""

THIEVES: dict[str, tuple[str, int]] = {
    "natural scans, one account": ("random", 1),
    "natural scans, four accounts": ("random", 4),
    "blended scans, four accounts": ("mixing", 4),
    "unsure scans, four accounts": ("margin", 4),
    "gradient steps, four accounts": ("jacobian", 4),
}
"""The judge's thieves: how each chooses its questions, and over how many accounts it spreads them."""


@dataclass(frozen=True, slots=True)
class Theft:
    """What a thief got.

    Attributes
    ----------
    thief : str
        A name out of :data:`THIEVES`.
    fidelity : Rate
    answered : int
        Questions that were answered.
    """

    thief: str
    fidelity: Rate
    answered: int


class Spread:
    """Several accounts that are asked in turn, as if they were one service."""

    def __init__(self, accounts: list[Classifier]) -> None:
        self._accounts, self._turn = accounts, 0
        self.bounds: tuple[float, float] = accounts[0].bounds
        self.input_shape: tuple[int, ...] = tuple(accounts[0].input_shape)
        self.classes: int = accounts[0].classes

    def logits(self, x: Tensor) -> Tensor:
        """Return the answers, shape ``(n, classes)``; rows of NaN where an account was refused."""
        whose = (torch.arange(len(x)) + self._turn) % len(self._accounts)
        self._turn = (self._turn + len(x)) % len(self._accounts)
        answers = torch.full((len(x), self.classes), torch.nan)
        for i, account in enumerate(self._accounts):
            if bool((whose == i).any()):
                answers[whose == i] = account.logits(x[whose == i])
        return answers


def held_scans(case: ExtractionCase) -> Tensor:
    """Return the scans that fidelity is measured on: of pictures that nobody else has."""
    held, noise = share_out(case).held.x, setting(case.scenario, "scan_noise")
    return torch.cat([scan(held, noise, derive(case.seed, "held", i)) for i in range(_SCANS)])


def thieve(case: ExtractionCase, guard: Guard, thief: str) -> Theft:
    """Let one of the judge's thieves loose on a guarded reader, with the budget of the scenario."""
    strategy, accounts = THIEVES[thief]
    return steal_from(case, guard, strategy, accounts, thief=thief, seed=derive(case.seed, "thief", thief))


def steal_from(
    case: ExtractionCase, guard: Guard, strategy: str, accounts: int, *, thief: str = "", seed: int = 0
) -> Theft:
    """Steal with any strategy over any number of accounts, and measure what came of it."""
    service = guarded(case, guard)
    door = Spread([service.open() for _ in range(accounts)])
    try:
        made = imitate(
            Oracle(door, case.query_budget),
            case.pool,
            query_budget=case.query_budget,
            strategy=strategy,
            architecture=case.scenario.victim,
            epochs=60,
            seed=seed,
        )
    except InvalidInputError:  # nothing was answered, so nothing was stolen
        return Theft(thief, Rate(0.0, 0.0, 0.0, 0), 0)
    return Theft(thief, fidelity(case.reader, made.model, held_scans(case)), len(made.x))


_THEFTS: dict[tuple[object, ...], tuple[Theft, ...]] = {}
_REMEMBERED = 100


def strongest(
    case: ExtractionCase, guard: Guard, progress: Progress | None = None
) -> tuple[Theft, tuple[Theft, ...]]:
    """Let all thieves loose; return the one with the highest fidelity, and all of them."""
    key = (case.scenario.id, repr(sorted(case.scenario.settings.items())), case.seed, guard)
    if key not in _THEFTS:
        if len(_THEFTS) >= _REMEMBERED:
            _THEFTS.clear()
        found = []
        for i, thief in enumerate(THIEVES):
            found.append(thieve(case, guard, thief))
            if progress is not None:
                progress(i + 1, len(THIEVES), f"thief: {thief}")
        _THEFTS[key] = tuple(found)
    all_of_them = _THEFTS[key]
    return max(all_of_them, key=lambda each: each.fidelity.value), all_of_them
