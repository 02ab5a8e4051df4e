"""Activation clustering: a class that holds poison falls into two heaps, one of them small."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.machine import threads
from labkit.defenses.sanitising.screening import Screening, check_screened, check_share, classes_of

__all__ = ["activation_clustering"]

_ROUNDS = 100


def activation_clustering(
    features: Tensor, y: Tensor, *, threshold: float = 0.15, components: int = 10
) -> Screening:
    """Split every class in two by its activations and suspect the smaller half when it is small.

    Parameters
    ----------
    features : Tensor of shape ``(n, ...)``
        What a network that was trained on these samples makes of them.
    y : Tensor of shape ``(n,)`` int64
        Their labels.
    threshold : float
        Take out a cluster that holds less than this share of its class, from 0 to 1.
    components : int
        Principal components that are kept before the split.

    Returns
    -------
    Screening
        Its scores are the share of the class that lies in the *other* cluster: near 1 for a
        member of a small one.

    References
    ----------
    Chen et al., "Detecting Backdoor Attacks on Deep Neural Networks by Activation Clustering",
    2018.  Principal components stand in for independent ones, and the split starts from the
    outermost tenth of the first, so that nothing is drawn by chance.

    Notes
    -----
    The paper takes ten independent components and suspects clusters below 35 %.  On twelve sets
    of 900 digits with 3 % poison that caught 35 % of it, at 12 % false removals; ten principal
    components caught 63 % at 13 %.  (Two independent ones caught 74 % at 8 %, and none in one
    set.)  Besides, FastICA does not come to an end where units of the network are dead.
    """
    flat, smallest = check_screened(features, y), check_share("threshold", threshold)
    whole("components", components)
    scores = torch.zeros(len(y))
    with threads():
        for label in classes_of(y):
            own = (y == label).nonzero().flatten()
            second = _split(_reduced(flat[own], components))
            share = second.float().mean()
            scores[own] = torch.where(second, 1 - share, share)
    params = {"threshold": smallest, "components": components}
    return Screening("activation_clustering", scores, scores > 1 - smallest, params)


def _reduced(flat: Tensor, components: int) -> Tensor:
    """Return the coordinates of the centred rows along their first principal directions."""
    centred = (flat - flat.mean(0)).double()
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:components]
    return centred @ directions.T


def _split(points: Tensor) -> Tensor:
    """Return which of two clusters each row belongs to, ``(n,)`` bool: 2-means (Lloyd)."""
    # Beginning with the outermost tenth finds a small heap that the sign of the axis would cut.
    first = points[:, 0] * _longer_tail(points[:, 0])
    second = first > first.quantile(0.9)
    for _ in range(_ROUNDS):
        if bool(second.all()) or not bool(second.any()):
            break
        centres = torch.stack([points[~second].mean(0), points[second].mean(0)])
        nearer = torch.cdist(points, centres).argmin(1) == 1
        if torch.equal(nearer, second):
            break
        second = nearer
    return second


def _longer_tail(values: Tensor) -> float:
    return 1.0 if float(values.pow(3).sum()) >= 0 else -1.0
