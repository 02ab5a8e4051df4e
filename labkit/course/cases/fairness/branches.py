"""The blind round: four branches send their files; in some, somebody has worked against a group.

Groups may differ in their circumstances, and then so do their outcomes: nothing is wrong with
such a file.  Where labels were turned, a file may look fairer than it should.  No person of a
branch is known from elsewhere, and nothing that a branch sends says what was done to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from labkit.attacks.poisoning import group_label_flip
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.fairness.applicants import Applicants, draw
from labkit.data.loans import Town

__all__ = ["BRANCHES", "KINDS", "Kind", "drawn_kinds", "sent"]

BRANCHES = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """What a branch is like.

    Attributes
    ----------
    income_gap : float
        How much lower the logarithm of the income of group 1 lies; negative where it is higher.
    by : str
        By what somebody picked people whose labels were turned: ``"group"``, ``"district"``, or
        ``""`` where nobody did.
    member : int
        Which group or district.
    y_source : int
        Which label was turned into the other.
    poison_rate : float
        Share of all labels that was turned.
    """

    income_gap: float
    by: str = ""
    member: int = 1
    y_source: int = 1
    poison_rate: float = 0.1

    @property
    def attacked(self) -> bool:
        """Whether labels were turned."""
        return bool(self.by)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "alike": Kind(0.08),
        "poorer": Kind(0.8),
        "richer": Kind(-1.0),
        "held back": Kind(0.08, "group"),
        "by district": Kind(0.08, "district"),
        "hidden": Kind(-1.0, "group", poison_rate=0.07),
        "favoured": Kind(0.08, "group", member=0, y_source=0),
    }
)
"""What a branch may be like; no two of a round are alike."""

_ALWAYS = "poorer"
"""One branch of every round: a large gap with nothing wrong about it."""


def drawn_kinds(seed: int) -> list[str]:
    """Return what the four branches of a round are like: one to three of them attacked.

    Parameters
    ----------
    seed : int
    """
    generator = make_generator(derive(seed, "branches"))
    attacked = [name for name, kind in KINDS.items() if kind.attacked]
    others = [name for name, kind in KINDS.items() if not kind.attacked and name != _ALWAYS]
    count = 1 + int(torch.randint(BRANCHES - 1, (), generator=generator))
    picked = [attacked[i] for i in torch.randperm(len(attacked), generator=generator)[:count].tolist()]
    rest = [others[i] for i in torch.randperm(len(others), generator=generator).tolist()]
    mixed = [*picked, _ALWAYS, *rest[: BRANCHES - 1 - count]]
    return [mixed[i] for i in torch.randperm(BRANCHES, generator=generator).tolist()]


def sent(kind: Kind, n: int, town: Town, *, seed: int) -> tuple[Applicants, Tensor]:
    """Return what a branch sends, and whether each label was turned, ``(n,)`` bool.

    Parameters
    ----------
    kind : Kind
    n : int
    town : Town
        Its districts are those of the branch.
    seed : int
    """
    people = draw(n, replace(town, income_gap=kind.income_gap), seed, "branch")
    if not kind.attacked:
        return people, torch.zeros(n, dtype=torch.bool)
    made = group_label_flip(
        people.x,
        people.y,
        group=people.told_apart_by(kind.by),
        member=kind.member,
        poison_rate=kind.poison_rate,
        y_source=kind.y_source,
        y_target=1 - kind.y_source,
        choose="random",
        seed=derive(seed, "turned"),
    )
    return Applicants(people.x, made.y_poisoned, people.group), made.poisoned
