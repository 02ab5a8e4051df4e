"""One participant's variant of an inversion lab: whose likeness, which record, which service.

The seed decides which classes are to be reconstructed, whose record the intercepted gradient
was taken on, and which batches the judge attacks (:mod:`labkit.course.leaks`).  The victim
is the same for everybody, so it is trained once on a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.inversion import Prior, fit_prior
from labkit.attacks.oracle import Oracle
from labkit.core.protocols import Classifier, DifferentiableClassifier, require_differentiable
from labkit.core.seeds import derive, make_generator
from labkit.course.lab import Scenario
from labkit.data import Dataset, Split
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
    dataset : Dataset
        What the victim was trained on: the private records.
    victim : DifferentiableClassifier
    recogniser : Classifier
        Somebody else's model: another architecture, trained on other pictures.
    y_target : Tensor of shape ``(3,)``, int64
        The classes to reconstruct.
    prior : Prior
        Learned from public inputs, none of them of a target.
    public : Prior
        The same from all public inputs: what the head of the federation computes.
    means : Tensor of shape ``(classes, ...)``
        The average private record of each class: what a reconstruction is compared with.
    held_out : Split
        Inputs that utility is measured on.
    shared_model : TorchClassifier
        The model that the federation shared in its first design, untrained.
    head : TorchClassifier
        The model of its second design: linear, on public features.
    record : Split
        The one private record behind the intercepted gradient.
    sent : dict of str to Tensor
        That gradient, of ``shared_model``.
    """

    scenario: Scenario
    seed: int
    dataset: Dataset
    victim: DifferentiableClassifier
    recogniser: Classifier
    y_target: Tensor
    prior: Prior
    public: Prior
    means: Tensor
    held_out: Split
    shared_model: TorchClassifier
    head: TorchClassifier
    record: Split
    sent: dict[str, Tensor]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.dataset.card.classes

    @property
    def train(self) -> Split:
        """The private records."""
        return self.dataset.train

    @property
    def query_budget(self) -> int:
        """Questions for each target."""
        return self.scenario.query_budget

    @property
    def level(self) -> str:
        """How much the service tells."""
        return str(self.scenario.settings.get("level", "probabilities"))

    def service(self, level: str | None = None) -> ApiView:
        """Return the victim as a service: classes and probabilities, no gradient."""
        return ApiView(self.victim, self.level if level is None else level)

    def oracle(self, level: str | None = None) -> Oracle:
        """Return the service with a meter, good for the budget of all targets."""
        return Oracle(self.service(level), self.query_budget * len(self.y_target))


def inversion_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> InversionCase:
    """Return the variant ``seed`` of ``scenario``; the first call may train the victim.

    Parameters
    ----------
    scenario : Scenario
        Its settings may name ``public`` (a data set of public inputs; half of the test
        inputs otherwise), ``level``, ``components``, ``features``, ``epochs``.
    seed : int
    progress : function, optional
    """
    dataset = data.load(scenario.dataset)
    victim = require_differentiable(
        load_victim(scenario.victim, dataset, progress=progress), "a lab about inversion"
    )
    # The recogniser learns from the test pictures only, so it shares no picture with the victim.
    swapped = Dataset(dataset.card, train=dataset.test, test=dataset.train)
    recogniser = load_victim("logistic", swapped, seed=1, progress=progress)
    classes, generator = len(dataset.card.classes), make_generator(derive(seed, "inversion", scenario.id))
    targets = torch.randperm(classes, generator=generator)[:TARGETS].sort().values
    one = torch.randint(len(dataset.train), (1,), generator=generator)
    record = Split(dataset.train.x[one], dataset.train.y[one])
    network = _fresh(scenario, dataset, derive(seed, "network"))
    shared = _shared(scenario)
    return InversionCase(
        scenario=scenario,
        seed=seed,
        dataset=dataset,
        victim=victim,
        recogniser=recogniser,
        y_target=targets,
        prior=_prior_without(scenario, shared, targets),
        public=shared.public,
        means=shared.means,
        held_out=shared.held_out,
        shared_model=network,
        head=shared.head,
        record=record,
        sent=client_update(network.module, record.x, record.y).gradients,
    )


@dataclass(frozen=True, eq=False)
class _Shared:
    """What every variant of a scenario has in common."""

    open_x: Tensor
    open_y: Tensor | None
    public: Prior
    means: Tensor
    held_out: Split
    head: TorchClassifier


@lru_cache(maxsize=4)
def _shared_of(dataset_name: str, public_name: str, features: int) -> _Shared:
    dataset = data.load(dataset_name)
    train, test = dataset.train, dataset.test
    classes = len(dataset.card.classes)
    if public_name:
        open_x, open_y, held_out = data.load(public_name).train.x, None, test
    else:
        open_x, open_y = test.x[::2], test.y[::2]
        held_out = Split(test.x[1::2], test.y[1::2])
    public = fit_prior(open_x, features)
    module = public_head(public.mean, public.components, public.scales, classes, seed=0)
    return _Shared(
        open_x=open_x,
        open_y=open_y,
        public=public,
        means=torch.stack([train.x[train.y == label].mean(0) for label in range(classes)]),
        held_out=held_out,
        head=TorchClassifier(module, tuple(train.x.shape[1:]), classes),
    )


def _shared(scenario: Scenario) -> _Shared:
    settings = scenario.settings
    return _shared_of(scenario.dataset, str(settings.get("public", "")), int(settings.get("features", 40)))


def _prior_without(scenario: Scenario, shared: _Shared, targets: Tensor) -> Prior:
    components = int(scenario.settings.get("components", 40))
    if shared.open_y is None:
        return shared.public.first(components)
    return fit_prior(shared.open_x[~torch.isin(shared.open_y, targets)], components)


def _fresh(scenario: Scenario, dataset: Dataset, seed: int) -> TorchClassifier:
    shape, classes = tuple(dataset.train.x.shape[1:]), len(dataset.card.classes)
    module = build(scenario.victim, shape, classes, seed=seed).requires_grad_(False)
    return TorchClassifier(module, shape, classes)
