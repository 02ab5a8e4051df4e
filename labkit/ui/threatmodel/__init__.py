"""Panels of the threat-modelling studio: diagram, register, tree, budget, a system of one's own."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.threatmodel.budget_panel import budget
    from labkit.ui.threatmodel.explained import findings
    from labkit.ui.threatmodel.own import own_system
    from labkit.ui.threatmodel.register_panel import register
    from labkit.ui.threatmodel.studio_panel import studio
    from labkit.ui.threatmodel.tree import attack_tree

__all__ = ["attack_tree", "budget", "findings", "own_system", "register", "studio"]

_MODULES = {
    "attack_tree": "tree",
    "budget": "budget_panel",
    "findings": "explained",
    "own_system": "own",
    "register": "register_panel",
    "studio": "studio_panel",
}

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
