"""Floor 2: standards; later threat modelling, risk register, obligations and more."""

from labkit.core.lazy import lazy_exports

__all__ = ["standards"]

__getattr__, __dir__ = lazy_exports(__name__, {"standards": "labkit.governance.standards"})
