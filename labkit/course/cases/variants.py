"""Which variant of a case something is drawn for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from labkit.course.lab import Scenario

__all__ = ["NewVariant", "Variant"]


class Variant(Protocol):
    """Which variant something is drawn for; every case is one."""

    @property
    def scenario(self) -> Scenario: ...

    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant of which nothing has been made yet."""

    scenario: Scenario
    seed: int
