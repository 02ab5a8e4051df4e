"""DeepFool."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from labkit.attacks.evasion._common import Progress, check, misread
from labkit.attacks.evasion._nearest import Nearest, budget, check_norm, gain, reached
from labkit.attacks.evasion._planes import nearest_plane, way_to_plane
from labkit.core.checks import length, whole
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm

__all__ = ["deepfool"]


def deepfool(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float = math.inf,
    norm: Norm = Norm.L2,
    steps: int = 50,
    overshoot: float = 0.02,
    candidates: int = 10,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Step to the nearest border of a linear copy of the victim, until the border is crossed.

    Each step leads to the nearest point of the plane within the box, and all inputs take it
    together.  At the end the way back to the input is halved a few times, for a last step
    may lead far beyond the border.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds of the victim, and their true classes.
    epsilon : float
        The result is brought back to within this distance, which may undo it; infinite by
        default, for the attack looks for the smallest change.
    norm : Norm
        Distance that is made small: L2 or L-infinity.
    steps : int
        How often the victim is made linear at most.
    overshoot : float
        How far beyond the border each step aims, as a share of the gap to be closed at ``x``.
    candidates : int
        Borders to this many most likely other classes are looked at.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each step.

    Returns
    -------
    AdversarialExamples
        An input that is misread as it is, or whose border was not found, comes back as it was.

    References
    ----------
    Moosavi-Dezfooli, Fawzi & Frossard, "DeepFool", CVPR 2016.  https://arxiv.org/abs/1511.04599
    """
    limit = budget(epsilon)
    x, _, norm = check(model, x, y, 0.0, norm)
    check_norm("deepfool", norm, (Norm.L2, Norm.LINF), "use fab for l1")
    steps, candidates = whole("steps", steps), whole("candidates", candidates)
    overshoot = length("overshoot", overshoot)
    victim = require_differentiable(model, "deepfool")
    nearest = Nearest(x, norm)
    with at_rest(model):
        logits, here = model.logits(x), x.clone()
        left = torch.nonzero(~misread(logits, y, None)).flatten()
        # A step exactly onto the border of a curved victim would never get across.
        beyond = overshoot * -gain(logits, y, None)
        for step in range(1, steps + 1):
            if len(left) == 0:
                break
            plane = nearest_plane(victim, here[left], y[left], None, norm, candidates)
            over = nearest.offer(left, here[left], reached(plane.logits, y[left], None))
            plane = replace(plane, need=plane.need + beyond[left])
            way = way_to_plane(plane, here[left], here[left], model.bounds, norm)
            here[left] = (here[left] + way).clamp(*model.bounds)
            left = left[~over]
            if progress is not None:
                progress(step, steps, f"DeepFool, {len(x) - len(left)} of {len(x)} misread")
        if len(left):
            nearest.offer(left, here[left], reached(model.logits(here[left]), y[left], None))
        nearest.back_to_border(model, y, None)
    if progress is not None:
        progress(steps, steps, "DeepFool")
    return nearest.result(
        model,
        y,
        None,
        limit,
        "deepfool",
        {"steps": steps, "overshoot": overshoot, "candidates": candidates},
    )
