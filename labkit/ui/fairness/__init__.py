"""Panels of the lab about bias: turn a model, repair it, judge four branches, decide and state the price."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.fairness.branches import branches_panel
    from labkit.ui.fairness.decide import decide_panel
    from labkit.ui.fairness.repair import repair_panel
    from labkit.ui.fairness.skew import skew_panel

_MODULES = {
    "branches_panel": "branches",
    "decide_panel": "decide",
    "repair_panel": "repair",
    "skew_panel": "skew",
}

__all__ = ["branches_panel", "decide_panel", "repair_panel", "skew_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
