"""The zoo: victims by architecture and data set, trained on first use."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from labkit.core.protocols import Classifier
from labkit.core.seeds import derive
from labkit.models.architectures import build
from labkit.models.training import Progress, train

__all__ = ["VictimData", "load_victim"]


class _Split(Protocol):
    @property
    def x(self) -> Tensor: ...
    @property
    def y(self) -> Tensor: ...


class VictimData(Protocol):
    """What the zoo needs of a data set; ``labkit.data.Dataset`` fits."""

    @property
    def train(self) -> _Split: ...


def load_victim(
    architecture: str, dataset: VictimData, *, seed: int = 0, progress: Progress | None = None
) -> Classifier:
    """Return the trained victim."""
    x, y = dataset.train.x, dataset.train.y
    classes = int(y.max()) + 1
    module = build(architecture, tuple(x.shape[1:]), classes, seed=derive(seed, "weights"))
    return train(module, x, y, epochs=20, seed=seed, progress=progress)
