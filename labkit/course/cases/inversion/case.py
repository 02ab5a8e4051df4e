"""One participant's variant of an inversion lab: whose likeness, which record, which service.

The seed decides which classes are to be reconstructed and whose records the intercepted
updates were taken on.  What is issued here is what an attacker has; what the judge knows is
drawn anew where it is needed (:mod:`labkit.course.cases.inversion.records`).  The victim is the same for
everybody, so it is trained once on a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.inversion import Prior
from labkit.attacks.oracle import Oracle
from labkit.core.protocols import DifferentiableClassifier, require_differentiable
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.inversion.asking import QueryAccount
from labkit.course.cases.inversion.records import (
    intercepted_batch,
    intercepted_record,
    public_prior,
    recogniser_of,
)
from labkit.course.cases.variants import NewVariant
from labkit.course.lab import Scenario
from labkit.defenses.privacy import ApiView, client_update, public_head
from labkit.models import TorchClassifier, build, load_victim

__all__ = ["TARGETS", "InversionCase", "inversion_case"]

TARGETS = 3
"""Classes that a participant has to reconstruct."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class InversionCase:
    """What one participant attacks and protects.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    class_names : tuple of str
    victim : DifferentiableClassifier
    y_target : Tensor of shape ``(3,)``, int64
        The classes to reconstruct.
    prior : Prior
        Learned from public inputs, none of them of a target.
    public : Prior
        The same with more components: what the head of the federation computes.
    shared_model : TorchClassifier
        The model that the federation shared in its first design, untrained.
    head : TorchClassifier
        The model of its second design: linear, on public features.
    sent : dict of str to Tensor
        An intercepted update of ``shared_model``, taken on one private record.
    sent_batch : dict of str to Tensor
        Another, the mean over four records of four classes.
    account : QueryAccount
        How often the service was asked.
    """

    scenario: Scenario
    seed: int
    class_names: tuple[str, ...]
    victim: DifferentiableClassifier
    y_target: Tensor
    prior: Prior
    public: Prior
    shared_model: TorchClassifier
    head: TorchClassifier
    sent: dict[str, Tensor]
    sent_batch: dict[str, Tensor]
    account: QueryAccount = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", QueryAccount(self.query_budget * len(self.y_target)))

    @property
    def query_budget(self) -> int:
        """Questions for each target."""
        return self.scenario.query_budget

    @property
    def level(self) -> str:
        """How much the service tells."""
        return str(self.scenario.settings.get("level", "probabilities"))

    def service(self, level: str | None = None) -> ApiView:
        """Return the victim as a service: classes and probabilities, no gradient, and no meter."""
        return ApiView(self.victim, self.level if level is None else level)

    def oracle(self, level: str | None = None) -> Oracle:
        """Return the service with the judge's meter, good for the budget of all targets until a hand-in."""
        return self.account.open(self.service(level))


def inversion_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> InversionCase:
    """Return the variant ``seed`` of ``scenario``; the first call may train the victim.

    Parameters
    ----------
    scenario : Scenario
        Its settings may name ``public`` (a data set of public inputs; half of the test
        inputs otherwise), ``level``, ``components``, ``features``, ``rounds``.
    seed : int
    progress : function, optional
    """
    dataset, variant = data.load(scenario.dataset), NewVariant(scenario, seed)
    victim = require_differentiable(
        load_victim(scenario.victim, dataset, progress=progress), "a lab about inversion"
    )
    recogniser_of(variant, progress)  # trained now, so that nobody waits for it later
    classes, shape = len(dataset.card.classes), tuple(dataset.train.x.shape[1:])
    generator = make_generator(derive(seed, "inversion", scenario.id))
    targets = torch.randperm(classes, generator=generator)[:TARGETS].sort().values
    module = build(scenario.victim, shape, classes, seed=derive(seed, "network")).requires_grad_(False)
    one, four = intercepted_record(variant), intercepted_batch(variant)
    public = public_prior(scenario, without=targets)
    head = public_head(public.mean, public.components, public.scales, classes, seed=0)
    return InversionCase(
        scenario=scenario,
        seed=seed,
        class_names=tuple(dataset.card.classes),
        victim=victim,
        y_target=targets,
        prior=public.first(int(scenario.settings.get("components", 40))),
        public=public,
        shared_model=TorchClassifier(module, shape, classes),
        head=TorchClassifier(head, shape, classes),
        sent=client_update(module, one.x, one.y).gradients,
        sent_batch=client_update(module, four.x, four.y).gradients,
    )
