"""Panels of the evasion labs: attack with and without the gradient, unmask, explain, harden."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.evasion.attack_panel import attack_range
    from labkit.ui.evasion.black_box import black_box_range
    from labkit.ui.evasion.defend import defend_panel
    from labkit.ui.evasion.explain import explain_panel
    from labkit.ui.evasion.report import report_panel
    from labkit.ui.evasion.unmask import unmask_panel
    from labkit.ui.evasion.views import confusion_panel, curve_panel, landscape_panel

_MODULES = {
    "attack_range": "attack_panel",
    "black_box_range": "black_box",
    "confusion_panel": "views",
    "curve_panel": "views",
    "defend_panel": "defend",
    "explain_panel": "explain",
    "landscape_panel": "views",
    "report_panel": "report",
    "unmask_panel": "unmask",
}

__all__ = [
    "attack_range",
    "black_box_range",
    "confusion_panel",
    "curve_panel",
    "defend_panel",
    "explain_panel",
    "landscape_panel",
    "report_panel",
    "unmask_panel",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
