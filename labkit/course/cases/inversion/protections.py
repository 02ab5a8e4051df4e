"""How a client of the federation may protect its updates."""

from __future__ import annotations

import numbers
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError

__all__ = ["BARE", "MOST_COMPANY", "Protection"]

MOST_COMPANY = 128
"""Records that a client has at hand when an update is due: no batch is larger."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How a client of the federation protects the updates that it sends.

    Attributes
    ----------
    clip : float
        From 0.01 to 100: the longest gradient that one record may add.
    noise_multiplier : float
        From 0 to 10: standard deviation of the noise on the sum, in units of ``clip``.
    batch_size : int
        From 1 to 128 records an update.
    """

    clip: float
    noise_multiplier: float
    batch_size: int

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clip", 0.01, 100.0),
            ("noise_multiplier", 0.0, 10.0),
            ("batch_size", 1, MOST_COMPANY),
        ):
            value = getattr(self, name)
            # The numbers of numpy are numbers, too; True is none.
            known = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not known or not low <= float(value) <= high:
                raise InvalidInputError(f"expected {name} from {low:g} to {high:g}, got {value!r}")
        if self.batch_size != int(self.batch_size):
            raise InvalidInputError(f"expected batch_size as a whole number, got {self.batch_size!r}")
        for name, kind in (("clip", float), ("noise_multiplier", float), ("batch_size", int)):
            object.__setattr__(self, name, kind(getattr(self, name)))

    @property
    def name(self) -> str:
        """The settings, in words."""
        return f"C {self.clip:g}, noise {self.noise_multiplier:g}, batch {self.batch_size}"


BARE = Protection(clip=100.0, noise_multiplier=0.0, batch_size=1)
"""A federation that protects nothing: one record an update, in full."""
