"""Tell rows that somebody filed from rows that an explainer made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from labkit.attacks.explanation.perturbing import perturb_like_lime, perturb_like_shap
from labkit.core.checks import floats, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.seeds import derive
from labkit.models.trees import TreeClassifier, grow_trees

__all__ = ["KINDS", "Detector", "fit_detector"]

KINDS = ("lime", "shap")
"""Explainers whose questions a detector can learn."""


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """Says how likely a row was made up by an explainer.

    Attributes
    ----------
    trees : TreeClassifier
        Class 1 is "made up".
    threshold : float
        From 0 to 1: how likely a row must be for :meth:`recognises`.
    """

    trees: TreeClassifier
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise InvalidInputError(f"expected threshold from 0 to 1, got {self.threshold!r}")

    def suspicion(self, x: Tensor) -> Tensor:
        """Return how likely each row was made up, shape ``(n,)``, from 0 to 1."""
        return self.trees.logits(x).softmax(1)[:, 1]

    def recognises(self, x: Tensor) -> Tensor:
        """Return which rows are taken for a question of an explainer, ``(n,)``, bool."""
        return self.suspicion(x) > self.threshold


def fit_detector(
    x: Tensor,
    *,
    kinds: Sequence[str] = KINDS,
    background: Tensor | None = None,
    copies: int = 2,
    categorical: Sequence[int] = (),
    threshold: float = 0.5,
    stages: int = 60,
    depth: int = 4,
    seed: int = 0,
) -> Detector:
    """Learn to tell real rows from those that explainers make of them.

    Parameters
    ----------
    x : Tensor of shape ``(n, features)``, float32
        Real rows.
    kinds : sequence of str
        Explainers to be recognised, out of :data:`KINDS`.
    background : Tensor of shape ``(m, features)``, optional
        What SHAP is expected to fill in; the rows themselves by default.
    copies : int
        Made-up rows of each kind for every real one.
    categorical : sequence of int
        Columns that LIME is told are categorical.
    threshold : float
        How likely made up a row must be to be treated so.
    stages, depth : int
        Rounds of boosting, and questions a tree asks.
    seed : int

    Raises
    ------
    InvalidInputError, UnknownNameError
        When an explainer is not known, or none is named.

    References
    ----------
    Slack, Hilgard, Jia, Singh & Lakkaraju, "Fooling LIME and SHAP: Adversarial Attacks on Post hoc
    Explanation Methods", AIES 2020.  https://arxiv.org/abs/1911.02508
    """
    rows = floats("x", x, axes=2)
    made: dict[str, Callable[..., Tensor]] = {
        "lime": partial(perturb_like_lime, categorical=categorical),
        "shap": partial(perturb_like_shap, background=background),
    }
    for kind in kinds:
        if kind not in made:
            raise UnknownNameError("explainer", str(kind), made)
    if not kinds:
        raise InvalidInputError(f"expected kinds as one or more of {', '.join(KINDS)}, got none")
    whole("copies", copies)
    asked = [made[kind](rows, copies=copies, seed=derive(seed, "made up", kind)) for kind in kinds]
    every = torch.cat([rows, *asked])
    truth = torch.cat([torch.zeros(len(rows)), torch.ones(len(every) - len(rows))]).long()
    trees = grow_trees(every, truth, 2, stages=whole("stages", stages), depth=depth, seed=seed)
    return Detector(trees, threshold)
