"""Floor 0: errors, threat models and norms, protocols, results, seeds, paths."""

from labkit.core.errors import (
    BuildError,
    DataFormatError,
    DeclarationError,
    EngineNotInstalledError,
    IntegrityError,
    InvalidInputError,
    LabkitError,
    QueryBudgetError,
    StorageError,
    UnknownNameError,
)
from labkit.core.lazy import lazy_exports
from labkit.core.seeds import derive, make_generator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.core.membership import MembershipScores
    from labkit.core.poisoning import PoisonedDataset, Trigger
    from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
    from labkit.core.results import AdversarialExamples, Attribution, Reconstruction
    from labkit.core.threat import Norm, ThreatModel

__all__ = [
    "AdversarialExamples",
    "Attribution",
    "BuildError",
    "Classifier",
    "DataFormatError",
    "DeclarationError",
    "DifferentiableClassifier",
    "EngineNotInstalledError",
    "IntegrityError",
    "InvalidInputError",
    "LabkitError",
    "MembershipScores",
    "Norm",
    "PoisonedDataset",
    "QueryBudgetError",
    "Reconstruction",
    "StorageError",
    "ThreatModel",
    "Trigger",
    "UnknownNameError",
    "derive",
    "make_generator",
    "predict",
]

# These need torch, so they load when first used.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "AdversarialExamples": "labkit.core.results",
        "Attribution": "labkit.core.results",
        "Classifier": "labkit.core.protocols",
        "DifferentiableClassifier": "labkit.core.protocols",
        "MembershipScores": "labkit.core.membership",
        "Norm": "labkit.core.threat",
        "PoisonedDataset": "labkit.core.poisoning",
        "Reconstruction": "labkit.core.results",
        "ThreatModel": "labkit.core.threat",
        "Trigger": "labkit.core.poisoning",
        "predict": "labkit.core.protocols",
    },
)
