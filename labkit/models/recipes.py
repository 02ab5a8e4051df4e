"""How each victim is trained: one table, by architecture and size of the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import UnknownNameError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive
from labkit.models.architectures import ARCHITECTURES, build
from labkit.models.training import Progress, train
from labkit.models.trees import grow_trees

__all__ = ["fit", "recipe", "shift"]

Settings = dict[str, Any]

_LARGE = 1024
"""From this many values on, an input takes the second recipe of its architecture."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Settings for small inputs, and what large inputs change in them."""

    small: Mapping[str, Any]
    large: Mapping[str, Any]


_RECIPES = {
    "cnn": _Recipe(
        {"epochs": 30, "lr": 3e-3, "batch_size": 64, "shift": 1},
        {"epochs": 20, "lr": 5e-3, "weight_decay": 1e-2, "shift": 2},
    ),
    "resnet": _Recipe(
        {"epochs": 20, "lr": 5e-3, "batch_size": 64, "shift": 1},
        {"epochs": 14, "lr": 6e-3, "batch_size": 96, "weight_decay": 1e-3, "shift": 2},
    ),
    "mlp": _Recipe({"epochs": 30, "lr": 3e-3, "batch_size": 64}, {"epochs": 20}),
    "logistic": _Recipe({"epochs": 40, "lr": 2e-2, "batch_size": 64}, {"epochs": 20, "lr": 2e-3}),
    "gbt": _Recipe({"stages": 60, "depth": 3, "rate": 0.2}, {}),
}


def recipe(architecture: str, input_shape: tuple[int, ...]) -> Settings:
    """Return the settings that a victim of this architecture and input is trained with.

    Raises
    ------
    UnknownNameError
        When there is no such architecture.
    """
    if architecture not in _RECIPES:
        raise UnknownNameError("architecture", architecture, ARCHITECTURES)
    found = _RECIPES[architecture]
    return {**found.small, **(found.large if prod(input_shape) >= _LARGE else {})}


def fit(
    architecture: str, x: Tensor, y: Tensor, classes: int, *, seed: int, progress: Progress | None
) -> Classifier:
    """Train a victim by its recipe.  The same arguments give the same victim on one machine."""
    settings = recipe(architecture, tuple(x.shape[1:]))
    return _FITTERS.get(architecture, partial(_fit_network, architecture))(
        x, y, classes, settings, seed, progress
    )


_Fitter = Callable[[Tensor, Tensor, int, Settings, int, Progress | None], Classifier]


def _fit_network(
    architecture: str,
    x: Tensor,
    y: Tensor,
    classes: int,
    settings: Settings,
    seed: int,
    progress: Progress | None,
) -> Classifier:
    reach = int(settings.pop("shift", 0))
    augment = partial(shift, reach=reach) if reach else None
    module = build(architecture, tuple(x.shape[1:]), classes, seed=derive(seed, "weights"))
    return train(module, x, y, seed=seed, augment=augment, progress=progress, **settings)


def _fit_trees(
    x: Tensor,
    y: Tensor,
    classes: int,
    settings: Settings,
    seed: int,
    progress: Progress | None,
) -> Classifier:
    return grow_trees(x, y, classes, seed=seed, progress=progress, **settings)


_FITTERS: dict[str, _Fitter] = {"gbt": _fit_trees}


def shift(x: Tensor, generator: torch.Generator, *, reach: int) -> Tensor:
    """Move every image by up to ``reach`` pixels each way; the edge pixels are repeated."""
    n, _, height, width = x.shape
    down, right = torch.randint(-reach, reach + 1, (2, n, 1), generator=generator)
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + right).clamp(0, width - 1)
    samples = torch.arange(n)
    moved = x.permute(0, 2, 3, 1)[samples[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)
