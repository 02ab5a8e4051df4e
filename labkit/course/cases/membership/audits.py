"""Audits: what guesses about canaries prove against a claim, and whether that is what was to be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks.membership import true_confidence
from labkit.core.checks import finite, tensor
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.course.cases.membership.case import MembershipCase
from labkit.course.cases.membership.records import coins_of, who_broke_what
from labkit.metrics import EpsilonBound, one_run_epsilon_bound

__all__ = ["CONFIDENCE", "SCORES", "Finding", "canary_scores", "guess", "judge_audit", "practice_bound"]

CONFIDENCE = 0.95
"""Of each bound: one honest vendor in twenty may be accused by chance at most."""

SCORES = ("loss", "against practice")
"""How a canary may be scored: by the answer alone, or by the answer next to that of own trainings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the guesses about one vendor came to.

    Attributes
    ----------
    name : str
    privacy_epsilon : float
        What is claimed.
    guesses, right : int
    bound : EpsilonBound
    honest : bool
        Whether the training was what the vendor claims.
    """

    name: str
    privacy_epsilon: float
    guesses: int
    right: int
    bound: EpsilonBound
    honest: bool

    @property
    def refuted(self) -> bool:
        """Whether the claim cannot be true, at the confidence of the bound."""
        return self.bound.refutes(self.privacy_epsilon)

    @property
    def as_it_should_be(self) -> bool:
        """Whether a false claim is refuted, and a true one is not."""
        return self.refuted != self.honest


def canary_scores(case: MembershipCase, number: int, how: str = "loss") -> Tensor:
    """Return how likely each canary was in the data of a vendor, ``(canaries,)``.

    Parameters
    ----------
    case : MembershipCase
    number : int
        Which vendor, from 0.
    how : str
        A name out of ``SCORES``.  Against practice means: less what lies halfway between
        trainings of one's own that had the canary and those that had not.
    """
    said = true_confidence(case.vendors[number].model.logits(case.practice.x), case.practice.y)
    if how == "loss":
        return said
    if how != "against practice":
        raise UnknownNameError("way of scoring", how, SCORES)
    return said - _usual(case.practice.confidence(), case.practice.members)


def guess(scores: Tensor, guesses: int) -> Tensor:
    """Return 1 for the canaries that score highest, -1 for the lowest, and 0 for those between.

    Parameters
    ----------
    scores : Tensor of shape ``(canaries,)``
    guesses : int
        How many guesses to make, half of each kind.
    """
    count = len(finite("scores", scores))
    half = min(max(0, int(guesses)) // 2, count // 2)
    order = scores.argsort(descending=True)
    said = torch.zeros(count, dtype=torch.int64)
    said[order[:half]] = 1
    if half:
        said[order[-half:]] = -1
    return said


def practice_bound(case: MembershipCase, guesses: int, how: str = "loss") -> list[EpsilonBound]:
    """Return the bound that such guesses give on each training of one's own, whose coins are known."""
    confidence, coins = case.practice.confidence(), case.practice.members
    bounds = []
    for number in range(len(coins)):
        others = torch.arange(len(coins)) != number
        scores = confidence[number]
        if how != "loss":
            scores = scores - _usual(confidence[others], coins[others])
        bounds.append(_bound(guess(scores, guesses), coins[number], case.privacy_delta))
    return bounds


def judge_audit(case: MembershipCase, guesses: Tensor | Sequence[Sequence[int]]) -> list[Finding]:
    """Hold guesses about the canaries of every vendor against the coins.

    Parameters
    ----------
    case : MembershipCase
    guesses : Tensor of shape ``(vendors, canaries)``
        1 for a canary that was in, -1 for one that was not, 0 for no guess.

    Raises
    ------
    InvalidInputError
        When there is not one such number for each canary of each vendor.
    """
    said, wanted = torch.as_tensor(guesses), (len(case.vendors), case.canaries)
    if tuple(tensor("guesses", said).shape) != wanted:
        raise InvalidInputError(
            f"expected guesses of shape {wanted}, one for each canary of each vendor; got {tuple(said.shape)}"
        )
    if said.dtype == torch.bool or not bool(
        torch.isin(said, torch.tensor([-1, 0, 1], dtype=said.dtype)).all()
    ):
        raise InvalidInputError("expected every guess as 1 (it was in), -1 (it was not) or 0 (no guess)")
    kinds, coins = who_broke_what(case), coins_of(case)
    return [
        Finding(
            name=vendor.name,
            privacy_epsilon=vendor.privacy_epsilon,
            guesses=int((row != 0).sum()),
            right=int(_hits(row, fell)),
            bound=_bound(row, fell, vendor.privacy_delta),
            honest=kind == "honest",
        )
        for vendor, row, fell, kind in zip(case.vendors, said.long(), coins, kinds, strict=True)
    ]


def _bound(said: Tensor, coins: Tensor, privacy_delta: float) -> EpsilonBound:
    return one_run_epsilon_bound(
        right=_hits(said, coins),
        guesses=int((said != 0).sum()),
        canaries=len(coins),
        privacy_delta=privacy_delta,
        confidence=CONFIDENCE,
    )


def _hits(said: Tensor, coins: Tensor) -> int:
    return int(((said == 1) & coins).sum() + ((said == -1) & ~coins).sum())


def _usual(confidence: Tensor, members: Tensor) -> Tensor:
    """Return what lies halfway between trainings that had each canary and those that had not."""
    out = ~members
    with_it = (confidence * members).sum(0) / members.sum(0).clamp_min(1)
    without = (confidence * out).sum(0) / out.sum(0).clamp_min(1)
    return (with_it + without) / 2
