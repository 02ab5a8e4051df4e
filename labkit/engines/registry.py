"""Find engines by their entry points, and load them late."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol

from torch import Tensor

from labkit.core.errors import EngineNotInstalledError, UnknownNameError
from labkit.core.protocols import Classifier
from labkit.core.results import AdversarialExamples

__all__ = ["Attack", "Engine", "available", "load"]

_GROUP = "labkit.engines"


class Attack(Protocol):
    """An attack with its hyperparameters bound."""

    def __call__(
        self, model: Classifier, x: Tensor, y: Tensor, *, y_target: Tensor | None = None
    ) -> AdversarialExamples: ...


class Engine(Protocol):
    """What the module behind an entry point offers."""

    @property
    def ATTACKS(self) -> Mapping[str, Any]:  # noqa: N802 - a module's constant
        """The attacks it has, by our names."""
        ...

    def attack(self, name: str, **hyperparameters: Any) -> Attack:
        """Bind hyperparameters, in our words, to one of its attacks."""
        ...


def available() -> list[str]:
    """Return the names of the engines that are registered, installed or not."""
    return sorted(point.name for point in entry_points(group=_GROUP))


def load(name: str) -> Engine:
    """Import an engine.

    Raises
    ------
    UnknownNameError
        When no engine has that name.
    EngineNotInstalledError
        When the package behind it is missing; it says how to install it.
    """
    points = {point.name: point for point in entry_points(group=_GROUP)}
    if name not in points:
        raise UnknownNameError("engine", name, points)
    try:
        engine: Engine = points[name].load()
    except ImportError as error:
        raise EngineNotInstalledError(name, extra=name) from error
    return engine
