"""Disturb what a service says, and leave what it means: the class it names stays the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import length, size
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.models.wrapped import WrappedClassifier

__all__ = ["PerturbedAnswers", "RoundedScores"]


@dataclass(frozen=True, eq=False)
class PerturbedAnswers(WrappedClassifier):
    """A service whose probabilities are disturbed, while the class that it names stays.

    The disturbance depends on the input and a secret, not on when it is asked: asking about the same
    input again averages nothing out.

    Parameters
    ----------
    model : Classifier
    strength : float
        Standard deviation of the noise on the logits; 0 disturbs nothing.
    secret : int
        Seed of the disturbance, known to the owner only.

    References
    ----------
    Lee et al., "Defending Against Neural Network Model Stealing Attacks Using Deceptive
    Perturbations", 2018, https://arxiv.org/abs/1806.00054, for noise that keeps the first class.
    """

    model: Classifier
    strength: float = 1.0
    secret: int = 0

    def __post_init__(self) -> None:
        length("strength", self.strength)

    def logits(self, x: Tensor) -> Tensor:
        """Return disturbed logits, ``(n, classes)``, whose largest is that of the model."""
        plain = self.model.logits(x)
        if not len(x) or not self.strength:
            return plain
        noise = torch.stack([self._noise(row, plain) for row in x])
        said, first = plain + self.strength * noise, plain.argmax(1, keepdim=True)
        # Where the noise has put another class in front, the two change places.
        front = said.argmax(1, keepdim=True)
        a, b = said.gather(1, first), said.gather(1, front)
        return said.scatter(1, front, a).scatter(1, first, b)

    def _noise(self, row: Tensor, plain: Tensor) -> Tensor:
        digest = hashlib.sha256(row.detach().contiguous().numpy().tobytes()).hexdigest()
        generator = make_generator(derive(self.secret, "answers", digest))
        return torch.randn(plain.shape[1], generator=generator, dtype=plain.dtype)


@dataclass(frozen=True, eq=False)
class RoundedScores(WrappedClassifier):
    """A service whose outputs are rounded.

    Parameters
    ----------
    model : Classifier
        Whose ``logits`` are the outputs.
    unit : float
        Outputs are rounded to the nearest multiple of it.
    """

    model: Classifier
    unit: float = 1.0

    def __post_init__(self) -> None:
        size("unit", self.unit)

    def logits(self, x: Tensor) -> Tensor:
        """Return the rounded outputs, ``(n, classes)``."""
        return (self.model.logits(x) / self.unit).round() * self.unit
