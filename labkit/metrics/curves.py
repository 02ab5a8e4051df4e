"""The robustness curve: accuracy as the budget grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import length
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, check_batch, predict
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm, ThreatModel
from labkit.metrics.accuracy import legal
from labkit.metrics.rates import Rate

__all__ = ["Curve", "robustness_curve"]


@dataclass(frozen=True, slots=True)
class Curve:
    """Robust accuracy at each budget.

    Attributes
    ----------
    epsilons : tuple of float
        Budgets, rising.
    rates : tuple of Rate
        Robust accuracy at each of them; never rises, for a small change is legal under a
        larger budget too.
    norm : Norm
        Distance of the budgets.
    """

    epsilons: tuple[float, ...]
    rates: tuple[Rate, ...]
    norm: Norm


def robustness_curve(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    attack: Callable[..., AdversarialExamples],
    epsilons: Sequence[float],
    norm: Norm = Norm.LINF,
    progress: Callable[[int, int, str], None] | None = None,
) -> Curve:
    """Measure robust accuracy over a range of budgets.

    An input broken at one budget counts as broken at every larger one, so the curve falls
    or stays: what an attack found once remains legal.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Inputs and their true classes.
    attack : function
        ``attack(model, x, y, epsilon=..., norm=...) -> AdversarialExamples``.
    epsilons : sequence of float
        Budgets in the units of ``x``; sorted here.
    norm : Norm
        Distance of the budgets.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each budget.
    """
    ordered, stands = standing(model, x, y, attack=attack, epsilons=epsilons, norm=norm, progress=progress)
    return Curve(tuple(ordered), tuple(Rate.of(row) for row in stands), Norm(norm))


def standing(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    attack: Callable[..., AdversarialExamples],
    epsilons: Sequence[float],
    norm: Norm,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[list[float], list[Tensor]]:
    """Return the budgets in order, and for each which inputs still stand, ``(n,)`` bool.

    See :func:`robustness_curve`.
    """
    check_batch(model, x, y)
    ordered = sorted(length("epsilon", epsilon) for epsilon in epsilons)
    if not ordered:
        raise InvalidInputError("expected one epsilon or more, got none")
    norm = Norm(norm)
    stands = predict(model, x) == y
    rows = []
    for done, epsilon in enumerate(ordered, start=1):
        left = torch.nonzero(stands).flatten()
        if epsilon > 0 and len(left):
            adv = attack(model, x[left], y[left], epsilon=epsilon, norm=norm)
            held = predict(model, adv.x_adv) == y[left]
            stands[left] = held | ~legal(model, adv, ThreatModel(norm, epsilon))
        rows.append(stands.clone())
        if progress is not None:
            progress(done, len(ordered), f"epsilon {epsilon:g}")
    return ordered, rows
