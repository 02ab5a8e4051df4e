"""What an attack proves about a claim of privacy: a lower bound on epsilon, with its confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError

__all__ = ["EpsilonBound", "epsilon_lower_bound", "guesses_at_most", "one_run_epsilon_bound"]

_MOST = 30.0


@dataclass(frozen=True, slots=True)
class EpsilonBound:
    """At this confidence the true epsilon is no smaller than ``value``.

    A bound above a claim refutes the claim.  A bound below it proves nothing: another attack
    may find more.

    Attributes
    ----------
    value : float
    confidence : float
        From 0 to 1.
    privacy_delta : float
    """

    value: float
    confidence: float
    privacy_delta: float

    def refutes(self, privacy_epsilon: float) -> bool:
        """Say whether a claimed epsilon cannot be true."""
        return self.value > privacy_epsilon


def epsilon_lower_bound(
    *,
    found: int,
    members: int,
    accused: int,
    others: int,
    privacy_delta: float = 0.0,
    confidence: float = 0.95,
) -> EpsilonBound:
    """Return the bound that the two error rates of an attack give, over independent trainings.

    Under differential privacy the share of members that is found is at most
    ``exp(epsilon)`` times the share of others that is accused, plus delta; the same holds
    for the shares that are let go.  Both rates are taken at the unfavourable end of their
    Clopper-Pearson interval, each with half of what may go wrong.

    Parameters
    ----------
    found, members : int
        Trainings with the canary in which it was found, and all of them.
    accused, others : int
        Trainings without it in which it was accused, and all of them.
    privacy_delta : float
    confidence : float
        Of both intervals together.

    References
    ----------
    Jagielski, Ullman & Oprea, "Auditing Differentially Private Machine Learning", NeurIPS
    2020.  https://arxiv.org/abs/2006.07709
    Clopper & Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 1934.
    """
    delta, level = length("privacy_delta", privacy_delta), _level(confidence)
    right, wrong = _count("found", found, members), _count("accused", accused, others)
    miss = (1 - level) / 2
    tpr, fpr = _lower(right, members, miss), _upper(wrong, others, miss)
    tnr, fnr = _lower(others - wrong, others, miss), _upper(members - right, members, miss)
    ratios = [(tpr - delta) / fpr, (tnr - delta) / fnr]
    return EpsilonBound(max(0.0, *(math.log(r) for r in ratios if r > 0), 0.0), level, delta)


def one_run_epsilon_bound(
    *,
    right: int,
    guesses: int,
    canaries: int,
    privacy_delta: float = 0.0,
    confidence: float = 0.95,
) -> EpsilonBound:
    """Return the bound that guesses about many canaries of one training give.

    Each canary is put into the data, or left out, by a coin of its own.  Whoever guesses may
    abstain.  If the training were private, so many right guesses would be rarer than the
    confidence allows.

    Parameters
    ----------
    right, guesses : int
        Right guesses, and all that were made.
    canaries : int
        Coins that were thrown, those among them that nobody guessed about.
    privacy_delta : float
        For neighbours that differ by one record more or less.
    confidence : float

    References
    ----------
    Steinke, Nasr & Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023.
    https://arxiv.org/abs/2305.08846
    """
    level, delta = _level(confidence), length("privacy_delta", privacy_delta)
    hits, made = _count("right", right, guesses, at_least=0), whole("guesses", guesses, at_least=0)
    coins = _count("guesses", made, whole("canaries", canaries))
    if guesses_at_most(hits, coins, canaries, 0.0, delta) > 1 - level:
        return EpsilonBound(0.0, level, delta)
    low, high = 0.0, _MOST
    while high - low > 1e-6:
        middle = (low + high) / 2
        refuted = guesses_at_most(hits, coins, canaries, middle, delta) <= 1 - level
        low, high = (middle, high) if refuted else (low, middle)
    return EpsilonBound(low, level, delta)


def guesses_at_most(
    right: int, guesses: int, canaries: int, privacy_epsilon: float, privacy_delta: float
) -> float:
    """Return how likely so many right guesses are at most under a claim: its p-value."""
    if right == 0:
        return 1.0
    chance = 1 / (1 + math.exp(-privacy_epsilon))
    below = _binomial(guesses, chance)[:right][::-1]  # one short of what was reached, two short, ...
    tail = max(0.0, 1.0 - float(below.sum()))
    # What delta may add: the best of all ways in which it could push a count over the edge.
    pushed = float((below.cumsum() / np.arange(1, right + 1)).max())
    return min(1.0, tail + 2 * canaries * privacy_delta * pushed)


def _binomial(n: int, chance: float) -> NDArray[np.float64]:
    """Return the probabilities of 0 to ``n`` hits; ``chance`` lies above 0 and below 1."""
    hits = np.arange(n + 1)
    factorials = np.concatenate([[0.0], np.log(np.arange(1, n + 1)).cumsum()])
    ways = factorials[n] - factorials[hits] - factorials[n - hits]
    return np.exp(ways + hits * math.log(chance) + (n - hits) * math.log1p(-chance))


def _lower(hits: int, n: int, miss: float) -> float:
    from scipy.special import betaincinv

    return 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, miss))


def _upper(hits: int, n: int, miss: float) -> float:
    from scipy.special import betaincinv

    return 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - miss))


def _level(confidence: float) -> float:
    level = length("confidence", confidence)
    if not 0 < level < 1:
        raise InvalidInputError(f"expected confidence above 0 and below 1, got {confidence!r}")
    return level


def _count(name: str, hits: int, of: int, *, at_least: int = 0) -> int:
    number, most = (
        whole(name, hits, at_least=at_least),
        whole(f"the number that {name} is out of", of, at_least=0),
    )
    if number > most:
        raise InvalidInputError(f"expected {name} as at most {most}, got {number}")
    return number
