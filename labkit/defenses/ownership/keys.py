"""Keys: inputs with answers that only the owner knows, and what an independent model makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = ["KeySet"]

Parameter = str | int | float | bool | None
_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """Inputs that recognise a model by its answers.

    Attributes
    ----------
    x : Tensor of shape ``(n, ...)``, float32
    y : Tensor of shape ``(n,)``, int64
        What the owner's model answers.
    chance : float
        How often a model that has nothing to do with the owner's gives these answers.
    method : str
    params : mapping
    """

    x: Tensor
    y: Tensor
    chance: float
    method: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)

    def __post_init__(self) -> None:
        if self.y.dtype != torch.int64 or self.y.shape != self.x.shape[:1] or not len(self.y):
            raise InvalidInputError(
                f"expected one answer (int64) for each of one key or more, got {self.y.dtype} of shape "
                f"{tuple(self.y.shape)} for {len(self.x)} keys"
            )
        if not 0 <= self.chance <= 1:
            raise InvalidInputError(f"expected a chance from 0 to 1, got {self.chance!r}")
        object.__setattr__(self, "x", self.x.detach())

    def __len__(self) -> int:
        return len(self.y)
