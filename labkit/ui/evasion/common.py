"""What several panels of the evasion range share."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from labkit.attacks import evasion
from labkit.attacks.evasion.bpda import Preprocessed
from labkit.core import Classifier, DifferentiableClassifier, predict
from labkit.course.cases.evasion import EvasionCase
from labkit.metrics import Rate
from labkit.ui.session import LabSession

__all__ = ["hardened_model", "models_of", "names", "sample_labels", "say_rate", "with_gradient"]


def names(case: EvasionCase, labels: Tensor) -> list[str]:
    """Return the class names of labels of shape ``(n,)``."""
    return [case.class_names[i] for i in labels.tolist()]


def say_rate(rate: Rate) -> str:
    """Return a share with its 95 % interval, in words."""
    if rate.n == 0:
        return "nothing to count"
    return f"{rate.value:.1%} (95 % interval {rate.low:.1%} to {rate.high:.1%}, {rate.n} inputs)"


def hardened_model(lab: LabSession) -> Classifier | None:
    """Return the model that the participant hardened last and chose, if any."""
    return lab.shelf.get("hardened")


def models_of(lab: LabSession) -> dict[str, Classifier]:
    """Return the models of a lab that there are to look at, by name."""
    case: EvasionCase = lab.case
    found: dict[str, Classifier] = {"victim": case.victim, "vendor's secure model": case.secure}
    hardened = hardened_model(lab)
    return found if hardened is None else {**found, "your hardened model": hardened}


def with_gradient(model: Classifier) -> DifferentiableClassifier:
    """Return a model that can be attacked by its gradient: itself, or a stand-in where it hides it."""
    if isinstance(model, DifferentiableClassifier):
        return model
    return evasion.bpda(cast(Preprocessed, model))


def sample_labels(case: EvasionCase, count: int = 30) -> list[tuple[str, int]]:
    """Return the first samples of the batch as options of a list: what each is, and its number."""
    read = predict(case.victim, case.x[:count])
    return [
        (
            f"{i + 1}: {case.class_names[int(y)]}"
            + ("" if int(r) == int(y) else f", read as {case.class_names[int(r)]}"),
            i,
        )
        for i, (y, r) in enumerate(zip(case.y[:count], read, strict=True))
    ]
