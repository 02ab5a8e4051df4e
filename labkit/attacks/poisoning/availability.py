"""Availability poisoning: data that look right and teach nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.attacks.evasion import pgd
from labkit.attacks.poisoning._common import check_data, clean_label, count_of
from labkit.core.checks import length, whole
from labkit.core.poisoning import PoisonedDataset
from labkit.core.protocols import DifferentiableClassifier
from labkit.core.seeds import make_generator

__all__ = ["adversarial_poison"]

Progress = Callable[[int, int, str], None]


def adversarial_poison(
    x: Tensor,
    y: Tensor,
    *,
    surrogate: DifferentiableClassifier,
    poison_rate: float,
    epsilon: float,
    steps: int = 40,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> PoisonedDataset:
    """Give samples the features of another class, and leave their labels as they are.

    Each sample is moved toward the class after its own, as a surrogate sees it.  Whoever trains on
    the set learns that these features belong to the wrong class, and reads clean inputs wrongly.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set, within the bounds of the surrogate; left as it was.
    surrogate : DifferentiableClassifier
        A network that was trained on clean data of the kind.
    poison_rate : float
        Share of all ``n`` samples, rounded down; the effect needs most of them.
    epsilon : float
        How far each value of a sample may move.
    steps : int
        Steps of the search.
    seed : int or torch.Generator
        Which samples are poisoned, and where the search begins.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    PoisonedDataset
        With ``y_poisoned`` equal to ``y``.

    References
    ----------
    Fowl et al., "Adversarial Examples Make Strong Poisons", NeurIPS 2021.
    https://arxiv.org/abs/2106.10807
    """
    check_data(x, y)
    budget, total, generator = length("epsilon", epsilon), whole("steps", steps), make_generator(seed)
    indices = torch.randperm(len(x), generator=generator)[: count_of(poison_rate, len(x))].sort().values
    poison = x[indices]
    if len(indices):
        poison = pgd(
            surrogate,
            poison,
            y[indices],
            epsilon=budget,
            steps=total,
            y_target=(y[indices] + 1) % surrogate.classes,
            early_stop=False,
            seed=generator,
            progress=progress,
        ).x_adv
    params = {
        "poison_rate": float(poison_rate),
        "epsilon": budget,
        "steps": total,
        "seed": seed if isinstance(seed, int) else None,
    }
    return clean_label(x, y, indices, poison, "adversarial_poison", params)
