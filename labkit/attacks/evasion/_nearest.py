"""What attacks that look for the smallest change share: what was found, and the way back to the border."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from labkit.attacks.evasion._common import inside, margin, misread, per_sample
from labkit.core.checks import length
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm

_SURE = 1e-5  # share of the spread of the logits that rounding cannot undo


def budget(epsilon: Any) -> float:
    """Return ``epsilon`` as a length, or infinity where there is no limit.

    Raises
    ------
    InvalidInputError
        When it is neither.
    """
    return math.inf if isinstance(epsilon, float) and epsilon == math.inf else length("epsilon", epsilon)


def check_norm(attack: str, norm: Norm, known: tuple[Norm, ...], instead: str) -> None:
    """Refuse a norm that an attack cannot measure.

    Raises
    ------
    InvalidInputError
        When ``norm`` is not out of ``known``.
    """
    if norm not in known:
        raise InvalidInputError(
            f"expected a norm out of {', '.join(known)} for {attack}, got {norm.value!r}: {instead}"
        )


def gain(logits: Tensor, y: Tensor, y_target: Tensor | None) -> Tensor:
    """Return how far beyond the border the attacker is, in logits, shape ``(n,)``; below zero: not yet."""
    return margin(logits, y) if y_target is None else -margin(logits, y_target)


def reached(logits: Tensor, y: Tensor, y_target: Tensor | None, confidence: float = 0.0) -> Tensor:
    """Return shape ``(n,)`` bool: beyond the border by ``confidence``, and by more than rounding."""
    spread = logits.amax(1) - logits.amin(1)
    beyond = gain(logits, y, y_target) > torch.clamp_min(_SURE * spread, confidence)
    return beyond & misread(logits, y, y_target)


class Nearest:
    """The nearest input found so far that the attacker is content with, for each sample."""

    def __init__(self, x: Tensor, norm: Norm) -> None:
        self.x, self.norm = x, norm
        self.x_adv = x.clone()
        self.size = torch.full((len(x),), torch.inf)

    @property
    def found(self) -> Tensor:
        """Shape ``(n,)`` bool."""
        return self.size < torch.inf

    def offer(self, rows: Tensor, trial: Tensor, good: Tensor) -> Tensor:
        """Take each of ``trial`` that is good and nearer than what there was; return which, ``(n,)`` bool."""
        size = self.norm.size(trial - self.x[rows])
        better = good & (size < self.size[rows])
        chosen = rows[better]
        self.x_adv[chosen], self.size[chosen] = trial[better], size[better]
        return better

    def back_to_border(
        self,
        model: Classifier,
        y: Tensor,
        y_target: Tensor | None,
        confidence: float = 0.0,
        halvings: int = 6,
    ) -> None:
        """Halve the way between each input and what was found for it, as long as that still serves."""
        rows = torch.nonzero(self.found).flatten()
        if len(rows) == 0:
            return
        x, way = self.x[rows], self.x_adv[rows] - self.x[rows]
        target = None if y_target is None else y_target[rows]
        near, far = torch.zeros(len(rows)), torch.ones(len(rows))
        for _ in range(halvings):
            middle = (near + far) / 2
            trial = x + per_sample(middle, x) * way
            good = reached(model.logits(trial), y[rows], target, confidence)
            self.offer(rows, trial, good)
            near, far = torch.where(good, near, middle), torch.where(good, middle, far)

    def result(
        self,
        model: Classifier,
        y: Tensor,
        y_target: Tensor | None,
        epsilon: float,
        attack: str,
        params: dict[str, Any],
    ) -> AdversarialExamples:
        """Return what was found, brought back into the ball where there is one."""
        x_adv = self.x_adv
        if epsilon != math.inf:
            x_adv = inside(self.x, x_adv - self.x, epsilon, self.norm, model.bounds)
        return AdversarialExamples(
            x=self.x,
            x_adv=x_adv,
            y=y,
            attack=attack,
            params={
                "epsilon": epsilon if epsilon != math.inf else None,
                "norm": self.norm.value,
                **params,
            },
            y_target=y_target,
        )


@contextmanager
def at_rest(model: Classifier) -> Iterator[None]:
    """Keep the modules behind ``model`` in evaluation mode, and put each back as it was.

    A module in training mode would draw its dropout anew and count every question in its
    batch norms, which changes the victim.
    """
    before = [(part, part.training) for module in _modules(model) for part in module.modules()]
    try:
        for part, _ in before:
            part.training = False
        yield
    finally:
        for part, training in before:
            part.training = training


def _modules(model: Any) -> Iterator[nn.Module]:
    """Yield the torch modules behind a victim and behind the defenses in front of it."""
    while model is not None:
        module = getattr(model, "module", None)
        if isinstance(module, nn.Module):
            yield module
        model = getattr(model, "model", None)
