"""What attacks on membership read off an answer."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.checks import class_numbers, floats
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier

__all__ = ["answers", "true_confidence"]


def answers(model: Classifier, x: Tensor, y: Tensor) -> Tensor:
    """Return the logits of a victim for candidates whose classes are known, ``(n, classes)``."""
    if tuple(floats("x", x, axes=1).shape[1:]) != tuple(model.input_shape):
        raise InvalidInputError(
            f"expected x of shape (n, {', '.join(map(str, model.input_shape))}), got {tuple(x.shape)}"
        )
    class_numbers("y", y, len(x), model.classes)
    if not len(x):
        raise InvalidInputError("expected one candidate or more, got none")
    with torch.no_grad(), threads():
        return model.logits(x)


def true_confidence(logits: Tensor, y: Tensor) -> Tensor:
    """Return ``log(p / (1 - p))`` of the recorded class, ``(..., n)``.

    Unlike a probability or a loss it is close to a normal distribution over models, and it
    is computed without ever forming ``1 - p``, so it stays exact where ``p`` rounds to 1.

    Parameters
    ----------
    logits : Tensor of shape ``(..., n, classes)``
    y : Tensor of shape ``(n,)``, int64
    """
    own = functional.one_hot(y, logits.shape[-1]).bool().expand(logits.shape)
    others = logits.masked_fill(own, -torch.inf).logsumexp(-1)
    return (logits.masked_fill(~own, 0.0).sum(-1) - others).clamp(-1e4, 1e4)
