"""Sponge examples: inputs that keep as many units of a network busy as they can."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.core.checks import length, whole
from labkit.core.machine import threads
from labkit.core.protocols import check_batch
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.models import TorchClassifier
from labkit.models.rectifiers import Rectifiers

__all__ = ["sponge"]

Progress = Callable[[int, int, str], None]


def sponge(
    model: TorchClassifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    steps: int = 60,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Change inputs, within L-infinity, so that fewer units of the network are silent.

    Hardware that skips zeros saves energy on silent units; a batch of sponges takes that saving away
    and lets a service miss its deadlines.  What an input then costs,
    :func:`labkit.metrics.activation_density` measures.

    Parameters
    ----------
    model : TorchClassifier
        The victim, with rectifiers as modules; a copy of it is used.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    steps : int
        Steps of the search, which grow shorter, down to nothing.
    seed : int or torch.Generator
        Where the search begins.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    AdversarialExamples

    Raises
    ------
    InvalidInputError
        When inputs and model do not fit, or the model has no rectifier.

    References
    ----------
    Shumailov et al., "Sponge Examples: Energy-Latency Attacks on Neural Networks", EuroS&P 2021.
    https://arxiv.org/abs/2006.03463
    """
    check_batch(model, x, y)
    budget, total, generator = length("epsilon", epsilon), whole("steps", steps), make_generator(seed)
    rectifiers = Rectifiers(model.module)
    x = x.detach()
    x_adv = x + budget * (2 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1)
    best, busiest = x.clone(), rectifiers.density(x)
    for step in range(total):
        x_adv = x_adv.clamp(x - budget, x + budget).clamp(*model.bounds)
        uphill, density = _slope(rectifiers, x_adv)
        better = density > busiest
        best[better], busiest[better] = x_adv[better], density[better]
        x_adv = x_adv + budget / 4 * (1 - step / total) * uphill.sign()
        if progress is not None:
            progress(step + 1, total, "looking for costly inputs")
    return AdversarialExamples(
        x=x,
        x_adv=best,
        y=y,
        attack="sponge",
        params={
            "epsilon": budget,
            "norm": "linf",
            "steps": total,
            "seed": seed if isinstance(seed, int) else None,
        },
    )


def _slope(rectifiers: Rectifiers, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return where a soft count of busy units grows fastest, and the true share of them."""
    with threads(), torch.inference_mode(False), torch.enable_grad():
        leaf = x.clone().requires_grad_(True)
        before = rectifiers.entering(leaf)
        scale = before.detach().abs().mean().clamp_min(1e-6)
        (gradient,) = torch.autograd.grad((before / scale).sigmoid().sum(), leaf)
    return gradient, (before.detach() > 0).float().mean(1)
