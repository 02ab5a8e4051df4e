"""Answers to questions, the reason for every option, and how well confidence fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.course.events import Event
from labkit.course.lab import Option, Prediction

__all__ = [
    "AnswerResult",
    "Calibration",
    "OptionResult",
    "Outcome",
    "calibration",
    "check_prediction",
    "is_right",
    "mark",
]


@dataclass(frozen=True, slots=True)
class OptionResult:
    """One option after the answer: whether it was chosen, whether it is correct, and why."""

    text: str
    chosen: bool
    correct: bool
    why: str


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """An answer, marked: right when exactly the correct options were chosen."""

    question: str
    right: bool
    options: tuple[OptionResult, ...]

    def __str__(self) -> str:
        lines = [f"{self.question} {'Right.' if self.right else 'Not right.'}"]
        for option in self.options:
            sign = "correct" if option.correct else "not correct"
            chosen = ", your answer" if option.chosen else ""
            lines.append(f"  {option.text} ({sign}{chosen}) {option.why}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction beside what came out; right when it was within the tolerance."""

    prediction: Prediction
    value: float | str
    confidence: float
    actual: float | str
    right: bool

    def __str__(self) -> str:
        unit = f" {self.prediction.unit}" if self.prediction.unit else ""
        actual = f"{self.actual:.3g}" if isinstance(self.actual, float) else self.actual
        value = f"{self.value:.3g}" if isinstance(self.value, float) else self.value
        verdict = "right" if self.right else "not right"
        said = f"You predicted {value}{unit}, {self.confidence:.0f} % sure"
        return f"{said}; it came out at {actual}{unit}: {verdict}."


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well confidence fitted what came true, over all predictions with an outcome.

    Attributes
    ----------
    n : int
        Number of predictions.
    brier : float or None
        Mean of ``(confidence - right)²``, from 0 (sure and right) to 1; always saying
        50 % gives 0.25.  None when ``n`` is 0.
    bands : tuple of (low, high, n, mean confidence, share right)
        Five bands of confidence in per cent; the last two are 0 to 1, and NaN in an empty
        band.

    References
    ----------
    Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950.
    """

    n: int
    brier: float | None
    bands: tuple[tuple[int, int, int, float, float], ...]

    def __str__(self) -> str:
        if self.brier is None:
            return "No prediction has an outcome yet."
        return f"{self.n} predictions, Brier score {self.brier:.2f} (0 is perfect, 0.25 is a coin)."


def mark(question: str, options: Sequence[Option], choices: int | Iterable[int]) -> AnswerResult:
    """Mark the options at the positions ``choices``.

    Raises
    ------
    InvalidInputError
        When nothing was chosen, or a position does not exist.
    """
    chosen = {choices} if isinstance(choices, int) else set(choices)
    if not chosen or not chosen <= set(range(len(options))):
        raise InvalidInputError(
            f"expected positions from 0 to {len(options) - 1}, at least one; got {sorted(chosen)}"
        )
    results = tuple(
        OptionResult(option.text, position in chosen, option.correct, option.why)
        for position, option in enumerate(options)
    )
    right = all(result.chosen == result.correct for result in results)
    return AnswerResult(question, right, results)


def check_prediction(prediction: Prediction, value: float | str, confidence: float) -> float | str:
    """Return ``value`` as it is kept, or say what is wrong with it or with ``confidence``."""
    if not (isinstance(confidence, int | float) and 0 <= confidence <= 100):
        raise InvalidInputError(f"expected a confidence from 0 to 100 per cent, got {confidence!r}")
    if prediction.kind == "choice":
        if value not in prediction.options:
            raise InvalidInputError(f"expected one of {', '.join(prediction.options)}; got {value!r}")
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(
            f"expected a number{f' in {prediction.unit}' if prediction.unit else ''}, got {value!r}"
        )
    return number


def is_right(prediction: Prediction, value: float | str, actual: float | str) -> bool:
    """Return whether a prediction came true, numbers within the tolerance."""
    if isinstance(value, str) or isinstance(actual, str):
        return value == actual
    return abs(value - actual) <= prediction.tolerance


def calibration(events: Iterable[Event]) -> Calibration:
    """Return how well the confidence of one learner fits, from events of any labs.

    The first outcome of each prediction counts, so that looking again after a reset does
    not polish the score.
    """
    sure: dict[tuple[str, str], float] = {}
    pairs: dict[tuple[str, str], tuple[float, bool]] = {}
    for event in events:
        key = (event.lab, str(event.payload.get("prediction")))
        if event.kind == "predicted":
            sure[key] = event.payload["confidence"] / 100
        elif event.kind == "outcome" and key in sure:
            pairs.setdefault(key, (sure[key], event.payload["right"]))
    given = list(pairs.values())
    brier = sum((p - right) ** 2 for p, right in given) / len(given) if given else None
    return Calibration(len(given), brier, tuple(_band(low, given) for low in range(0, 100, 20)))


def _band(low: int, given: list[tuple[float, bool]]) -> tuple[int, int, int, float, float]:
    high = low + 20
    # The upper end of the last band belongs to it: 100 % is a confidence.
    inside = [pair for pair in given if low <= 100 * pair[0] < high or (high == 100 and pair[0] == 1)]
    if not inside:
        return low, high, 0, math.nan, math.nan
    n = len(inside)
    return low, high, n, sum(p for p, _ in inside) / n, sum(right for _, right in inside) / n
