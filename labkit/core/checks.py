"""Checks of what callers hand in, numbers and tensors: what was expected, what came."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["class_numbers", "finite", "floats", "interval", "length", "size", "tensor", "whole"]


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
    number = _number(value)
    if not 0 <= number < math.inf:
        raise InvalidInputError(f"expected {name} >= 0 and finite, got {value!r}")
    return number


def size(name: str, value: Any) -> float:
    """Return ``value`` as a float: a length that must not be zero.

    Raises
    ------
    InvalidInputError
        When it is no number, zero, negative, infinite or NaN.
    """
    number = _number(value)
    if not 0 < number < math.inf:
        raise InvalidInputError(f"expected {name} > 0 and finite, got {value!r}")
    return number


def interval(name: str, value: Any) -> tuple[float, float]:
    """Return ``value`` as a pair of floats, the smaller one first.

    Raises
    ------
    InvalidInputError
        When it is no pair of finite numbers in that order.
    """
    try:
        low, high = (_number(each) for each in value)
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
            f"expected {name} without NaN or infinity, got {count} of them: leave out what they come from"
        )
    return given


def floats(name: str, value: Any, shape: tuple[int, ...] | None = None, *, axes: int = 0) -> Tensor:
    """Return ``value``, a tensor of finite float32.

    Parameters
    ----------
    name : str
        What it is called in the message.
    value : Tensor
    shape : tuple of int, optional
        Shape that it has to have.
    axes : int
        How many axes it has to have at least.

    Raises
    ------
    InvalidInputError
        When it is no tensor, of another type or shape, or holds NaN or infinity.
    """
    import torch

    given = tensor(name, value)
    if given.dtype != torch.float32:
        raise InvalidInputError(
            f"expected {name} as floats of 32 bits, got {given.dtype}: use {name}.float()"
        )
    if given.dim() < axes or (shape is not None and tuple(given.shape) != tuple(shape)):
        wanted = f"of shape {tuple(shape)}" if shape is not None else f"with {axes} axes or more"
        raise InvalidInputError(f"expected {name} {wanted}, got {tuple(given.shape)}")
    return finite(name, given)


def class_numbers(name: str, value: Any, count: int, classes: int | None = None) -> Tensor:
    """Return ``value``, a tensor of ``count`` classes as int64.

    Parameters
    ----------
    name : str
        What it is called in the message.
    value : Tensor of shape ``(count,)``
    count : int
    classes : int, optional
        How many classes there are; None where that is not known.

    Raises
    ------
    InvalidInputError
        When it is no tensor of whole numbers of that shape, or holds a class that there is not.
    """
    import torch

    if not isinstance(value, torch.Tensor):
        raise InvalidInputError(
            f"expected {name} as a tensor of classes, got {type(value).__name__}: use torch.tensor({name})"
        )
    if value.dtype != torch.int64 or tuple(value.shape) != (count,):
        raise InvalidInputError(
            f"expected {name} as whole numbers (torch.int64) of shape ({count},), one class for each record; "
            f"got {value.dtype} of shape {tuple(value.shape)}"
        )
    most = "up" if classes is None else f"to {classes - 1}"
    if count and (int(value.min()) < 0 or (classes is not None and int(value.max()) >= classes)):
        raise InvalidInputError(
            f"expected classes in {name} from 0 {most}, got {int(value.min())} to {int(value.max())}"
        )
    return value


def _number(value: Any) -> float:
    """Return a number as a float, and NaN for what is none."""
    try:
        # A string that reads like a number is a mistake, too.
        return math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return math.nan
