"""How well members are told from others: where few are accused wrongly, and on average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import finite, tensor
from labkit.core.errors import InvalidInputError
from labkit.metrics.rates import Rate

__all__ = [
    "OverSplits",
    "Roc",
    "balanced_accuracy",
    "membership_auc",
    "membership_roc",
    "over_splits",
    "tpr_at_fpr",
]


@dataclass(frozen=True, slots=True)
class Roc:
    """Every trade of right against wrong accusations that a ranking allows.

    Attributes
    ----------
    fpr, tpr : tuple of float
        Shares of non-members and of members above a threshold that falls; both rise from 0 to 1.
    """

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]

    @property
    def auc(self) -> float:
        """Area under the curve: how often a member scores above a non-member."""
        corners = zip(self.fpr, self.fpr[1:], self.tpr, self.tpr[1:], strict=False)
        return sum((b - a) * (low + high) / 2 for a, b, low, high in corners)

    def at(self, fpr: float) -> float:
        """Return the largest share of members that is found at no more than ``fpr`` wrong accusations."""
        return max(right for wrong, right in zip(self.fpr, self.tpr, strict=True) if wrong <= fpr + 1e-12)


@dataclass(frozen=True, slots=True)
class OverSplits:
    """A mean over independent splits and its 95 % interval.

    Attributes
    ----------
    value : float
    low, high : float
        Ends of Student's interval for the mean; the value itself where there is one split.
    n : int
        Splits.
    """

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Tensor) -> OverSplits:
        """Return the mean of ``values``, shape ``(splits,)``, one for each split."""
        from scipy.special import stdtrit

        if finite("values", values).dim() != 1 or not len(values):
            raise InvalidInputError(f"expected one value or more, of shape (n,); got {tuple(values.shape)}")
        mean, n = float(values.double().mean()), len(values)
        spread = float(values.double().std()) if n > 1 else 0.0
        reach = float(stdtrit(n - 1, 0.975)) * spread / math.sqrt(n) if n > 1 else 0.0
        return cls(mean, mean - reach, mean + reach, n)

    def __str__(self) -> str:
        return f"{self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}, {self.n} splits)"


def membership_roc(scores: Tensor, member: Tensor) -> Roc:
    """Return the receiver operating characteristic of scores.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``, floats
    member : Tensor of shape ``(n,)``, bool
        Who was in the training data; some were, and some were not.

    Notes
    -----
    Equal scores fall together, so a constant makes one straight line and an area of 0.5.
    """
    _check(scores, member)
    order = scores.argsort(descending=True)
    ranked, was_in = scores[order], member[order]
    last = torch.cat([ranked[1:] != ranked[:-1], torch.ones(1, dtype=torch.bool)])
    right, wrong = was_in.cumsum(0)[last], (~was_in).cumsum(0)[last]
    return Roc(
        (0.0, *(wrong / (~member).sum()).double().tolist()), (0.0, *(right / member.sum()).double().tolist())
    )


def membership_auc(scores: Tensor, member: Tensor) -> float:
    """Return how often a member scores above a non-member; a tie counts one half."""
    return membership_roc(scores, member).auc


def tpr_at_fpr(scores: Tensor, member: Tensor, fpr: float = 0.01) -> Rate:
    """Return the share of members that is found when at most ``fpr`` of the others are accused.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``, floats
    member : Tensor of shape ``(n,)``, bool
    fpr : float
        From 0 to 1.  Where it is less than one non-member, none may be accused.

    Returns
    -------
    Rate
        With its Wilson interval over members.  The threshold is taken where it is best, so a
        ranking by chance finds a little more than ``fpr``.

    References
    ----------
    Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022.
    https://arxiv.org/abs/2112.03570
    """
    _check(scores, member)
    if not 0 <= fpr <= 1:
        raise InvalidInputError(f"expected fpr from 0 to 1, got {fpr!r}")
    others = scores[~member].sort(descending=True).values
    allowed = math.floor(fpr * len(others) + 1e-9)
    if allowed >= len(others):
        return Rate.of(torch.ones(int(member.sum()), dtype=torch.bool))
    # Whoever scores as high as the first that must not be accused is not accused either.
    return Rate.of(scores[member] > others[allowed])


def balanced_accuracy(scores: Tensor, member: Tensor, threshold: float | None = None) -> float:
    """Return the mean of both kinds of right verdicts.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``, floats
    member : Tensor of shape ``(n,)``, bool
    threshold : float, optional
        Above it a record counts as a member.  Without one the best is taken, which flatters:
        an attacker does not know it.
    """
    if threshold is None:
        curve = membership_roc(scores, member)
        return max((1 + right - wrong) / 2 for wrong, right in zip(curve.fpr, curve.tpr, strict=True))
    _check(scores, member)
    above = scores > threshold
    return float(above[member].double().mean() + (~above)[~member].double().mean()) / 2


def over_splits(
    measure: Callable[[Tensor, Tensor], Rate | float], scores: Tensor, member: Tensor
) -> OverSplits:
    """Return a measure as the mean over several victims, each with a split of its own.

    Parameters
    ----------
    measure : function
        ``measure(scores, member)`` for one victim, such as :func:`tpr_at_fpr`.
    scores : Tensor of shape ``(victims, n)``
    member : Tensor of shape ``(victims, n)``, bool
    """
    if (
        tensor("scores", scores).dim() != 2
        or scores.shape != tensor("member", member).shape
        or not len(scores)
    ):
        raise InvalidInputError(
            f"expected scores and member of one shape (victims, n), "
            f"got {tuple(scores.shape)} and {tuple(member.shape)}"
        )
    found = [measure(*pair) for pair in zip(scores, member, strict=True)]
    return OverSplits.of(torch.tensor([each.value if isinstance(each, Rate) else each for each in found]))


def _check(scores: Tensor, member: Tensor) -> None:
    if finite("scores", scores).dim() != 1 or tensor("member", member).shape != scores.shape:
        raise InvalidInputError(
            f"expected scores and member of one shape (n,), "
            f"got {tuple(scores.shape)} and {tuple(member.shape)}"
        )
    if member.dtype != torch.bool or not bool(member.any()) or bool(member.all()):
        raise InvalidInputError(
            "expected member as True and False with some of each: one kind alone cannot be told apart"
        )
