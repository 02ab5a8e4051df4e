"""Imitation: train a copy on the answers to questions that were chosen with care, within a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.extraction.stolen import StolenModel
from labkit.core.checks import floats, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.models.answers import train_on_answers
from labkit.models.architectures import build
from labkit.models.classifier import TorchClassifier

__all__ = ["STRATEGIES", "imitate"]

Progress = Callable[[int, int, str], None]

STRATEGIES = {
    "random": "natural inputs, as they come (knock-off)",
    "margin": "natural inputs that the copy is least sure of (active learning)",
    "jacobian": "inputs moved along the gradient of the copy (augmentation)",
    "mixing": "inputs blended from two natural ones",
}
"""How the questions are chosen, each in words."""


def imitate(
    model: Classifier,
    x: Tensor,
    *,
    query_budget: int,
    strategy: str = "random",
    architecture: str = "mlp",
    rounds: int = 5,
    epochs: int = 100,
    lr: float = 5e-3,
    step_size: float = 0.2,
    temperature: float = 3.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> StolenModel:
    """Train a copy of a model on its answers.

    The first round asks about natural inputs.  Each later one trains a copy on the answers so
    far and lets ``strategy`` choose what to ask next.  A victim that answers with probabilities
    is copied with them, one that names classes with those.  A row of NaN is a refusal: it cost
    a question and taught nothing.

    Parameters
    ----------
    model : Classifier
        The victim as the attacker meets it.  It is asked about ``query_budget`` inputs at
        most; behind an :class:`labkit.attacks.Oracle` that is enforced.
    x : Tensor of shape ``(n, ...)``, float32
        Inputs that the attacker has, without labels.
    query_budget : int
    strategy : str
        A name out of :data:`STRATEGIES`.
    architecture : str
        What the copy is: a network out of ``labkit.models.ARCHITECTURES``.
    rounds, epochs : int
        Rounds of asking, and passes of the last training.
    lr : float
    step_size : float
        How far ``"jacobian"`` moves an input, in the units of ``x``.
    temperature : float
        Softens both sides while the copy learns, see :func:`labkit.models.train_on_answers`.
    seed : int
    progress : function, optional

    Raises
    ------
    InvalidInputError
        When there are no inputs, or every question was refused.
    UnknownNameError
        When there is no such strategy or network.
    QueryBudgetError
        When the victim is an Oracle whose own budget is smaller.

    References
    ----------
    Papernot et al., "Practical Black-Box Attacks against Machine Learning", AsiaCCS 2017,
    https://arxiv.org/abs/1602.02697; Orekondy, Schiele & Fritz, "Knockoff Nets", CVPR 2019,
    https://arxiv.org/abs/1812.02766; Chandrasekaran et al., "Exploring Connections Between Active
    Learning and Model Extraction", USENIX Security 2020, https://arxiv.org/abs/1811.02054
    """
    budget, rounds = whole("query_budget", query_budget), whole("rounds", rounds)
    if strategy not in STRATEGIES:
        raise UnknownNameError("strategy", strategy, STRATEGIES)
    pool = floats("x", x, axes=2)
    if len(pool) == 0:
        raise InvalidInputError("expected one input or more to ask about, got none")
    generator = make_generator(derive(seed, "imitate", strategy))
    start = build(architecture, tuple(model.input_shape), model.classes, seed=derive(seed, "copy"))
    learn: dict[str, Any] = {"lr": lr, "bounds": model.bounds, "temperature": temperature}
    asked = _Questions(model, pool, generator)
    rounds = 1 if strategy in ("random", "mixing") else rounds
    copy: TorchClassifier | None = None
    for turn in range(rounds):
        share = budget * (turn + 1) // rounds - asked.queries
        asked.ask(_CHOOSERS[strategy](asked, copy, share, step_size))
        last = turn + 1 == rounds
        if len(asked.x) == 0:
            if last:
                raise InvalidInputError("every question was refused: there is nothing to train a copy on")
            continue
        copy = train_on_answers(
            start,
            asked.x,
            asked.answers,
            epochs=epochs if last else max(1, epochs // 3),
            seed=derive(seed, "round", turn),
            **learn,
        )
        if progress is not None:
            progress(turn + 1, rounds, f"a copy from {len(asked.x)} answers")
    assert copy is not None  # noqa: S101 - the last round has trained one, or raised
    return StolenModel(
        model=copy,
        architecture=architecture,
        attack=f"imitate/{strategy}",
        x=asked.x,
        answers=asked.answers,
        queries=asked.queries,
        params={
            "query_budget": budget,
            "strategy": strategy,
            "rounds": rounds,
            "epochs": epochs,
            "lr": lr,
            "step_size": step_size,
            "temperature": temperature,
            "seed": seed,
        },
    )


class _Questions:
    """What was asked so far, and the natural inputs that are left."""

    def __init__(self, model: Classifier, pool: Tensor, generator: torch.Generator) -> None:
        self.model, self.generator = model, generator
        self.pool = pool[torch.randperm(len(pool), generator=generator)]
        self.left = torch.arange(len(pool))
        self.queries = 0
        self.x, self.answers = pool[:0], pool.new_zeros(0, model.classes)

    def ask(self, x: Tensor) -> None:
        if not len(x):
            return
        answers = torch.softmax(self.model.logits(x), 1).float()
        self.queries += len(x)
        told = answers.isfinite().all(1)
        self.x = torch.cat([self.x, x[told]])
        self.answers = torch.cat([self.answers, answers[told]])

    def take(self, places: Tensor) -> Tensor:
        """Return natural inputs by their place among those that are left, and use them up."""
        taken = self.pool[self.left[places]]
        keep = torch.ones(len(self.left), dtype=torch.bool)
        keep[places] = False
        self.left = self.left[keep]
        return taken


def _natural(asked: _Questions, copy: TorchClassifier | None, number: int, step_size: float) -> Tensor:
    taken = asked.take(torch.arange(min(number, len(asked.left))))
    short = number - len(taken)
    # When the pool is used up, natural inputs are blended: a question about the same input tells nothing.
    return torch.cat([taken, _mixed(asked, copy, short, step_size)]) if short else taken


def _least_sure(asked: _Questions, copy: TorchClassifier | None, number: int, step_size: float) -> Tensor:
    if copy is None or number > len(asked.left):
        return _natural(asked, copy, number, step_size)
    best = torch.softmax(copy.logits(asked.pool[asked.left]), 1).topk(2).values
    return asked.take((best[:, 0] - best[:, 1]).argsort(stable=True)[:number])


def _moved(asked: _Questions, copy: TorchClassifier | None, number: int, step_size: float) -> Tensor:
    if copy is None:
        return _natural(asked, copy, number, step_size)
    chosen = torch.randint(len(asked.x), (number,), generator=asked.generator)
    leaf = asked.x[chosen].clone().requires_grad_(True)
    with torch.enable_grad():
        own = copy.forward(leaf).gather(1, asked.answers[chosen].argmax(1)[:, None]).sum()
        (gradient,) = torch.autograd.grad(own, leaf)
    return (asked.x[chosen] - step_size * gradient.sign()).clamp(*asked.model.bounds)


def _mixed(asked: _Questions, copy: TorchClassifier | None, number: int, step_size: float) -> Tensor:
    pairs = torch.randint(len(asked.pool), (2, number), generator=asked.generator)
    share = torch.rand(number, *[1] * (asked.pool.dim() - 1), generator=asked.generator)
    return share * asked.pool[pairs[0]] + (1 - share) * asked.pool[pairs[1]]


_CHOOSERS: dict[str, Callable[[_Questions, TorchClassifier | None, int, float], Tensor]] = {
    "random": _natural,
    "margin": _least_sure,
    "jacobian": _moved,
    "mixing": _mixed,
}
