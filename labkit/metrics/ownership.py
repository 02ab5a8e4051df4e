"""Is it ours?  Exact tests of whether a suspect agrees with secret keys more than chance would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import finite, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, predict
from labkit.core.seeds import make_generator
from labkit.metrics.rates import Rate

__all__ = ["OwnershipTest", "binomial_p_value", "holm", "ownership_test", "permutation_p_value"]

_SAFE_CHANCE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class OwnershipTest:
    """What a suspect answered to a set of keys.

    Attributes
    ----------
    matches : Rate
        Share of keys to which the suspect gave the owner's answer.
    chance : float
        Share that a model which has nothing to do with the owner's reaches.
    p_value : float
        Probability that such a model matches at least as often.
    """

    matches: Rate
    chance: float
    p_value: float


def ownership_test(model: Classifier, x: Tensor, y: Tensor, *, chance: float) -> OwnershipTest:
    """Ask a suspect about keys, and return how often it gave the owner's answer, with an exact p-value.

    Parameters
    ----------
    model : Classifier
        The suspect; its labels are used, nothing else.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        Keys and the owner's answers.
    chance : float
        What an independent model reaches at most.  With answers that were drawn at random from
        the classes it is one over their number, and the test is exact whatever the suspect is;
        with adversarial keys it has to be measured on independent models, and the test is as
        good as these are typical.

    References
    ----------
    Adi et al., "Turning Your Weakness Into a Strength", USENIX Security 2018,
    https://arxiv.org/abs/1802.04633, for keys with random answers.
    """
    if y.dtype != torch.int64 or y.shape != x.shape[:1] or not len(y):
        raise InvalidInputError(
            f"expected one answer (int64) for each of one key or more, got {y.dtype} of shape "
            f"{tuple(y.shape)} for {len(x)} keys"
        )
    matches = Rate.of(predict(model, x) == y)
    return OwnershipTest(
        matches, float(chance), binomial_p_value(round(matches.value * len(y)), len(y), chance)
    )


def binomial_p_value(hits: int, n: int, chance: float) -> float:
    """Return the probability of ``hits`` or more among ``n`` independent trials, summed exactly.

    Raises
    ------
    InvalidInputError
        When ``hits`` is not between 0 and ``n``, or ``chance`` not between 0 and 1.
    """
    n, hits = whole("n", n), whole("hits", hits, at_least=0)
    low, high = _SAFE_CHANCE
    if hits > n or not low <= chance <= high:
        raise InvalidInputError(
            f"expected hits up to {n} and a chance from 0 to 1, got {hits} and {chance!r}"
        )
    if hits == 0 or chance == 1.0:
        return 1.0
    if chance == 0.0:
        return 0.0
    terms = [
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(chance)
            + (n - k) * math.log1p(-chance)
        )
        for k in range(hits, n + 1)
    ]
    return min(1.0, math.fsum(terms))


def permutation_p_value(treated: Tensor, control: Tensor, *, resamples: int = 9999, seed: int = 0) -> float:
    """Return how often a random split has a difference of means as large as the observed one.

    One-sided: ``treated`` larger.  The observed split counts among the resamples, so the value is
    never 0 and, when both come from one distribution, is below any level no more often than
    that level says.

    Parameters
    ----------
    treated, control : Tensor of shape ``(n,)`` and ``(m,)``
    resamples : int
    seed : int

    References
    ----------
    Phipson & Smyth, "Permutation P-values Should Never Be Zero", 2010.
    https://arxiv.org/abs/1603.05766
    """
    a, b = finite("treated", treated).flatten().double(), finite("control", control).flatten().double()
    resamples, generator = whole("resamples", resamples), make_generator(seed)
    if not len(a) or not len(b):
        raise InvalidInputError(f"expected one value or more on either side, got {len(a)} and {len(b)}")
    both = torch.cat([a, b])
    observed = float(a.sum())
    hair = 1e-9 * float(both.abs().sum() + 1)
    as_large = 0
    for first in range(0, resamples, 1000):
        rows = min(1000, resamples - first)
        order = torch.rand(rows, len(both), generator=generator).argsort(1)[:, : len(a)]
        as_large += int((both[order].sum(1) >= observed - hair).sum())
    return (1 + as_large) / (1 + resamples)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm), in the order given.

    References
    ----------
    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = least
    return adjusted
