"""Backward Pass Differentiable Approximation: a gradient for a defense that hides its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, require_differentiable
from labkit.models.wrapped import WrappedClassifier

__all__ = ["Preprocessed", "bpda"]


class Preprocessed(Classifier, Protocol):
    """A defense that changes the input and hands it to the model inside."""

    @property
    def model(self) -> Classifier:
        """The model inside."""
        ...

    def transform(self, x: Tensor) -> Tensor:
        """Change the input, shape ``(n, ...)`` to the same shape."""
        ...


class _Straight(WrappedClassifier):
    """The defended model, with a stand-in for the gradient of its transformation."""

    model: Preprocessed

    def __init__(self, defended: Preprocessed, substitute: Callable[[Tensor], Tensor]) -> None:
        self.model, self._substitute = defended, substitute
        inner: Any = defended.model
        # A filter in front of a filter: each gets a stand-in.
        nested = not hasattr(inner, "forward") and hasattr(inner, "transform")
        self._inner = _Straight(inner, substitute) if nested else require_differentiable(inner, "bpda")

    def logits(self, x: Tensor) -> Tensor:
        return self.model.logits(x)

    def forward(self, x: Tensor) -> Tensor:
        smooth = self._substitute(x)
        # The value is the defense's; the gradient is the substitute's.
        return self._inner.forward(smooth + (self.model.transform(x) - smooth).detach())


def bpda(
    defended: Preprocessed, substitute: Callable[[Tensor], Tensor] | None = None
) -> DifferentiableClassifier:
    """Return the defended model as a white-box victim.

    The forward pass is the defense's own.  On the way back, the gradient of the
    transformation is replaced by that of ``substitute``, the identity by default: a
    transformation that keeps its input nearly as it was is nearly the identity.

    Parameters
    ----------
    defended : a defense with ``model`` and ``transform``
        For example ``Binarising`` or ``BitDepthSqueezing``.
    substitute : function, optional
        A differentiable stand-in for the transformation.

    Raises
    ------
    InvalidInputError
        When ``defended`` is no filter in front of a model, or that model has no gradient either.

    References
    ----------
    Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security",
    ICML 2018.  https://arxiv.org/abs/1802.00420
    """
    if not (hasattr(defended, "model") and hasattr(defended, "transform")):
        raise InvalidInputError(
            f"expected a defense with model and transform, such as BitDepthSqueezing; "
            f"got {type(defended).__name__}, which bpda has nothing to put a gradient into"
        )
    return _Straight(defended, substitute or _identity)


def _identity(x: Tensor) -> Tensor:
    return x
