"""Panels of the inversion lab: draw classes, read a record out of an update, protect and pay."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.inversion.evidence import keep_pictures, keep_protection
    from labkit.ui.inversion.gradient import gradient_panel
    from labkit.ui.inversion.protect import protect_panel
    from labkit.ui.inversion.prototype import prototype_panel

_MODULES = {
    "gradient_panel": "gradient",
    "keep_pictures": "evidence",
    "keep_protection": "evidence",
    "protect_panel": "protect",
    "prototype_panel": "prototype",
}

__all__ = ["gradient_panel", "keep_pictures", "keep_protection", "protect_panel", "prototype_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
