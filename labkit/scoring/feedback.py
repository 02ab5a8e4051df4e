"""Feedback: what was measured, what was aimed at, why, and what to try next.

Right or wrong alone teaches nothing (Van der Kleij, Feskens & Eggen, "Effects of Feedback
in a Computer-Based Learning Environment on Students' Learning Outcomes", 2015: effect
0.05, against 0.49 for an explanation), so there is no feedback without a reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.scoring.measurement import Fact, Measurement, Target
from labkit.scoring.rules import Rule, fill

__all__ = ["Feedback", "judge"]

_NOTHING_MEASURED = (
    "There was nothing to measure: the metric is a share, and no input counted towards it.",
    "Check that what you handed in belongs to the inputs that were issued.",
)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a participant is told about one attempt; ``print`` gives plain readable text.

    Attributes
    ----------
    checkpoint : str
        Id of the checkpoint.
    passed : bool
    measured : float
        The metric; NaN when there was nothing to measure.
    target : Target
    why, next_probe : str
        The explanation, and the question or step that leads on.
    facts : mapping
        Everything that was found out beside the value.
    title, unit : str
        Words of the checkpoint, for display.
    """

    checkpoint: str
    passed: bool
    measured: float
    target: Target
    why: str
    next_probe: str
    facts: Mapping[str, Fact] = field(default_factory=dict, hash=False)
    title: str = ""
    unit: str = ""

    def __str__(self) -> str:
        verdict = "reached" if self.passed else "not reached yet"
        unit = f" ({self.unit})" if self.unit else ""
        return "\n".join(
            [
                f"{self.title or self.checkpoint}: {verdict}",
                f"  measured{unit}: {self.measured:.4g}   target: {self.target}",
                f"  why: {self.why}",
                f"  next: {self.next_probe}",
            ]
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython asks for this, so a cell that ends in a check shows text, not a repr.
        printer.text(str(self))


def judge(
    checkpoint: str,
    measurement: Measurement,
    target: Target,
    rules: Sequence[Rule],
    *,
    title: str = "",
    unit: str = "",
) -> Feedback:
    """Hold ``measurement`` against ``target`` and explain it by the first rule that applies.

    Raises
    ------
    InvalidInputError
        When no rule applies, or a rule names a fact that the measurement does not have.
    """
    values: dict[str, Fact] = {**measurement.facts, "measured": measurement.value}
    if math.isnan(measurement.value):
        why, next_probe = _NOTHING_MEASURED
    else:
        rule = next((rule for rule in rules if rule.applies(values)), None)
        if rule is None:
            raise InvalidInputError(
                f"no rule of checkpoint {checkpoint!r} explains {values}; "
                "end its rules with one without 'when'"
            )
        why, next_probe = fill(rule.say, values), fill(rule.next_probe, values)
    return Feedback(
        checkpoint=checkpoint,
        passed=target.met(measurement.value),
        measured=measurement.value,
        target=target,
        why=why,
        next_probe=next_probe,
        facts=measurement.facts,
        title=title,
        unit=unit,
    )
