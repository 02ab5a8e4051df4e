"""Input filters: squeezing and noise in front of a model, which hide its gradient more than they help."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier
from labkit.core.seeds import make_generator
from labkit.models.wrapped import WrappedClassifier

__all__ = ["Binarising", "BitDepthSqueezing", "NoisyInput"]


class _Filter(WrappedClassifier):
    """A model behind a transformation of its input.

    Rounding has no useful gradient, so a filter is a ``Classifier`` and no
    ``DifferentiableClassifier``: a gradient attack cannot be pointed at it by accident.
    That is obscurity and not robustness; ``labkit.attacks.evasion.bpda`` puts a gradient
    back and breaks it.
    """

    def transform(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        return self.model.logits(self.transform(x))


@dataclass(frozen=True, eq=False)
class BitDepthSqueezing(_Filter):
    """Round inputs to ``2**bits`` levels before the model sees them.

    References
    ----------
    Xu, Evans & Qi, "Feature Squeezing", NDSS 2018.  https://arxiv.org/abs/1704.01155
    """

    model: Classifier
    bits: int = 3

    def __post_init__(self) -> None:
        if whole("bits", self.bits) > 16:
            raise InvalidInputError(f"expected bits from 1 to 16, got {self.bits}")

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` on the nearest of ``2**bits`` levels, in the bounds of the model."""
        low, high = self.bounds
        levels = 2**self.bits - 1
        return low + ((x - low) / (high - low) * levels).round() / levels * (high - low)


@dataclass(frozen=True, eq=False)
class Binarising(_Filter):
    """Turn every value into the smallest or the largest, whichever side of the threshold it is on.

    Parameters
    ----------
    model : Classifier
        The model behind the filter.
    threshold : float
        Share of the range at which a value turns; 0.5 is the middle.
    """

    model: Classifier
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < length("threshold", self.threshold) < 1:
            raise InvalidInputError(f"expected a threshold between 0 and 1, got {self.threshold}")

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` with every value at one end of the bounds."""
        low, high = self.bounds
        return low + (x > low + self.threshold * (high - low)).to(x.dtype) * (high - low)


@dataclass(frozen=True, eq=False)
class NoisyInput(WrappedClassifier):
    """Add fresh Gaussian noise to every input before the model sees it, at every question.

    One answer has a gradient, and it points somewhere else each time.  The mean over several
    answers does not: :func:`labkit.attacks.evasion.eot` follows it.

    Parameters
    ----------
    model : DifferentiableClassifier
        The model behind the noise.
    noise_std : float
        Standard deviation of the noise, in the units of ``x``.
    seed : int or torch.Generator
        What the noise is drawn from; the draws go on from question to question.

    References
    ----------
    Liu, Cheng, Zhang & Hsieh, "Towards Robust Neural Networks via Random Self-ensemble",
    ECCV 2018.  https://arxiv.org/abs/1712.00673
    """

    model: DifferentiableClassifier
    noise_std: float = 0.2
    seed: int | torch.Generator = 0
    _generator: torch.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        length("noise_std", self.noise_std)
        object.__setattr__(self, "_generator", make_generator(self.seed))

    def logits(self, x: Tensor) -> Tensor:
        return self.model.logits(self._noisy(x))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, differentiable with respect to ``x``."""
        return self.model.forward(self._noisy(x))

    def _noisy(self, x: Tensor) -> Tensor:
        return x + self.noise_std * torch.randn(x.shape, generator=self._generator)
