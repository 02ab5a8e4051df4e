"""Checks of numbers that callers hand in: what was expected, what came."""

from __future__ import annotations

import math
import operator
from typing import Any

from labkit.core.errors import InvalidInputError

__all__ = ["length", "whole"]


def whole(name: str, value: Any, *, at_least: int = 1) -> int:
    """Return ``value`` as an int.

    Raises
    ------
    InvalidInputError
        When it is no whole number, or below ``at_least``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = at_least - 1
    if isinstance(value, bool) or number < at_least:
        raise InvalidInputError(f"expected {name} as a whole number from {at_least} up, got {value!r}")
    return number


def length(name: str, value: Any) -> float:
    """Return ``value`` as a float: a distance, zero or more and finite.

    Raises
    ------
    InvalidInputError
        When it is no number, negative, infinite or NaN.
    """
    try:
        # A string that reads like a number is a mistake, too.
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise InvalidInputError(f"expected {name} >= 0 and finite, got {value!r}")
    return number
