"""What an input costs a network: the share of its units that are not silent."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.models import TorchClassifier

__all__ = ["activation_density"]


def activation_density(model: TorchClassifier, x: Tensor) -> Tensor:
    """Return the share of the outputs of rectifiers above zero for each input, shape ``(n,)``.

    Hardware that skips multiplications by zero spends about in proportion to it; on hardware that
    does not, it says nothing about energy.

    Parameters
    ----------
    model : TorchClassifier
        With rectifiers as modules; it is copied.
    x : Tensor of shape ``(n, ...)``

    Raises
    ------
    InvalidInputError
        When the model has no rectifier.

    References
    ----------
    Shumailov et al. 2021, section 3.  https://arxiv.org/abs/2006.03463
    """
    network = copy.deepcopy(model.module)
    heard: list[Tensor] = []
    rectifiers = [part for part in network.modules() if isinstance(part, nn.ReLU | nn.ReLU6)]
    if not rectifiers:
        raise InvalidInputError("expected a network with rectifiers (torch.nn.ReLU), got none")
    for part in rectifiers:
        part.register_forward_hook(lambda _module, _given, result: heard.append((result > 0).flatten(1)))
    with threads(), torch.no_grad():
        network(x)
    return torch.cat(heard, 1).float().mean(1)
