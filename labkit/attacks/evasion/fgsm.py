"""Fast Gradient Sign Method."""

from __future__ import annotations

from torch import Tensor

from labkit.attacks.evasion._common import attacks_at_rest, check, cross_entropy, inside, logits_and_gradient
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm

__all__ = ["fgsm"]


@attacks_at_rest
def fgsm(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    y_target: Tensor | None = None,
) -> AdversarialExamples:
    """One full-length step uphill on the loss.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.  Its ``bounds`` are the box that the result is clipped to.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x`` (``8 / 255`` is eight grey levels).
    norm : Norm
        Distance that the budget is measured in.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.

    Returns
    -------
    AdversarialExamples
        ``x_adv`` lies within ``epsilon`` of ``x`` and within the bounds.

    References
    ----------
    Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples",
    ICLR 2015.  https://arxiv.org/abs/1412.6572
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    white_box = require_differentiable(model, "fgsm")
    _, gradient = logits_and_gradient(white_box, x, y, y_target, cross_entropy)
    return AdversarialExamples(
        x=x,
        x_adv=inside(x, epsilon * norm.steepest(gradient), epsilon, norm, model.bounds),
        y=y,
        attack="fgsm",
        params={"epsilon": epsilon, "norm": norm.value},
        y_target=y_target,
    )
