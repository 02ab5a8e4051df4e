"""What the poisoning attacks share: how many samples a rate is, which are drawn, checks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError


def count_of(poison_rate: Any, n: int) -> int:
    """Return how many of ``n`` samples a rate allows, rounded down.

    Raises
    ------
    InvalidInputError
        When the rate is no number from 0 to 1.
    """
    try:
        rate = math.nan if isinstance(poison_rate, str | bool) else float(poison_rate)
    except (TypeError, ValueError, RuntimeError):
        rate = math.nan
    if not 0 <= rate <= 1:
        raise InvalidInputError(
            f"expected poison_rate as a share from 0 to 1, got {poison_rate!r}: 2 % is 0.02"
        )
    # 0.29 * 100 is 28.999...: what is short of a whole number by rounding alone is that number.
    return math.floor(rate * n + 1e-9 * max(1, n))


def draw(eligible: Tensor, count: int, generator: torch.Generator, what: str) -> Tensor:
    """Return ``count`` positions at which ``eligible``, shape ``(n,)`` bool, is true; ascending.

    Raises
    ------
    InvalidInputError
        When there are fewer.
    """
    found = eligible.nonzero().flatten()
    if len(found) < count:
        raise InvalidInputError(
            f"expected at least {count} {what} to poison, got {len(found)}: lower poison_rate"
        )
    order = torch.randperm(len(found), generator=generator)[:count]
    return found[order].sort().values


def check_data(x: Tensor, y: Tensor) -> None:
    """Check a training set.

    Raises
    ------
    InvalidInputError
        When it is empty, or labels and inputs do not fit together.
    """
    if not x.is_floating_point() or len(x) == 0:
        raise InvalidInputError(f"expected x as floats, one sample or more; got {x.dtype}, {tuple(x.shape)}")
    if y.dtype != torch.int64 or y.shape != x.shape[:1]:
        raise InvalidInputError(
            f"expected y as int64 of shape ({len(x)},), got {y.dtype} of {tuple(y.shape)}"
        )


def class_number(name: str, value: Any) -> int:
    """Return a class as an int, zero or more."""
    return whole(name, value, at_least=0)
