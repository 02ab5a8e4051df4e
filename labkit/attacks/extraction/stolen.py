"""What an extraction attack returns: a model, and how it was got.  No claim of success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.models.classifier import TorchClassifier

__all__ = ["RecoveredParameters", "StolenModel"]

Parameter = str | int | float | bool | None
_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class StolenModel:
    """A copy that was trained on answers of a victim.

    Attributes
    ----------
    model : TorchClassifier
        The copy.
    architecture : str
        A name out of ``labkit.models.ARCHITECTURES``: what the copy is.
    attack : str
        What made it, for example ``"imitate/margin"``.
    params : mapping
        Every parameter of the run, seeds included.
    x, answers : Tensor of shape ``(n, ...)`` and ``(n, classes)``
        The inputs that were answered, and the answers as probabilities.
    queries : int
        How many inputs the victim was asked about; refused ones count.
    """

    model: TorchClassifier
    architecture: str
    attack: str
    x: Tensor
    answers: Tensor
    queries: int
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)

    def __post_init__(self) -> None:
        if len(self.x) != len(self.answers) or self.queries < len(self.x):
            raise InvalidInputError(
                f"expected one answer for each input and as many queries, got {len(self.x)} inputs, "
                f"{len(self.answers)} answers and {self.queries} queries"
            )

    def parts(self) -> dict[str, object]:
        """Return the copy as data: ``architecture``, and ``weights`` by name."""
        state = self.model.module.state_dict()
        return {"architecture": self.architecture, "weights": {k: v.clone() for k, v in state.items()}}


@dataclass(frozen=True, slots=True, eq=False)
class RecoveredParameters:
    """Weights that were solved for, out of the answers of a linear model.

    Attributes
    ----------
    weights : Tensor of shape ``(outputs, d)``, float64
    bias : Tensor of shape ``(outputs,)``, float64
    attack : str
    queries : int
    params : mapping
    """

    weights: Tensor
    bias: Tensor
    attack: str
    queries: int
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
