"""What the poisoning attacks share: how many samples a rate is, which are drawn, checks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from labkit.core.checks import finite, tensor, whole
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


def check_data(x: Any, y: Any) -> None:
    """Check a training set.

    Raises
    ------
    InvalidInputError
        When it is empty, holds NaN, infinity or negative labels, or labels and inputs do not
        fit together.
    """
    if len(finite("x", x).shape) < 2 or len(x) == 0:
        raise InvalidInputError(
            f"expected x of shape (n, ...), one sample or more; got {x.dtype}, {tuple(x.shape)}"
        )
    if tensor("y", y).dtype != torch.int64 or y.shape != x.shape[:1]:
        raise InvalidInputError(
            f"expected y as int64 of shape ({len(x)},), got {y.dtype} of {tuple(y.shape)}"
        )
    if int(y.min()) < 0:
        raise InvalidInputError(f"expected labels from 0 up, got {int(y.min())}: leave such samples out")


def class_number(name: str, value: Any, classes: int) -> int:
    """Return a class as an int, from 0 to ``classes - 1``.

    Raises
    ------
    InvalidInputError
        When there is no such class.
    """
    number = whole(name, value, at_least=0)
    if number >= classes:
        raise InvalidInputError(f"expected {name} from 0 to {classes - 1}, got {number}")
    return number


def classes_in(y: Tensor) -> int:
    """Return how many classes the labels speak of: one more than the highest."""
    return int(y.max()) + 1
