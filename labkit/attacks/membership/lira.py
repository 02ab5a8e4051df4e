"""Likelihood ratio: how a model answers about a record that it has seen, next to one that it has not."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.membership._common import answers, true_confidence
from labkit.attacks.membership.shadows import Shadows
from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.membership import MembershipScores
from labkit.core.protocols import Classifier

__all__ = ["leave_one_out", "likelihood_ratio", "lira"]

_LEAST_VARIANCE = 1e-6
_ENOUGH = 16
"""Models of each kind from which on a record has a variance of its own; with fewer all records share one."""


def lira(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    shadows: Shadows,
    online: bool = True,
    shared_variance: bool | None = None,
) -> MembershipScores:
    """Compare the victim's answer about each record with those of models that had it and that had not.

    Every record is its own scale: an easy one is easy for all models and gives nothing away.
    That is why this attack is sure of some records where a loss is sure of none.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The candidates of the shadows, in their order.
    shadows : Shadows
        Each candidate must be in some of them and out of others; offline only out of some.
    online : bool
        Whether models that had the record are used.  Offline asks only how unusual the
        answer is for models that had not: shadows can then be trained before the record is
        known.
    shared_variance : bool, optional
        Whether all records share one variance, which few shadows make necessary; by default
        where there are fewer than 32 of them.

    References
    ----------
    Carlini, Chien, Nasr, Song, Terzis & Tramèr, "Membership Inference Attacks From First
    Principles", IEEE S&P 2022.  https://arxiv.org/abs/2112.03570
    """
    said = true_confidence(answers(model, x, y), y)
    shadows.check(model, x, y)
    few = len(shadows) < 2 * _ENOUGH
    shared = few if shared_variance is None else bool(shared_variance)
    scores = likelihood_ratio(said, shadows.confidence(), shadows.members, online=online, shared=shared)
    params = {"online": online, "shadows": len(shadows), "shared_variance": shared}
    return MembershipScores(scores, "lira" if online else "lira_offline", params, queries=len(x))


def likelihood_ratio(
    said: Tensor, confidence: Tensor, members: Tensor, *, online: bool = True, shared: bool = True
) -> Tensor:
    """Return the score of each record from confidences alone, ``(n,)``.

    Parameters
    ----------
    said : Tensor of shape ``(n,)``
        Log-odds of the recorded class under the victim.
    confidence : Tensor of shape ``(shadows, n)``
        The same under each shadow.
    members : Tensor of shape ``(shadows, n)``, bool
    online, shared : bool
        As in :func:`lira`.

    Returns
    -------
    Tensor
        The log-likelihood ratio; offline the distance above the models that had not seen the
        record, in standard deviations.
    """
    wanted = (members, ~members) if online else (~members,)
    if any(bool((kind.sum(0) == 0).any()) for kind in wanted):
        what = "in one shadow or more and out of one or more" if online else "out of one shadow or more"
        raise InvalidInputError(f"expected every candidate to be {what}: train more shadows")
    out_mean, out_spread = _normal(confidence, ~members, shared)
    if not online:
        return ((said - out_mean) / out_spread.sqrt()).float()
    in_mean, in_spread = _normal(confidence, members, shared)
    ratio = _log_density(said, in_mean, in_spread) - _log_density(said, out_mean, out_spread)
    return ratio.float()


def leave_one_out(
    shadows: Shadows, *, online: bool = True, shared: bool = True, victims: int | None = None
) -> Tensor:
    """Let each shadow play the victim of all others, of which one knows who was in.

    That is how an attacker finds out what an attack is worth before it is used, and how a
    defender finds out what a way of training gives away.

    Parameters
    ----------
    shadows : Shadows
    online, shared : bool
        As in :func:`likelihood_ratio`.
    victims : int, optional
        How many of them play; all by default.

    Returns
    -------
    Tensor of shape ``(victims, n)``
        To be held against ``shadows.members[:victims]``.
    """
    confidence, count = shadows.confidence(), len(shadows)
    played = count if victims is None else min(whole("victims", victims), count)
    scores = []
    for number in range(played):
        others = torch.arange(count) != number
        scores.append(
            likelihood_ratio(
                confidence[number], confidence[others], shadows.members[others], online=online, shared=shared
            )
        )
    return torch.stack(scores)


def _normal(confidence: Tensor, kind: Tensor, shared: bool) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each record over the models of one kind."""
    count = kind.sum(0).double()
    mean = (confidence * kind).double().sum(0) / count
    squares = ((confidence.double() - mean) ** 2 * kind).sum(0)
    # The mean was taken from the same values, which uses up one of them.
    variance = squares.sum() / (count - 1).sum().clamp_min(1) if shared else squares / (count - 1).clamp_min(1)
    return mean, variance.clamp_min(_LEAST_VARIANCE).expand_as(mean)


def _log_density(value: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -((value.double() - mean) ** 2) / (2 * variance) - torch.log(variance) / 2
