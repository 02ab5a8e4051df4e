"""Bullseye polytope: poison whose features, taken together, are those of a chosen input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.attacks.poisoning._common import (
    check_data,
    class_number,
    classes_in,
    clean_label,
    count_of,
    positions,
)
from labkit.core.checks import finite, interval, length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.poisoning import PoisonedDataset

__all__ = ["bullseye_polytope"]

Features = Callable[[Tensor], Tensor]
Progress = Callable[[int, int, str], None]


def bullseye_polytope(
    x: Tensor,
    y: Tensor,
    *,
    features: Features,
    x_target: Tensor,
    y_target: int,
    poison_rate: float,
    epsilon: float,
    steps: int = 100,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> PoisonedDataset:
    """Move samples of one class until the mean of their features is that of a chosen input.

    No label changes.  A linear layer that calls each poisoned sample by its label calls their mean
    by it, too; nothing forces a single sample to come close, so that less is needed of each than
    for :func:`feature_collision`.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    features : function
        ``(n, ...)`` inputs to ``(n, d)`` features, differentiable, such as
        :func:`labkit.models.penultimate`.
    x_target : Tensor of shape ``(1, ...)``
        The input to be misread.
    y_target : int
        What it is to be read as; the samples of this class whose features are nearest are poisoned.
    poison_rate : float
        Share of all ``n`` samples, rounded down to whole samples.
    epsilon : float
        How far each value of a sample may move.
    steps : int
        Steps of the descent; they grow shorter, down to nothing.
    bounds : tuple of float
        Smallest and largest legal value.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    PoisonedDataset
        With ``y_poisoned`` equal to ``y``.

    Raises
    ------
    InvalidInputError
        When anything handed in is no training set, or does not fit the rest.

    References
    ----------
    Aghakhani et al., "Bullseye Polytope: A Scalable Clean-Label Poisoning Attack with Improved
    Transferability", EuroS&P 2021.  https://arxiv.org/abs/2005.00191
    """
    check_data(x, y)
    budget, total, (low, high) = length("epsilon", epsilon), whole("steps", steps), interval("bounds", bounds)
    target = class_number("y_target", y_target, classes_in(y))
    if finite("x_target", x_target).shape != (1, *x.shape[1:]):
        raise InvalidInputError(
            f"expected x_target of shape {(1, *x.shape[1:])}, one input; got {tuple(x_target.shape)}"
        )
    count = count_of(poison_rate, len(x))
    own = positions(y == target, count, f"samples of class {target}")
    with threads(), torch.no_grad():
        wanted = features(x_target)
        apart = torch.cdist(features(x[own]), wanted).flatten()
    indices = own[apart.argsort(stable=True)[:count]].sort().values
    poison = base = x[indices]
    for step in range(total if count else 0):
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = poison.detach().clone().requires_grad_(True)
            loss = (features(leaf).mean(0, keepdim=True) - wanted.clone()).square().sum()
            (gradient,) = torch.autograd.grad(loss, leaf)
        poison = poison - budget / 4 * (1 - step / total) * gradient.sign()
        poison = (base + (poison - base).clamp(-budget, budget)).clamp(low, high)
        if progress is not None:
            progress(step + 1, total, "moving the mean")
    params = {"poison_rate": float(poison_rate), "epsilon": budget, "steps": total}
    return clean_label(x, y, indices, poison, "bullseye_polytope", params, target)
