"""Spectral signatures: poison leaves a trace along the strongest direction of a class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from labkit.core.checks import length
from labkit.core.machine import threads
from labkit.defenses.sanitising.screening import Screening, check_screened, check_share, classes_of

__all__ = ["spectral_signatures"]

_EXCESS = 1.5


def spectral_signatures(
    features: Tensor, y: Tensor, *, poison_rate: float = 0.05, threshold: float | None = None
) -> Screening:
    """Suspect the samples that stick out along the top singular direction of their class.

    Parameters
    ----------
    features : Tensor of shape ``(n, ...)``
        What a network that was trained on these samples makes of them.
    y : Tensor of shape ``(n,)`` int64
        Their labels.
    poison_rate : float
        How much of a class may be poison: one and a half times that share of every class is
        taken out, which samples score highest.
    threshold : float, optional
        Take out what scores above this instead, whatever the class.

    Returns
    -------
    Screening
        Its scores are squared projections over their mean in the class, so that 1 is what
        an ordinary sample has.

    References
    ----------
    Tran, Li & Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1.
    """
    flat, expected = check_screened(features, y), check_share("poison_rate", poison_rate)
    most = None if threshold is None else length("threshold", threshold)
    scores = torch.zeros(len(y))
    remove = torch.zeros(len(y), dtype=torch.bool)
    for label in classes_of(y):
        own = (y == label).nonzero().flatten()
        scores[own] = _outlyingness(flat[own])
        if most is None:
            taken = min(len(own), math.floor(_EXCESS * expected * len(own) + 1e-9))
            remove[own[scores[own].argsort(descending=True, stable=True)[:taken]]] = True
    if most is not None:
        remove = scores > most
    return Screening("spectral_signatures", scores, remove, {"poison_rate": expected, "threshold": most})


def _outlyingness(flat: Tensor) -> Tensor:
    """Return squared projections on the top singular vector of the centred rows, over their mean."""
    centred = (flat - flat.mean(0)).double()
    with threads():
        top = torch.linalg.svd(centred, full_matrices=False).Vh[0]
    squared = (centred @ top).square()
    mean = squared.mean()
    return (squared / mean if mean > 0 else squared).float()
