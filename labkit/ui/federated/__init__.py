"""Panels of the federated lab: lie loudly, lie quietly, defend, hear the minority, add up under masks."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.federated.defend import defend_panel
    from labkit.ui.federated.masked import masked_panel
    from labkit.ui.federated.minority import minority_panel
    from labkit.ui.federated.siege import siege_panel
    from labkit.ui.federated.stealth import stealth_panel

_MODULES = {
    "defend_panel": "defend",
    "masked_panel": "masked",
    "minority_panel": "minority",
    "siege_panel": "siege",
    "stealth_panel": "stealth",
}

__all__ = ["defend_panel", "masked_panel", "minority_panel", "siege_panel", "stealth_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
