"""What a network knows of an input before it decides: the layer below the last."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.models.classifier import TorchClassifier

__all__ = ["features", "penultimate"]

_BATCH = 512


def penultimate(model: TorchClassifier) -> Callable[[Tensor], Tensor]:
    """Return the function from inputs ``(n, ...)`` to what the last linear layer is fed, ``(n, d)``.

    The function can be differentiated.

    Raises
    ------
    InvalidInputError
        When the model is no sequence of layers that ends in a linear one.
    """
    module = getattr(model, "module", None)
    if not isinstance(module, nn.Sequential) or len(module) < 2 or not isinstance(module[-1], nn.Linear):
        raise InvalidInputError(
            f"expected a network whose last layer is linear, such as mlp, cnn or resnet; got {model!r}"
        )
    return module[:-1]


def features(model: TorchClassifier, x: Tensor) -> Tensor:
    """Return what the last layer of ``model`` is fed for inputs ``x``: ``(n, d)`` float32, no gradient."""
    below = penultimate(model)
    with threads(), torch.no_grad():
        return torch.cat([below(part).float() for part in torch.split(x, _BATCH)])
