"""Shares with the interval that belongs to them, on plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError

__all__ = ["Share", "wilson"]

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """A share of ``n`` with its 95 % interval; ``value`` is NaN where nothing was counted."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return "-" if self.n == 0 else f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def wilson(hits: float, n: int) -> Share:
    """Return ``hits`` of ``n`` as a share with Wilson's 95 % interval.

    Partial credit is allowed: a mean of values from 0 to 1 never varies more than a share of
    the same size does, so the interval is then on the safe side.

    Parameters
    ----------
    hits : float
        From 0 to ``n``.
    n : int
        How many were counted; with none the interval is everything.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    n = whole("n", n, at_least=0)
    if n == 0:
        return Share(math.nan, 0.0, 1.0, 0)
    if not -1e-9 <= hits <= n + 1e-9:
        raise InvalidInputError(f"expected hits from 0 to n = {n}, got {hits!r}")
    share = min(1.0, max(0.0, hits / n))
    centre = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    reach = _Z95 / (1 + _Z95**2 / n) * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
    # Rounding may push an end a hair past the value that it must contain.
    return Share(share, max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach)), n)
