"""White-box model inversion: climb to what the model takes for the most typical of a class."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks.inversion._common import Progress, adam, check_prior, check_targets, roughness
from labkit.attacks.inversion.prior import Prior
from labkit.core.checks import floats, length, size, whole
from labkit.core.errors import UnknownNameError
from labkit.core.machine import threads
from labkit.core.protocols import DifferentiableClassifier, require_differentiable
from labkit.core.results import Reconstruction
from labkit.core.seeds import make_generator

__all__ = ["OBJECTIVES", "invert_class"]

OBJECTIVES: Mapping[str, str] = {
    "softened": "the softened probability",
    "cross_entropy": "the probability",
    "margin": "the score less all other scores",
    "logit": "the score",
}
"""What a climb may raise, from the one that finds the best likenesses, and each in words.

The probability of a victim that was trained well is next to 1 long before the picture is
like anybody, and its slope is gone.  *Softened*, from scores divided by three, it keeps one
(over all forty people of ``faces``: likeness 0.84 in place of 0.80, recognised 0.98 in
place of 0.90).
"""

_SOFTER = 3.0


def invert_class(
    model: DifferentiableClassifier,
    y_target: Tensor,
    *,
    prior: Prior | None = None,
    prior_strength: float = 0.1,
    smoothness: float = 0.0,
    objective: str = "softened",
    steps: int = 150,
    step_size: float = 0.1,
    start: Tensor | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Reconstruction:
    """Reconstruct what a model learned about classes, by gradient descent on the input.

    With a prior the search runs over its coefficients, so that everything it tries looks
    like an input; without one it runs over the values themselves.

    Parameters
    ----------
    model : DifferentiableClassifier
    y_target : Tensor of shape ``(n,)``, int64
        The classes to reconstruct, one reconstruction each.
    prior : Prior, optional
        Learned from public inputs.
    prior_strength : float
        Penalty on the squared coefficients; without a prior, on the squared distance to the
        start, value by value.
    smoothness : float
        Penalty on the total variation.
    objective : str
        A name out of ``OBJECTIVES``: what is raised.
    steps, step_size : int and float
        Of Adam, in coefficients or in values.
    start : Tensor of the shape of one input, optional
        Where the search without a prior begins; the middle of the bounds by default.
    seed : int
        Decides the small push away from the start, which breaks ties.
    progress : function, optional
        ``progress(done, total, message)``.

    Raises
    ------
    InvalidInputError
        When a target, the prior, the start or a setting cannot be used.
    UnknownNameError
        When there is no such objective.

    References
    ----------
    Fredrikson, Jha & Ristenpart, "Model Inversion Attacks that Exploit Confidence
    Information and Basic Countermeasures", CCS 2015; Yuan et al., "Pseudo Label-Guided
    Model Inversion Attack via Conditional Generative Adversarial Network", AAAI 2023, for
    objectives that do not saturate.
    """
    model = require_differentiable(model, "invert_class")
    y = check_targets(y_target, model.classes)
    strength, smooth = length("prior_strength", prior_strength), length("smoothness", smoothness)
    rate, rounds = size("step_size", step_size), whole("steps", steps)
    if objective not in OBJECTIVES:
        raise UnknownNameError("objective", objective, OBJECTIVES)
    if prior is not None:
        check_prior(prior, model)
    low, high = model.bounds
    shape = tuple(model.input_shape)
    begin = torch.full(shape, (low + high) / 2) if start is None else floats("start", start, shape)
    generator = make_generator(seed)

    def badness(x: Tensor) -> Tensor:
        fit = _misfit(model.forward(x), y, objective)
        return fit + smooth * roughness(x) if smooth else fit

    with threads():
        if prior is not None:
            z = 1e-3 * torch.randn(len(y), len(prior), generator=generator)
            z, final = adam(
                z,
                lambda z: badness(prior.decode(z)) + strength * (z**2).sum(1),
                steps=rounds,
                lr=rate,
                progress=progress,
            )
            x = prior.decode(z)
        else:
            x, final = adam(
                begin.expand(len(y), *begin.shape)
                + 1e-4 * torch.randn(len(y), *begin.shape, generator=generator),
                lambda x: badness(x) + strength * ((x - begin) ** 2).flatten(1).sum(1),
                steps=rounds,
                lr=rate,
                project=lambda x: x.clamp(low, high),
                progress=progress,
            )
    return Reconstruction(
        x_hat=x.clamp(low, high),
        y=y,
        attack="invert_class",
        params={
            "components": len(prior) if prior is not None else 0,
            "prior_strength": strength,
            "smoothness": smooth,
            "objective": objective,
            "steps": rounds,
            "step_size": rate,
            "seed": seed,
        },
        objective=final,
    )


def _misfit(scores: Tensor, y: Tensor, objective: str) -> Tensor:
    """Return how far each input is from what the objective asks for, ``(n,)``."""
    if objective == "cross_entropy":
        return functional.cross_entropy(scores, y, reduction="none")
    if objective == "softened":
        return _SOFTER * functional.cross_entropy(scores / _SOFTER, y, reduction="none")
    own = scores.gather(1, y[:, None])[:, 0]
    if objective == "logit":
        return -own
    others = scores.scatter(1, y[:, None], -torch.inf)
    return others.logsumexp(1) - own
