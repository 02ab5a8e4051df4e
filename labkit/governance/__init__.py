"""Floor 2: standards, what the law asks, and the controls that an organisation chooses."""

from labkit.core.lazy import lazy_exports

__all__ = ["controls", "obligations", "standards"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"labkit.governance.{name}" for name in ("controls", "obligations", "standards")}
)
