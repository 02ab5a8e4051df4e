"""Panels of the governance lab: classify, map duties, choose, cross-walk, state, and release."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.governance.applicability import applicability_panel
    from labkit.ui.governance.classification import classification_panel
    from labkit.ui.governance.crosswalk import crosswalk_panel
    from labkit.ui.governance.framework import framework_panel
    from labkit.ui.governance.gap import gap_panel
    from labkit.ui.governance.obligation import obligation_panel
    from labkit.ui.governance.release import release_panel

_MODULES = {
    "applicability_panel": "applicability",
    "classification_panel": "classification",
    "crosswalk_panel": "crosswalk",
    "framework_panel": "framework",
    "gap_panel": "gap",
    "obligation_panel": "obligation",
    "release_panel": "release",
}

__all__ = [
    "applicability_panel",
    "classification_panel",
    "crosswalk_panel",
    "framework_panel",
    "gap_panel",
    "obligation_panel",
    "release_panel",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
