"""Neighbours: a sample should carry the label of what looks like it."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.defenses.sanitising.screening import Screening, check_screened, check_share

__all__ = ["knn_consistency"]


def knn_consistency(
    features: Tensor,
    y: Tensor,
    *,
    k: int = 10,
    threshold: float = 0.5,
    trusted: tuple[Tensor, Tensor] | None = None,
) -> Screening:
    """Suspect samples whose nearest neighbours carry other labels.

    Parameters
    ----------
    features : Tensor of shape ``(n, ...)``
        The samples themselves, or what a network makes of them.
    y : Tensor of shape ``(n,)`` int64
        Their labels.
    k : int
        How many neighbours are asked, by Euclidean distance.
    threshold : float
        Take out a sample when more than this share of them disagrees, from 0 to 1.
    trusted : pair of Tensor, optional
        Features ``(m, ...)`` and labels ``(m,)`` of samples that are known to be right: they
        are asked in the place of the samples themselves.

    Returns
    -------
    Screening
        Its scores are the shares of neighbours that disagree.

    References
    ----------
    Wilson, "Asymptotic Properties of Nearest Neighbor Rules Using Edited Data", 1972; against
    poison: Peri et al., "Deep k-NN Defense Against Clean-Label Data Poisoning Attacks", 2020.
    """
    flat, most = check_screened(features, y), check_share("threshold", threshold)
    whole("k", k)
    if trusted is None:
        asked, labels = flat, y
    else:
        asked, labels = check_screened(*trusted), trusted[1]
    available = len(asked) - (trusted is None)
    if k > available:
        raise InvalidInputError(f"expected k from 1 to {available}, got {k}")
    with threads():
        distance = torch.cdist(flat, asked)
        if trusted is None:
            distance.fill_diagonal_(torch.inf)  # nobody is their own neighbour
        nearest = distance.topk(k, largest=False).indices
    scores = (labels[nearest] != y[:, None]).float().mean(1)
    params = {"k": k, "threshold": most, "trusted": 0 if trusted is None else len(asked)}
    return Screening("knn_consistency", scores, scores > most, params)
