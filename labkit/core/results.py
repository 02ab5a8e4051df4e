"""What a technique did.  No result claims success: metrics measure that (rule 2).

Every result is frozen, names its parameters and keeps what it started from, so that it
can be repeated and measured again by code that has never seen it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import Tensor

from labkit.core.errors import InvalidInputError

__all__ = ["AdversarialExamples", "Attribution", "Reconstruction"]

Parameter = str | int | float | bool | None
_NO_PARAMS: Mapping[str, Parameter] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class AdversarialExamples:
    """Perturbed inputs, beside the inputs and labels that they were made from.

    Attributes
    ----------
    x, x_adv : Tensor of shape ``(n, ...)``
        Clean and perturbed inputs.
    y : Tensor of shape ``(n,)``, int64
        True classes.
    attack : str
        What made them, for example ``"pgd"`` or ``"torchattacks/pgd"``.
    params : mapping
        Every parameter of the run, seeds included.
    y_target : Tensor of shape ``(n,)`` or None
        The classes that were aimed at; None for an untargeted attack.
    queries : Tensor of shape ``(n,)``, int64, or None
        How often the victim was asked for each sample; None for a white-box attack.
    """

    x: Tensor
    x_adv: Tensor
    y: Tensor
    attack: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
    y_target: Tensor | None = None
    queries: Tensor | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.x_adv, Tensor) or self.x_adv.dtype != self.x.dtype:
            got = self.x_adv.dtype if isinstance(self.x_adv, Tensor) else type(self.x_adv).__name__
            raise InvalidInputError(
                f"expected x_adv as a tensor of {self.x.dtype}, as x is; got {got}: "
                f"use torch.as_tensor(x_adv, dtype={self.x.dtype})"
            )
        if self.x.shape != self.x_adv.shape:
            raise InvalidInputError(
                f"expected x_adv of the shape of x, {tuple(self.x.shape)}; got {tuple(self.x_adv.shape)}"
            )
        # A result is data: what autograd remembers of its making stays behind.
        object.__setattr__(self, "x", self.x.detach())
        object.__setattr__(self, "x_adv", self.x_adv.detach())
        for name in ("y", "y_target", "queries"):
            value: Tensor | None = getattr(self, name)
            if value is not None and value.shape != self.x.shape[:1]:
                raise InvalidInputError(
                    f"expected {name} of shape ({len(self.x)},), got {tuple(value.shape)}"
                )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def delta(self) -> Tensor:
        """The perturbation ``x_adv - x``."""
        return self.x_adv - self.x


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """How much each part of an input counted for one class.

    Attributes
    ----------
    x : Tensor of shape ``(n, ...)``
        The inputs that were explained.
    values : Tensor of shape ``(n, ...)``
        Signed contributions, the shape of ``x``.
    target : Tensor of shape ``(n,)``, int64
        The class that was explained for each input.
    method : str
        ``"integrated_gradients"``, ``"occlusion"`` or ``"grad_cam"``.
    params : mapping
        Every parameter of the run.
    completeness_gap : Tensor of shape ``(n,)`` or None
        ``|sum(values) - (logit(x) - logit(baseline))|``; None where the method promises
        no completeness.
    """

    x: Tensor
    values: Tensor
    target: Tensor
    method: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
    completeness_gap: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """Inputs that an attack put together out of what a model, or its training, gave away.

    Attributes
    ----------
    x_hat : Tensor of shape ``(n, ...)``
        The reconstructed inputs.
    y : Tensor of shape ``(n,)``, int64
        The class that each of them is meant to show: aimed at, or inferred.
    attack : str
        What made them, for example ``"invert_class"``.
    params : mapping
        Every parameter of the run, seeds included.
    queries : Tensor of shape ``(n,)``, int64, or None
        How often the victim was asked for each of them; None where nobody was asked.
    objective : Tensor of shape ``(n,)`` or None
        What the attack minimised, at the end; None where it minimised nothing.
    """

    x_hat: Tensor
    y: Tensor
    attack: str
    params: Mapping[str, Parameter] = field(default_factory=lambda: _NO_PARAMS)
    queries: Tensor | None = None
    objective: Tensor | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.x_hat, Tensor) or not self.x_hat.is_floating_point():
            got = self.x_hat.dtype if isinstance(self.x_hat, Tensor) else type(self.x_hat).__name__
            raise InvalidInputError(f"expected x_hat as a tensor of floats, got {got}")
        # A result is data: what autograd remembers of its making stays behind.
        object.__setattr__(self, "x_hat", self.x_hat.detach())
        if not bool(self.x_hat.isfinite().all()):
            raise InvalidInputError(
                "expected finite values in x_hat, got NaN or infinity: a search that ran away made no "
                "reconstruction; take a smaller step_size"
            )
        for name in ("y", "queries", "objective"):
            value: Tensor | None = getattr(self, name)
            if value is not None and value.shape != self.x_hat.shape[:1]:
                raise InvalidInputError(
                    f"expected {name} of shape ({len(self.x_hat)},), got {tuple(value.shape)}"
                )

    def __len__(self) -> int:
        return len(self.x_hat)
