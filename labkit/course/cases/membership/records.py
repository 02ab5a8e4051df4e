"""What only the judge of a membership lab knows: who was in, whose coins fell how.

Nothing of this is part of what is issued (:class:`labkit.course.cases.membership.case.MembershipCase`).
It is drawn anew from the seed of the variant wherever something is judged.  The candidates and
the canaries themselves are the same for everybody, so that shadows are trained once on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.membership import draw_members
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.variants import Variant
from labkit.course.lab import Scenario
from labkit.data import Split

__all__ = [
    "CANARIES",
    "CLINICS",
    "audited_set",
    "candidates_of",
    "coins_of",
    "held_out",
    "members_of",
    "private_records",
    "who_broke_what",
]

CLINICS = 8
"""Readers that are attacked; a figure is the mean over them."""

CANARIES = 200
"""Records that a coin puts into the data of an audited training, or leaves out."""

KINDS = ("honest", "noise too small", "no noise")
"""What a vendor may have done."""

VENDORS = 4


@dataclass(frozen=True, slots=True, eq=False)
class AuditedSet:
    """What every audited training is about: records that are always in, and the canaries.

    Attributes
    ----------
    x, y : Tensor of shape ``(always + canaries, ...)`` and of as many classes
        First the records that are always in, then the canaries, whose classes are wrong.
    canaries : int
        How many of them, at the end, are canaries.
    """

    x: Tensor
    y: Tensor
    canaries: int

    @property
    def canary(self) -> Split:
        """The canaries alone."""
        return Split(self.x[-self.canaries :], self.y[-self.canaries :])

    def members(self, coins: Tensor) -> Tensor:
        """Return who is in each training, ``(trainings, n)``, from the coins ``(trainings, canaries)``."""
        always = torch.ones(len(coins), len(self.x) - self.canaries, dtype=torch.bool)
        return torch.cat([always, coins], 1)


def private_records(scenario: Scenario) -> Split:
    """Return every form that the clinics could collect consent for."""
    return data.load(scenario.dataset).train


def held_out(scenario: Scenario) -> Split:
    """Return the forms that accuracy is measured on; nobody trains on them."""
    return data.load(scenario.dataset).test


def candidates_of(scenario: Scenario) -> Split:
    """Return the forms of which each clinic's reader has seen some, with the classes as they were keyed."""
    return _candidates(
        scenario.dataset, int(scenario.settings["candidates"]), float(scenario.settings["wrong_labels"])
    )


def members_of(variant: Variant) -> Tensor:
    """Return which candidates the reader of each clinic was trained on, ``(8, candidates)`` bool."""
    settings = variant.scenario.settings
    seed = derive(variant.seed, "clinics", variant.scenario.id)
    return draw_members(int(settings["candidates"]), CLINICS, int(settings["members"]), seed=seed)


def audited_set(scenario: Scenario) -> AuditedSet:
    """Return the records and the canaries of every audited training."""
    return _audited(scenario.dataset, int(scenario.settings["audited_records"]))


def coins_of(variant: Variant) -> Tensor:
    """Return which canaries the judge put into each vendor's data, ``(4, canaries)`` bool."""
    generator = make_generator(derive(variant.seed, "coins", variant.scenario.id))
    return torch.rand(VENDORS, CANARIES, generator=generator) < 0.5


def who_broke_what(variant: Variant) -> tuple[str, ...]:
    """Return what each vendor did: one to three of the four are honest."""
    generator = make_generator(derive(variant.seed, "vendors", variant.scenario.id))
    honest = int(torch.randint(1, VENDORS, (1,), generator=generator))
    broken = [KINDS[1 + i % 2] for i in range(VENDORS - honest)]
    kinds = [KINDS[0]] * honest + broken
    return tuple(kinds[i] for i in torch.randperm(VENDORS, generator=generator).tolist())


@lru_cache(maxsize=4)
def _candidates(dataset: str, count: int, wrong: float) -> Split:
    loaded = data.load(dataset)
    generator = make_generator(derive(0, "candidates", dataset))
    chosen = torch.randperm(len(loaded.train), generator=generator)[:count]
    x, y = loaded.train.x[chosen], loaded.train.y[chosen].clone()
    keyed_wrong = torch.rand(count, generator=generator) < wrong
    y[keyed_wrong] = _another_class(y[keyed_wrong], len(loaded.card.classes), generator)
    return Split(x, y)


@lru_cache(maxsize=4)
def _audited(dataset: str, always: int) -> AuditedSet:
    loaded = data.load(dataset)
    generator = make_generator(derive(0, "audited", dataset))
    chosen = torch.randperm(len(loaded.train), generator=generator)[: always + CANARIES]
    x, y = loaded.train.x[chosen], loaded.train.y[chosen].clone()
    y[always:] = _another_class(y[always:], len(loaded.card.classes), generator)
    return AuditedSet(x, y, CANARIES)


def _another_class(y: Tensor, classes: int, generator: torch.Generator) -> Tensor:
    return (y + torch.randint(1, classes, y.shape, generator=generator)) % classes
