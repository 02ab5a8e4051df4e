"""Integrated gradients: what each value adds on the way from a baseline to the input."""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.results import Attribution
from labkit.explain.inputs import Baseline, Target, at_work, expand_baseline, expand_target, parts

__all__ = ["integrated_gradients"]


def integrated_gradients(
    model: Classifier,
    x: Tensor,
    target: Target = None,
    *,
    steps: int = 32,
    baseline: Baseline = 0.0,
) -> Attribution:
    """Explain a logit by its gradient along the straight line from a baseline to ``x``.

    ``values = (x - baseline) * mean gradient on the line``.  Completeness promises that
    the values of one input add up to ``logit(x) - logit(baseline)``.  The sum over
    ``steps`` points only comes near it: ``completeness_gap`` says how near, in logits.  It
    shrinks as ``steps`` grows, and a wide gap says that the picture is not to be trusted.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim; it is left as it was.
    x : Tensor of shape ``(n, *input_shape)``
        Inputs within ``model.bounds``: images or tables.
    target : int, Tensor of shape ``(n,)``, or None
        The class to explain; None explains the predicted one.
    steps : int
        Points of the Gauss-Legendre rule on the line.
    baseline : float or Tensor of shape ``input_shape``
        An input that says nothing; 0 is a black image.

    Raises
    ------
    InvalidInputError
        When the model has no gradient, or ``x``, ``target``, ``baseline`` do not fit it.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    https://arxiv.org/abs/1703.01365
    """
    victim = require_differentiable(model, "integrated gradients")
    if steps < 1:
        raise InvalidInputError(f"expected steps from 1 up, got {steps}")
    target = expand_target(victim, x, target)
    start = expand_baseline(victim, x, baseline)
    method = IntegratedGradients(victim.forward)
    values = torch.zeros_like(x)
    with at_work():
        for part in parts(len(x), steps):
            values[part] = method.attribute(
                x[part].detach().clone(), baselines=start, target=target[part], n_steps=steps
            ).detach()
    gained = victim.logits(x) - victim.logits(start)
    promised = gained.gather(1, target[:, None])[:, 0]
    return Attribution(
        x=x,
        values=values,
        target=target,
        method="integrated_gradients",
        params={"steps": steps, "baseline": baseline if isinstance(baseline, float | int) else "given"},
        completeness_gap=(values.flatten(1).sum(1) - promised).abs(),
    )
