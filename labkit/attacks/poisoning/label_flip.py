"""Flip labels: the inputs stay, what is said of them changes."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.poisoning._common import check_data, class_number, count_of, draw
from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.poisoning import PoisonedDataset
from labkit.core.seeds import make_generator

__all__ = ["label_flip"]


def label_flip(
    x: Tensor,
    y: Tensor,
    *,
    poison_rate: float,
    classes: int,
    y_source: int | None = None,
    y_target: int | None = None,
    seed: int | torch.Generator = 0,
) -> PoisonedDataset:
    """Give some samples a wrong label.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    poison_rate : float
        Share of all ``n`` samples that is flipped, rounded down to whole samples.
    classes : int
        Number of classes.
    y_source : int, optional
        Flip samples of this class only; by default of every class (but not of ``y_target``).
    y_target : int, optional
        The label that they get; by default any wrong one, each as likely.
    seed : int or torch.Generator
        Decides which samples are flipped, and to what.

    Returns
    -------
    PoisonedDataset
        With ``x_poisoned`` equal to ``x``.

    Raises
    ------
    InvalidInputError
        When there are too few samples to flip, source and target are the same class, or labels
        and classes do not fit together.

    References
    ----------
    Biggio, Nelson & Laskov, "Support Vector Machines Under Adversarial Label Noise", ACML 2011.
    """
    check_data(x, y)
    whole("classes", classes, at_least=2)
    if int(y.max()) >= classes:
        raise InvalidInputError(
            f"expected labels from 0 to {classes - 1}, got {int(y.max())}: classes is too small for y"
        )
    for name, value in (("y_source", y_source), ("y_target", y_target)):
        if value is not None:
            class_number(name, value, classes)
    if y_source is not None and y_source == y_target:
        raise InvalidInputError(f"expected y_source and y_target to differ, got {y_source} twice")
    generator = make_generator(seed)
    eligible = torch.ones_like(y, dtype=torch.bool) if y_source is None else y == y_source
    if y_target is not None:
        eligible &= y != y_target
    indices = draw(eligible, count_of(poison_rate, len(y)), generator, "samples of the source class")
    flipped = y.clone()
    if y_target is None:
        # Adding 1 to classes - 1 goes round the circle of classes and never comes home.
        by = torch.randint(1, classes, (len(indices),), generator=generator)
        flipped[indices] = (y[indices] + by) % classes
    else:
        flipped[indices] = y_target
    return PoisonedDataset(
        x=x,
        y=y,
        x_poisoned=x.clone(),
        y_poisoned=flipped,
        indices=indices,
        attack="label_flip",
        params={
            "poison_rate": float(poison_rate),
            "y_source": y_source,
            "y_target": y_target,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=y_target,
    )
