"""The difference between two groups, with the interval that belongs to it, and checks of groups."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import class_numbers, tensor
from labkit.core.errors import InvalidInputError
from labkit.metrics.rates import Rate

__all__ = ["Gap", "check_groups"]


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference between two groups, and its 95 % interval.

    Attributes
    ----------
    value : float
        What group 0 has more than group 1, from -1 to 1; NaN where a group has nobody to count.
    low, high : float
        Ends of the interval; -1 and 1 where there is nothing to count.
    of_0, of_1 : float
        What either group has.
    n_0, n_1 : int
        How many were counted in each.
    """

    value: float
    low: float
    high: float
    of_0: float
    of_1: float
    n_0: int
    n_1: int

    @classmethod
    def between(cls, first: Rate, second: Rate) -> Gap:
        """Return the difference of two independent shares, with the interval of Newcombe.

        References
        ----------
        Newcombe, "Interval Estimation for the Difference between Independent Proportions",
        Statistics in Medicine 17, 1998, method 10.
        """
        value = first.value - second.value
        if first.n == 0 or second.n == 0:
            return cls(math.nan, -1.0, 1.0, first.value, second.value, first.n, second.n)
        down = math.hypot(first.value - first.low, second.high - second.value)
        up = math.hypot(first.high - first.value, second.value - second.low)
        return cls(value, value - down, value + up, first.value, second.value, first.n, second.n)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval says that there is a difference."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        if self.value != self.value:
            return "not measurable: a group has nobody to count"
        return f"{self.value:+.3f} (95 % interval {self.low:+.3f} to {self.high:+.3f})"


def check_groups(decisions: Tensor, group: Tensor, y: Tensor | None = None) -> None:
    """Check what every measure of fairness takes: decisions, groups 0 and 1, and classes 0 and 1."""
    if tensor("decisions", decisions).dtype != torch.bool or decisions.dim() != 1:
        raise InvalidInputError(
            f"expected decisions as True and False of shape (n,), got {decisions.dtype} of "
            f"{tuple(decisions.shape)}: compare first"
        )
    class_numbers("group", group, len(decisions), 2)
    if y is not None:
        class_numbers("y", y, len(decisions), 2)
