"""Whether scores mean what they say, in each of two groups by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from labkit.core.checks import finite, whole
from labkit.core.errors import InvalidInputError
from labkit.metrics.gaps import Gap, check_groups
from labkit.metrics.rates import Rate

__all__ = ["CalibrationBin", "calibration_gap", "calibration_within_groups"]

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Members of one group with similar scores.

    Attributes
    ----------
    group : int
    low, high : float
        Ends of the scores.
    score : float
        Their mean score.
    rate : Rate
        Share of them with class 1; a calibrated model gives ``score``.
    """

    group: int
    low: float
    high: float
    score: float
    rate: Rate


def calibration_within_groups(
    scores: Tensor, y: Tensor, group: Tensor, *, bins: int = 5
) -> tuple[CalibrationBin, ...]:
    """Hold scores against what happened, in each group by itself.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``, floats
        Probabilities of class 1.
    y, group : Tensor of shape ``(n,)``, int64
    bins : int
        Parts of equal width that 0 to 1 is cut into.

    Returns
    -------
    tuple of CalibrationBin
        Group by group, from low scores to high; bins without anybody are left out.

    Raises
    ------
    InvalidInputError
        When they do not fit together, or a score is no probability.
    """
    check_groups(y == 1, group, y)
    shares = _probabilities(scores, len(y))
    place = (shares * whole("bins", bins)).long().clamp(max=bins - 1)
    found = []
    for member in (0, 1):
        for number in range(bins):
            mine = (group == member) & (place == number)
            if bool(mine.any()):
                found.append(
                    CalibrationBin(
                        member,
                        number / bins,
                        (number + 1) / bins,
                        float(shares[mine].mean()),
                        Rate.of(y[mine] == 1),
                    )
                )
    return tuple(found)


def calibration_gap(scores: Tensor, y: Tensor, group: Tensor) -> Gap:
    """Difference of how far outcomes lie above the scores: mean of ``y - score``, group 0 less group 1.

    Zero says that a model is as right about one group as about the other, on the whole.  With the
    scores of a model that can be trusted, it says whether the *labels* of a group lie beside
    what its members' circumstances lead to expect, however different these circumstances are.

    Parameters and errors as in :func:`calibration_within_groups`.

    Returns
    -------
    Gap
        With the interval of Welch for a difference of means, in the normal approximation.
    """
    check_groups(y == 1, group, y)
    beside = y.double() - _probabilities(scores, len(y))
    parts = [beside[group == member] for member in (0, 1)]
    if min(len(part) for part in parts) < 2:
        return Gap(math.nan, -1.0, 1.0, math.nan, math.nan, len(parts[0]), len(parts[1]))
    means = [float(part.mean()) for part in parts]
    reach = _Z95 * math.sqrt(sum(float(part.var()) / len(part) for part in parts))
    value = means[0] - means[1]
    return Gap(value, value - reach, value + reach, means[0], means[1], len(parts[0]), len(parts[1]))


def _probabilities(scores: Tensor, n: int) -> Tensor:
    given = finite("scores", scores).double()
    if given.shape != (n,) or (n and not (float(given.min()) >= 0 and float(given.max()) <= 1)):
        raise InvalidInputError(f"expected scores as {n} probabilities from 0 to 1, got {tuple(given.shape)}")
    return given
