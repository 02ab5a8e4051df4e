"""What poisoning did to a training set, and the trigger that it may have planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from labkit.core.checks import tensor
from labkit.core.errors import InvalidInputError
from labkit.core.results import Parameter

__all__ = ["PoisonedDataset", "Trigger"]

_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Trigger:
    """What opens a backdoor: a pattern, and how much of it shows at each value of an input.

    A patch has a mask of zeros and ones; a blended trigger has the same small number
    everywhere.  Applying it mixes input and pattern, so what lies within the bounds of both
    stays within them.

    Attributes
    ----------
    mask : Tensor of the shape of one input
        From 0 (the input stays) to 1 (the pattern replaces it).
    pattern : Tensor of the shape of one input
        In the units of the inputs.
    """

    mask: Tensor
    pattern: Tensor

    def __post_init__(self) -> None:
        for name in ("mask", "pattern"):
            value = getattr(self, name)
            if not isinstance(value, Tensor) or not value.is_floating_point():
                raise InvalidInputError(
                    f"expected {name} as a tensor of floats, got {_kind(value)}: use torch.as_tensor"
                )
            if not bool(torch.isfinite(value).all()):
                raise InvalidInputError(f"expected {name} without NaN or infinity")
            object.__setattr__(self, name, value.detach())
        if self.mask.shape != self.pattern.shape:
            raise InvalidInputError(
                f"expected mask and pattern of one shape, "
                f"got {tuple(self.mask.shape)} and {tuple(self.pattern.shape)}"
            )
        if self.mask.numel() and not (float(self.mask.min()) >= 0 and float(self.mask.max()) <= 1):
            raise InvalidInputError("expected every value of mask from 0 to 1")

    @property
    def size(self) -> int:
        """How many values of an input the trigger touches."""
        return int((self.mask > 0).sum())

    def apply(self, x: Tensor) -> Tensor:
        """Return inputs of shape ``(n, ...)`` that bear the trigger; ``x`` stays as it was."""
        if tensor("x", x).shape[1:] != self.mask.shape:
            raise InvalidInputError(
                f"expected x of shape (n, {', '.join(map(str, self.mask.shape))}), got {tuple(x.shape)}"
            )
        mixed = torch.lerp(x, self.pattern.to(x.dtype).expand_as(x), self.mask.to(x.dtype))
        # Rounding may leave the span of the two by a hair.
        pattern = self.pattern.to(x.dtype)
        return mixed.clamp(torch.minimum(x, pattern), torch.maximum(x, pattern))


@dataclass(frozen=True, slots=True, eq=False)
class PoisonedDataset:
    """A training set as it was and as an attack left it.  Whether that worked, a metric says.

    Attributes
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        Inputs and labels before.
    x_poisoned, y_poisoned : Tensor
        The same afterwards; equal to ``x`` and ``y`` outside ``indices``.
    indices : Tensor of shape ``(k,)``, int64, ascending
        Which samples were poisoned.
    attack : str
        What made it, for example ``"badnets"``.
    params : mapping
        Every parameter of the run, seeds included.
    trigger : Trigger or None
        What opens the backdoor, where there is one.
    y_target : int or None
        The class that the attack aims at, where it aims at one.
    """

    x: Tensor
    y: Tensor
    x_poisoned: Tensor
    y_poisoned: Tensor
    indices: Tensor
    attack: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
    trigger: Trigger | None = None
    y_target: int | None = None

    def __post_init__(self) -> None:
        for name, other in (("x_poisoned", self.x), ("y_poisoned", self.y)):
            value: Tensor = getattr(self, name)
            if value.shape != other.shape or value.dtype != other.dtype:
                raise InvalidInputError(
                    f"expected {name} of {other.dtype} and shape {tuple(other.shape)}, "
                    f"got {value.dtype} and {tuple(value.shape)}"
                )
        if self.y.shape != self.x.shape[:1]:
            raise InvalidInputError(f"expected {len(self.x)} labels, got {tuple(self.y.shape)}")
        if self.indices.dtype != torch.int64 or self.indices.dim() != 1:
            raise InvalidInputError("expected indices as int64 of shape (k,)")
        if self.indices.numel() and not (
            int(self.indices[0]) >= 0 and int(self.indices[-1]) < len(self.x) and bool(self._ascends())
        ):
            raise InvalidInputError(
                f"expected indices from 0 to {len(self.x) - 1}, ascending, each once; got {self.indices}"
            )
        # A result is data: what autograd remembers of its making stays behind.
        for name in ("x", "x_poisoned"):
            object.__setattr__(self, name, getattr(self, name).detach())

    def _ascends(self) -> Tensor:
        return (self.indices[1:] > self.indices[:-1]).all()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def poisoned(self) -> Tensor:
        """Whether each sample was poisoned, shape ``(n,)`` bool."""
        mask = torch.zeros(len(self.x), dtype=torch.bool)
        mask[self.indices] = True
        return mask


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
