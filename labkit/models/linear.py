"""Linear victims in double precision: a score, or a logistic regression, whose weights one can compare."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = ["LinearClassifier"]


class LinearClassifier:
    """A model ``x @ weights.T + bias`` in float64; black-box only.

    With one row of weights it is a score; with several, the logits of a logistic regression.

    Parameters
    ----------
    weights : Tensor of shape ``(outputs, d)``
    bias : Tensor of shape ``(outputs,)``
    input_shape : tuple of int, optional
        Shape of one input; ``(d,)`` unless given.
    bounds : tuple of float
        Smallest and largest legal value of an input.

    Raises
    ------
    InvalidInputError
        When the shapes do not fit, or something is not finite.
    """

    def __init__(
        self,
        weights: Tensor,
        bias: Tensor,
        input_shape: tuple[int, ...] | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self.weights, self.bias = weights.detach().double().clone(), bias.detach().double().clone()
        if self.weights.dim() != 2 or self.bias.shape != self.weights.shape[:1]:
            raise InvalidInputError(
                f"expected weights (outputs, d) and bias (outputs,), got {tuple(weights.shape)} "
                f"and {tuple(bias.shape)}"
            )
        self._input_shape = (self.weights.shape[1],) if input_shape is None else tuple(input_shape)
        if torch.Size(self._input_shape).numel() != self.weights.shape[1]:
            raise InvalidInputError(
                f"expected inputs of {self.weights.shape[1]} values, got {self._input_shape}"
            )
        if not bool(self.weights.isfinite().all() and self.bias.isfinite().all()):
            raise InvalidInputError("expected finite weights and bias, got NaN or infinity")
        self._bounds = bounds

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._input_shape

    @property
    def classes(self) -> int:
        return len(self.bias)

    @property
    def bounds(self) -> tuple[float, float]:
        return self._bounds

    def logits(self, x: Tensor) -> Tensor:
        """Return ``x @ weights.T + bias``, shape ``(n, outputs)``, float64, with no gradient attached."""
        if tuple(x.shape[1:]) != self._input_shape or not x.is_floating_point():
            raise InvalidInputError(
                f"expected x as floats of shape ('n', {', '.join(map(str, self._input_shape))}), "
                f"got {x.dtype} of shape {tuple(x.shape)}"
            )
        return x.detach().double().flatten(1) @ self.weights.T + self.bias
