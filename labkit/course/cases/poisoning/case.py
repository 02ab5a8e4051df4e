"""One participant's variant of a lab about poisoned training data.

The seed decides which samples the contractor holds, what is hidden in the delivery and in
the drops, and whose document is to be misread.  The contractor's samples, the delivery, each
drop and the acceptance set have no sample in common: nobody finds poison by looking up what
a sample was before.  A model is trained in a tenth of a second, so that everything that is
handed in can be judged by training anew.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from labkit import data, models
from labkit.core.errors import InvalidInputError
from labkit.core.poisoning import PoisonedDataset
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.poisoning.deliveries import Delivery, arrived, deliver, hidden_in_delivery, scan
from labkit.course.cases.poisoning.drops import hidden_in_drops
from labkit.course.cases.sharing import Samples, share_out
from labkit.course.lab import Scenario
from labkit.data import Dataset
from labkit.models import TorchClassifier

__all__ = [
    "Document",
    "PoisoningCase",
    "poison_in_delivery",
    "poisoned_drops",
    "poisoned_on_arrival",
    "poisoning_case",
]

Progress = Callable[[int, int, str], None]

_SETTINGS: dict[str, Any] = {
    "training_size": 560,
    "delivery_size": 360,
    "routine_size": 240,
    "epochs": 20,
    "lr": 0.01,
    "poison_limit": 0.02,
    "trigger_pixels": 16,
    "blend_limit": 0.3,
    "collision_epsilon": 0.25,
    "nightly_drop": 0.03,
    "delivery_rate": 0.05,
    "drop_rate": 0.15,
    "drop_size": 80,
}
"""What a scenario may set, and what holds otherwise."""

_SURE, _CANDIDATES, _NEAR = 3.0, 10, 11
"""Logits that lie closer are misread anyway; among so many documents the seed chooses; neighbours asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One input that a fraudster wants to be misread.

    Attributes
    ----------
    x : Tensor of shape ``(1, ...)``
    y : int
        What it is, and what the reader takes it for today.
    wanted : int
        What the fraudster wants it to be read as.
    """

    x: Tensor
    y: int
    wanted: int


@dataclass(frozen=True, eq=False)
class PoisoningCase:
    """What one participant poisons, screens and cleans.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        Training data in the hands of the contractor, clean; later Meridian's stock, to which
        deliveries are added.
    x_test, y_test : Tensor of shape ``(m, ...)`` and ``(m,)`` int64
        Meridian's acceptance set: checked by hand, never trained on.
    victim : TorchClassifier
        The reader that was trained on the clean data.
    document : Document
    delivery : Delivery
        A delivery in which somebody hid a backdoor.
    routine : tuple of Delivery
        Three deliveries with nothing wrong about them.
    drops : tuple of Delivery
        Four deliveries without a delivery note, clean or not.
    dataset : Dataset
        Where the inputs come from.
    class_names : tuple of str
    """

    scenario: Scenario
    seed: int
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    victim: TorchClassifier
    document: Document
    delivery: Delivery
    routine: tuple[Delivery, ...]
    drops: tuple[Delivery, ...]
    dataset: Dataset
    class_names: tuple[str, ...]

    def setting(self, name: str) -> Any:
        """Return a setting of the scenario, such as ``poison_limit``."""
        return self.scenario.settings.get(name, _SETTINGS[name])

    @property
    def poison_budget(self) -> int:
        """How many samples an attacker may change without being noticed."""
        return int(self.setting("poison_limit") * len(self.x))

    def train(
        self, x: Tensor, y: Tensor, *, seed: int = 0, progress: Progress | None = None
    ) -> TorchClassifier:
        """Train a reader as Meridian does: the same network and recipe for everybody.

        Parameters
        ----------
        x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        seed : int
            Weights at the start, and the order of the samples.
        progress : function, optional
            ``progress(done, total, message)``.
        """
        start = models.build(self.scenario.victim, tuple(x.shape[1:]), len(self.class_names), seed=seed)
        return models.train(
            start, x, y, epochs=self.setting("epochs"), lr=self.setting("lr"), seed=seed, progress=progress
        )

    def train_with(
        self, x: Tensor, y: Tensor, *, seed: int = 0, progress: Progress | None = None
    ) -> TorchClassifier:
        """Train a reader on the stock and on what joins it; see :meth:`train`."""
        return self.train(torch.cat([self.x, x]), torch.cat([self.y, y]), seed=seed, progress=progress)

    def train_last_layer(self, x: Tensor, y: Tensor, *, seed: int = 0) -> TorchClassifier:
        """Train the last layer of the victim anew, as the nightly update does; the rest stays."""
        return _updated(self.victim, x, y, lr=self.setting("lr"), seed=seed)

    @cached_property
    def clean_models(self) -> tuple[TorchClassifier, ...]:
        """Readers trained on the clean data with the seeds of the judge."""
        return self.judged(self.x, self.y)

    def judged(self, x: Tensor, y: Tensor) -> tuple[TorchClassifier, ...]:
        """Train readers on ``x`` and ``y`` with the seeds of the judge."""
        return tuple(self.train(x, y, seed=derive(self.seed, "judge", run)) for run in range(3))


def poisoning_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> PoisoningCase:
    """Return the variant ``seed`` of ``scenario``.

    Parameters
    ----------
    scenario : Scenario
        Names a data set of pictures and a network that ends in a linear layer; its settings
        may name the size of the training set, the recipe, and what an attacker may do.
    seed : int
        The same seed gives the same case on every machine.
    progress : function, optional
        ``progress(done, total, message)``, called while the victim is trained.

    Raises
    ------
    InvalidInputError
        When the scenario names no data set, or one with too few samples.
    UnknownNameError
        When it names a data set or a network that does not exist.
    """
    if not scenario.dataset:
        raise InvalidInputError(f"the scenario {scenario.id!r} names no data set and no victim to poison")
    dataset = data.load(scenario.dataset)
    settings = {**_SETTINGS, **scenario.settings}
    shares = share_out(dataset, settings, scenario.id, seed)
    (x, y), (x_test, y_test) = shares.stock, shares.acceptance
    classes = len(dataset.card.classes)
    start = models.build(scenario.victim, tuple(x.shape[1:]), classes, seed=derive(seed, "victim"))
    victim = models.train(
        start,
        x,
        y,
        epochs=settings["epochs"],
        lr=settings["lr"],
        seed=derive(seed, "victim"),
        progress=progress,
    )
    updated = _updated(victim, x, y, lr=settings["lr"], seed=derive(seed, "document"))
    drops = _in_drops(shares.drops, victim, shares.acceptance, settings, seed)
    return PoisoningCase(
        scenario=scenario,
        seed=seed,
        x=x,
        y=y,
        x_test=x_test,
        y_test=y_test,
        victim=victim,
        document=_document(victim, updated, x_test, y_test, shares.stock, derive(seed, "document")),
        delivery=deliver("the delivery", _in_delivery(shares.delivery, classes, settings, seed), seed),
        routine=tuple(
            _routine(shares.routine, classes, derive(seed, "routine", number)) for number in range(3)
        ),
        drops=tuple(
            Delivery(f"drop {'ABCD'[number]}", drop.x_poisoned, drop.y_poisoned)
            for number, drop in enumerate(drops)
        ),
        dataset=dataset,
        class_names=dataset.card.classes,
    )


def poison_in_delivery(case: PoisoningCase) -> PoisonedDataset:
    """Draw again what was hidden in the delivery of a case; for whoever judges, and for nobody else."""
    settings = {**_SETTINGS, **case.scenario.settings}
    shares = share_out(case.dataset, settings, case.scenario.id, case.seed)
    return _in_delivery(shares.delivery, len(case.class_names), settings, case.seed)


def poisoned_on_arrival(case: PoisoningCase) -> Tensor:
    """Draw again which samples of the delivery are poison, ``(n,)`` bool in the order of the delivery."""
    return arrived(poison_in_delivery(case), case.seed)


def poisoned_drops(case: PoisoningCase) -> list[PoisonedDataset]:
    """Draw again what was hidden in each drop; a clean one has no indices."""
    settings = {**_SETTINGS, **case.scenario.settings}
    shares = share_out(case.dataset, settings, case.scenario.id, case.seed)
    return _in_drops(shares.drops, case.victim, shares.acceptance, settings, case.seed)


def _in_delivery(samples: Samples, classes: int, settings: dict[str, Any], seed: int) -> PoisonedDataset:
    x, y = samples
    return hidden_in_delivery(
        scan(x, derive(seed, "scan")),
        y,
        classes=classes,
        poison_rate=settings["delivery_rate"],
        seed=derive(seed, "hidden"),
    )


def _in_drops(
    samples: Samples, victim: TorchClassifier, documents: Samples, settings: dict[str, Any], seed: int
) -> list[PoisonedDataset]:
    return hidden_in_drops(
        *samples,
        victim=victim,
        documents=documents,
        poison_rate=settings["drop_rate"],
        seed=derive(seed, "blind"),
    )


def _routine(samples: Samples, classes: int, seed: int) -> Delivery:
    """Return a delivery with nothing wrong about it: its samples in another order and scan."""
    x, y = samples
    order = torch.randperm(len(x), generator=make_generator(seed))
    clean = hidden_in_delivery(scan(x[order], seed), y[order], classes=classes, poison_rate=0.0, seed=seed)
    return deliver("a routine delivery", clean, seed)


def _updated(victim: TorchClassifier, x: Tensor, y: Tensor, *, lr: float, seed: int) -> TorchClassifier:
    """Return the victim with its last layer trained on ``x`` and ``y``."""
    body = cast(nn.Sequential, victim.module)
    last = models.train(body[-1], models.features(victim, x), y, epochs=30, lr=lr, seed=seed).module
    whole = nn.Sequential(*list(copy.deepcopy(body))[:-1], last)
    return TorchClassifier(whole, victim.input_shape, victim.classes)


def _document(
    victim: TorchClassifier, updated: TorchClassifier, x: Tensor, y: Tensor, stock: Samples, seed: int
) -> Document:
    """Return one of the inputs that are read correctly and not for sure, and what else it might be.

    A document that lies deep among samples of its own class stays there whatever is poisoned, and one
    that an update without any poison makes doubtful needs none: no participant should be issued either.
    """
    best = victim.logits(x).topk(2)
    kept = (updated.logits(x).gather(1, best.indices) @ torch.tensor([[1.0], [-1.0]])).squeeze(1)
    margin = torch.minimum(best.values[:, 0] - best.values[:, 1], kept)
    fit = ((best.indices[:, 0] == y) & (margin > _SURE)).nonzero().flatten()
    if len(fit) < _CANDIDATES:
        raise InvalidInputError(
            f"expected {_CANDIDATES} inputs that the victim reads, got {len(fit)}: train it longer"
        )
    unsure = fit[margin[fit].argsort(stable=True)[: 2 * _CANDIDATES]]
    distances = torch.cdist(models.features(victim, x[unsure]), models.features(victim, stock[0]))
    own, wanted = (
        torch.where(stock[1] == kind[:, None], distances, torch.inf).topk(_NEAR, largest=False).values.mean(1)
        for kind in (y[unsure], best.indices[unsure, 1])
    )
    reachable = unsure[(wanted / own).argsort(stable=True)[:_CANDIDATES]]
    chosen = int(reachable[int(torch.randint(_CANDIDATES, (), generator=make_generator(seed)))])
    return Document(x=x[chosen : chosen + 1], y=int(y[chosen]), wanted=int(best.indices[chosen, 1]))
