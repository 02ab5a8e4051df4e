"""Shadow models: trained as the victim was, on records of which one knows who was in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from labkit.attacks.membership._common import true_confidence
from labkit.core.checks import class_numbers, floats, tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.models.ensembles import Ensemble, train_ensemble

__all__ = ["Shadows", "draw_members", "train_shadows"]

Progress = Callable[[int, int, str], None]


class Training(Protocol):
    """A way of training many models at once; ``train_ensemble`` with its settings filled in is one."""

    def __call__(
        self, x: Tensor, y: Tensor, members: Tensor, *, seed: int, progress: Progress | None = None
    ) -> Ensemble: ...


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """Models of one's own, the candidates, and which of them each model has seen.

    Attributes
    ----------
    models : Ensemble
    members : Tensor of shape ``(models, n)``, bool
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The candidates, with their recorded classes.
    """

    models: Ensemble
    members: Tensor
    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        class_numbers("y", self.y, len(floats("x", self.x, axes=2)), self.models.classes)
        expected = (len(self.models), len(self.x))
        if tensor("members", self.members).dtype != torch.bool or tuple(self.members.shape) != expected:
            raise InvalidInputError(
                f"expected members as True and False of shape {expected}, "
                f"got {self.members.dtype} of shape {tuple(self.members.shape)}"
            )

    def __len__(self) -> int:
        return len(self.models)

    def confidence(self) -> Tensor:
        """Return the log-odds of each candidate's recorded class under each model, ``(models, n)``."""
        return true_confidence(self.models.logits(self.x), self.y)

    def part(self, numbers: Sequence[int] | slice) -> Shadows:
        """Return some of the models: the first few, or all but one that plays the victim."""
        chosen = numbers if isinstance(numbers, slice) else list(numbers)
        return Shadows(self.models.part(chosen), self.members[chosen], self.x, self.y)

    def check(self, model: Classifier, x: Tensor, y: Tensor) -> None:
        """Raise when these are not the candidates that the shadows know."""
        same = x.shape == self.x.shape and bool((x == self.x).all()) and bool((y == self.y).all())
        if not same:
            raise InvalidInputError(
                "expected the candidates that the shadows were trained on, in their order; got others: "
                "train shadows on these with train_shadows(x, y)"
            )
        if model.classes != self.models.classes:
            raise InvalidInputError(
                f"expected shadows with the {model.classes} classes of the victim, got {self.models.classes}"
            )


def draw_members(count: int, models: int, size: int, *, seed: int | torch.Generator = 0) -> Tensor:
    """Draw which ``size`` of ``count`` candidates each model is trained on.

    Returns
    -------
    Tensor of shape ``(models, count)``, bool
        Every row has ``size`` entries that are True.
    """
    if not 0 < whole("size", size) < whole("count", count):
        raise InvalidInputError(
            f"expected size from 1 to {count - 1}, so that some of {count} candidates stay out; got {size}"
        )
    lots = torch.rand(whole("models", models), count, generator=make_generator(seed))
    members = torch.zeros(models, count, dtype=torch.bool)
    return members.scatter(1, lots.argsort(1)[:, :size], True)


def train_shadows(
    x: Tensor,
    y: Tensor,
    *,
    classes: int | None = None,
    shadows: int = 32,
    size: int | None = None,
    training: Training | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Shadows:
    """Train shadow models, each on a part of the candidates that is drawn for it.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The candidates, with their recorded classes.
    classes : int, optional
        How many classes there are; as many as ``y`` holds by default.
    shadows : int
        How many models.
    size : int, optional
        Candidates that each is trained on; half of them by default.
    training : function, optional
        How to train: as the victim was, as far as that is known.  Gets ``x``, ``y``,
        ``members`` and ``seed``; ``train_ensemble`` with its defaults when left out.
    seed : int
    progress : function, optional

    References
    ----------
    Shokri et al., IEEE S&P 2017.  https://arxiv.org/abs/1610.05820
    """
    class_numbers("y", y, len(floats("x", x, axes=2)), classes)
    if len(x) < 2 or whole("shadows", shadows) < 2:
        raise InvalidInputError(
            f"expected two candidates and two shadows or more, got {len(x)} candidates and {shadows} shadows"
        )
    members = draw_members(
        len(x), shadows, len(x) // 2 if size is None else size, seed=derive(seed, "members")
    )
    count = int(y.max()) + 1 if classes is None else classes
    fit = partial(train_ensemble, classes=count) if training is None else training
    return Shadows(fit(x, y, members, seed=derive(seed, "shadows"), progress=progress), members, x, y)
