"""Would the same candidates pass on another form?  From one sitting of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labkit.core.errors import InvalidInputError
from labkit.exams.statistics.reliability import Matrix, effective_length

__all__ = [
    "Classification",
    "TrueScores",
    "fit_true_scores",
    "livingston_k2",
    "livingston_lewis",
    "subkoviak",
]

_GRID = 2000


@dataclass(frozen=True, slots=True)
class Classification:
    """What a cut does to candidates, as shares of all of them.

    ``accuracy`` (right decisions) = 1 - ``false_pass`` - ``false_fail``; ``consistency`` is the
    share that two forms decide alike, ``kappa`` how far that is beyond chance.  NaN where a
    method does not say.
    """

    consistency: float
    kappa: float
    accuracy: float = math.nan
    false_pass: float = math.nan
    false_fail: float = math.nan


@dataclass(frozen=True, slots=True)
class TrueScores:
    """A beta distribution of true shares between ``low`` and ``high``, and the length that measures them."""

    a: float
    b: float
    low: float
    high: float
    length: int

    def shares(self) -> Matrix:
        """Return equally likely true shares, in order."""
        from scipy.stats import beta

        return self.low + (self.high - self.low) * beta.ppf((np.arange(_GRID) + 0.5) / _GRID, self.a, self.b)

    def classify(self, cut: float, *, true_cut: float | None = None) -> Classification:
        """Return what a pass from the share ``cut`` on does.

        Parameters
        ----------
        cut : float
            Share of the points that passes.
        true_cut : float, optional
            True share that deserves to pass, where it is another one.
        """
        from scipy.stats import binom

        true = self.shares()
        needed = math.ceil(cut * self.length - 1e-9)
        passes = binom.sf(needed - 1, self.length, true)
        deserves = true >= (cut if true_cut is None else true_cut)
        false_pass = float(np.where(deserves, 0.0, passes).mean())
        false_fail = float(np.where(deserves, 1 - passes, 0.0).mean())
        consistency, kappa = _agreement(passes)
        return Classification(consistency, kappa, 1 - false_pass - false_fail, false_pass, false_fail)


def livingston_k2(reliability: float, mean: float, variance: float, cut: float) -> float:
    """Return Livingston's coefficient: reliability about the cut instead of about the mean.

    It equals ``reliability`` when the mean is the cut, and grows with their distance.

    References
    ----------
    Livingston, "Criterion-Referenced Applications of Classical Test Theory", Journal of
    Educational Measurement 1972.
    """
    away = (mean - cut) ** 2
    return math.nan if variance + away <= 0 else (reliability * variance + away) / (variance + away)


def subkoviak(right: ArrayLike, length: int, cut: int, reliability: float) -> Classification:
    """Return decision consistency of ``length`` right-or-wrong items, from one sitting.

    Each candidate's true share is the observed one, drawn towards the mean by the
    reliability; two forms are two binomial draws of it.

    Parameters
    ----------
    right : array of shape ``(candidates,)``
        Items right.
    length, cut : int
        Items in the test, and how many of them pass.
    reliability : float

    References
    ----------
    Subkoviak, "Estimating Reliability from a Single Administration of a Criterion-Referenced
    Test", Journal of Educational Measurement 1976.
    """
    from scipy.stats import binom

    shares = np.asarray(right, dtype=float) / length
    if shares.size == 0 or bool(((shares < 0) | (shares > 1)).any()):
        raise InvalidInputError(f"expected items right from 0 to {length}, for at least one candidate")
    pull = min(1.0, max(0.0, reliability))
    true = pull * shares + (1 - pull) * shares.mean()
    return Classification(*_agreement(binom.sf(cut - 1, length, true)))


def livingston_lewis(shares: ArrayLike, reliability: float, cut: float) -> Classification:
    """Return accuracy and consistency of passing from ``cut`` on, for scores of any make.

    Parameters
    ----------
    shares : array of shape ``(candidates,)``
        Scores as shares of all points.
    reliability, cut : float
        Of those scores; the share that passes.

    References
    ----------
    Livingston & Lewis, Journal of Educational Measurement 1995; moments by Hanson, "Method of
    Moments Estimates for the Four-Parameter Beta Compound Binomial Model", ACT 1991.
    """
    return fit_true_scores(shares, reliability).classify(cut)


def fit_true_scores(shares: ArrayLike, reliability: float) -> TrueScores:
    """Return the distribution of true shares behind observed ones.

    Four moments fix a beta distribution with free ends; where they have no solution inside
    0 to 1, two moments fix one from 0 to 1.

    Raises
    ------
    InvalidInputError
        When there are too few scores, all alike, or the reliability is not inside 0 to 1.
    """
    values = np.asarray(shares, dtype=float)
    if values.size < 10 or float(values.var()) <= 0 or not 0 < reliability < 1:
        raise InvalidInputError(
            "expected ten or more scores that differ, and a reliability above 0 and below 1; got "
            f"{values.size} scores and {reliability:.3g}: collect more sittings first"
        )
    length = max(4, round(effective_length(values, reliability)))
    raw = _true_moments(np.rint(values * length), length)
    mean, variance = raw[0], raw[1] - raw[0] ** 2
    if variance <= 0:
        variance = reliability * float(values.var())
    fitted = _four_parameters(raw, mean, variance)
    if fitted is None:
        both = mean * (1 - mean) / variance - 1
        fitted = (mean * both, (1 - mean) * both, 0.0, 1.0)
    return TrueScores(*fitted, length)


def _true_moments(counts: Matrix, length: int) -> list[float]:
    """Return four raw moments of the true share, from factorial moments of binomial counts."""
    moments, product, below = [], np.ones_like(counts), 1.0
    for order in range(4):
        product = product * (counts - order)
        below *= length - order
        moments.append(float(product.mean()) / below)
    return moments


def _four_parameters(
    raw: list[float], mean: float, variance: float
) -> tuple[float, float, float, float] | None:
    """Return a, b and both ends, or None where no such distribution has these moments."""
    third = raw[2] - 3 * mean * raw[1] + 2 * mean**3
    fourth = raw[3] - 4 * mean * raw[2] + 6 * mean**2 * raw[1] - 3 * mean**4
    skew, kurtosis = third / variance**1.5, fourth / variance**2
    below = 6 + 3 * skew**2 - 2 * kurtosis
    if abs(below) < 1e-9:
        return None
    r = 6 * (kurtosis - skew**2 - 1) / below
    inner = 1 - 24 * (r + 1) / ((r + 2) * (r + 3) * kurtosis - 3 * (r + 1) * (r - 6))
    if r <= 0 or inner < 0:
        return None
    a, b = r / 2 * (1 + math.sqrt(inner)), r / 2 * (1 - math.sqrt(inner))
    if skew > 0:
        a, b = b, a
    if min(a, b) <= 0:
        return None
    scale = math.sqrt(variance * (a + b + 1) / (a * b))
    low, high = mean - a * scale, mean + b * scale
    return (a, b, low, high) if low >= 0 and high <= 1 else None


def _agreement(passes: Matrix) -> tuple[float, float]:
    """Return consistency and kappa of two independent forms with these chances to pass."""
    consistency = float((passes**2 + (1 - passes) ** 2).mean())
    rate = float(passes.mean())
    chance = rate**2 + (1 - rate) ** 2
    return consistency, math.nan if chance >= 1 else (consistency - chance) / (1 - chance)
