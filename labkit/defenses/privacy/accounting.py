"""What noise is worth: the privacy budget of training with noise on Poisson samples.

The neighbouring data sets are those that differ by one record which one of them has and the
other has not; all figures below are of that kind.  Rényi accounting is computed here, so that
a dial can be moved without waiting; the tighter accounting of privacy loss distributions is
that of opacus.  A test holds the first against the second and against published figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from labkit.core.checks import length, size, whole
from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = [
    "ACCOUNTANTS",
    "gaussian_delta",
    "gaussian_epsilon",
    "noise_for",
    "privacy_spent",
    "rdp_epsilon",
]

_ORDERS = np.arange(2, 257)
_MOST_NOISE = 1e4


def privacy_spent(
    *,
    noise_multiplier: float,
    sample_rate: float,
    steps: int,
    privacy_delta: float,
    accountant: str = "rdp",
) -> float:
    """Return the ``privacy_epsilon`` of a whole training.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise on the sum, in units of ``clip``; without noise the
        answer is infinite.
    sample_rate : float
        Probability with which each record takes part in a step, on its own, above 0 up to 1.
    steps : int
        Updates of the whole training.
    privacy_delta : float
        Above 0 and below 1; far below one over the number of records.
    accountant : str
        ``"rdp"`` or ``"prv"``; the second is tighter, and slower.

    Raises
    ------
    UnknownNameError
        When there is no such accountant.
    InvalidInputError
        When a setting lies outside its range.

    References
    ----------
    Mironov, Talwar & Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism",
    2019.  https://arxiv.org/abs/1908.10530
    Gopi, Lee & Wutschitz, "Numerical Composition of Differential Privacy", NeurIPS 2021.
    https://arxiv.org/abs/2106.02848
    """
    if accountant not in ACCOUNTANTS:
        raise UnknownNameError("accountant", accountant, ACCOUNTANTS)
    noise, count = length("noise_multiplier", noise_multiplier), whole("steps", steps)
    rate, delta = _share("sample_rate", sample_rate, may_be_one=True), _share("privacy_delta", privacy_delta)
    if noise == 0:
        return math.inf
    return ACCOUNTANTS[accountant](noise, rate, count, delta)


def noise_for(
    *,
    privacy_epsilon: float,
    sample_rate: float,
    steps: int,
    privacy_delta: float,
    accountant: str = "rdp",
) -> float:
    """Return the least ``noise_multiplier`` that keeps a whole training within a budget.

    It is found by halving and rounded up in the fourth figure, so the budget holds.
    """
    wanted, low, high = size("privacy_epsilon", privacy_epsilon), 0.0, 1.0

    def spent(noise: float) -> float:
        return privacy_spent(
            noise_multiplier=noise,
            sample_rate=sample_rate,
            steps=steps,
            privacy_delta=privacy_delta,
            accountant=accountant,
        )

    while spent(high) > wanted:
        low, high = high, 2 * high
        if high > _MOST_NOISE:
            raise InvalidInputError(f"no noise up to {_MOST_NOISE:g} keeps {wanted:g}: take fewer steps")
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > wanted else (low, middle)
    return high


def rdp_epsilon(noise_multiplier: float, sample_rate: float, steps: int, privacy_delta: float) -> float:
    """Return the budget by Rényi accounting over whole orders from 2 to 256.

    The best order is rarely whole, so the figure is a little larger than it need be, and
    never smaller.  The conversion to epsilon and delta is that of Balle, Barthe, Gaboardi,
    Hsu & Sato, "Hypothesis Testing Interpretations and Rényi Differential Privacy", AISTATS
    2020.  https://arxiv.org/abs/1905.09982
    """
    spent = steps * np.array([_one_step(noise_multiplier, sample_rate, int(order)) for order in _ORDERS])
    orders = _ORDERS.astype(float)
    budgets = spent + np.log1p(-1 / orders) - (math.log(privacy_delta) + np.log(orders)) / (orders - 1)
    return max(0.0, float(budgets.min()))


def _one_step(noise: float, sample_rate: float, order: int) -> float:
    """Return the Rényi divergence of one step on a Poisson sample, for a whole order."""
    if sample_rate == 1:
        return order / (2 * noise**2)
    taken = np.arange(order + 1)
    logs = (
        _LOG_FACTORIALS[order]
        - _LOG_FACTORIALS[taken]
        - _LOG_FACTORIALS[order - taken]
        + taken * math.log(sample_rate)
        + (order - taken) * math.log1p(-sample_rate)
        + (taken * taken - taken) / (2 * noise**2)
    )
    largest = logs.max()
    return float(largest + np.log(np.exp(logs - largest).sum())) / (order - 1)


_LOG_FACTORIALS = np.concatenate([[0.0], np.log(np.arange(1, _ORDERS[-1] + 1)).cumsum()])


def _prv_epsilon(noise: float, sample_rate: float, steps: int, privacy_delta: float) -> float:
    """Return the budget by composing privacy loss distributions.

    opacus is imported only now: it takes seconds and some 200 MB.
    """
    if sample_rate == 1:  # whole data sets: releases of a sum, which compose to one that is known exactly
        return gaussian_epsilon(noise / math.sqrt(steps), privacy_delta)
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise, sample_rate, steps)]
    return float(accountant.get_epsilon(privacy_delta))


ACCOUNTANTS: Mapping[str, Callable[[float, float, int, float], float]] = {
    "rdp": rdp_epsilon,
    "prv": _prv_epsilon,
}
"""Ways of adding up a budget, by name."""


def gaussian_delta(noise_multiplier: float, privacy_epsilon: float) -> float:
    """Return the exact delta of one Gaussian release of a sum, without sampling.

    Parameters
    ----------
    noise_multiplier : float
        Standard deviation of the noise, in units of what one record may add.
    privacy_epsilon : float

    References
    ----------
    Balle & Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018,
    theorem 8.  https://arxiv.org/abs/1805.06530
    """
    sigma, epsilon = size("noise_multiplier", noise_multiplier), length("privacy_epsilon", privacy_epsilon)
    first = _normal_below(1 / (2 * sigma) - epsilon * sigma)
    tail = -1 / (2 * sigma) - epsilon * sigma
    # exp(epsilon) overflows long before the product does.
    second = math.exp(min(700.0, epsilon + _log_normal_below(tail)))
    return max(0.0, first - second)


def gaussian_epsilon(noise_multiplier: float, privacy_delta: float) -> float:
    """Return the exact epsilon of one Gaussian release of a sum, without sampling."""
    delta, low, high = _share("privacy_delta", privacy_delta), 0.0, 1.0
    if gaussian_delta(noise_multiplier, 0.0) <= delta:
        return 0.0
    while gaussian_delta(noise_multiplier, high) > delta:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if gaussian_delta(noise_multiplier, middle) > delta else (low, middle)
    return high


def _normal_below(value: float) -> float:
    return math.erfc(-value / math.sqrt(2)) / 2


def _log_normal_below(value: float) -> float:
    if value > -30:
        return math.log(_normal_below(value))
    # Far out the probability is not a number any more; its logarithm is.
    return -(value**2) / 2 - math.log(-value * math.sqrt(2 * math.pi)) + math.log1p(-1 / value**2)


def _share(name: str, value: float, *, may_be_one: bool = False) -> float:
    number = size(name, value)
    if number > 1 or (number == 1 and not may_be_one):
        raise InvalidInputError(
            f"expected {name} above 0 and {'up to' if may_be_one else 'below'} 1, got {value!r}"
        )
    return number
