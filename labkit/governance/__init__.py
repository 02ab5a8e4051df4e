"""Floor 2: standards, what the law asks, the controls that an organisation chooses, threat modelling."""

from labkit.core.lazy import lazy_exports

_PACKAGES = ("controls", "obligations", "standards", "threatmodel")
__all__ = ["controls", "obligations", "standards", "threatmodel"]

__getattr__, __dir__ = lazy_exports(__name__, {name: f"labkit.governance.{name}" for name in _PACKAGES})
