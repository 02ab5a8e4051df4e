"""A threshold for each group, moved until one gap between the groups closes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import class_numbers, finite
from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = ["TARGETS", "GroupThresholds", "repair_thresholds"]

TARGETS: Mapping[str, str] = {
    "demographic_parity": "the same share of every group gets a yes",
    "equal_opportunity": "the same share of those who deserve a yes gets it, in every group",
    "predictive_equality": "the same share of those who deserve a no gets a yes, in every group",
    "predictive_parity": "the same share of those who get a yes deserves it, in every group",
}
"""What thresholds can make equal, and each in words."""

_COUNTED = {"equal_opportunity": 1, "predictive_equality": 0}


@dataclass(frozen=True, slots=True)
class GroupThresholds:
    """From which score on a member of each group gets a yes.

    Attributes
    ----------
    target : str
        What they were set for, a name out of ``TARGETS``.
    by_group : mapping of int to float
        For each group the lowest score that gets a yes; infinity where nobody does.
    """

    target: str
    by_group: Mapping[int, float]

    def decide(self, scores: Tensor, group: Tensor) -> Tensor:
        """Return the decisions, ``(n,)`` bool, for scores and groups of shape ``(n,)``.

        Raises
        ------
        InvalidInputError
            When somebody belongs to a group that has no threshold.
        """
        class_numbers("group", group, len(finite("scores", scores)))
        given = torch.full_like(scores, torch.nan, dtype=torch.float64)
        for member, threshold in self.by_group.items():
            given[group == member] = threshold
        if bool(given.isnan().any()):
            strange = int(group[given.isnan()][0])
            raise InvalidInputError(
                f"expected groups {sorted(self.by_group)}, got {strange}: no threshold was set for it"
            )
        return scores.double() >= given


def repair_thresholds(
    scores: Tensor,
    group: Tensor,
    *,
    y: Tensor | None = None,
    target: str = "demographic_parity",
    rate: float | None = None,
    threshold: float = 0.5,
) -> GroupThresholds:
    """Set a threshold for each group, so that a share is the same in all of them.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``, floats
        Of a model that was trained already; higher speaks for a yes.
    group : Tensor of shape ``(n,)``, int64
    y : Tensor of shape ``(n,)``, int64, optional
        Whether a yes was deserved (1) or not (0).  Needed by every target but demographic
        parity, and believed: with poisoned labels the poison is made equal.
    target : str
        A name out of ``TARGETS``.
    rate : float, optional
        The share to be reached, from 0 to 1; by default the one that all groups together have
        with ``threshold`` for everybody.
    threshold : float
        What holds for everybody before the repair.

    Returns
    -------
    GroupThresholds
        On these samples each group comes as near to the share as whole people can, where no
        two of them have the same score.  For predictive parity, each group gets as many yeses as
        leave the share of the deserving no lower than ``rate``.

    Raises
    ------
    InvalidInputError
        When something does not fit, or a group has nobody to count.
    UnknownNameError
        When there is no such target.

    References
    ----------
    Hardt, Price & Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016,
    https://arxiv.org/abs/1610.02413, without the draw of lots that equalised odds need.
    """
    n = len(finite("scores", scores))
    class_numbers("group", group, n)
    if target not in TARGETS:
        raise UnknownNameError("target of thresholds", str(target), TARGETS)
    counted = _counted(target, y, n)
    if rate is None:
        rate = _rate_now(scores, y, counted, target, threshold)
    if not 0 <= float(rate) <= 1:
        raise InvalidInputError(f"expected rate as a share from 0 to 1, got {rate!r}")
    found: dict[int, float] = {}
    for member in torch.unique(group).tolist():
        mine = scores[counted & (group == member)]
        if not len(mine):
            raise InvalidInputError(
                f"expected people who count for {target} in group {member}, got none: gather more"
            )
        if target == "predictive_parity" and y is not None:
            found[int(member)] = _at_precision(mine, y[group == member], float(rate))
        else:
            found[int(member)] = _at_rate(mine, float(rate))
    return GroupThresholds(target, found)


def _counted(target: str, y: Tensor | None, n: int) -> Tensor:
    """Return who counts for a target, ``(n,)`` bool."""
    everybody = torch.ones(n, dtype=torch.bool)
    if target == "demographic_parity":
        return everybody
    if y is None:
        raise InvalidInputError(f"expected y for {target}, got none: who deserved a yes?")
    class_numbers("y", y, n, 2)
    return y == _COUNTED[target] if target in _COUNTED else everybody


def _rate_now(scores: Tensor, y: Tensor | None, counted: Tensor, target: str, threshold: float) -> float:
    """Return the share that all groups together have with one threshold for everybody."""
    if target == "predictive_parity" and y is not None:
        said = y[scores >= threshold] == 1
    else:
        said = scores[counted] >= threshold
    return float(said.double().mean()) if len(said) else 0.0


def _at_rate(scores: Tensor, rate: float) -> float:
    """Return the threshold at which the share nearest to ``rate`` gets a yes."""
    count = round(rate * len(scores))
    if count == 0:
        return float("inf")
    return float(scores.sort(descending=True).values[count - 1].double())


def _at_precision(scores: Tensor, y: Tensor, rate: float) -> float:
    """Return the threshold with the most yeses of which at least ``rate`` are deserved."""
    order = scores.argsort(descending=True, stable=True)
    right = (y[order] == 1).double().cumsum(0) / torch.arange(1, len(y) + 1)
    enough = (right >= rate).nonzero().flatten()
    last = int(enough[-1]) if len(enough) else int(right.argmax())
    return float(scores[order[last]].double())
