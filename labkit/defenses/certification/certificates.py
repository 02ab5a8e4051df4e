"""What a certificate says: a class for each input, and how far nothing can change it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor, nn

from labkit.core.checks import finite, tensor
from labkit.core.errors import InvalidInputError
from labkit.core.results import Parameter
from labkit.core.threat import Norm

__all__ = ["ABSTAINED", "Certificates", "model_digest", "reach_in"]

ABSTAINED = -1
"""What stands in the place of a class where a smoothed classifier says nothing."""

_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Certificates:
    """For each input the class that is certified, and the radius within which it cannot change.

    Attributes
    ----------
    method : str
        ``"randomized_smoothing"`` or ``"interval_bounds"``.
    norm : Norm
        How the radii are measured.
    predicted : Tensor of shape ``(n,)``, int64
        The class, or -1 where the classifier abstains.
    radii : Tensor of shape ``(n,)``, float32
        In the units of ``x``; 0 where it abstains.
    confidence : float
        With what probability *each* certificate holds; 1 for a proof without chance.
    model : str
        :func:`model_digest` of the network that was certified.
    dimension : int
        Values of one input, which decides what a radius is worth in another norm.
    noise_std : float
        Standard deviation of the smoothing noise; 0 where there was none.
    params : mapping
        Every other parameter of the run.
    """

    method: str
    norm: Norm
    predicted: Tensor
    radii: Tensor
    confidence: float
    model: str
    dimension: int
    noise_std: float = 0.0
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)

    def __post_init__(self) -> None:
        if tensor("predicted", self.predicted).dtype != torch.int64 or self.predicted.dim() != 1:
            raise InvalidInputError(
                f"expected predicted as int64 of shape (n,), got {self.predicted.dtype} of "
                f"{tuple(self.predicted.shape)}"
            )
        if finite("radii", self.radii).shape != self.predicted.shape or bool((self.radii < 0).any()):
            raise InvalidInputError("expected a radius of 0 or more for each input")
        if not 0 < self.confidence <= 1:
            raise InvalidInputError(f"expected confidence above 0 and up to 1, got {self.confidence!r}")

    def __len__(self) -> int:
        return len(self.predicted)

    @property
    def abstained(self) -> Tensor:
        """Where nothing is said, shape ``(n,)`` bool."""
        return self.predicted == ABSTAINED

    def holds(self, y: Tensor, epsilon: float, norm: Norm | None = None) -> Tensor:
        """Return which inputs are certified to be read as ``y`` up to ``epsilon``, shape ``(n,)`` bool.

        Parameters
        ----------
        y : Tensor of shape ``(n,)``, int64
            True classes.  An abstention is right for none of them.
        epsilon : float
            Budget of an attacker.
        norm : Norm, optional
            How that budget is measured; as the radii are, by default.  In another norm a
            radius is worth what :func:`reach_in` says.
        """
        if y.shape != self.predicted.shape:
            raise InvalidInputError(
                f"expected y of shape ({len(self)},), one class for each certificate; got {tuple(y.shape)}"
            )
        shrunk = reach_in(self.norm if norm is None else Norm(norm), self.norm, self.dimension)
        return (self.predicted == y) & (self.radii * shrunk >= epsilon)


def reach_in(norm: Norm, of: Norm, dimension: int) -> float:
    """Return how far a ball of radius 1 in the norm ``of`` reaches, at least, in ``norm``.

    The largest ball of ``norm`` that fits into it: ``1 / sqrt(dimension)`` from L2 to
    L-infinity, because every value may move at once, and 1 from L-infinity to L2, because no
    single value moves further than the whole.
    """
    return 1 / math.sqrt(dimension) if (of, norm) == (Norm.L2, Norm.LINF) else 1.0


def model_digest(module: nn.Module) -> str:
    """Return twelve hexadecimal digits over the names, shapes and values of all weights of a network."""
    total = hashlib.sha256()
    for name, part in sorted(module.state_dict().items()):
        total.update(f"{name} {part.dtype} {tuple(part.shape)}\n".encode())
        total.update(part.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:12]
