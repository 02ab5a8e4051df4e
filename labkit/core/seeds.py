"""Explicit randomness: nothing in labkit seeds globally.

Every stochastic function takes a ``seed`` or a ``generator``.  :func:`derive` makes
independent seeds out of one, so that a participant's variant, an attack and a training
run never share a stream by accident.
"""

from __future__ import annotations

import hashlib
import operator
from typing import TYPE_CHECKING

from labkit.core.errors import InvalidInputError

if TYPE_CHECKING:
    import torch

__all__ = ["derive", "make_generator"]


def derive(seed: int, *labels: str | int) -> int:
    """Return a seed in ``[0, 2**63)`` that depends on ``seed`` and on every label.

    The same arguments give the same seed on every machine and in every version (SHA-256).
    """
    text = "\x1f".join([str(seed), *map(str, labels)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_generator(seed: int | torch.Generator) -> torch.Generator:
    """Return a CPU generator for ``seed``; a generator is passed through unchanged.

    Raises
    ------
    InvalidInputError
        When ``seed`` is no whole number of 64 bits.
    """
    import torch

    if isinstance(seed, torch.Generator):
        return seed
    try:
        number = operator.index(seed)
    except TypeError:
        raise InvalidInputError(f"expected seed as a whole number, got {seed!r}") from None
    if not -(2**63) <= number < 2**64:
        raise InvalidInputError(f"expected a seed of 64 bits, got {number}: use labkit.core.derive(seed)")
    return torch.Generator().manual_seed(number)
