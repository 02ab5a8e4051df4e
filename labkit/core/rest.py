"""Keep the networks behind a victim at rest while it is attacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["at_rest"]


@contextmanager
def at_rest(victim: Any) -> Iterator[None]:
    """Keep the modules behind a victim in evaluation mode, and put each back as it was.

    A module in training mode draws its dropout anew and counts every question in its batch
    norms, which would change the victim.
    """
    before = [(part, part.training) for module in _modules(victim) for part in module.modules()]
    try:
        for part, _ in before:
            part.training = False
        yield
    finally:
        for part, training in before:
            part.training = training


def _modules(victim: Any) -> Iterator[Any]:
    """Yield the torch modules behind a victim and behind the defenses in front of it."""
    while victim is not None:
        module = getattr(victim, "module", None)
        if hasattr(module, "modules"):
            yield module
        victim = getattr(victim, "model", None)
