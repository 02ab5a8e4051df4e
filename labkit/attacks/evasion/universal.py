"""Universal perturbations: one change for every input."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.evasion._common import (
    Progress,
    check,
    cross_entropy,
    inside,
    logits_and_gradient,
    misread,
)
from labkit.core.checks import floats, length, whole
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["universal_delta", "universal_perturbation"]

_CLIP = 9.0
"""Loss beyond which an input pulls no more: one that is lost already must not decide for all."""


def universal_delta(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    step_size: float | None = None,
    epochs: int = 20,
    batch_size: int = 64,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> Tensor:
    """Look for one change that makes the victim misread as many inputs as possible.

    Each step climbs the mean loss of a mini-batch, and projects the change back into the
    ball.  The loss of one input is clipped, as in the paper.  Kept is the change that misled
    the most inputs after a pass.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Inputs to look for it on, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    norm : Norm
        Distance that the budget is measured in.
    step_size : float, optional
        Length of the first step, a quarter of ``epsilon`` by default (L0: the width of the
        bounds); it shrinks linearly to nothing.
    epochs, batch_size : int
        Passes over the inputs, and inputs of one step.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    seed : int or torch.Generator
        What the order of the inputs is drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each pass.

    Returns
    -------
    Tensor of the shape of one input
        The change.  Added to any input, the sum has to be clipped to the bounds.

    References
    ----------
    Moosavi-Dezfooli, Fawzi, Fawzi & Frossard, "Universal Adversarial Perturbations", CVPR
    2017 (https://arxiv.org/abs/1610.08401), by gradient steps: Shafahi et al., AAAI 2020
    (https://arxiv.org/abs/1811.11304).
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    epochs, batch_size = whole("epochs", epochs), whole("batch_size", batch_size)
    low, high = model.bounds
    if step_size is None:
        step_size = high - low if norm is Norm.L0 else epsilon / 4
    step_size = length("step_size", step_size)
    victim, generator = require_differentiable(model, "universal_perturbation"), make_generator(seed)

    def clipped(logits: Tensor, goal: Tensor) -> Tensor:
        loss = cross_entropy(logits, goal)
        # Aiming at a class makes its loss small, and nothing runs away.
        return loss.clamp_max(_CLIP) if y_target is None else loss

    delta = torch.zeros_like(x[:1])
    with at_rest(model):
        best, most = delta, _misled(model, x, y, y_target, delta)
        turns = epochs * -(-len(x) // batch_size)
        turn = 0
        for epoch in range(1, epochs + 1):
            for rows in torch.split(torch.randperm(len(x), generator=generator), batch_size):
                target = None if y_target is None else y_target[rows]
                at = (x[rows] + delta).clamp(low, high)
                _, gradient = logits_and_gradient(victim, at, y[rows], target, clipped)
                step = step_size * (1 - turn / turns) * norm.steepest(gradient.sum(0, keepdim=True))
                delta = norm.project(delta + step, epsilon)
                turn += 1
            count = _misled(model, x, y, y_target, delta)
            if count > most:
                best, most = delta, count
            if progress is not None:
                progress(epoch, epochs, f"universal perturbation, {most} of {len(x)} misread")
    return best[0]


def universal_perturbation(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    delta: Tensor | None = None,
    step_size: float | None = None,
    epochs: int = 20,
    batch_size: int = 64,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Add one and the same change to every input.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim; any Classifier where ``delta`` is given.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds of the victim, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    norm : Norm
        Distance that the budget is measured in.
    delta : Tensor of the shape of one input, optional
        The change, found on other inputs by :func:`universal_delta`; by default it is
        looked for on ``x``, which flatters it.
    step_size, epochs, batch_size, y_target, seed, progress
        As for :func:`universal_delta`.

    Returns
    -------
    AdversarialExamples
        ``x_adv`` is ``x`` plus the change, clipped to the bounds.

    References
    ----------
    See :func:`universal_delta`.
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    made = delta is None
    if delta is None:
        delta = universal_delta(
            model,
            x,
            y,
            epsilon=epsilon,
            norm=norm,
            step_size=step_size,
            epochs=epochs,
            batch_size=batch_size,
            y_target=y_target,
            seed=seed,
            progress=progress,
        )
    delta = floats("delta", delta, tuple(x.shape[1:]))
    return AdversarialExamples(
        x=x,
        x_adv=inside(x, delta.detach().expand_as(x), epsilon, norm, model.bounds),
        y=y,
        attack="universal_perturbation",
        params={
            "epsilon": epsilon,
            "norm": norm.value,
            "found_on_x": made,
            "step_size": step_size,
            "epochs": epochs,
            "batch_size": batch_size,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=y_target,
    )


def _misled(model: Classifier, x: Tensor, y: Tensor, y_target: Tensor | None, delta: Tensor) -> int:
    return int(misread(model.logits((x + delta).clamp(*model.bounds)), y, y_target).sum())
