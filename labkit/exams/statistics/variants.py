"""Whether the variants of a question are equally hard, and stay so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labkit.exams.statistics.reliability import Matrix
from labkit.exams.statistics.responses import Responses

__all__ = ["Family", "VariantLine", "variant_families"]

_FEWEST = 5
_SHIFT = 0.10


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant: mean credit, how far from what its candidates' other scores predict, and the flag."""

    variant: str
    n: int
    mean: float
    shift: float
    error: float
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Family:
    """The variants of one question.

    ``spread`` is the standard deviation of their difficulty beyond chance, in points;
    ``drift`` what later candidates earned more than earlier ones of the same ability, in
    points, with its standard error: a leaked variant becomes easier.
    """

    name: str
    spread: float
    drift: float
    drift_error: float
    variants: tuple[VariantLine, ...]


def variant_families(responses: Responses, order: Sequence[str] | None = None) -> list[Family]:
    """Return how the variants of each question differ, beyond what their candidates explain.

    Each candidate's credit is compared with a straight line through everybody's, over the rest
    of the score.  A variant is flagged when its shift exceeds a tenth of the points and chance
    (p < 0.01 after Bonferroni's correction).

    Parameters
    ----------
    responses : Responses
    order : sequence of str, optional
        When each candidate sat, in a form that sorts; drift is NaN without it.
    """
    return [
        _family(responses, column, order)
        for column in range(len(responses.names))
        if len({row[column] for row in responses.variants} - {None}) > 1 or order is not None
    ]


def _family(responses: Responses, column: int, order: Sequence[str] | None) -> Family:
    asked = [int(row) for row in np.flatnonzero(~np.isnan(responses.credit[:, column]))]
    credit = responses.credit[asked, column]
    residual = credit - _line(responses.rest(column)[asked], credit)
    drawn = [responses.variants[row][column] or "" for row in asked]
    points = float(responses.points[column])
    lines = _lines(drawn, credit, residual)
    drift, error = _drift(residual, [order[row] for row in asked] if order is not None else None)
    return Family(responses.names[column], points * _spread(lines), points * drift, points * error, lines)


def _line(rest: Matrix, credit: Matrix) -> Matrix:
    """Return what the rest of the score predicts, by least squares."""
    away = rest - rest.mean()
    below = float(away @ away)
    slope = float(away @ (credit - credit.mean())) / below if below > 0 else 0.0
    return credit.mean() + slope * away


def _lines(drawn: list[str], credit: Matrix, residual: Matrix) -> tuple[VariantLine, ...]:
    from scipy.stats import norm

    names = sorted(set(drawn))
    # One spread for all: a variant with few candidates cannot tell its own.
    sd = float(residual.std(ddof=1)) if residual.size > 1 else math.nan
    limit = float(norm.isf(0.005 / max(1, len(names))))
    found = []
    for name in names:
        mine = np.array([each == name for each in drawn])
        n = int(mine.sum())
        shift, error = float(residual[mine].mean()), sd / math.sqrt(n)
        flagged = n >= _FEWEST and abs(shift) > _SHIFT and abs(shift) > limit * error
        found.append(VariantLine(name, n, float(credit[mine].mean()), shift, error, flagged))
    return tuple(found)


def _spread(lines: tuple[VariantLine, ...]) -> float:
    """Return the standard deviation between variants, less what chance would give."""
    if len(lines) < 2:
        return 0.0
    shifts = np.array([line.shift for line in lines])
    chance = float(np.mean([line.error**2 for line in lines]))
    return math.sqrt(max(0.0, float(shifts.var(ddof=1)) - chance))


def _drift(residual: Matrix, when: list[str] | None) -> tuple[float, float]:
    if when is None or residual.size < 2 * _FEWEST:
        return math.nan, math.nan
    later = np.zeros(residual.size, dtype=bool)
    later[np.argsort(np.array(when), kind="stable")[residual.size // 2 :]] = True
    after, before = residual[later], residual[~later]
    error = math.sqrt(float(after.var(ddof=1)) / after.size + float(before.var(ddof=1)) / before.size)
    return float(after.mean() - before.mean()), error
