"""A measured value, and the target that it is held against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from labkit.core.errors import InvalidInputError

__all__ = ["SLACK", "Fact", "Measurement", "Target"]

SLACK = 1e-6
"""Slack of every comparison with a threshold.

A share that was averaged in float32 lands about 1e-8 beside the fraction it stands for:
40 of 200 must meet "at most 0.2".
"""

Fact = float | str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a check measured: one value, and the facts that explain it.

    Attributes
    ----------
    value : float
        The metric.  NaN says that there was nothing to measure; it meets no target.
    facts : mapping of str to float or str
        Named findings that the rules of a checkpoint may test and quote.
    """

    value: float
    facts: Mapping[str, Fact] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        facts = {name: _plain(name, fact) for name, fact in self.facts.items()}
        object.__setattr__(self, "facts", MappingProxyType(facts))


def _plain(name: str, fact: object) -> Fact:
    if name == "measured":
        raise InvalidInputError("expected facts beside the value; 'measured' is the value itself")
    if isinstance(fact, str):
        return fact
    try:
        return float(fact)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"expected the fact {name!r} as a number or a text, got {type(fact).__name__}"
        ) from None


@dataclass(frozen=True, slots=True)
class Target:
    """A threshold on one side: ``at_least`` or ``at_most``, exactly one of them."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise InvalidInputError("expected exactly one of at_least and at_most")
        if not math.isfinite(self.threshold):
            raise InvalidInputError(f"expected a finite threshold, got {self.threshold}")

    @property
    def threshold(self) -> float:
        """The number itself, whichever side it bounds."""
        return self.at_least if self.at_least is not None else self.at_most  # type: ignore[return-value]

    def met(self, value: float) -> bool:
        """Return whether ``value`` reaches the target; NaN never does."""
        if self.at_least is not None:
            return value >= self.at_least - SLACK
        return value <= self.threshold + SLACK

    def __str__(self) -> str:
        side = "at least" if self.at_least is not None else "at most"
        return f"{side} {self.threshold:.4g}"
