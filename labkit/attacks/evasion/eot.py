"""Expectation over transformation: one gradient for a victim that answers by chance."""

from __future__ import annotations

from torch import Tensor

from labkit.core.checks import whole
from labkit.core.protocols import DifferentiableClassifier, require_differentiable
from labkit.models.wrapped import WrappedClassifier

__all__ = ["eot"]


class _Averaged(WrappedClassifier):
    """The victim's mean answer over several draws."""

    model: DifferentiableClassifier

    def __init__(self, model: DifferentiableClassifier, draws: int) -> None:
        self.model, self._draws = model, draws

    def logits(self, x: Tensor) -> Tensor:
        return self._mean([self.model.logits(x) for _ in range(self._draws)])

    def forward(self, x: Tensor) -> Tensor:
        # One call for each draw: a defense may draw once for the whole batch.
        return self._mean([self.model.forward(x) for _ in range(self._draws)])

    @staticmethod
    def _mean(answers: list[Tensor]) -> Tensor:
        total = answers[0]
        for answer in answers[1:]:
            total = total + answer
        return total / len(answers)


def eot(model: DifferentiableClassifier, draws: int = 16) -> DifferentiableClassifier:
    """Return a victim that answers by chance as one that gives its mean answer.

    A defense that draws a random change for each question hides its gradient behind noise.
    The mean of the logits over several draws has the mean of the gradients, which an attack
    can follow.  Measure the result on ``model`` itself, not on what is returned here.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim, or the :func:`bpda` of a defense.  Its own generator makes the draws.
    draws : int
        Answers that are averaged; each costs as much as one answer of ``model``.

    Raises
    ------
    InvalidInputError
        When ``model`` has no gradient, or ``draws`` is no whole number from 1 up.

    References
    ----------
    Athalye, Engstrom, Ilyas & Kwok, "Synthesizing Robust Adversarial Examples", ICML 2018.
    https://arxiv.org/abs/1707.07397
    """
    return _Averaged(require_differentiable(model, "eot"), whole("draws", draws))
