"""Gradient matching: poison that pulls a training step where an attacker wants it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.attacks.poisoning._common import (
    check_data,
    check_x_target,
    class_number,
    clean_label,
    count_of,
    draw,
)
from labkit.core.checks import interval, length, whole
from labkit.core.machine import threads
from labkit.core.poisoning import PoisonedDataset
from labkit.core.seeds import make_generator
from labkit.models import TorchClassifier

__all__ = ["gradient_matching"]

Progress = Callable[[int, int, str], None]


def gradient_matching(
    x: Tensor,
    y: Tensor,
    *,
    model: TorchClassifier,
    x_target: Tensor,
    y_target: int,
    poison_rate: float,
    epsilon: float,
    steps: int = 60,
    seed: int | torch.Generator = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> PoisonedDataset:
    """Change samples of one class so that training on them is like training on a lie about one input.

    The gradient of the loss on the poison is turned toward the gradient of the loss on ``x_target``
    with the label ``y_target``: a network that is trained from scratch on the set learns the lie
    without ever having seen it.  No label changes.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    model : TorchClassifier
        A network that was trained on clean data of the kind; a copy of it is used.
    x_target : Tensor of shape ``(m, ...)``
        The inputs to be misread.
    y_target : int
        What they are to be read as; samples of this class are poisoned.
    poison_rate : float
        Share of all ``n`` samples, rounded down to whole samples.
    epsilon : float
        How far each value of a sample may move.
    steps : int
        Steps of the descent.
    seed : int or torch.Generator
        Which samples of the class are poisoned, and where the search begins.
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
    Geiping et al., "Witches' Brew: Industrial Scale Data Poisoning via Gradient Matching",
    ICLR 2021.  https://arxiv.org/abs/2009.02276
    """
    check_data(x, y)
    budget, total, (low, high) = length("epsilon", epsilon), whole("steps", steps), interval("bounds", bounds)
    target = class_number("y_target", y_target, model.classes)
    check_x_target(x_target, x)
    generator, count = make_generator(seed), count_of(poison_rate, len(x))
    indices = draw(y == target, count, generator, f"samples of class {target}")
    base = x[indices]
    poison = base + budget * (2 * torch.rand(base.shape, generator=generator, dtype=x.dtype) - 1)
    poison = poison.clamp(low, high)
    if count:
        match = _Match(model, x_target, target)
        for step in range(total):
            gradient = match(poison, y[indices])
            poison = poison - budget / 4 * (1 - step / total) * gradient.sign()
            poison = (base + (poison - base).clamp(-budget, budget)).clamp(low, high)
            if progress is not None:
                progress(step + 1, total, "matching gradients")
    params = {
        "poison_rate": float(poison_rate),
        "epsilon": budget,
        "steps": total,
        "seed": seed if isinstance(seed, int) else None,
    }
    return clean_label(x, y, indices, poison, "gradient_matching", params, target)


class _Match:
    """How far the gradient on the poison points away from the one that the attacker wants."""

    def __init__(self, model: TorchClassifier, x_target: Tensor, target: int) -> None:
        self.network: nn.Module = copy.deepcopy(model.module).requires_grad_(True)
        self.weights = list(self.network.parameters())
        wanted = torch.full((len(x_target),), target)
        with threads(), torch.inference_mode(False), torch.enable_grad():
            loss = functional.cross_entropy(self.network(x_target.clone()), wanted)
            self.aim = [part.detach() for part in torch.autograd.grad(loss, self.weights)]

    def __call__(self, poison: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of one minus the cosine, with respect to the poison."""
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = poison.detach().clone().requires_grad_(True)
            loss = functional.cross_entropy(self.network(leaf), y.clone())
            step = torch.autograd.grad(loss, self.weights, create_graph=True)
            along = torch.stack(
                [(one * other).sum() for one, other in zip(step, self.aim, strict=True)]
            ).sum()
            lengths = [
                torch.stack([part.square().sum() for part in parts]).sum().sqrt()
                for parts in (step, self.aim)
            ]
            (gradient,) = torch.autograd.grad(1 - along / (lengths[0] * lengths[1] + 1e-12), leaf)
        return gradient
