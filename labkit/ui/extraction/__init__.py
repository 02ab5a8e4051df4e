"""Panels of the extraction lab: solve, steal, guard and decide a dispute."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.extraction.dispute import dispute_panel
    from labkit.ui.extraction.equations import equations_panel
    from labkit.ui.extraction.evidence import keep_guard, keep_keys
    from labkit.ui.extraction.guard import guard_panel
    from labkit.ui.extraction.theft import theft_panel

_MODULES = {
    "dispute_panel": "dispute",
    "equations_panel": "equations",
    "guard_panel": "guard",
    "keep_guard": "evidence",
    "keep_keys": "evidence",
    "theft_panel": "theft",
}

__all__ = ["dispute_panel", "equations_panel", "guard_panel", "keep_guard", "keep_keys", "theft_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
