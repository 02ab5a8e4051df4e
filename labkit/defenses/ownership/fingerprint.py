"""A conferrable fingerprint: adversarial examples that copies inherit and independent models do not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.core.checks import size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
from labkit.core.seeds import make_generator
from labkit.defenses.ownership.keys import KeySet

__all__ = ["conferrable_fingerprint", "match_rates"]


def match_rates(models: Sequence[Classifier], x: Tensor, y: Tensor) -> list[float]:
    """Return the share of keys to which each model gives the owner's answer."""
    return [float((predict(model, x) == y).float().mean()) for model in models]


def conferrable_fingerprint(
    model: DifferentiableClassifier,
    x: Tensor,
    y: Tensor,
    *,
    copies: Sequence[DifferentiableClassifier],
    independent: Sequence[DifferentiableClassifier],
    held_back: Sequence[Classifier],
    count: int = 60,
    epsilon: float = 0.25,
    steps: int = 40,
    step_size: float = 0.02,
    seed: int = 0,
) -> KeySet:
    """Make keys that a model and its copies misread in one way, and other models do not.

    Every input is pushed towards a wrong class of the model (its second choice): up for the model and
    for copies that the owner stole from it, down for models that have nothing to do with it.  Those
    are kept on which the model gives the wrong answer and which tell the two groups apart best.

    Parameters
    ----------
    model : DifferentiableClassifier
        The owner's.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        Inputs to start from, with their true classes.
    copies : sequence of DifferentiableClassifier
        Copies that the owner made, the way a thief would.
    independent : sequence of DifferentiableClassifier
        Models of the same task that were trained without the owner's.
    held_back : sequence of Classifier
        More of them, which the search does not see: they give ``chance``.  They should come from other
        data than ``independent``; on models like those that they were tuned on, keys flatter
        themselves.
    count : int
        Keys to keep at most.
    epsilon : float
        Largest change of any value of an input.
    steps, step_size
        Of the search.
    seed : int
        Where the search starts inside the ball.

    Returns
    -------
    KeySet
        Its ``chance`` is the largest match rate of the models that were held back.

    Raises
    ------
    InvalidInputError
        When a group of models is empty, or the model cannot be led astray.

    References
    ----------
    Lukas, Zhang & Kerschbaum, "Deep Neural Network Fingerprinting by Conferrable Adversarial
    Examples", ICLR 2021.  https://arxiv.org/abs/1912.00888
    """
    if not (copies and independent and held_back):
        raise InvalidInputError(
            "expected a model or more in copies, independent and held_back, got "
            f"{len(copies)}, {len(independent)} and {len(held_back)}"
        )
    count, steps = whole("count", count), whole("steps", steps)
    reach, move = size("epsilon", epsilon), size("step_size", step_size)
    low, high = model.bounds
    wrong = model.logits(x).scatter(1, y[:, None], -torch.inf).argmax(1)
    delta = reach * (2 * torch.rand(x.shape, generator=make_generator(seed)) - 1)
    made = (x + delta).clamp(low, high)
    for _ in range(steps):
        leaf = made.clone().requires_grad_(True)
        with torch.enable_grad():
            score = _conferred(leaf, wrong, [model, *copies], independent).sum()
            (gradient,) = torch.autograd.grad(score, leaf)
        made = (made + move * gradient.sign()).clamp(x - reach, x + reach).clamp(low, high)
    with torch.no_grad():
        score = _conferred(made, wrong, [model, *copies], independent)
    astray = predict(model, made) == wrong
    if not bool(astray.any()):
        raise InvalidInputError(f"no input leads the model astray within {reach:g}: take a larger epsilon")
    best = torch.where(astray, score, -torch.inf).argsort(descending=True, stable=True)
    kept = best[: min(count, int(astray.sum()))]
    keys_x, keys_y = made[kept].detach(), wrong[kept]
    chance = max(match_rates(held_back, keys_x, keys_y))
    return KeySet(
        keys_x,
        keys_y,
        chance,
        "conferrable fingerprint",
        {
            "count": len(kept),
            "epsilon": reach,
            "steps": steps,
            "step_size": move,
            "copies": len(copies),
            "independent": len(independent),
            "seed": seed,
        },
    )


def _conferred(
    x: Tensor,
    y: Tensor,
    copies: Sequence[DifferentiableClassifier],
    independent: Sequence[DifferentiableClassifier],
) -> Tensor:
    """Return how far copies go for ``y`` and independent models do not, ``(n,)``."""

    def log_odds(model: DifferentiableClassifier) -> Tensor:
        logits = model.forward(x)
        own = logits.gather(1, y[:, None])[:, 0]
        return own - logits.scatter(1, y[:, None], -torch.inf).logsumexp(1)

    ours = torch.stack([log_odds(model) for model in copies]).sigmoid().mean(0)
    theirs = torch.stack([log_odds(model) for model in independent]).sigmoid().mean(0)
    return torch.log(ours + 1e-3) + torch.log(1 - theirs + 1e-3)
