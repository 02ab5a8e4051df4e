"""Panels of the poisoning lab: paint and plant a backdoor, collide features, screen, judge, price."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.poisoning.backdoor import backdoor_panel
    from labkit.ui.poisoning.blind import blind_panel
    from labkit.ui.poisoning.collision import collision_panel
    from labkit.ui.poisoning.price import price_panel
    from labkit.ui.poisoning.screening import screening_panel

_MODULES = {
    "backdoor_panel": "backdoor",
    "blind_panel": "blind",
    "collision_panel": "collision",
    "price_panel": "price",
    "screening_panel": "screening",
}

__all__ = ["backdoor_panel", "blind_panel", "collision_panel", "price_panel", "screening_panel"]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
