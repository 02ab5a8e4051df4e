"""What the attacks of malicious clients share: a check of the updates they start from."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from labkit.core.checks import floats
from labkit.core.errors import InvalidInputError


def own_updates(own: Any) -> Tensor:
    """Return the updates of one malicious client or more, shape ``(b, d)`` float32.

    Raises
    ------
    InvalidInputError
        When there are none, or they are no table of finite floats.
    """
    given = floats("own", own, axes=2)
    if given.dim() != 2 or not len(given):
        raise InvalidInputError(
            f"expected own as the updates of one malicious client or more, of shape (b, d); "
            f"got {tuple(given.shape)}"
        )
    return given
