"""What the poisoning attacks share: how many samples a rate is, which are drawn, checks, the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.core.checks import finite, tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.poisoning import PoisonedDataset
from labkit.core.results import Parameter


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


def positions(eligible: Tensor, count: int, what: str) -> Tensor:
    """Return all positions at which ``eligible``, shape ``(n,)`` bool, is true; ascending.

    Raises
    ------
    InvalidInputError
        When they are fewer than ``count``, which are to be poisoned.
    """
    found = eligible.nonzero().flatten()
    if len(found) < count:
        raise InvalidInputError(
            f"expected at least {count} {what} to poison, got {len(found)}: lower poison_rate"
        )
    return found


def draw(eligible: Tensor, count: int, generator: torch.Generator, what: str) -> Tensor:
    """Return ``count`` of the :func:`positions` by lot; ascending."""
    found = positions(eligible, count, what)
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


def check_x_target(x_target: Any, x: Tensor) -> None:
    """Check the inputs to be misread: finite, one or more, of the shape of the samples.

    Raises
    ------
    InvalidInputError
        When they are not.
    """
    if finite("x_target", x_target).shape[1:] != x.shape[1:] or len(x_target) == 0:
        raise InvalidInputError(
            f"expected x_target of shape (m, {', '.join(map(str, x.shape[1:]))}), got {tuple(x_target.shape)}"
        )


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


def clean_label(
    x: Tensor,
    y: Tensor,
    indices: Tensor,
    poison: Tensor,
    attack: str,
    params: Mapping[str, Parameter],
    y_target: int | None = None,
) -> PoisonedDataset:
    """Return the set with ``poison`` in the places ``indices``, and every label as it was."""
    x_poisoned = x.clone()
    x_poisoned[indices] = poison
    return PoisonedDataset(
        x=x,
        y=y,
        x_poisoned=x_poisoned,
        y_poisoned=y.clone(),
        indices=indices,
        attack=attack,
        params=params,
        y_target=y_target,
    )
