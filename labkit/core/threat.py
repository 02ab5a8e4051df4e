"""Threat models: how far an attacker may move an input, and how that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from labkit.core._balls import Box, onto_l0, onto_l1
from labkit.core.errors import InvalidInputError

__all__ = ["ROUNDING", "Norm", "ThreatModel"]

ROUNDING = 1e-6
"""Slack of every legality check.

A projection in float32 may land about 1e-7 outside the ball; the slack is far below the
smallest grey level (1/255 = 4e-3) and above that rounding.  For a budget above one it
grows with the budget, as the rounding of a long sum does.
"""

_SPREAD = 0.05
"""Share of the values that one L1 step moves (Tramèr & Boneh 2019, https://arxiv.org/abs/1904.13000).

The single value with the largest gradient would gain the most, but soon stands at the edge
of the box; a few of them get along.
"""


class Norm(StrEnum):
    """A distance between inputs of shape ``(n, ...)``, taken over all but the first axis.

    ``LINF`` is the largest change of a value, ``L2`` the Euclidean length, ``L1`` the sum of
    all changes, and ``L0`` the number of values that change by more than :data:`ROUNDING`.
    A pixel of three channels counts as three values in all of them.
    """

    LINF = "linf"
    L2 = "l2"
    L1 = "l1"
    L0 = "l0"

    @classmethod
    def _missing_(cls, value: object) -> Norm:
        known = ", ".join(norm.value for norm in cls)
        raise InvalidInputError(f"expected a norm out of {known}; got {value!r}")

    def size(self, delta: Tensor) -> Tensor:
        """Return the length of each perturbation, shape ``(n,)``, in the units of ``x`` (L0: a count)."""
        flat = delta.flatten(1)
        if self is Norm.L2:
            return flat.norm(dim=1)
        moved = flat.abs()
        if self is Norm.LINF:
            return moved.amax(1)
        return moved.sum(1) if self is Norm.L1 else (moved > ROUNDING).sum(1).to(delta.dtype)

    def project(self, delta: Tensor, epsilon: float, box: Box | None = None) -> Tensor:
        """Return the nearest perturbations that are no longer than ``epsilon``.

        Parameters
        ----------
        delta : Tensor of shape ``(n, ...)``
            Perturbations.
        epsilon : float
            The most that they may measure.
        box : pair of Tensor of the shape of ``delta``, optional
            The least (zero or below) and the most (zero or above) that each value may change
            by.  The result lies in the ball and in the box, and is the nearest of all that
            do; for L2 it is shortened first and cut afterwards, which is only near.
        """
        if self is Norm.L1:
            return onto_l1(delta, epsilon, box)
        if self is Norm.L0:
            return onto_l0(delta, int(epsilon + ROUNDING), box)
        if self is Norm.LINF:
            near = delta.clamp(-epsilon, epsilon)
        else:
            length = _per_sample(self.size(delta), delta)
            near = delta * (epsilon / length.clamp_min(1e-12)).clamp_max(1.0)
        return near if box is None else torch.minimum(torch.maximum(near, box[0]), box[1])

    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the unit steps along which a linear function grows fastest.

        For L-infinity this is the sign of the gradient, for L2 the gradient scaled to
        length one.  For L1 the step is shared by the twentieth of the values with the
        largest gradient.  L0 does not limit how far a value moves: the step is the gradient
        scaled so that its largest value is one, and the projection picks among them.  A
        zero gradient gives a zero step.
        """
        if self is Norm.LINF:
            return gradient.sign()
        if self is Norm.L1:
            return _spread(gradient)
        # A confident model has gradients whose squares are zero in float32: scale them up first.
        largest = _per_sample(gradient.flatten(1).abs().amax(1), gradient)
        gradient = gradient / largest.clamp_min(torch.finfo(gradient.dtype).tiny)
        if self is Norm.L0:
            return gradient
        length = _per_sample(self.size(gradient), gradient)
        return gradient / length.clamp_min(1e-12)


def _spread(gradient: Tensor) -> Tensor:
    """Return the sign of the largest values of each gradient, over how many they are."""
    flat = gradient.flatten(1)
    count = max(1, round(_SPREAD * flat.shape[1]))
    chosen = flat.abs().topk(count, dim=1).indices
    step = torch.zeros_like(flat).scatter_(1, chosen, flat.gather(1, chosen).sign() / count)
    return step.view_as(gradient)


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.dim() - 1))


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """What an attacker is allowed: a norm and a budget ``epsilon`` in the units of ``x`` (L0: a count)."""

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
        return inside & (size <= self.epsilon + ROUNDING * max(1.0, self.epsilon))
