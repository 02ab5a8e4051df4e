"""A share of samples, with the interval that belongs to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = ["Rate"]

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured share and its Wilson 95 % interval.

    Attributes
    ----------
    value : float
        The share, from 0 to 1; NaN when there was nothing to count.
    low, high : float
        Ends of the interval; 0 and 1 when there was nothing to count.
    n : int
        Samples that were counted.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, hits: Tensor) -> Rate:
        """Return the share of True in ``hits``, shape ``(n,)`` bool."""
        if hits.dtype != torch.bool:
            raise InvalidInputError(f"expected hits as True and False, got {hits.dtype}: compare first")
        n = int(hits.numel())
        if n == 0:
            return cls(math.nan, 0.0, 1.0, 0)
        share = float(hits.double().mean())
        centre = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        reach = _Z95 / (1 + _Z95**2 / n) * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
        # Rounding may push an end a hair past the value that it must contain.
        low, high = max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach))
        return cls(share, low, high, n)

    def __str__(self) -> str:
        if self.n == 0:
            return "not measurable: no samples"
        return f"{self.value:.1%} (95 % interval {self.low:.1%} to {self.high:.1%}, n = {self.n})"
