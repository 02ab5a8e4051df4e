"""labkit: learn, teach and certify AI security, hands-on and offline.

Every name below loads when it is first used, so ``import labkit`` costs next to nothing.
"""

from labkit.core.lazy import lazy_exports

__version__ = "0.1.0"

__all__ = [
    "attacks",
    "core",
    "course",
    "data",
    "defenses",
    "engines",
    "evidence",
    "explain",
    "governance",
    "metrics",
    "models",
    "open_lab",
    "scoring",
    "ui",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {name: f"{__name__}.{name}" for name in __all__ if name != "open_lab"}
    | {"open_lab": "labkit.ui.opening"},
)
