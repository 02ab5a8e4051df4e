"""Checks of numbers and tensors that callers hand in: what was expected, what came."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["finite", "interval", "length", "tensor", "whole"]


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


def interval(name: str, value: Any) -> tuple[float, float]:
    """Return ``value`` as the smallest and the largest legal value, the first below the second.

    Raises
    ------
    InvalidInputError
        When it is no pair of finite numbers in that order.
    """
    try:
        low, high = (math.nan if isinstance(each, str | bool) else float(each) for each in value)
    except (TypeError, ValueError, RuntimeError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise InvalidInputError(f"expected {name} as two numbers, the smaller first, got {value!r}")
    return low, high


def tensor(name: str, value: Any) -> Tensor:
    """Return ``value``, which must be a tensor of torch.

    Raises
    ------
    InvalidInputError
        When it is anything else, such as an array of NumPy or a list.
    """
    import torch

    if not isinstance(value, torch.Tensor):
        raise InvalidInputError(
            f"expected {name} as a tensor, got {type(value).__name__}: use torch.as_tensor({name})"
        )
    return value


def finite(name: str, value: Any) -> Tensor:
    """Return ``value``, which must be a tensor of floats without NaN or infinity.

    Raises
    ------
    InvalidInputError
        When it is anything else.
    """
    import torch

    given = tensor(name, value)
    if not given.is_floating_point():
        raise InvalidInputError(f"expected {name} as floats, got {given.dtype}: use {name}.float()")
    if not bool(torch.isfinite(given).all()):
        count = int((~torch.isfinite(given)).sum())
        raise InvalidInputError(
            f"expected {name} without NaN or infinity, got {count} such values: leave those samples out"
        )
    return given
