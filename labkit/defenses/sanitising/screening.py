"""What a screening of training data found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.core.checks import finite, tensor
from labkit.core.errors import InvalidInputError
from labkit.core.results import Parameter

__all__ = ["Screening"]

_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """How suspicious each sample of a training set looks, and which ones to take out.

    Attributes
    ----------
    method : str
        ``"knn_consistency"``, ``"spectral_signatures"``, ``"activation_clustering"`` or
        ``"provenance"``.
    scores : Tensor of shape ``(n,)``, float32
        Higher is more suspicious; the unit is the method's own.
    remove : Tensor of shape ``(n,)``, bool
        Which samples to take out.
    params : mapping
        Every parameter of the run.
    """

    method: str
    scores: Tensor
    remove: Tensor
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)

    def __post_init__(self) -> None:
        if self.remove.dtype != torch.bool or self.remove.shape != self.scores.shape:
            raise InvalidInputError(
                f"expected remove as True and False of shape {tuple(self.scores.shape)}, "
                f"got {self.remove.dtype} of {tuple(self.remove.shape)}"
            )

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def indices(self) -> Tensor:
        """Which samples to take out, as positions, ascending: ``(k,)`` int64."""
        return self.remove.nonzero().flatten()

    @property
    def keep(self) -> Tensor:
        """Which samples stay, as positions, ascending: ``(n - k,)`` int64."""
        return (~self.remove).nonzero().flatten()


def check_screened(features: Tensor, y: Tensor) -> Tensor:
    """Return features as ``(n, d)`` float32.

    Raises
    ------
    InvalidInputError
        When they are empty, not finite, or do not fit the labels.
    """
    if not tensor("features", features).is_floating_point() or features.dim() < 2 or len(features) == 0:
        raise InvalidInputError(
            f"expected features as floats of shape (n, ...), one sample or more; "
            f"got {features.dtype}, {tuple(features.shape)}"
        )
    if tensor("y", y).dtype != torch.int64 or y.shape != features.shape[:1]:
        raise InvalidInputError(
            f"expected y as int64 of shape ({len(features)},), got {y.dtype} of {tuple(y.shape)}"
        )
    return finite("features", features.detach().flatten(1).float())


def check_share(name: str, value: Any) -> float:
    """Return ``value`` as a share from 0 to 1."""
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not 0 <= number <= 1:
        raise InvalidInputError(f"expected {name} from 0 to 1, got {value!r}")
    return number


def classes_of(y: Tensor) -> list[int]:
    """Return the classes that occur, ascending."""
    return sorted(set(y.tolist()))
