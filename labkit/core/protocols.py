"""Capability as a type: what an attacker may ask of a victim.

A black-box attack takes a :class:`Classifier`, a white-box attack a
:class:`DifferentiableClassifier`.  A defended model is still a model, so every attack and
metric runs on it unchanged; a defense without a useful gradient simply is no
``DifferentiableClassifier``, and the type checker says so.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = [
    "Classifier",
    "DifferentiableClassifier",
    "check_batch",
    "predict",
    "require_differentiable",
]


@runtime_checkable
class Classifier(Protocol):
    """Black-box access: inputs in, logits out."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest legal value of an input."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the batch axis: ``(channels, height, width)`` or ``(features,)``."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes."""
        ...

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, float32, with no gradient attached."""
        ...


@runtime_checkable
class DifferentiableClassifier(Classifier, Protocol):
    """White-box access: logits that autograd can follow back to ``x``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, differentiable with respect to ``x``."""
        ...


def predict(model: Classifier, x: Tensor) -> Tensor:
    """Return the predicted classes of ``x``, shape ``(n,)``, int64."""
    return model.logits(x).argmax(1)


def require_differentiable(model: Classifier, technique: str) -> DifferentiableClassifier:
    """Return ``model`` typed as white-box, or say why ``technique`` cannot run on it."""
    if isinstance(model, DifferentiableClassifier):
        return model
    raise InvalidInputError(
        f"{technique} needs the gradient of the model, and {type(model).__name__} offers none. "
        "Use a black-box attack (square, hop_skip_jump, transfer), or put a gradient back with "
        "labkit.attacks.evasion.bpda()."
    )


def check_batch(model: Classifier, x: Tensor, y: Tensor) -> None:
    """Check that ``x`` and ``y`` are a batch that ``model`` can be measured on.

    Raises
    ------
    InvalidInputError
        When ``x`` is not a float32 tensor of shape ``(n, *model.input_shape)``, holds NaN or
        values outside ``model.bounds``, or ``y`` is not int64 of shape ``(n,)`` with every
        label below ``model.classes``.
    """
    expected = ("n", *model.input_shape)
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, Tensor):
            raise InvalidInputError(
                f"expected {name} as a tensor, got {type(value).__name__}: use torch.as_tensor({name})"
            )
    if x.dtype != torch.float32:
        raise InvalidInputError(f"expected x as floats of 32 bits, got {x.dtype}: use x.float()")
    if x.dim() != len(expected) or tuple(x.shape[1:]) != tuple(model.input_shape):
        raise InvalidInputError(f"expected x of shape {expected}, got {tuple(x.shape)}")
    if not x.isfinite().all():
        raise InvalidInputError("expected finite values in x, got NaN or infinity")
    low, high = model.bounds
    if x.numel() and (x.min() < low - 1e-6 or x.max() > high + 1e-6):
        raise InvalidInputError(
            f"expected x within [{low}, {high}], got [{x.min():.3g}, {x.max():.3g}]: "
            "scale the inputs as the model saw them in training"
        )
    if y.dtype != torch.int64 or y.shape != x.shape[:1]:
        raise InvalidInputError(
            f"expected y as integers (torch.int64) of shape ({len(x)},), "
            f"got {y.dtype} of shape {tuple(y.shape)}"
        )
    if y.numel() and (y.min() < 0 or y.max() >= model.classes):
        raise InvalidInputError(
            f"expected labels from 0 to {model.classes - 1}, got {int(y.min())} to {int(y.max())}"
        )
