"""Adam with decoupled weight decay, and the one-cycle learning rate, in a page.

``torch.optim`` imports torch's compiler when it is first used, which costs every kernel
about 80 MB and some seconds.  The victims of the lab need none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

import torch
from torch import Tensor

__all__ = ["AdamW", "one_cycle"]


class AdamW:
    """Adam with decoupled weight decay.

    Parameters
    ----------
    parameters : sequence of Tensor
        What is updated, in place.
    weight_decay : float
        Share of the learning rate by which weights shrink each step.
    betas : tuple of float
        Decay of the running mean and of the running square.
    tiny : float
        Keeps the division finite.

    References
    ----------
    Kingma & Ba, "Adam", ICLR 2015.  https://arxiv.org/abs/1412.6980
    Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    https://arxiv.org/abs/1711.05101
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.999),
        tiny: float = 1e-8,
    ) -> None:
        self._parameters, self._weight_decay = list(parameters), weight_decay
        self._betas, self._tiny = betas, tiny
        self._means = [torch.zeros_like(weight) for weight in parameters]
        self._squares = [torch.zeros_like(weight) for weight in parameters]
        self._steps = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], lr: float) -> None:
        """Move every parameter along its gradient with learning rate ``lr``."""
        self._steps += 1
        first, second = self._betas
        size = lr / (1 - first**self._steps)
        scale = (1 - second**self._steps) ** -0.5
        for weight, gradient, mean, square in zip(
            self._parameters, gradients, self._means, self._squares, strict=True
        ):
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            weight.mul_(1 - lr * self._weight_decay)
            weight.addcdiv_(mean, square.sqrt().mul_(scale).add_(self._tiny), value=-size)


def one_cycle(done: float, *, rise: float = 0.3, start: float = 0.04) -> float:
    """Return the share of the peak learning rate after the share ``done`` of all steps.

    It climbs along a cosine from ``start`` to 1 while ``done`` is below ``rise``, then
    falls to 0.

    References
    ----------
    Smith & Topin, "Super-Convergence", 2018.  https://arxiv.org/abs/1708.07120
    """
    if done < rise:
        return start + (1 - start) * (1 - cos(pi * done / rise)) / 2
    return (1 + cos(pi * (done - rise) / (1 - rise))) / 2
