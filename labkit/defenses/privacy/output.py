"""Say less: a service that answers with less than its model knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.errors import UnknownNameError
from labkit.core.protocols import Classifier
from labkit.models.wrapped import WrappedClassifier

__all__ = ["LEVELS", "ApiView"]

LEVELS: Mapping[str, str] = {
    "probabilities": "every probability in full",
    "hundredths": "every probability, rounded to two places",
    "tenths": "every probability, rounded to one place",
    "top-3": "the three most likely classes with their probabilities",
    "flag": "the most likely class, and whether somebody should look again",
    "label": "the most likely class, and nothing else",
}
"""How much a service may tell, from the most to the least, and each in words."""

_LEAST = 1e-6  # stands for what the service did not say; its logarithm must be finite
_TOP = 3
_DOUBTFUL = 0.8  # below this probability somebody should look again
_FLAGGED = 0.5  # stands for such an answer: less sure than one without a flag, and by how much is not said


@dataclass(frozen=True, eq=False)
class ApiView(WrappedClassifier):
    """A model behind a service that coarsens its answers.

    It is a classifier still, so attacks and metrics run on it unchanged: its logits are the
    logarithms of what it answers.  The class it names is always the one that the model would
    name.  It offers no gradient.

    Parameters
    ----------
    model : Classifier
    level : str
        A name out of ``LEVELS``.

    References
    ----------
    Fredrikson, Jha & Ristenpart, CCS 2015, for rounding; Tramèr et al., "Stealing Machine
    Learning Models via Prediction APIs", USENIX Security 2016, for the levels.
    """

    model: Classifier
    level: str = "probabilities"

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UnknownNameError("output level", self.level, LEVELS)

    def answers(self, x: Tensor) -> Tensor:
        """Return what the service says, shape ``(n, classes)``: probabilities, 0 where it is silent."""
        full = torch.softmax(self.model.logits(x), 1)
        first = torch.zeros_like(full).scatter(1, full.argmax(1, keepdim=True), 1.0)
        if self.level == "label":
            return first
        if self.level == "flag":
            return first * torch.where(full.amax(1, keepdim=True) < _DOUBTFUL, _FLAGGED, 1.0)
        if self.level == "top-3":
            best = full.topk(min(_TOP, self.classes), dim=1)
            return torch.zeros_like(full).scatter(1, best.indices, best.values)
        if self.level == "probabilities":
            return full
        places = 100 if self.level == "hundredths" else 10
        # Rounding must not make another class the first one.
        return (full * places).round() / places + first * 1e-4

    def logits(self, x: Tensor) -> Tensor:
        """Return the logarithms of the answers, ``(n, classes)``."""
        return self.answers(x).clamp_min(_LEAST).log()
