"""Threat models: how far an attacker may move an input, and how that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = ["ROUNDING", "Norm", "ThreatModel"]

ROUNDING = 1e-6
"""Slack of every legality check.

A projection in float32 may land about 1e-7 outside the ball; the slack is far below the
smallest grey level (1/255 = 4e-3) and above that rounding.
"""


class Norm(StrEnum):
    """A distance between inputs of shape ``(n, ...)``, taken over all but the first axis."""

    LINF = "linf"
    L2 = "l2"

    @classmethod
    def _missing_(cls, value: object) -> Norm:
        known = ", ".join(norm.value for norm in cls)
        raise InvalidInputError(f"expected a norm out of {known}; got {value!r}")

    def size(self, delta: Tensor) -> Tensor:
        """Return the length of each perturbation, shape ``(n,)``, in the units of ``x``."""
        flat = delta.flatten(1)
        return flat.abs().amax(1) if self is Norm.LINF else flat.norm(dim=1)

    def project(self, delta: Tensor, epsilon: float) -> Tensor:
        """Return the nearest perturbations that are no longer than ``epsilon``."""
        if self is Norm.LINF:
            return delta.clamp(-epsilon, epsilon)
        length = _per_sample(self.size(delta), delta)
        return delta * (epsilon / length.clamp_min(1e-12)).clamp_max(1.0)

    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the unit steps along which a linear function grows fastest.

        For L-infinity this is the sign of the gradient, for L2 the gradient scaled to
        length one; a zero gradient gives a zero step.
        """
        if self is Norm.LINF:
            return gradient.sign()
        # A confident model has gradients whose squares are zero in float32: scale them up first.
        largest = _per_sample(gradient.flatten(1).abs().amax(1), gradient)
        gradient = gradient / largest.clamp_min(torch.finfo(gradient.dtype).tiny)
        length = _per_sample(self.size(gradient), gradient)
        return gradient / length.clamp_min(1e-12)


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.dim() - 1))


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """What an attacker is allowed: a norm and a budget ``epsilon`` in the units of ``x``."""

    norm: Norm
    epsilon: float

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise InvalidInputError(f"expected epsilon >= 0, got {self.epsilon!r}")
        object.__setattr__(self, "norm", Norm(self.norm))

    def allows(self, x: Tensor, x_adv: Tensor, bounds: tuple[float, float]) -> Tensor:
        """Return shape ``(n,)`` bool: inside the ball, inside the box, and finite."""
        low, high = bounds
        size = self.norm.size(x_adv - x)
        flat = x_adv.flatten(1)
        inside = (flat >= low - ROUNDING).all(1) & (flat <= high + ROUNDING).all(1)
        # A comparison with NaN is False, so NaN in x_adv is never legal.
        return inside & (size <= self.epsilon + ROUNDING)
