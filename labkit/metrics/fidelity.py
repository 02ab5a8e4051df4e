"""How good a copy is: agreement with the original, and the error of recovered parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, predict
from labkit.metrics.rates import Rate

__all__ = ["fidelity", "parameter_error"]


def fidelity(model: Classifier, surrogate: Classifier, x: Tensor) -> Rate:
    """Return the share of inputs on which a copy names the class that the original names.

    An answer of the copy that is not finite agrees with nothing.

    Parameters
    ----------
    model : Classifier
        The original.
    surrogate : Classifier
        The copy.
    x : Tensor of shape ``(n, ...)``
        Inputs that neither was trained on, drawn from where the copy will be used: fidelity says
        nothing about inputs of another kind.

    Raises
    ------
    InvalidInputError
        When the two do not answer for the same classes.

    References
    ----------
    Jagielski et al., "High Accuracy and High Fidelity Extraction of Neural Networks", USENIX
    Security 2020.  https://arxiv.org/abs/1909.01838
    """
    if surrogate.classes != model.classes:
        raise InvalidInputError(
            f"expected a copy with {model.classes} classes, as the original has; got {surrogate.classes}"
        )
    said = surrogate.logits(x)
    told = said.isfinite().all(1)
    return Rate.of(told & (said.nan_to_num().argmax(1) == predict(model, x)))


def parameter_error(
    found: tuple[Tensor, Tensor], true: tuple[Tensor, Tensor], *, up_to_shift: bool = False
) -> float:
    """Return the largest error of any recovered weight or bias.

    Parameters
    ----------
    found, true : (weights, bias)
        Tensors of shape ``(outputs, d)`` and ``(outputs,)``.
    up_to_shift : bool
        Compare after the mean over the outputs was taken off both, as a softmax does not see it.

    Raises
    ------
    InvalidInputError
        When shapes differ.
    """
    worst = 0.0
    for ours, theirs in zip(found, true, strict=True):
        if ours.shape != theirs.shape:
            raise InvalidInputError(f"expected shape {tuple(theirs.shape)}, got {tuple(ours.shape)}")
        a, b = ours.detach().double(), theirs.detach().double()
        if up_to_shift:
            a, b = a - a.mean(0, keepdim=True), b - b.mean(0, keepdim=True)
        gap = (a - b).abs()
        worst = max(worst, float(torch.where(gap.isfinite(), gap, torch.inf).max()) if gap.numel() else 0.0)
    return worst
