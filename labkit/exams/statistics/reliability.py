"""How far a score would come out the same on another form: KR-20, alpha, standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError

__all__ = [
    "Matrix",
    "as_scores",
    "cronbach_alpha",
    "effective_length",
    "kr20",
    "kr21",
    "lord_csem",
    "sem",
    "stratified_alpha",
]

Matrix = NDArray[np.float64]


def as_scores(scores: ArrayLike) -> Matrix:
    """Return ``scores`` as floats of shape ``(candidates, questions)``, NaN where one was not asked.

    Raises
    ------
    InvalidInputError
        When it has another shape, or holds infinity.
    """
    try:
        table = np.asarray(scores, dtype=float)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected scores as a table of numbers: {error}") from None
    if table.ndim != 2 or bool(np.isinf(table).any()):
        raise InvalidInputError(
            f"expected finite scores, one row a candidate and one column a question; got shape {table.shape}"
        )
    return table


def cronbach_alpha(scores: ArrayLike) -> float:
    """Return Cronbach's alpha of a table of scores; NaN where it cannot be told.

    A question that nobody scored differently on says nothing about candidates and is left
    out, of the count as well: adding one changes nothing.  Where forms differ (NaN for what
    was not asked), variances and covariances are those of the candidates who were asked,
    and the length is the mean number of questions asked; with complete data this is the
    textbook formula.

    Parameters
    ----------
    scores : array of shape ``(candidates, questions)``

    References
    ----------
    Cronbach, "Coefficient Alpha and the Internal Structure of Tests", Psychometrika 1951.
    """
    table = as_scores(scores)
    table = table[:, [_varies(column) for column in table.T]]
    if table.shape[1] < 2 or table.shape[0] < 2:
        return math.nan
    asked = ~np.isnan(table)
    if asked.all():
        k, total = table.shape[1], float(table.sum(axis=1).var())
        return math.nan if total <= 0 else k / (k - 1) * (1 - float(table.var(axis=0).sum()) / total)
    return _alpha_of_parts(table, asked)


def _alpha_of_parts(table: Matrix, asked: NDArray[np.bool_]) -> float:
    """Return alpha from mean variance and mean covariance of what candidates were asked together."""
    length = float(asked.sum(axis=1).mean())
    counts = asked.astype(float)
    filled = np.where(asked, table, 0.0)
    together = counts.T @ counts
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_i = filled.T @ counts / together
        covariance = filled.T @ filled / together - mean_i * mean_i.T
    pairs = together * (1 - np.eye(len(together)))
    if pairs.sum() == 0 or length <= 1:
        return math.nan
    between = float(np.nansum(np.where(pairs > 0, covariance, 0.0) * pairs) / pairs.sum())
    own = np.diag(together)
    within = float((np.diag(covariance) * own).sum() / own.sum())
    total = within + (length - 1) * between
    return math.nan if total <= 0 else length * between / total


def kr20(scores: ArrayLike) -> float:
    """Return Kuder and Richardson's formula 20: :func:`cronbach_alpha` of right and wrong.

    Raises
    ------
    InvalidInputError
        When a score is neither 0 nor 1; alpha is for those.

    References
    ----------
    Kuder & Richardson, "The Theory of the Estimation of Test Reliability", Psychometrika 1937.
    """
    table = as_scores(scores)
    if not bool(np.isin(table[~np.isnan(table)], (0.0, 1.0)).all()):
        raise InvalidInputError("expected scores of 0 and 1 for KR-20: use cronbach_alpha for partial credit")
    return cronbach_alpha(table)


def kr21(totals: ArrayLike, length: int) -> float:
    """Return Kuder and Richardson's formula 21, from total scores of ``length`` items alone."""
    length = whole("length", length, at_least=2)
    values = np.asarray(totals, dtype=float)
    mean, variance = float(values.mean()), float(values.var())
    if variance <= 0:
        return math.nan
    return length / (length - 1) * (1 - mean * (length - mean) / (length * variance))


def stratified_alpha(parts: Sequence[tuple[float, ArrayLike]]) -> float:
    """Return the reliability of a sum of parts: hands-on tasks and objective items, say.

    Parameters
    ----------
    parts : sequence of (alpha, totals)
        Reliability of each part and its totals, shape ``(candidates,)``.

    References
    ----------
    Cronbach, Schönemann & McKie, "Alpha Coefficients for Stratified-Parallel Tests", 1965.
    """
    totals = [np.asarray(values, dtype=float) for _, values in parts]
    variance = float(np.sum(totals, axis=0).var()) if totals else 0.0
    if variance <= 0:
        return math.nan
    error = sum(float(values.var()) * (1 - alpha) for (alpha, _), values in zip(parts, totals, strict=True))
    return 1 - error / variance


def sem(sd: float, reliability: float) -> float:
    """Return the standard error of measurement, in the units of ``sd``."""
    # Not max(0, ...): that would make a number of NaN.
    return sd * math.sqrt(1 - min(1.0, reliability)) if reliability == reliability else math.nan


def lord_csem(score: ArrayLike, length: float) -> Matrix:
    """Return Lord's standard error of measurement at a score of ``length`` right-or-wrong items.

    It is largest in the middle and zero at both ends.  The mean of its square, taken as the
    error variance, gives KR-21.

    Parameters
    ----------
    score : array
        Items right, from 0 to ``length``.
    length : float
        Number of items, or :func:`effective_length` of a test of another make.

    References
    ----------
    Lord, "Estimating Test Reliability", 1955; "Do Tests of the Same Length Have the Same
    Standard Error of Measurement?", 1957.
    """
    values = np.asarray(score, dtype=float)
    if not length > 1 or bool(((values < 0) | (values > length)).any()):
        raise InvalidInputError(f"expected scores from 0 to length, and length > 1; got length {length!r}")
    return np.sqrt(values * (length - values) / (length - 1))


def effective_length(shares: ArrayLike, reliability: float) -> float:
    """Return how many right-or-wrong items of equal difficulty would measure as precisely.

    Parameters
    ----------
    shares : array of shape ``(candidates,)``
        Scores as shares of all points.
    reliability : float
        Of those scores, below 1.

    References
    ----------
    Livingston & Lewis, "Estimating the Consistency and Accuracy of Classifications Based on
    Test Scores", Journal of Educational Measurement 1995.
    """
    values = np.asarray(shares, dtype=float)
    mean, variance = float(values.mean()), float(values.var())
    if not 0 <= reliability < 1 or variance <= 0:
        return math.nan
    return (mean * (1 - mean) - reliability * variance) / (variance * (1 - reliability))


def _varies(column: Matrix) -> bool:
    known = column[~np.isnan(column)]
    return bool(known.size > 1 and np.ptp(known) > 0)
