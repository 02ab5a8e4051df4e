"""Distances: believe those that lie close to most of the others."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import size, whole
from labkit.core.errors import InvalidInputError
from labkit.defenses.aggregation._common import check_updates
from labkit.defenses.aggregation.entries import median
from labkit.models.federated import Aggregation

__all__ = ["distance_filter", "how_far", "krum", "krum_scores", "multi_krum"]


def krum(updates: Tensor, *, tolerated: int = 1) -> Aggregation:
    """Return the one update whose nearest neighbours are nearest.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    tolerated : int
        How many malicious clients are expected, at most ``n - 3``.  The guarantee of the paper
        needs ``2 * tolerated + 2 < n``.

    References
    ----------
    Blanchard, El Mhamdi, Guerraoui & Stainer, "Machine Learning with Adversaries: Byzantine
    Tolerant Gradient Descent", NeurIPS 2017; as a preprint "Byzantine-Tolerant Machine Learning",
    https://arxiv.org/abs/1703.02757
    """
    return multi_krum(updates, tolerated=tolerated, kept=1)


def multi_krum(updates: Tensor, *, tolerated: int = 1, kept: int | None = None) -> Aggregation:
    """Return the mean of the updates with the best scores of :func:`krum_scores`.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    tolerated : int
        How many malicious clients are expected, at most ``n - 3``.
    kept : int, optional
        How many updates go into the mean; ``n - tolerated`` without it.

    References
    ----------
    Blanchard et al. 2017, section 4.  https://arxiv.org/abs/1703.02757
    """
    scores = krum_scores(updates, tolerated=tolerated)
    n = len(scores)
    most = n - int(tolerated) if kept is None else whole("kept", kept)
    if most > n:
        raise InvalidInputError(f"expected kept from 1 to {n}, got {most}")
    # Two clients may be each other's only neighbour and tie; then who is nearer to all goes first.
    order = _apart(updates).sum(1).argsort(stable=True)
    chosen = order[scores[order].argsort(stable=True)][:most]
    weights = torch.zeros(n)
    weights[chosen] = 1 / most
    return Aggregation(updates[chosen].mean(0), weights)


def krum_scores(updates: Tensor, *, tolerated: int = 1) -> Tensor:
    """Return, for every client, the sum of squared distances to its nearest ``n - tolerated - 2`` others.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    tolerated : int

    Returns
    -------
    Tensor of shape ``(n,)`` float64
        Smaller is more credible.

    Raises
    ------
    InvalidInputError
        When no neighbour is left to count.
    """
    given = check_updates(updates)
    n, bad = len(given), whole("tolerated", tolerated, at_least=0)
    if n - bad - 2 < 1:
        raise InvalidInputError(f"expected tolerated from 0 to {n - 3} for {n} clients, got {bad}")
    apart = _apart(given).fill_diagonal_(torch.inf)
    return apart.sort(1).values[:, : n - bad - 2].sum(1)


def _apart(updates: Tensor) -> Tensor:
    """Return squared distances between all clients, ``(n, n)`` float64: long updates swamp short ones."""
    wide = updates.double()
    return torch.cdist(wide, wide, compute_mode="donot_use_mm_for_euclid_dist").square()


def distance_filter(updates: Tensor, *, threshold: float = 3.0) -> Aggregation:
    """Return the mean of the updates that lie no farther out than ``threshold`` times what is usual.

    Nobody is left out because somebody has to be: on a day without outliers everybody counts.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    threshold : float
        In units of :func:`how_far`, 1 or more, so that half of the clients count at least.
    """
    far, limit = how_far(updates), size("threshold", threshold)
    if limit < 1:
        raise InvalidInputError(f"expected threshold from 1 up, got {threshold!r}: half must be left")
    weights = (far <= limit).to(updates.dtype)
    weights = weights / weights.sum()
    return Aggregation(weights @ updates, weights)


def how_far(updates: Tensor) -> Tensor:
    """Say how far each client lies from the entry-wise median, next to what is usual in this round.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32

    Returns
    -------
    Tensor of shape ``(n,)``
        Distance divided by the median distance, so 1 is usual; all 1 where all lie in one place.
    """
    given = check_updates(updates)
    apart = (given - median(given).update).double().norm(dim=1)
    usual = apart.sort().values[(len(apart) - 1) // 2]
    return apart / usual if float(usual) > 0 else torch.where(apart > 0, torch.inf, 1.0).to(apart.dtype)
