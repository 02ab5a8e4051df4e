"""Feature collision: correctly labelled samples that a network takes for something else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.attacks.poisoning._common import (
    check_data,
    check_x_target,
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

__all__ = ["feature_collision"]

Features = Callable[[Tensor], Tensor]
Progress = Callable[[int, int, str], None]


def feature_collision(
    x: Tensor,
    y: Tensor,
    *,
    features: Features,
    x_target: Tensor,
    y_target: int,
    poison_rate: float,
    epsilon: float,
    steps: int = 100,
    step_size: float | None = None,
    pull: float = 0.005,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> PoisonedDataset:
    """Move samples of one class, a little, until their features are those of chosen inputs.

    No label changes: a person who looks at a poisoned sample agrees with what it says.  A
    classifier that is trained on these features must then call what lies there by the label
    of the poison, the chosen inputs too.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    features : function
        ``(n, ...)`` inputs to ``(n, d)`` features, differentiable: what the attacker knows
        of the victim, such as :func:`labkit.models.penultimate` of it.
    x_target : Tensor of shape ``(m, ...)``
        The inputs to be misread.  Poison is dealt out to them in turn.
    y_target : int
        What they are to be read as; samples of this class are poisoned, those first whose
        features are nearest to the input that they are dealt to.
    poison_rate : float
        Share of all ``n`` samples, rounded down to whole samples.
    epsilon : float
        How far each value of a sample may move.
    steps : int
        Steps of the descent.
    step_size : float, optional
        Length of the first step for each value; by default a quarter of ``epsilon``.  The
        steps grow shorter, down to nothing.
    pull : float
        How strongly each step draws the sample back to what it was (the proximal step).
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
        When anything handed in is no training set, no number of its kind, or does not fit the rest.

    References
    ----------
    Shafahi et al., "Poison Frogs! Targeted Clean-Label Poisoning Attacks on Neural Networks",
    NeurIPS 2018: forward step on the distance of features, backward step towards the base.
    The limit ``epsilon`` and the sign of the gradient are ours, so that a rule can be stated.
    """
    check_data(x, y)
    budget, total = length("epsilon", epsilon), whole("steps", steps)
    drawn_back, (low, high) = length("pull", pull), interval("bounds", bounds)
    target = class_number("y_target", y_target, classes_in(y))
    if finite("x_target", x_target).dtype != x.dtype:
        raise InvalidInputError(f"expected x_target of {x.dtype}, as x is, got {x_target.dtype}")
    check_x_target(x_target, x)
    first = budget / 4 if step_size is None else length("step_size", step_size)
    chosen, aims = _deal(x, y, features, x_target, target, count_of(poison_rate, len(x)))
    poison = base = x[chosen]
    if len(chosen):
        with threads(), torch.no_grad():
            wanted = features(x_target)[aims].detach()
        for step in range(total):
            poison = _step(poison, base, wanted, features, first * (1 - step / total), drawn_back)
            poison = (base + (poison - base).clamp(-budget, budget)).clamp(low, high)
            if progress is not None:
                progress(step + 1, total, "colliding features")
    indices, order = chosen.sort()
    params = {
        "poison_rate": float(poison_rate),
        "epsilon": budget,
        "steps": total,
        "step_size": first,
        "pull": drawn_back,
    }
    return clean_label(x, y, indices, poison[order], "feature_collision", params, target)


def _deal(
    x: Tensor, y: Tensor, features: Features, x_target: Tensor, target: int, count: int
) -> tuple[Tensor, Tensor]:
    """Return which samples become poison and which input each is dealt to, ``(k,)`` int64 both."""
    own = positions(y == target, count, f"samples of class {target}")
    with threads(), torch.no_grad():
        distance = torch.cdist(features(x_target), features(x[own]))
    free = torch.ones(len(own), dtype=torch.bool)
    chosen, aims = [], []
    for turn in range(count):
        aim = turn % len(x_target)
        nearest = int(torch.where(free, distance[aim], torch.inf).argmin())
        free[nearest] = False
        chosen.append(int(own[nearest]))
        aims.append(aim)
    return torch.tensor(chosen, dtype=torch.int64), torch.tensor(aims, dtype=torch.int64)


def _step(poison: Tensor, base: Tensor, wanted: Tensor, features: Features, by: float, pull: float) -> Tensor:
    with threads(), torch.inference_mode(False), torch.enable_grad():
        leaf = poison.detach().clone().requires_grad_(True)
        apart = (features(leaf) - wanted.clone()).square().sum()
        (gradient,) = torch.autograd.grad(apart, leaf)
    forward = leaf.detach() - by * gradient.sign()
    return (forward + pull * base) / (1 + pull)
