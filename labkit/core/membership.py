"""How far an attack takes each record for one that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import Tensor

from labkit.core.checks import finite
from labkit.core.errors import InvalidInputError
from labkit.core.results import Parameter

__all__ = ["MembershipScores"]

_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class MembershipScores:
    """One score a record: the higher, the likelier a member.  Who was one is not part of it.

    Attributes
    ----------
    scores : Tensor of shape ``(n,)``
        Floats without NaN or infinity; only their order and distances mean something.
    attack : str
        What made them, for example ``"lira"``.
    params : mapping
        Every parameter of the run, seeds included.
    queries : int
        How many inputs the victim was asked about.
    """

    scores: Tensor
    attack: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
    queries: int = 0

    def __post_init__(self) -> None:
        if finite("scores", self.scores).dim() != 1:
            raise InvalidInputError(f"expected scores of shape (n,), got {tuple(self.scores.shape)}")
        # A result is data: what autograd remembers of its making stays behind.
        object.__setattr__(self, "scores", self.scores.detach())

    def __len__(self) -> int:
        return len(self.scores)
