"""Accuracy before and after an attack."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, check_batch, predict
from labkit.core.results import AdversarialExamples
from labkit.core.threat import ThreatModel
from labkit.metrics.rates import Rate

__all__ = [
    "attack_success_rate",
    "clean_accuracy",
    "confusion",
    "legal",
    "robust_accuracy",
    "targeted_success_rate",
]


def clean_accuracy(model: Classifier, x: Tensor, y: Tensor) -> Rate:
    """Share of the inputs that the model reads as what they are.

    Parameters
    ----------
    model : Classifier
        The model to be measured.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Inputs and their true classes.
    """
    check_batch(model, x, y)
    return Rate.of(predict(model, x) == y)


def legal(model: Classifier, adv: AdversarialExamples, threat: ThreatModel) -> Tensor:
    """Whether each perturbed input obeys the threat model, shape ``(n,)`` bool."""
    return threat.allows(adv.x, adv.x_adv, model.bounds)


def robust_accuracy(model: Classifier, adv: AdversarialExamples, threat: ThreatModel) -> Rate:
    """Share of all inputs that the model still reads correctly under this attack.

    An illegal ``x_adv`` did not happen: the clean input is judged in its place.  The figure
    is an upper bound of the true robust accuracy, for a stronger attack may exist.
    """
    return Rate.of(_readings(model, adv, threat) == adv.y)


def attack_success_rate(model: Classifier, adv: AdversarialExamples, threat: ThreatModel) -> Rate:
    """Share of the inputs read correctly before the attack that are misread after it.

    Inputs that the model misread anyway do not count, and illegal perturbations did not
    happen.  When nothing was read correctly, the value is NaN.
    """
    counted = predict(model, adv.x) == adv.y
    return Rate.of((_readings(model, adv, threat) != adv.y)[counted])


def targeted_success_rate(model: Classifier, adv: AdversarialExamples, threat: ThreatModel) -> Rate:
    """Share of the inputs that are read as the class that was aimed at.

    Inputs whose true class is the target do not count.
    """
    if adv.y_target is None:
        raise InvalidInputError("expected the result of a targeted attack, got one without y_target")
    counted = adv.y_target != adv.y
    return Rate.of((_readings(model, adv, threat) == adv.y_target)[counted])


def confusion(model: Classifier, x: Tensor, y: Tensor) -> Tensor:
    """Counts of true class (rows) against read class (columns), ``(classes, classes)`` int64."""
    check_batch(model, x, y)
    cells = y * model.classes + predict(model, x)
    return torch.bincount(cells, minlength=model.classes**2).view(model.classes, model.classes)


def _readings(model: Classifier, adv: AdversarialExamples, threat: ThreatModel) -> Tensor:
    """Return the classes read, shape ``(n,)``, with illegal perturbations taken back."""
    check_batch(model, adv.x, adv.y)
    allowed = legal(model, adv, threat).view(-1, *[1] * (adv.x.dim() - 1))
    return predict(model, torch.where(allowed, adv.x_adv, adv.x))
