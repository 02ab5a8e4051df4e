"""A torch module dressed as a victim."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads

__all__ = ["TorchClassifier"]

_BATCH = 512


class TorchClassifier:
    """White-box access to a torch module that maps inputs to logits.

    The module is put into evaluation mode.  It is shared with the caller, not copied.

    Parameters
    ----------
    module : nn.Module
        Maps ``(n, *input_shape)`` to logits of shape ``(n, classes)``.
    input_shape : tuple of int
        Shape of one input, without the batch axis.
    classes : int
        Number of classes.
    bounds : tuple of float
        Smallest and largest legal value of an input.
    """

    def __init__(
        self,
        module: nn.Module,
        input_shape: tuple[int, ...],
        classes: int,
        bounds: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self._module = module.eval()
        self._input_shape = tuple(input_shape)
        self._classes = classes
        self._bounds = bounds

    @property
    def module(self) -> nn.Module:
        """The module itself."""
        return self._module

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._input_shape

    @property
    def classes(self) -> int:
        return self._classes

    @property
    def bounds(self) -> tuple[float, float]:
        return self._bounds

    @property
    def device(self) -> torch.device:
        """Where the module computes; inputs are brought there and logits back."""
        weight = next(self._module.parameters(), None)
        return torch.device("cpu") if weight is None else weight.device

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, differentiable with respect to ``x``.

        The module may lie on another device than ``x``; the logits are where ``x`` is.
        """
        self._check(x)
        return self._module(x.to(self.device)).to(x.device)

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, float32, with no gradient attached."""
        self._check(x)
        if not len(x):
            return x.new_zeros((0, self._classes), dtype=torch.float32)
        with torch.no_grad(), threads():
            device = self.device
            parts = [self._module(part.to(device)).float() for part in torch.split(x, _BATCH)]
        return torch.cat(parts).to(x.device)

    def __repr__(self) -> str:
        parameters = sum(weight.numel() for weight in self._module.parameters())
        return (
            f"TorchClassifier({type(self._module).__name__}, input_shape={self._input_shape}, "
            f"classes={self._classes}, parameters={parameters})"
        )

    def _check(self, x: Tensor) -> None:
        if tuple(x.shape[1:]) != self._input_shape or not x.is_floating_point():
            raise InvalidInputError(
                f"expected x as floats of shape ('n', {', '.join(map(str, self._input_shape))}), "
                f"got {x.dtype} of shape {tuple(x.shape)}"
            )
