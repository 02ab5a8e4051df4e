"""Fast trainings as a contractor hands them in: some are sound, some have collapsed without telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.evasion import fgsm
from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.robustness.shelf import Kept, Progress, kept
from labkit.data import Dataset
from labkit.defenses.robust_training import fast_adversarial_training
from labkit.models import TorchClassifier, build

__all__ = ["RECIPES", "RUNS", "Run", "drawn_runs"]

RUNS = 4
"""Trainings in one variant."""

_SNAPSHOTS = 2  # epochs between two networks that are kept
_EPOCHS = 24
_SHOWN = 200  # inputs behind the contractor's own curve

_COMMON = {"lr": 3e-3, "batch_size": 64}

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "random start": {"epsilon": 0.15, "random_start": True, **_COMMON},
        "one step": {"epsilon": 0.15, "random_start": False, **_COMMON},
        # On inputs of 64 values it takes a step this long, without a random start, to collapse.
        "long step": {"epsilon": 0.38, "random_start": False, **_COMMON},
    }
)
"""How the contractor's networks are trained; nobody is told which is which."""

_POOL = (
    *(("random start", seed) for seed in (0, 1)),
    *(("one step", seed) for seed in (0, 1)),
    *(("long step", seed) for seed in (2, 7, 8, 11)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One training: its networks along the way, and the curve that came with it.

    Attributes
    ----------
    name : str
        ``"A"`` to ``"D"``.
    epochs : tuple of int
        When the networks were kept.
    models : tuple of TorchClassifier
        One for each of those epochs; the last is what the contractor delivers.
    claimed : tuple of float
        Accuracy under FGSM at the budget of the scenario, as the contractor measured it on
        training data, at each of those epochs.
    """

    name: str
    epochs: tuple[int, ...]
    models: tuple[TorchClassifier, ...]
    claimed: tuple[float, ...]

    @property
    def model(self) -> TorchClassifier:
        """What is delivered."""
        return self.models[-1]


def drawn_runs(
    architecture: str, dataset: Dataset, epsilon: float, seed: int, progress: Progress | None = None
) -> tuple[Run, ...]:
    """Return the four trainings of a variant, one to three of them collapsed, in an order of its own."""
    pool = _pool(architecture, dataset, epsilon, progress)
    generator = make_generator(derive(seed, "runs"))
    sound = [name for name in pool if not name.startswith("long")]
    bad = [name for name in pool if name.startswith("long")]
    count = int(torch.randint(1, RUNS, (1,), generator=generator))
    chosen = _some(bad, count, generator) + _some(sound, RUNS - count, generator)
    order = torch.randperm(RUNS, generator=generator).tolist()
    return tuple(_run("ABCD"[i], pool[chosen[place]]) for i, place in enumerate(order))


@dataclass(frozen=True, slots=True, eq=False)
class _Trained:
    """One network of the pool, as it was after some epochs."""

    architecture: str
    input_shape: tuple[int, ...]
    classes: int
    weights: dict[str, Tensor]
    facts: Mapping[str, Any]


def _run(name: str, of: _Trained) -> Run:
    epochs = tuple(int(each) for each in of.facts["epochs"])
    models = []
    for place in range(len(epochs)):
        module = build(of.architecture, of.input_shape, of.classes)
        module.load_state_dict({key: values[place] for key, values in of.weights.items()})
        models.append(TorchClassifier(module.requires_grad_(False), of.input_shape, of.classes))
    return Run(name, epochs, tuple(models), tuple(float(each) for each in of.facts["claimed"]))


def _pool(
    architecture: str, dataset: Dataset, epsilon: float, progress: Progress | None
) -> dict[str, _Trained]:
    shape, classes = tuple(dataset.train.x.shape[1:]), len(dataset.card.classes)
    made, total = {}, len(_POOL)
    for number, (recipe, seed) in enumerate(_POOL):

        def tell(done: int, of: int, message: str, number: int = number) -> None:
            if progress is not None:
                progress(
                    100 * number + 100 * done // max(1, of), 100 * total, f"contractor's runs: {message}"
                )

        def make(report: Progress | None, recipe: str = recipe, seed: int = seed) -> Kept:
            return _train(architecture, dataset, recipe, seed, epsilon, report)

        settings = {**RECIPES[recipe], "epochs": _EPOCHS, "seed": seed, "budget": epsilon}
        tensors, facts = kept(f"run-{number}", settings, architecture, dataset, make, tell)
        made[f"{recipe} {seed}"] = _Trained(architecture, shape, classes, tensors, facts)
    return made


def _train(
    architecture: str, dataset: Dataset, recipe: str, seed: int, epsilon: float, progress: Progress | None
) -> Kept:
    shown = slice(0, _SHOWN)
    x, y = dataset.train.x[shown], dataset.train.y[shown]
    epochs: list[int] = []
    claimed: list[float] = []
    weights: dict[str, list[Tensor]] = {}

    def after_epoch(epoch: int, model: TorchClassifier) -> None:
        if epoch % _SNAPSHOTS:
            return
        epochs.append(epoch)
        x_adv = fgsm(model, x, y, epsilon=epsilon).x_adv
        claimed.append(float((predict(model, x_adv) == y).float().mean()))
        for name, part in model.module.state_dict().items():
            weights.setdefault(name, []).append(part.detach().clone())

    fast_adversarial_training(
        architecture,
        dataset.train.x,
        dataset.train.y,
        classes=len(dataset.card.classes),
        epochs=_EPOCHS,
        seed=seed,
        progress=progress,
        after_epoch=after_epoch,
        **RECIPES[recipe],
    )
    return {name: torch.stack(parts) for name, parts in weights.items()}, {
        "epochs": epochs,
        "claimed": claimed,
    }


def _some(names: list[str], count: int, generator: torch.Generator) -> list[str]:
    return [names[place] for place in torch.randperm(len(names), generator=generator)[:count].tolist()]
