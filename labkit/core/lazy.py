"""Names that import their module only when they are first used.

``import labkit`` must cost next to nothing: a command such as ``labkit labs`` must not
wait for torch.  Packages that mix light and heavy modules declare which module holds
which name and let :func:`lazy_exports` do the rest (PEP 562).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package whose names load on first use.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    modules : mapping of str to str
        Public name to the module that holds it; a module listed under its own dotted
        name (``"labkit.attacks"``) is exported as the module itself.

    Returns
    -------
    tuple of two functions
        To be bound to ``__getattr__`` and ``__dir__`` in the package.
    """

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(modules[name])
        return module if modules[name] == f"{package}.{name}" else getattr(module, name)

    return load, lambda: sorted({*vars(sys.modules[package]), *modules})
