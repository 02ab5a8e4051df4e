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
        Of a candidate that is in all of them, or in none, the missing kind is guessed from what
        is usual.
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
    if not bool((~members).any()) or (online and not bool(members.any())):
        what = "in some shadows and out of others" if online else "out of some shadows"
        raise InvalidInputError(f"expected candidates that are {what}: train shadows on a part of them each")
    out_mean, out_spread = _normal(confidence, ~members, shared)
    if not online:
        known = (~members).any(0)
        out_mean = torch.where(known, out_mean, out_mean[known].mean())
        return ((said - out_mean) / out_spread.sqrt()).float()
    in_mean, in_spread = _normal(confidence, members, shared)
    in_mean, out_mean = _filled(in_mean, out_mean, members.any(0), (~members).any(0))
    ratio = _log_density(said, in_mean, in_spread) - _log_density(said, out_mean, out_spread)
    return ratio.float()


def _filled(in_mean: Tensor, out_mean: Tensor, had: Tensor, had_not: Tensor) -> tuple[Tensor, Tensor]:
    """Guess the mean of a kind that no shadow of a record has: the other kind's, moved by what is usual."""
    both = had & had_not
    usual = (in_mean - out_mean)[both].mean() if bool(both.any()) else torch.zeros((), dtype=in_mean.dtype)
    return torch.where(had, in_mean, out_mean + usual), torch.where(had_not, out_mean, in_mean - usual)


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
    count = kind.sum(0).double().clamp_min(1)
    mean = (confidence * kind).double().sum(0) / count
    squares = ((confidence.double() - mean) ** 2 * kind).sum(0)
    freedom = count - 1
    # The mean was taken from the same values, which uses up one of them.
    variance = squares.sum() / freedom.sum().clamp_min(1)
    if not shared:
        variance = torch.where(freedom > 0, squares / freedom.clamp_min(1), variance)
    return mean, variance.clamp_min(_LEAST_VARIANCE).expand_as(mean)


def _log_density(value: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -((value.double() - mean) ** 2) / (2 * variance) - torch.log(variance) / 2
