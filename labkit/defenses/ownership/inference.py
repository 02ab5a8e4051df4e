"""Dataset inference: a model that learned from private data stands further from a mistake on it."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.protocols import Classifier, predict
from labkit.core.seeds import derive, make_generator

__all__ = ["walk_lengths"]


def walk_lengths(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    directions: int = 8,
    steps: int = 20,
    reach: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Return how far each input can be moved at random before a model misreads it, ``(n,)``.

    Labels are enough.  An input that is misread at once has length 0; one that is never misread
    has the whole ``reach``.  The longer the walks from private inputs are than those from public
    ones, the likelier the model has learned from the private ones.

    Parameters
    ----------
    model : Classifier
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
    directions : int
        Random walks of each input, averaged; the same for every input.
    steps : int
        Points of each walk.
    reach : float
        Length of a walk in standard deviations of noise on each value.
    seed : int

    References
    ----------
    Maini, Yaghini & Papernot, "Dataset Inference: Ownership Resolution in Machine Learning",
    ICLR 2021.  https://arxiv.org/abs/2104.10706
    """
    directions, steps = whole("directions", directions), whole("steps", steps)
    generator = make_generator(derive(seed, "walk"))
    total = torch.zeros(len(x))
    low, high = model.bounds
    for _ in range(directions):
        towards = torch.randn(x.shape[1:], generator=generator)
        right = torch.ones(len(x), dtype=torch.bool)
        for step in range(steps + 1):
            moved = (x + reach * step / steps * towards).clamp(low, high)
            right &= predict(model, moved) == y
            if step:
                total += right.float() * reach / steps
    return total / directions
