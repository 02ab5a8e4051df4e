"""Threat modelling: data-flow diagrams, STRIDE, ATLAS, attack trees, risks and what they cost."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.governance.threatmodel.architecture import (
        Architecture,
        Note,
        generate,
    )
    from labkit.governance.threatmodel.attack_tree import (
        Gate,
        Path,
        Step,
        best_path,
        cheapest_cut,
        guarded,
        is_attack,
        outline,
        read_outline,
        steps,
    )
    from labkit.governance.threatmodel.catalogue import (
        Flaw,
        mitigations,
        techniques,
    )
    from labkit.governance.threatmodel.diagram import describe, draw
    from labkit.governance.threatmodel.findings import (
        Findings,
        compare,
        why_missed,
    )
    from labkit.governance.threatmodel.gap_list import Gap, gaps
    from labkit.governance.threatmodel.model import (
        Asset,
        Element,
        Flow,
        Plan,
        SystemModel,
        Threat,
        Zone,
    )
    from labkit.governance.threatmodel.model_file import read_model, write_model
    from labkit.governance.threatmodel.rating import (
        RegisterProblem,
        RegisterScore,
        high_risks,
        register_score,
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
    from labkit.governance.threatmodel.stride import (
        CATEGORIES,
        Category,
        applicable,
        every_pair,
    )
    from labkit.governance.threatmodel.tree_diagram import (
        describe_tree,
        draw_tree,
        say_path,
        stopped_by,
    )

_MODULES = {
    "architecture": ("Architecture", "Note", "generate"),
    "attack_tree": (
        "Gate",
        "Path",
        "Step",
        "best_path",
        "cheapest_cut",
        "guarded",
        "is_attack",
        "outline",
        "read_outline",
        "steps",
    ),
    "catalogue": ("Flaw", "mitigations", "techniques"),
    "diagram": ("describe", "draw"),
    "findings": ("Findings", "compare", "why_missed"),
    "gap_list": ("Gap", "gaps"),
    "model": ("Asset", "Element", "Flow", "Plan", "SystemModel", "Threat", "Zone"),
    "model_file": ("read_model", "write_model"),
    "rating": ("RegisterProblem", "RegisterScore", "high_risks", "register_score"),
    "register": ("write_register",),
    "risk": (
        "IMPACT",
        "LIKELIHOOD",
        "Choice",
        "Control",
        "Risk",
        "best_controls",
        "cheapest_controls",
        "level",
        "residual",
    ),
    "stride": ("CATEGORIES", "Category", "applicable", "every_pair"),
    "tree_diagram": ("describe_tree", "draw_tree", "say_path", "stopped_by"),
}

__all__ = [
    "CATEGORIES",
    "IMPACT",
    "LIKELIHOOD",
    "Architecture",
    "Asset",
    "Category",
    "Choice",
    "Control",
    "Element",
    "Findings",
    "Flaw",
    "Flow",
    "Gap",
    "Gate",
    "Note",
    "Path",
    "Plan",
    "RegisterProblem",
    "RegisterScore",
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
    "describe_tree",
    "draw",
    "draw_tree",
    "every_pair",
    "gaps",
    "generate",
    "guarded",
    "high_risks",
    "is_attack",
    "level",
    "mitigations",
    "outline",
    "read_model",
    "read_outline",
    "register_score",
    "residual",
    "say_path",
    "steps",
    "stopped_by",
    "techniques",
    "why_missed",
    "write_model",
    "write_register",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
