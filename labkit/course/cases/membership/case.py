"""One participant's variant of a membership lab: eight clinics' readers and four vendors' claims.

The seed decides which forms each clinic trained on and what each vendor did.  What is issued
here is what an attacker or auditor has; what the judge knows is drawn anew where it is needed
(:mod:`labkit.course.cases.membership.records`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.membership import Shadows
from labkit.attacks.oracle import Oracle
from labkit.core.seeds import derive
from labkit.course.cases.membership.bank import (
    practice_of,
    shadows_of,
    train_as_a_vendor,
    train_as_the_clinics,
)
from labkit.course.cases.membership.records import (
    candidates_of,
    coins_of,
    members_of,
    who_broke_what,
)
from labkit.course.cases.variants import NewVariant
from labkit.course.lab import Scenario
from labkit.defenses.privacy import noise_for, steps_of

__all__ = ["MembershipCase", "Vendor", "membership_case", "vendor_noise"]

Progress = Callable[[int, int, str], None]

_NAMES = ("Alder", "Birch", "Cedar", "Dogwood")


@dataclass(frozen=True, slots=True, eq=False)
class Vendor:
    """A trainer who claims a budget, and a reader that was trained for the audit.

    Attributes
    ----------
    name : str
    privacy_epsilon, privacy_delta : float
        What is claimed.
    model : Oracle
        The reader: answers, and no weights.
    """

    name: str
    privacy_epsilon: float
    privacy_delta: float
    model: Oracle


@dataclass(frozen=True, eq=False)
class MembershipCase:
    """What one participant attacks, protects and audits.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    class_names : tuple of str
    x, y : Tensor of shape ``(600, ...)`` and ``(600,)`` int64
        The candidates, with their classes as they were keyed in.
    victims : tuple of Oracle
        The readers of eight clinics, each trained on half of the candidates.
    shadows : Shadows
        Models of the same kind, of which is known who was in; the same for everybody.
    vendors : tuple of Vendor
    practice : Shadows
        Trainings without noise on the canaries, with known coins.
    """

    scenario: Scenario
    seed: int
    class_names: tuple[str, ...]
    x: Tensor
    y: Tensor
    victims: tuple[Oracle, ...]
    shadows: Shadows
    vendors: tuple[Vendor, ...]
    practice: Shadows

    @property
    def canaries(self) -> int:
        """How many canaries there are."""
        return len(self.practice.x)

    @property
    def privacy_delta(self) -> float:
        """The delta of every budget of this scenario."""
        return float(self.scenario.settings["privacy_delta"])


def membership_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> MembershipCase:
    """Return the variant ``seed`` of ``scenario``; the first call on a machine trains the shadows.

    Parameters
    ----------
    scenario : Scenario
        Its settings name ``candidates``, ``members``, ``wrong_labels``, ``epochs``,
        ``audited_records``, ``vendor_epochs``, ``vendor_sample_rate``, ``claimed_epsilon``,
        ``privacy_delta``.
    seed : int
    progress : function, optional
    """
    variant, known = NewVariant(scenario, seed), candidates_of(scenario)
    shadows, practice = shadows_of(scenario, progress), practice_of(scenario, progress)
    clinics = train_as_the_clinics(
        scenario, members_of(variant), seed=derive(seed, "readers"), progress=progress
    )
    noise = torch.tensor([vendor_noise(scenario, kind) for kind in who_broke_what(variant)])
    trained = train_as_a_vendor(
        scenario, coins_of(variant), noise, seed=derive(seed, "vendors"), progress=progress
    )
    claimed, delta = float(scenario.settings["claimed_epsilon"]), float(scenario.settings["privacy_delta"])
    return MembershipCase(
        scenario=scenario,
        seed=seed,
        class_names=tuple(data.load(scenario.dataset).card.classes),
        x=known.x,
        y=known.y,
        victims=tuple(Oracle(clinics.member(i)) for i in range(len(clinics))),
        shadows=shadows,
        vendors=tuple(
            Vendor(name, claimed, delta, Oracle(trained.member(i))) for i, name in enumerate(_NAMES)
        ),
        practice=practice,
    )


def vendor_noise(scenario: Scenario, kind: str) -> float:
    """Return the noise multiplier of a vendor: what the claim needs, none, or a fraction of it."""
    settings = scenario.settings
    rate = float(settings["vendor_sample_rate"])
    if kind == "no noise":
        return 0.0
    if kind == "noise too small":
        return float(settings["noise_too_small"])
    return noise_for(
        privacy_epsilon=float(settings["claimed_epsilon"]),
        sample_rate=rate,
        steps=steps_of(int(settings["vendor_epochs"]), rate),
        privacy_delta=float(settings["privacy_delta"]),
    )
