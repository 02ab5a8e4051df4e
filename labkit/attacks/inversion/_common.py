"""What the attacks of this package share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.attacks.inversion.prior import Prior
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier

__all__ = ["Progress", "adam", "check_prior", "check_targets", "roughness"]

Progress = Callable[[int, int, str], None]


def check_targets(y_target: Tensor, classes: int) -> Tensor:
    """Return the classes aimed at, or say what is wrong with them."""
    try:
        y = torch.as_tensor(y_target)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInputError(f"expected y_target as int64 of shape (n,), got {y_target!r}") from None
    if y.dtype != torch.int64 or y.dim() != 1 or not len(y):
        raise InvalidInputError(
            f"expected y_target as int64 of shape (n,) with one class or more, got {y.dtype} {tuple(y.shape)}"
        )
    if int(y.min()) < 0 or int(y.max()) >= classes:
        raise InvalidInputError(f"expected classes from 0 to {classes - 1}, got {y.tolist()}")
    return y


def check_prior(prior: Prior, model: Classifier) -> Prior:
    """Return the prior, or say that it describes other inputs than the model takes."""
    if not isinstance(prior, Prior):
        raise InvalidInputError(f"expected a Prior, got {type(prior).__name__}: see fit_prior()")
    if tuple(prior.mean.shape) != tuple(model.input_shape):
        raise InvalidInputError(
            f"expected a prior of inputs of shape {tuple(model.input_shape)}, as the model takes them; "
            f"got one of shape {tuple(prior.mean.shape)}: fit it on inputs of that shape"
        )
    return prior


def roughness(x: Tensor) -> Tensor:
    """Return the total variation of each picture, ``(n,)``: mean step between neighbours; 0 for tables."""
    if x.dim() != 4:
        return x.new_zeros(len(x))
    down = (x[:, :, 1:] - x[:, :, :-1]).abs().flatten(1).mean(1)
    across = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().flatten(1).mean(1)
    return down + across


def adam(
    start: Tensor,
    loss: Callable[[Tensor], Tensor],
    *,
    steps: int,
    lr: float,
    project: Callable[[Tensor], Tensor] | None = None,
    progress: Progress | None = None,
    words: str = "reconstructing",
) -> tuple[Tensor, Tensor]:
    """Minimise ``loss(value).sum()`` from ``start``, and return the value and its losses ``(n,)``.

    A small Adam of its own (Kingma & Ba 2015): the step falls to a tenth along a cosine.
    """
    value = start.clone()
    mean, square = torch.zeros_like(value), torch.zeros_like(value)
    with torch.enable_grad():
        for step in range(1, steps + 1):
            probe = value.detach().requires_grad_()
            (slope,) = torch.autograd.grad(loss(probe).sum(), probe)
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            size = lr * (0.55 + 0.45 * float(torch.cos(torch.tensor(torch.pi * (step - 1) / steps))))
            move = mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
            value = value - size * move
            if project is not None:
                value = project(value)
            if progress is not None and (step % 10 == 0 or step == steps):
                progress(step, steps, words)
    value = value.detach()
    return value, loss(value).detach()
