"""What an evaluation found, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from labkit.core.results import AdversarialExamples, Parameter
from labkit.core.threat import ThreatModel
from labkit.metrics.curves import Curve
from labkit.metrics.rates import Rate

__all__ = ["MISREAD_ANYWAY", "STANDS", "RobustnessReport", "SanityCheck", "StageResult"]

STANDS, MISREAD_ANYWAY = -1, -2


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one attack of the cascade did.

    Attributes
    ----------
    name : str
    params : mapping
        Every parameter of the run, the seed included.
    tried, broken : int
        Inputs that it was given, and inputs that the victim misreads after it.
    """

    name: str
    params: Mapping[str, Parameter]
    tried: int
    broken: int


@dataclass(frozen=True, slots=True)
class SanityCheck:
    """One question whose answer says whether the figures can be believed.

    Attributes
    ----------
    name : str
    passed : bool
    found : str
        What was measured, in words.
    means : str
        What it means when the check fails.
    """

    name: str
    passed: bool
    found: str
    means: str


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessReport:
    """How robust a model is under a threat model, as far as these attacks can tell.

    Attributes
    ----------
    threat : ThreatModel
    clean, robust : Rate
        Accuracy before and after the whole cascade.  ``robust`` is an upper bound: an attack that
        nobody tried may break more.
    broken_by : Tensor of shape ``(n,)``, int64
        Which stage broke each input, by its position in ``stages``; -1 where none did, -2 where the
        input is misread as it is.
    x_adv : Tensor of shape ``(n, ...)``
        For each input what broke it, else the input itself.
    stages : tuple of StageResult
    left_out : mapping
        Stages that could not run, and why.
    curve : Curve
        Robust accuracy over the budget.
    checks : tuple of SanityCheck
        Empty when they were not asked for.
    params : mapping
        Seed and precision of the evaluation.
    """

    threat: ThreatModel
    clean: Rate
    robust: Rate
    broken_by: Tensor
    x_adv: Tensor
    stages: tuple[StageResult, ...]
    left_out: Mapping[str, str]
    curve: Curve
    checks: tuple[SanityCheck, ...]
    params: Mapping[str, Parameter]

    @property
    def believable(self) -> bool:
        """Whether every check that was made is passed."""
        return all(check.passed for check in self.checks)

    def which(self, stage: str) -> Tensor:
        """Return the positions of the inputs that a stage broke, shape ``(k,)`` int64."""
        names = [each.name for each in self.stages]
        return (self.broken_by == names.index(stage)).nonzero().flatten()

    def examples(self, x: Tensor, y: Tensor) -> AdversarialExamples:
        """Return the changed inputs beside the clean ones that they were made from."""
        return AdversarialExamples(x=x, x_adv=self.x_adv, y=y, attack="robustness", params=self.params)

    def __str__(self) -> str:
        lines = [
            f"clean accuracy   {self.clean}",
            f"robust accuracy  {self.robust} at {self.threat.norm.value} {self.threat.epsilon:g}",
        ]
        lines += [f"  {stage.name}: broke {stage.broken} of {stage.tried}" for stage in self.stages]
        lines += [f"  {name}: left out, {why}" for name, why in self.left_out.items()]
        lines += [
            f"  {'passed' if check.passed else 'FAILED'}  {check.name}: {check.found}"
            + ("" if check.passed else f". {check.means}")
            for check in self.checks
        ]
        return "\n".join(lines)
