"""What the evasion attacks share: losses, gradients, the legal range, checks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.checks import length
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier, DifferentiableClassifier, check_batch
from labkit.core.threat import Norm

Progress = Callable[[int, int, str], None]


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each sample, shape ``(n,)``."""
    return functional.cross_entropy(logits, y, reduction="none")


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Best other logit minus the logit of ``y``: above zero means misread (Carlini & Wagner 2017)."""
    own = logits.gather(1, y[:, None]).squeeze(1)
    others = logits.scatter(1, y[:, None], -torch.inf)
    return others.amax(1) - own


def dlr(logits: Tensor, y: Tensor) -> Tensor:
    """Difference of logits ratio: the margin, whatever the scale of the logits (Croce & Hein 2020).

    A model that is very sure of itself has a cross-entropy without a gradient; this ratio keeps one.
    """
    if logits.shape[1] < 3:
        raise InvalidInputError(
            f"expected three classes or more for the loss 'dlr', got {logits.shape[1]}: use 'margin'"
        )
    best = logits.topk(3, dim=1).values
    return margin(logits, y) / (best[:, 0] - best[:, 2] + 1e-12)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "dlr": dlr,
}
"""What a gradient attack climbs, by name."""


def find_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    if name not in LOSSES:
        raise UnknownNameError("loss", name, LOSSES)
    return LOSSES[name]


def logits_and_gradient(
    model: DifferentiableClassifier,
    x: Tensor,
    y: Tensor,
    y_target: Tensor | None,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Return the logits at ``x`` and the direction in which the attacker gains, both detached.

    Untargeted attacks climb the loss of the true class, targeted ones descend that of the
    target.  Only the gradient of the input is computed, so the victim's parameters are
    left as they were.
    """
    # A caller may be in inference mode, whose tensors autograd cannot follow: copy them.
    with threads(), torch.inference_mode(False), torch.enable_grad():
        leaf = x.detach().clone().requires_grad_(True)
        logits = model.forward(leaf)
        goal = loss(logits, y.clone()).sum() if y_target is None else -loss(logits, y_target.clone()).sum()
        (gradient,) = torch.autograd.grad(goal, leaf)
    return logits.detach(), gradient


def misread(logits: Tensor, y: Tensor, y_target: Tensor | None) -> Tensor:
    """Return shape ``(n,)`` bool: whether the attacker has what they wanted."""
    read = logits.argmax(1)
    return read != y if y_target is None else read == y_target


def inside(x: Tensor, delta: Tensor, epsilon: float, norm: Norm, bounds: tuple[float, float]) -> Tensor:
    """Return ``x + delta`` brought back into the ball around ``x`` and into the box."""
    low, high = bounds
    # Cutting at the box after the projection would waste what the budget has left in these two.
    box = (low - x, high - x) if norm in (Norm.L1, Norm.L0) else None
    return (x + norm.project(delta, epsilon, box)).clamp(low, high)


def check(
    model: Classifier, x: Tensor, y: Tensor, epsilon: float, norm: Norm | str, y_target: Tensor | None = None
) -> tuple[Tensor, float, Norm]:
    """Check what every attack is given; return ``x`` without history, the budget and the norm.

    Raises
    ------
    InvalidInputError
        When the batch is empty or does not fit the victim, the budget is negative or not a
        number, or ``y_target`` is no class for each input.
    """
    check_batch(model, x, y)
    if len(x) == 0:
        raise InvalidInputError("expected one input or more, got an empty batch")
    if y_target is not None:
        try:
            check_batch(model, x, y_target)
        except InvalidInputError as error:
            raise InvalidInputError(f"y_target does not fit: {error}") from None
    return x.detach(), length("epsilon", epsilon), Norm(norm)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """Reshape ``(n,)`` so that it broadcasts over ``(n, ...)``."""
    return values.view(-1, *[1] * (like.dim() - 1))


def offset(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return what a part of a longer task tells: it begins after ``before`` steps of ``total``."""
    if progress is None:
        return None
    return lambda done, _total, message: progress(before + done, total, message)
