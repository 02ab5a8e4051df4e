"""What the rules of aggregation share: a check of the updates."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from labkit.core.checks import floats, whole
from labkit.core.errors import InvalidInputError


def check_updates(updates: Any) -> Tensor:
    """Return the updates of one client or more, shape ``(n, d)`` float32 and finite.

    Raises
    ------
    InvalidInputError
        When they are anything else.
    """
    given = floats("updates", updates, axes=2)
    if given.dim() != 2 or not len(given):
        raise InvalidInputError(
            f"expected updates of shape (clients, d), one client or more; got {tuple(given.shape)}"
        )
    return given


def below_half(name: str, value: Any, n: int) -> int:
    """Return a number of clients from 0 to less than half of ``n``.

    Raises
    ------
    InvalidInputError
        When it is more: nobody can outvote a majority.
    """
    number = whole(name, value, at_least=0)
    if 2 * number >= n:
        raise InvalidInputError(
            f"expected {name} from 0 to {(n - 1) // 2} for {n} clients, got {number}: no rule withstands half"
        )
    return number
