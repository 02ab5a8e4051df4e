"""Networks cross into judgement as tensors by name: rebuilt and checked here, never run as handed in."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.models import TorchClassifier, build

__all__ = ["from_text", "rebuilt", "to_text", "weights_of"]

Weights = Mapping[str, Tensor]


def weights_of(model: TorchClassifier) -> dict[str, Tensor]:
    """Return the weights of a network by name: what is handed in."""
    module = getattr(model, "module", None)
    if not isinstance(module, torch.nn.Module):
        raise InvalidInputError(
            f"expected a network such as adversarial_training() returns, got {type(model).__name__}: "
            "a filter in front of a model has no weights of its own"
        )
    return {name: part.detach().clone() for name, part in module.state_dict().items()}


def rebuilt(case: RobustnessCase, weights: Weights | TorchClassifier) -> TorchClassifier:
    """Return a network of the architecture of the case with these weights in it, frozen.

    Raises
    ------
    InvalidInputError
        When they are no tensors by name, do not fit the architecture, or hold NaN or infinity.
    """
    given = weights_of(weights) if isinstance(weights, TorchClassifier) else weights
    if not isinstance(given, Mapping) or not all(isinstance(part, Tensor) for part in given.values()):
        raise InvalidInputError(
            f"expected weights as tensors by name, as weights_of(model) returns; got {type(given).__name__}"
        )
    module = build(case.architecture, case.input_shape, case.classes)
    wanted = {name: tuple(part.shape) for name, part in module.state_dict().items()}
    got = {str(name): tuple(part.shape) for name, part in given.items()}
    if wanted != got:
        apart = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
        raise InvalidInputError(
            f"expected the weights of the architecture {case.architecture!r} on inputs of "
            f"{case.input_shape}; these do not fit: {', '.join(apart[:4])}"
        )
    if not all(bool(part.isfinite().all()) for part in given.values()):
        raise InvalidInputError("expected finite weights, got NaN or infinity: the training ran away")
    module.load_state_dict({name: part.detach().float() for name, part in given.items()})
    return TorchClassifier(module.requires_grad_(False), case.input_shape, case.classes)


def to_text(weights: Weights | TorchClassifier) -> str:
    """Return weights as text that JSON can hold: safetensors in base 64."""
    given = weights_of(weights) if isinstance(weights, TorchClassifier) else weights
    return base64.b64encode(safetensors.torch.save({k: v.contiguous() for k, v in given.items()})).decode()


def from_text(text: Any) -> dict[str, Tensor]:
    """Return what :func:`to_text` wrote down."""
    try:
        return safetensors.torch.load(base64.b64decode(str(text), validate=True))
    except (binascii.Error, SafetensorError) as error:
        raise InvalidInputError(f"expected weights as safetensors in base 64: {error}") from None
