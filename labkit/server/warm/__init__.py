"""Kernels that are forked from a process which has imported everything already.

A program that starts kernels calls :func:`start` once; from then on every kernel of our kernel
spec is forked, wherever that is possible, and launched the ordinary way wherever it is not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.server.warm.client import PromptClient as PromptClient
    from labkit.server.warm.keeper import Warmth as Warmth
    from labkit.server.warm.process import ForkedProcess as ForkedProcess
    from labkit.server.warm.provisioner import WarmProvisioner as WarmProvisioner
    from labkit.server.warm.shared import register as register
    from labkit.server.warm.shared import start as start
    from labkit.server.warm.shared import stop as stop
    from labkit.server.warm.shared import warmth as warmth

_HOME = {
    "ForkedProcess": "process",
    "PromptClient": "client",
    "WarmProvisioner": "provisioner",
    "Warmth": "keeper",
    "register": "shared",
    "start": "shared",
    "stop": "shared",
    "warmth": "shared",
}

__all__ = [
    "ForkedProcess",
    "PromptClient",
    "WarmProvisioner",
    "Warmth",
    "register",
    "start",
    "stop",
    "warmth",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
