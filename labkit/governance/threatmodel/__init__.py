"""Threat modelling: data-flow diagrams, STRIDE, ATLAS, attack trees, risks and what they cost."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.governance.threatmodel.architecture import Architecture, generate
    from labkit.governance.threatmodel.attack_tree import (
        Gate,
        Path,
        Step,
        best_path,
        cheapest_cut,
        is_attack,
        outline,
        read_outline,
        steps,
    )
    from labkit.governance.threatmodel.catalogue import Flaw, mitigations, techniques
    from labkit.governance.threatmodel.diagram import describe, draw, draw_tree
    from labkit.governance.threatmodel.findings import (
        Findings,
        Gap,
        compare,
        gaps,
        high_risks,
        register_score,
    )
    from labkit.governance.threatmodel.model import (
        Element,
        Flow,
        SystemModel,
        Threat,
        Zone,
        read_model,
        write_model,
    )
    from labkit.governance.threatmodel.register import write_register
    from labkit.governance.threatmodel.risk import (
        IMPACT,
        LIKELIHOOD,
        Choice,
        Control,
        Risk,
        best_controls,
        cheapest_controls,
        level,
        residual,
    )
    from labkit.governance.threatmodel.stride import CATEGORIES, Category, applicable, every_pair

_MODULES = {
    "architecture": ("Architecture", "generate"),
    "attack_tree": (
        *("Gate", "Path", "Step", "best_path", "cheapest_cut"),
        *("is_attack", "outline", "read_outline", "steps"),
    ),
    "catalogue": ("Flaw", "mitigations", "techniques"),
    "diagram": ("describe", "draw", "draw_tree"),
    "findings": ("Findings", "Gap", "compare", "gaps", "high_risks", "register_score"),
    "model": ("Element", "Flow", "Threat", "SystemModel", "Zone", "read_model", "write_model"),
    "register": ("write_register",),
    "risk": (
        *("IMPACT", "LIKELIHOOD", "Choice", "Control", "Risk"),
        *("best_controls", "cheapest_controls", "level", "residual"),
    ),
    "stride": ("CATEGORIES", "Category", "applicable", "every_pair"),
}

__all__ = [
    "CATEGORIES",
    "IMPACT",
    "LIKELIHOOD",
    "Architecture",
    "Category",
    "Choice",
    "Control",
    "Element",
    "Findings",
    "Flaw",
    "Flow",
    "Gap",
    "Gate",
    "Path",
    "Risk",
    "Step",
    "SystemModel",
    "Threat",
    "Zone",
    "applicable",
    "best_controls",
    "best_path",
    "cheapest_controls",
    "cheapest_cut",
    "compare",
    "describe",
    "draw",
    "draw_tree",
    "every_pair",
    "gaps",
    "generate",
    "high_risks",
    "is_attack",
    "level",
    "mitigations",
    "outline",
    "read_model",
    "read_outline",
    "register_score",
    "residual",
    "steps",
    "techniques",
    "write_model",
    "write_register",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
