"""Floor 5: labs as declared, the catalogue, progress, hints and feedback, the notebook builder.

Names load when first used: reading the catalogue needs no torch.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.course.answers import AnswerResult, Calibration, Outcome
    from labkit.course.cases.evasion import EvasionCase, evasion_case
    from labkit.course.catalogue import by_domain, find_lab, labs, next_lab, prerequisites, standards_index
    from labkit.course.declaration import read_lab
    from labkit.course.events import Attempt, Event, LabProgress, fold
    from labkit.course.hints import HintResult
    from labkit.course.lab import (
        DOMAINS,
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
    from labkit.course.learner import learner_name
    from labkit.course.modules import load_module
    from labkit.course.panel_states import PanelStates
    from labkit.course.progress import ProgressLog
    from labkit.course.session import Session

_MODULES = {
    "answers": (
        "AnswerResult",
        "Calibration",
        "Outcome",
    ),
    "cases.evasion": (
        "EvasionCase",
        "evasion_case",
    ),
    "catalogue": (
        "by_domain",
        "find_lab",
        "labs",
        "next_lab",
        "prerequisites",
        "standards_index",
    ),
    "declaration": ("read_lab",),
    "events": (
        "Attempt",
        "Event",
        "LabProgress",
        "fold",
    ),
    "hints": ("HintResult",),
    "lab": (
        "Artefact",
        "Checkpoint",
        "DOMAINS",
        "DemoState",
        "Hint",
        "Item",
        "Lab",
        "Objective",
        "Option",
        "Prediction",
        "Recall",
        "Scenario",
    ),
    "learner": ("learner_name",),
    "modules": ("load_module",),
    "panel_states": ("PanelStates",),
    "progress": ("ProgressLog",),
    "session": ("Session",),
}

__all__ = [
    "DOMAINS",
    "AnswerResult",
    "Artefact",
    "Attempt",
    "Calibration",
    "Checkpoint",
    "DemoState",
    "EvasionCase",
    "Event",
    "Hint",
    "HintResult",
    "Item",
    "Lab",
    "LabProgress",
    "Objective",
    "Option",
    "Outcome",
    "PanelStates",
    "Prediction",
    "ProgressLog",
    "Recall",
    "Scenario",
    "Session",
    "by_domain",
    "evasion_case",
    "find_lab",
    "fold",
    "labs",
    "learner_name",
    "load_module",
    "next_lab",
    "prerequisites",
    "read_lab",
    "standards_index",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names},
)
