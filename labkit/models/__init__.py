"""Victims: architectures, training, checkpoints, and the zoo that hands them out."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.models.answers import train_on_answers
    from labkit.models.architectures import ARCHITECTURES, build
    from labkit.models.classifier import TorchClassifier
    from labkit.models.ensembles import Ensemble, train_ensemble
    from labkit.models.inner import features, penultimate
    from labkit.models.linear import LinearClassifier
    from labkit.models.logistic import fit_logistic
    from labkit.models.placing import find_device, placed
    from labkit.models.training import train
    from labkit.models.trees import TreeClassifier
    from labkit.models.wrapped import WrappedClassifier
    from labkit.models.zoo import load_victim, prepare, trained

__all__ = [
    "ARCHITECTURES",
    "Ensemble",
    "LinearClassifier",
    "TorchClassifier",
    "TreeClassifier",
    "WrappedClassifier",
    "build",
    "features",
    "find_device",
    "fit_logistic",
    "load_victim",
    "penultimate",
    "placed",
    "prepare",
    "train",
    "train_ensemble",
    "train_on_answers",
    "trained",
]

# These need torch, so they load when first used.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ARCHITECTURES": "labkit.models.architectures",
        "Ensemble": "labkit.models.ensembles",
        "LinearClassifier": "labkit.models.linear",
        "TorchClassifier": "labkit.models.classifier",
        "TreeClassifier": "labkit.models.trees",
        "WrappedClassifier": "labkit.models.wrapped",
        "build": "labkit.models.architectures",
        "features": "labkit.models.inner",
        "find_device": "labkit.models.placing",
        "fit_logistic": "labkit.models.logistic",
        "load_victim": "labkit.models.zoo",
        "penultimate": "labkit.models.inner",
        "placed": "labkit.models.placing",
        "prepare": "labkit.models.zoo",
        "train": "labkit.models.training",
        "train_ensemble": "labkit.models.ensembles",
        "train_on_answers": "labkit.models.answers",
        "trained": "labkit.models.zoo",
    },
)
