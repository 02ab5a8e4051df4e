"""Transfer: make the attack on a model of one's own, and use it on the victim."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.attacks.evasion._common import Progress
from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import derive, make_generator
from labkit.models.classifier import TorchClassifier
from labkit.models.training import train

__all__ = ["distil", "transfer"]


def transfer(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    surrogate: DifferentiableClassifier,
    attack: Callable[..., AdversarialExamples],
    **params: object,
) -> AdversarialExamples:
    """Run ``attack`` on ``surrogate`` and hand the result over as an attack on ``model``.

    Parameters
    ----------
    model : Classifier
        The victim; it is not asked anything.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Clean inputs and their classes.
    surrogate : DifferentiableClassifier
        A model that the attacker owns, of the same input shape.
    attack : function
        A white-box attack; ``params`` are handed to it.

    References
    ----------
    Papernot et al., "Practical Black-Box Attacks against Machine Learning", AsiaCCS 2017.
    https://arxiv.org/abs/1602.02697
    """
    if tuple(surrogate.input_shape) != tuple(model.input_shape):
        raise InvalidInputError(
            f"expected a surrogate for inputs of shape {tuple(model.input_shape)}, "
            f"got one for {tuple(surrogate.input_shape)}"
        )
    if not callable(attack):
        raise InvalidInputError(f"expected an attack such as pgd, got {attack!r}: see evasion.ATTACKS")
    made = attack(surrogate, x, y, **params)
    return AdversarialExamples(
        x=x,
        x_adv=made.x_adv.clamp(*model.bounds),
        y=y,
        attack=f"transfer/{made.attack}",
        params=made.params,
        y_target=made.y_target,
        queries=torch.zeros(len(x), dtype=torch.int64),
    )


def distil(
    oracle: Classifier,
    x: Tensor,
    module: nn.Module,
    *,
    query_budget: int,
    rounds: int = 4,
    epochs: int = 20,
    step_size: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train a surrogate on the labels that the victim gives, within a query budget.

    The first questions are about ``x``; each further round asks about inputs moved along
    the surrogate's own gradient, where the two models may disagree (Papernot 2017).

    Parameters
    ----------
    oracle : Classifier
        The victim, or an :class:`labkit.attacks.Oracle` around it.  Only labels are used.
    x : Tensor of shape ``(n, ...)``
        Inputs that the attacker has, without labels.
    module : nn.Module
        Architecture of the surrogate, as it comes from ``labkit.models.build``.
    query_budget : int
        How many inputs may be asked about in all.
    rounds, epochs : int
        Rounds of asking, and passes of training in each.
    step_size : float
        How far inputs move between rounds, in the units of ``x``.
    seed : int
        Decides the order of samples and which inputs are asked about.
    """
    query_budget, rounds = whole("query_budget", query_budget), whole("rounds", rounds)
    if len(x) == 0:
        raise InvalidInputError("expected one input or more to ask about, got none")
    generator = make_generator(derive(seed, "distil"))
    share = math.ceil(query_budget / rounds)
    asked = x[torch.randperm(len(x), generator=generator)[:share]]
    labels = predict(oracle, asked)
    low, high = oracle.bounds
    for turn in range(rounds):
        surrogate = train(module, asked, labels, epochs=epochs, seed=derive(seed, "round", turn))
        if progress is not None:
            progress(turn + 1, rounds, f"surrogate from {len(asked)} answers")
        room = query_budget - len(asked)
        if room <= 0 or turn == rounds - 1:
            break
        pick = torch.randperm(len(asked), generator=generator)[: min(share, room)]
        fresh = _towards_the_border(surrogate, asked[pick], labels[pick], step_size).clamp(low, high)
        asked, labels = torch.cat([asked, fresh]), torch.cat([labels, predict(oracle, fresh)])
    return surrogate


def _towards_the_border(surrogate: TorchClassifier, x: Tensor, y: Tensor, step_size: float) -> Tensor:
    leaf = x.clone().requires_grad_(True)
    with torch.enable_grad():
        own = surrogate.forward(leaf).gather(1, y[:, None]).sum()
        (gradient,) = torch.autograd.grad(own, leaf)
    return x - step_size * gradient.sign()
