"""Neighbours: a sample should carry the label of what looks like it."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.defenses.sanitising.screening import Screening, check_screened, check_share

__all__ = ["knn_consistency"]

_AT_ONCE = 4_000_000
"""Distances that are held in memory at a time."""


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
        asked, labels = _known(trusted)
        if asked.shape[1] != flat.shape[1]:
            raise InvalidInputError(
                f"expected trusted samples of {flat.shape[1]} values each, as the others have, "
                f"got {asked.shape[1]}"
            )
    available = len(asked) - (trusted is None)
    if k > available:
        raise InvalidInputError(f"expected k from 1 to {available}, got {k}")
    with threads():
        nearest = _nearest(flat, asked, k, among_themselves=trusted is None)
    scores = (labels[nearest] != y[:, None]).float().mean(1)
    params = {"k": k, "threshold": most, "trusted": 0 if trusted is None else len(asked)}
    return Screening("knn_consistency", scores, scores > most, params)


def _known(trusted: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    if not isinstance(trusted, tuple | list) or len(trusted) != 2:
        raise InvalidInputError("expected trusted as a pair: features and their labels")
    return check_screened(*trusted), trusted[1]


def _nearest(flat: Tensor, asked: Tensor, k: int, *, among_themselves: bool) -> Tensor:
    """Return the positions of the ``k`` nearest of ``asked`` for each row, ``(n, k)`` int64.

    Distances are made and forgotten for some rows at a time: all of them together would take
    the square of the number of samples.
    """
    # Float64, so that the quick way of computing distances ranks as the slow one does.
    exact, rows = asked.double(), max(1, _AT_ONCE // len(asked))
    found = []
    for start in range(0, len(flat), rows):
        part = flat[start : start + rows]
        distance = torch.cdist(part.double(), exact)
        if among_themselves:
            own = torch.arange(len(part))
            distance[own, start + own] = torch.inf  # nobody is their own neighbour
        found.append(distance.topk(k, largest=False).indices)
    return torch.cat(found)
