"""From metrics to points: pure functions, the same for the grader, the bots and an appeal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.exams.task.types import ExamCriterion, Task
from labkit.scoring import Criterion

__all__ = ["MarkedLine", "TaskMark", "justification_credit", "mark_task"]

Recorded = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """One criterion with the values that held on this variant, what was measured, and what it earns.

    ``measured`` is NaN where nothing was measured; ``why`` can be checked by hand.
    """

    metric: str
    part: str
    points: float
    zero_at: float
    full_at: float
    measured: float
    earned: float
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the line as JSON can hold it; what was not measured is None."""
        line = asdict(self)
        line["measured"] = None if math.isnan(self.measured) else self.measured
        return line


@dataclass(frozen=True, slots=True)
class TaskMark:
    """What a task earned.

    Attributes
    ----------
    task : str
    points, earned : float
    lines : tuple of MarkedLine
    critical : tuple of str
        What each critical error was; with one of them the task earns nothing.
    flags : tuple of str
        What a human should look at: an over-claim, a critical error.
    """

    task: str
    points: float
    earned: float
    lines: tuple[MarkedLine, ...]
    critical: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def mark_task(
    task: Task,
    reference: Recorded,
    metrics: Mapping[str, float],
    hand_in: Mapping[str, Any] | None = None,
) -> TaskMark:
    """Turn measured metrics into points.

    Parameters
    ----------
    task : Task
    reference : mapping of str to mapping
        Bot to metric to value, recorded on the same variant.
    metrics : mapping of str to float
        What ``measure`` found.  A metric that is missing or NaN earns nothing.
    hand_in : mapping of str to Any, optional
        Checked values; the claim and the justifications are read from it.

    Raises
    ------
    InvalidInputError
        When the variant has no recorded run for a criterion, or one that does not separate
        nothing from the reference.
    """
    given = {} if hand_in is None else hand_in
    measured = {**metrics, "justification": justification_credit(task, given)}
    lines = [_line(task, criterion, reference, measured) for criterion in task.criteria]
    flags: list[str] = []
    if problem := _overclaimed(task, measured, given):
        flags.append(problem)
        lines = [_lost(line, problem) if line.part == "outcome" else line for line in lines]
    critical = tuple(
        rule.say for rule in task.critical if rule.holds(_value(measured.get(rule.metric, math.nan)))
    )
    for problem in critical:
        flags.append(f"critical error: {problem}")
        lines = [_lost(line, f"critical error: {problem}") for line in lines]
    earned = math.fsum(line.earned for line in lines)
    return TaskMark(task.id, task.points, earned, tuple(lines), critical, tuple(flags))


def justification_credit(task: Task, hand_in: Mapping[str, Any]) -> float:
    """Return the mean credit of the justifications; one that is missing counts as none."""
    credits = []
    for question in task.justifications:
        chosen = hand_in.get(question.field)
        known = type(chosen) is int and 1 <= chosen <= len(question.options)
        credits.append(question.options[chosen - 1].credit if known and chosen else 0.0)
    return math.fsum(credits) / len(credits) if credits else math.nan


def _line(
    task: Task, criterion: ExamCriterion, reference: Recorded, measured: Mapping[str, float]
) -> MarkedLine:
    zero_at, full_at = (
        _end(task, criterion, end, reference) for end in (criterion.zero_at, criterion.full_at)
    )
    value = _value(measured.get(criterion.metric, math.nan))
    rule = Criterion(criterion.metric, zero_at, full_at, criterion.points)
    earned = rule.award(value)
    if math.isnan(value):
        why = f"{criterion.metric}: nothing was measured, so this earns 0 of {criterion.points:g} points."
    else:
        why = (
            f"{criterion.metric}: measured {value:.4g}; {zero_at:.4g} earns nothing and {full_at:.4g} "
            f"all {criterion.points:g} points, so this earns {earned:.4g}."
        )
    return MarkedLine(
        criterion.metric, criterion.part, criterion.points, zero_at, full_at, value, earned, why
    )


def _value(measured: object) -> float:
    """Return a finite number as it is, and NaN for anything else."""
    try:
        value = float(measured)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _end(task: Task, criterion: ExamCriterion, end: float | str, reference: Recorded) -> float:
    if not isinstance(end, str):
        return end
    value = reference.get(end, {}).get(criterion.metric, math.nan)
    if not math.isfinite(value):
        raise InvalidInputError(
            f"{task.id}: the bot {end!r} has no recorded {criterion.metric} on this variant; "
            f"run `labkit exam check {task.id} --record`"
        )
    return value


def _overclaimed(task: Task, measured: Mapping[str, float], hand_in: Mapping[str, Any]) -> str:
    """Return why the outcome points are lost; empty when the claim stands.

    A claim that is left out is no way around the rule.
    """
    rule = task.overclaim
    if rule is None:
        return ""
    value, claim = _value(measured.get(rule.metric, math.nan)), _value(hand_in.get(rule.claim))
    if math.isnan(claim):
        return f"no {rule.claim} was handed in, and the outcome counts only with it"
    if math.isnan(value):
        return f"{rule.claim} is {claim:.4g}, and {rule.metric} could not be measured"
    if abs(claim - value) <= rule.tolerance + 1e-9:
        return ""
    return (
        f"{rule.claim} says {claim:.4g} and {rule.metric} was measured as {value:.4g}, further apart than "
        f"{rule.tolerance:g}: the outcome points are lost"
    )


def _lost(line: MarkedLine, problem: str) -> MarkedLine:
    return MarkedLine(
        line.metric,
        line.part,
        line.points,
        line.zero_at,
        line.full_at,
        line.measured,
        0.0,
        f"{line.why} Lost: {problem}.",
    )
