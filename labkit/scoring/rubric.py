"""Points: linear from ``zero_at`` to ``full_at``, and kept beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError

__all__ = ["Criterion", "Score", "ScoreLine", "score"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """Points that grow linearly from ``zero_at`` to ``full_at`` on one metric.

    ``full_at`` may be the smaller of the two: a defense earns more as the attack success
    rate falls.  Both come from recorded runs: 0 at "do nothing", 1 at the reference
    solution on the same seed.

    Attributes
    ----------
    metric : str
        Name of what is measured.
    zero_at, full_at : float
        Values of the metric that earn nothing and everything.
    points : float
        What there is to earn.
    """

    metric: str
    zero_at: float
    full_at: float
    points: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.zero_at) and math.isfinite(self.full_at)) or self.zero_at == self.full_at:
            raise InvalidInputError(
                f"expected two different finite values for zero_at and full_at of {self.metric!r}, "
                f"got {self.zero_at} and {self.full_at}"
            )
        if not (math.isfinite(self.points) and self.points > 0):
            raise InvalidInputError(f"expected points above 0 for {self.metric!r}, got {self.points}")

    def award(self, measured: float) -> float:
        """Return the points that ``measured`` earns, from 0 to ``points``; NaN earns 0."""
        if math.isnan(measured):
            return 0.0
        progress = (measured - self.zero_at) / (self.full_at - self.zero_at)
        return self.points * min(1.0, max(0.0, progress))


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One criterion, what was measured for it, and what that earned."""

    criterion: Criterion
    measured: float
    earned: float

    @property
    def why(self) -> str:
        """The line as a sentence that can be checked by hand."""
        rule = self.criterion
        return (
            f"{rule.metric}: measured {self.measured:.4g}; {rule.zero_at:.4g} earns nothing and "
            f"{rule.full_at:.4g} all {rule.points:g} points, so this earns {self.earned:.4g}."
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Every line of one task; the measurements stay beside the points, so an appeal is a re-run."""

    task: str
    lines: tuple[ScoreLine, ...]

    @property
    def earned(self) -> float:
        return math.fsum(line.earned for line in self.lines)

    @property
    def points(self) -> float:
        return math.fsum(line.criterion.points for line in self.lines)

    def __str__(self) -> str:
        head = f"{self.task}: {self.earned:.4g} of {self.points:g} points"
        return "\n".join([head, *(f"  {line.why}" for line in self.lines)])


def score(task: str, criteria: Sequence[Criterion], measured: Mapping[str, float]) -> Score:
    """Award the points of ``criteria`` for ``measured``, a mapping from metric to value.

    Raises
    ------
    InvalidInputError
        When a metric of the rubric was not measured.
    """
    if missing := sorted({criterion.metric for criterion in criteria} - measured.keys()):
        raise InvalidInputError(
            f"expected a measurement of {', '.join(missing)}; got {', '.join(sorted(measured)) or 'none'}"
        )
    lines = (
        ScoreLine(criterion, measured[criterion.metric], criterion.award(measured[criterion.metric]))
        for criterion in criteria
    )
    return Score(task, tuple(lines))
