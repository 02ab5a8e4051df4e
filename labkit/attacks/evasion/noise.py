"""Random noise: the control that every attack must beat."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.evasion._common import check, inside, per_sample
from labkit.core.protocols import Classifier
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["noise_of_size", "random_noise"]


def random_noise(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    seed: int | torch.Generator = 0,
) -> AdversarialExamples:
    """A random perturbation of the largest allowed size, chosen without looking at the victim.

    For L-infinity every value moves by plus or minus ``epsilon``; for L2 and L1 the direction
    is uniform on the sphere; for L0 as many values as are allowed, drawn at random, move to
    the least or the largest value there is.

    Parameters
    ----------
    model : Classifier
        Only its ``bounds`` are used.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Clean inputs and their classes.
    epsilon : float
        Size of the noise, in the units of ``x``.
    norm : Norm
        Distance that the size is measured in.
    seed : int or torch.Generator
        What the noise is drawn from.
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm)
    low, high = model.bounds
    delta = noise_of_size(x, epsilon, norm, make_generator(seed), high - low)
    return AdversarialExamples(
        x=x,
        x_adv=inside(x, delta, epsilon, norm, model.bounds),
        y=y,
        attack="random_noise",
        params={"epsilon": epsilon, "norm": norm.value, "seed": seed if isinstance(seed, int) else None},
    )


def noise_of_size(
    x: Tensor, epsilon: float, norm: Norm, generator: torch.Generator, reach: float = 1.0
) -> Tensor:
    """Return noise of the shape of ``x`` and of length ``epsilon`` for each sample.

    In L0 each of the values that change does so by ``reach``.
    """
    normal = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    signs = torch.where(normal < 0, -1.0, 1.0).to(x.dtype)
    if norm is Norm.LINF:
        return epsilon * signs
    if norm is Norm.L0:
        return reach * norm.project(normal, epsilon).sign()
    if norm is Norm.L1:
        # Exponential sizes with random signs, scaled to the sphere, are uniform on it.
        normal = signs * torch.empty_like(x).exponential_(generator=generator)
    return epsilon * normal / per_sample(norm.size(normal), normal).clamp_min(1e-12)
