"""Floor 5: labs as declared, the catalogue, progress, hints and feedback, the notebook builder.

Names load when first used: reading the catalogue needs no torch.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.course.catalogue import (
        by_domain,
        find_lab,
        labs,
        next_lab,
        prerequisites,
        standards_index,
    )
    from labkit.course.declaration import read_lab
    from labkit.course.lab import (
        Artefact,
        Checkpoint,
        DemoState,
        Hint,
        Item,
        Lab,
        Objective,
        Option,
        Prediction,
        Recall,
        Scenario,
    )

_MODULES = {
    "Artefact": "lab",
    "Checkpoint": "lab",
    "DemoState": "lab",
    "Hint": "lab",
    "Item": "lab",
    "Lab": "lab",
    "Objective": "lab",
    "Option": "lab",
    "Prediction": "lab",
    "Recall": "lab",
    "Scenario": "lab",
    "by_domain": "catalogue",
    "find_lab": "catalogue",
    "labs": "catalogue",
    "next_lab": "catalogue",
    "prerequisites": "catalogue",
    "read_lab": "declaration",
    "standards_index": "catalogue",
}

__all__ = [
    "Artefact",
    "Checkpoint",
    "DemoState",
    "Hint",
    "Item",
    "Lab",
    "Objective",
    "Option",
    "Prediction",
    "Recall",
    "Scenario",
    "by_domain",
    "find_lab",
    "labs",
    "next_lab",
    "prerequisites",
    "read_lab",
    "standards_index",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
