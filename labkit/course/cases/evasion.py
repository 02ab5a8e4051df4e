"""One participant's variant of an evasion lab: inputs, victim, threat model, a masked model.

The seed decides which test inputs are issued and which of them are to be flipped by
asking; the victim is the same for everybody, so it is trained once on a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from labkit import data
from labkit.attacks import evasion
from labkit.attacks.oracle import Oracle
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict, require_differentiable
from labkit.core.seeds import derive, make_generator
from labkit.core.threat import Norm, ThreatModel
from labkit.course.lab import Scenario
from labkit.data import Dataset, Split
from labkit.defenses import Binarising, BitDepthSqueezing
from labkit.metrics import robust_accuracy
from labkit.models import TorchClassifier, load_victim

__all__ = ["CHOSEN", "EvasionCase", "evasion_case"]

CHOSEN = 10
"""Inputs that a participant has to flip by asking."""

Progress = Callable[[int, int, str], None]

# Filters that a vendor may put in front of the victim: each rounds, so none has a gradient.
_MASKS: Mapping[str, Callable[[DifferentiableClassifier, Mapping[str, Any]], Classifier]] = {
    "binarise": lambda victim, settings: Binarising(victim, threshold=settings.get("threshold", 0.5)),
    "squeeze": lambda victim, settings: BitDepthSqueezing(victim, bits=settings.get("bits", 2)),
}


@dataclass(frozen=True, eq=False)
class EvasionCase:
    """What one participant attacks and defends.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        The inputs that were issued, every class alike, and their true classes.
    victim : DifferentiableClassifier
    threat : ThreatModel
    dataset : Dataset
        Where the inputs come from.
    chosen : Tensor of shape ``(10,)``, int64
        Positions in ``x`` of the inputs to flip by asking: out of thirty that the victim
        reads correctly, the ten it is least sure of.
    query_budget : int
        Questions that may be asked about each input.
    secure : Classifier
        The victim behind a filter that hides its gradient.
    class_names : tuple of str
    """

    scenario: Scenario
    seed: int
    x: Tensor
    y: Tensor
    victim: DifferentiableClassifier
    threat: ThreatModel
    dataset: Dataset
    chosen: Tensor
    query_budget: int
    secure: Classifier
    class_names: tuple[str, ...]

    @property
    def train(self) -> Split:
        """Training data, for surrogates and for hardening."""
        return self.dataset.train

    @property
    def network(self) -> nn.Module:
        """The victim's network, to begin hardening from; whoever trains it trains a copy."""
        if not isinstance(self.victim, TorchClassifier):
            raise InvalidInputError(f"expected a victim made of a network, got {type(self.victim).__name__}")
        return self.victim.module

    def oracle(self) -> Oracle:
        """Return the victim as a service: scores for questions, and a budget for each call."""
        return Oracle(self.victim, query_budget=self.query_budget * CHOSEN)

    @cached_property
    def vendor_claim(self) -> float:
        """Accuracy of the secure model that its vendor advertises, as a share.

        Measured with PGD made on a model of another architecture: true, and worth little.
        """
        other = load_victim(_other(self.scenario.victim), self.dataset)
        adv = evasion.pgd(
            require_differentiable(other, "the vendor's evaluation"),
            self.x,
            self.y,
            epsilon=self.threat.epsilon,
            norm=self.threat.norm,
            seed=derive(self.seed, "vendor"),
        )
        return robust_accuracy(self.secure, adv, self.threat).value


def evasion_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> EvasionCase:
    """Return the variant ``seed`` of ``scenario``; the first call may train the victim.

    Parameters
    ----------
    scenario : Scenario
        Its settings may name the filter of the secure model: ``masked = "squeeze"`` with
        ``bits``, or ``masked = "binarise"`` with ``threshold``.
    seed : int
        The same seed gives the same case on every machine.
    progress : function, optional
        ``progress(done, total, message)``, called while a victim is trained.

    Raises
    ------
    InvalidInputError
        When the scenario names no data set or victim, asks for more inputs than there are,
        or the victim reads fewer than ten of them correctly.
    UnknownNameError
        When it names a data set, victim or filter that does not exist.
    """
    if not scenario.dataset:
        raise InvalidInputError(f"the scenario {scenario.id!r} names no data set and no victim to attack")
    dataset = data.load(scenario.dataset)
    victim = require_differentiable(
        load_victim(scenario.victim, dataset, progress=progress), "a lab about evasion"
    )
    taken = stratified(dataset.test.y, scenario.samples, derive(seed, "samples", scenario.id))
    x, y = dataset.test.x[taken], dataset.test.y[taken]
    right = (predict(victim, x) == y).nonzero().flatten()
    if len(right) < CHOSEN:
        raise InvalidInputError(f"expected the victim to read at least {CHOSEN} inputs, got {len(right)}")
    drawn = right[stratified(y[right], min(3 * CHOSEN, len(right)), derive(seed, "chosen", scenario.id))]
    # An attacker who may choose takes the inputs that the model is least sure of.
    best, second = victim.logits(x[drawn]).topk(2, dim=1).values.unbind(1)
    chosen = drawn[(best - second).argsort(stable=True)[:CHOSEN]]
    return EvasionCase(
        scenario=scenario,
        seed=seed,
        x=x,
        y=y,
        victim=victim,
        threat=ThreatModel(Norm(scenario.norm), scenario.epsilon),
        dataset=dataset,
        chosen=chosen,
        query_budget=scenario.query_budget,
        secure=_masked(scenario, victim),
        class_names=dataset.card.classes,
    )


def stratified(y: Tensor, count: int, seed: int) -> Tensor:
    """Return ``count`` positions in ``y``, drawn so that the classes are as even as they can be.

    Parameters
    ----------
    y : Tensor of shape ``(n,)``
    count : int
    seed : int

    Returns
    -------
    Tensor of shape ``(count,)``, int64, in random order.
    """
    if not 0 < count <= len(y):
        raise InvalidInputError(f"expected between 1 and {len(y)} inputs, got {count}")
    generator = make_generator(seed)
    order = torch.randperm(len(y), generator=generator)
    # Each input gets its rank within its class; the lowest ranks come first, whatever the class.
    shuffled = y[order]
    same = (shuffled[:, None] == shuffled[None, :]).tril(-1)
    rank = same.sum(1)
    first = torch.argsort(rank, stable=True)[:count]
    return order[first][torch.randperm(count, generator=generator)]


def _masked(scenario: Scenario, victim: DifferentiableClassifier) -> Classifier:
    name = str(scenario.settings.get("masked", "squeeze"))
    if name not in _MASKS:
        raise UnknownNameError("filter for a masked model", name, _MASKS)
    return _MASKS[name](victim, scenario.settings)


def _other(architecture: str) -> str:
    return "cnn" if architecture == "mlp" else "mlp"
