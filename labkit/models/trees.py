"""Gradient-boosted trees as a black-box victim: no gradient, no pickle.

scikit-learn grows the trees; what is kept of them is five arrays, and our own predictor
walks all trees at once.  So a stored victim is data only, and using one needs no
scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive
from labkit.models.training import Progress

__all__ = ["TreeClassifier", "grow_trees"]

_BATCH = 512
_COARSEST = 16
_ARRAYS = ("feature", "left", "right", "threshold", "value")


@dataclass(frozen=True, slots=True, eq=False)
class TreeClassifier:
    """A forest of additive trees.  It has no ``forward``: trees have no useful gradient.

    Attributes
    ----------
    nodes : mapping of str to Tensor
        ``feature``, ``left``, ``right`` (int64), ``threshold`` (float64) and ``value``
        (float32), each of shape ``(trees, nodes)``.  A leaf points to itself.  Tree ``t``
        votes for class ``t % classes``; with two classes every tree votes for class 1.
    input_shape : tuple of int
        Shape of one input, without the batch axis.
    classes : int
        Number of classes.
    depth : int
        Steps from a root to its deepest leaf.
    bounds : tuple of float
        Smallest and largest legal value of an input.
    """

    nodes: Mapping[str, Tensor] = field(repr=False)
    input_shape: tuple[int, ...]
    classes: int
    depth: int
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        shapes = {name: tuple(self.nodes[name].shape) for name in _ARRAYS if name in self.nodes}
        if set(self.nodes) != set(_ARRAYS) or len(set(shapes.values())) != 1:
            raise InvalidInputError(f"expected {', '.join(_ARRAYS)} of one shape, got {shapes}")
        if min(shapes["feature"]) < 1:
            raise InvalidInputError("expected one tree or more, got none")

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, float32: what the trees add up to."""
        if tuple(x.shape[1:]) != self.input_shape or not x.is_floating_point():
            raise InvalidInputError(
                f"expected x as floats of shape ('n', {', '.join(map(str, self.input_shape))}), "
                f"got {x.dtype} of shape {tuple(x.shape)}"
            )
        if not len(x):
            return torch.zeros((0, self.classes))
        with torch.no_grad(), threads():
            return torch.cat([self._scores(_coarse(part)) for part in torch.split(x, _BATCH)])

    def _scores(self, features: Tensor) -> Tensor:
        trees = torch.arange(len(self.nodes["feature"]))
        at = torch.zeros((len(features), len(trees)), dtype=torch.int64)
        for _ in range(self.depth):
            seen = features.gather(1, self.nodes["feature"][trees, at]).double()
            goes_left = seen <= self.nodes["threshold"][trees, at]
            at = torch.where(goes_left, self.nodes["left"][trees, at], self.nodes["right"][trees, at])
        votes = self.nodes["value"][trees, at]
        if self.classes == 2:
            score = votes.sum(1) / 2
            return torch.stack([-score, score], dim=1)
        return votes.view(len(features), -1, self.classes).sum(1)


def grow_trees(
    x: Tensor,
    y: Tensor,
    classes: int,
    *,
    stages: int = 60,
    depth: int = 3,
    rate: float = 0.2,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> TreeClassifier:
    """Grow gradient-boosted trees with scikit-learn, and keep their arrays.

    Images larger than 16 pixels are averaged down to 8 to 15 pixels first.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Inputs within ``bounds`` and their classes; every class must occur.
    classes : int
        Number of classes, 2 or more.
    stages, depth : int
        Rounds of boosting (one tree a class each), and questions a tree asks.
    rate : float
        How much each round adds.
    seed : int
        Decides the samples and features that each tree sees.
    progress : function, optional
        ``progress(done, total, message)``, called after every round.

    References
    ----------
    Friedman, "Stochastic gradient boosting", Computational Statistics & Data Analysis
    38(4), 2002.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    if sorted(set(y.tolist())) != list(range(classes)) or classes < 2:
        raise InvalidInputError(
            f"expected every class from 0 to {classes - 1}, two or more, in y; got {sorted(set(y.tolist()))}"
        )
    booster = GradientBoostingClassifier(
        init="zero",
        n_estimators=stages,
        learning_rate=rate,
        max_depth=depth,
        max_features="sqrt",
        subsample=0.7,
        random_state=derive(seed, "trees") % 2**32,
    )

    def report(stage: int, *_: object) -> bool:
        if progress is not None:
            progress(stage + 1, stages, "growing trees")
        return False

    booster.fit(_coarse(x).numpy(), y.numpy(), monitor=report)
    grown = [tree.tree_ for tree in booster.estimators_.ravel()]
    return TreeClassifier(_arrays(grown, rate), tuple(x.shape[1:]), classes, depth, bounds)


def _arrays(grown: list[Any], rate: float) -> dict[str, Tensor]:
    """Pad scikit-learn's trees to one size; a leaf is made to point to itself."""
    shape = (len(grown), max(tree.node_count for tree in grown))
    itself = np.broadcast_to(np.arange(shape[1]), shape)
    feature, left, right = np.zeros(shape, np.int64), itself.copy(), itself.copy()
    threshold, value = np.zeros(shape), np.zeros(shape, np.float32)
    for row, tree in enumerate(grown):
        part = slice(tree.node_count)
        inner = tree.children_left >= 0
        feature[row, part] = np.where(inner, tree.feature, 0)
        threshold[row, part] = tree.threshold
        left[row, part] = np.where(inner, tree.children_left, left[row, part])
        right[row, part] = np.where(inner, tree.children_right, right[row, part])
        value[row, part] = rate * tree.value[:, 0, 0]
    named = {"feature": feature, "left": left, "right": right, "threshold": threshold, "value": value}
    return {name: torch.from_numpy(array) for name, array in named.items()}


def _coarse(x: Tensor) -> Tensor:
    """Return features of shape ``(n, features)``; large images are averaged down first."""
    if x.dim() == 4 and min(x.shape[2:]) > _COARSEST:
        x = functional.avg_pool2d(x, min(x.shape[2:]) // (_COARSEST // 2))
    return x.reshape(len(x), prod(x.shape[1:])).float()
