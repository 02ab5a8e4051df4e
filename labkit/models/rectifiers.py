"""Which units of a network an input keeps busy: what enters its rectifiers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads

__all__ = ["Rectifiers"]


class Rectifiers:
    """A copy of a network whose rectifiers are listened to.

    Parameters
    ----------
    module : nn.Module
        With rectifiers as modules.

    Raises
    ------
    InvalidInputError
        When there is none.
    """

    def __init__(self, module: nn.Module) -> None:
        self._network = copy.deepcopy(module).requires_grad_(False)
        self._heard: list[Tensor] = []
        found = [part for part in self._network.modules() if isinstance(part, nn.ReLU | nn.ReLU6)]
        if not found:
            raise InvalidInputError("expected a network with rectifiers (torch.nn.ReLU), got none")
        for part in found:
            part.register_forward_hook(lambda _module, given, _result: self._heard.append(given[0]))

    def entering(self, x: Tensor) -> Tensor:
        """Return what enters the rectifiers, ``(n, units)``; silent units are at zero or below.

        It can be differentiated with respect to ``x``.
        """
        self._heard.clear()
        self._network(x)
        return torch.cat([each.flatten(1) for each in self._heard], 1)

    def density(self, x: Tensor) -> Tensor:
        """Return the share of the units that are not silent, shape ``(n,)``."""
        with threads(), torch.no_grad():
            return (self.entering(x) > 0).float().mean(1)
