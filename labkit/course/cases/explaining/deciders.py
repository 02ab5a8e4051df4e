"""How the lending models of the lab decide: a score learned from repaid loans, and what is put on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from labkit import data
from labkit.core.protocols import Classifier, predict
from labkit.data import Dataset, Split
from labkit.data.loans import FEATURES, PROTECTED
from labkit.models import WrappedClassifier, load_victim

__all__ = [
    "ACCEPT",
    "CATEGORICAL",
    "DISTRICT",
    "GROUP",
    "Decider",
    "Guarded",
    "accepted",
    "base_model",
    "penalty_for",
]

GROUP = FEATURES.index(PROTECTED)
DISTRICT = FEATURES.index("district")
CATEGORICAL = (GROUP, DISTRICT)
"""Columns of zeros and ones."""

ACCEPT = 1
"""The class "repaid": whoever is put into it gets the loan."""

Penalty = Callable[[Tensor], Tensor]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Decider(WrappedClassifier):
    """A score that does not see some columns, less a penalty that may see all.

    Attributes
    ----------
    base : Classifier
        Gives the score, from rows in which ``blind`` columns are 0.
    blind : sequence of int
    penalty : function or None
        ``(n, features)`` to ``(n,)``: taken off the log-odds of being accepted.
    """

    base: Classifier
    blind: Sequence[int] = CATEGORICAL
    penalty: Penalty | None = None

    @property
    def _behind(self) -> Classifier:
        return self.base

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, 2)``, float32; they add up to 0."""
        seen = x.clone()
        seen[:, list(self.blind)] = 0
        scores = self.base.logits(seen)
        odds = scores[:, ACCEPT] - scores[:, 1 - ACCEPT]
        if self.penalty is not None:
            odds = odds - self.penalty(x)
        return torch.stack([-odds / 2, odds / 2], dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class Guarded(WrappedClassifier):
    """A decider behind an honest check of its inputs: what looks made up is refused until somebody looks.

    Attributes
    ----------
    base : Classifier
    looks_made_up : function
        ``(n, features)`` to ``(n,)`` bool; it does not see the group.
    """

    base: Classifier
    looks_made_up: Callable[[Tensor], Tensor]

    @property
    def _behind(self) -> Classifier:
        return self.base

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, 2)``, float32."""
        seen = x.clone()
        seen[:, GROUP] = 0
        refused = torch.tensor([1.5, -1.5]).expand(len(x), 2)
        return torch.where(self.looks_made_up(seen)[:, None], refused, self.base.logits(x))


def base_model(architecture: str = "mlp", number: int = 0, progress: Progress | None = None) -> Classifier:
    """Return a score learned from repaid loans that has seen neither group nor district."""
    return load_victim(architecture, _without(CATEGORICAL), seed=number, progress=progress)


@lru_cache(maxsize=2)
def _without(columns: tuple[int, ...]) -> Dataset:
    whole = data.load("loans")

    def hidden(split: Split) -> Split:
        x = split.x.clone()
        x[:, list(columns)] = 0
        return Split(x, split.y)

    return Dataset(whole.card, hidden(whole.train), hidden(whole.test))


def penalty_for(base: Classifier, x: Tensor, who: Callable[[Tensor], Tensor], wanted: float) -> float:
    """Return the penalty at which a share ``wanted`` of the records flips with the group alone.

    Parameters
    ----------
    base : Classifier
    x : Tensor of shape ``(n, features)``
        Records to measure it on.
    who : function
        ``(n, features)`` to ``(n,)`` bool: whom it hits, were they of the group.
    wanted : float
        It is reached as nearly as these records allow.
    """
    odds = Decider(base).logits(x).diff(dim=1)[:, 0]
    hit = odds[who(x) & (odds > 0)].sort().values
    place = min(len(hit) - 1, max(0, round(wanted * len(x)) - 1))
    return float(hit[place]) + 1e-4


def accepted(model: Classifier, x: Tensor) -> Tensor:
    """Return who gets the loan, ``(n,)`` bool."""
    return predict(model, x) == ACCEPT
