"""White-box model inversion: climb to what the model takes for the most typical of a class."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks.inversion._common import Progress, adam, check_targets, roughness
from labkit.attacks.inversion.prior import Prior
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import DifferentiableClassifier, require_differentiable
from labkit.core.results import Reconstruction
from labkit.core.seeds import make_generator

__all__ = ["invert_class"]


def invert_class(
    model: DifferentiableClassifier,
    y_target: Tensor,
    *,
    prior: Prior | None = None,
    prior_strength: float = 0.05,
    smoothness: float = 0.0,
    objective: str = "cross_entropy",
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
        ``"cross_entropy"``, or ``"logit"`` for the raw score of the class.
    steps, step_size : int and float
        Of Adam, in coefficients or in values.
    start : Tensor of the shape of one input, optional
        Where the search without a prior begins; the middle of the bounds by default.
    seed : int
        Decides the small push away from the start, which breaks ties.
    progress : function, optional
        ``progress(done, total, message)``.

    References
    ----------
    Fredrikson, Jha & Ristenpart, "Model Inversion Attacks that Exploit Confidence
    Information and Basic Countermeasures", CCS 2015.
    """
    model = require_differentiable(model, "invert_class")
    y = check_targets(y_target, model.classes)
    strength, smooth = length("prior_strength", prior_strength), length("smoothness", smoothness)
    if objective not in ("cross_entropy", "logit"):
        raise InvalidInputError(f"expected the objective 'cross_entropy' or 'logit', got {objective!r}")
    low, high = model.bounds
    begin = torch.full(model.input_shape, (low + high) / 2) if start is None else start.float()
    if tuple(begin.shape) != tuple(model.input_shape):
        raise InvalidInputError(f"expected a start of shape {model.input_shape}, got {tuple(begin.shape)}")
    generator = make_generator(seed)

    def badness(x: Tensor) -> Tensor:
        scores = model.forward(x)
        fit = (
            functional.cross_entropy(scores, y, reduction="none")
            if objective == "cross_entropy"
            else -scores.gather(1, y[:, None])[:, 0]
        )
        return fit + smooth * roughness(x) if smooth else fit

    with threads():
        if prior is not None:
            z = 1e-3 * torch.randn(len(y), len(prior), generator=generator)
            z, final = adam(
                z,
                lambda z: badness(prior.decode(z)) + strength * (z**2).sum(1),
                steps=whole("steps", steps),
                lr=step_size,
                progress=progress,
            )
            x = prior.decode(z)
        else:
            x, final = adam(
                begin.expand(len(y), *begin.shape)
                + 1e-4 * torch.randn(len(y), *begin.shape, generator=generator),
                lambda x: badness(x) + strength * ((x - begin) ** 2).flatten(1).sum(1),
                steps=whole("steps", steps),
                lr=step_size,
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
            "steps": steps,
            "step_size": step_size,
            "seed": seed,
        },
        objective=final,
    )
